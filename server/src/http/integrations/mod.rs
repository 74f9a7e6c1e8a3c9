//! Providers as configured in an environment.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use std::collections::BTreeMap;

use api_types::{ProblemCode, integration::Integration};
use domain::secret::Secret;
use flows::{
    credentials::SealError,
    integration::{IntegrationError, IntegrationView},
};

use super::problem::Fail;

impl From<IntegrationError> for Fail {
    fn from(error: IntegrationError) -> Self {
        match error {
            IntegrationError::UnknownProvider { slug } => Self::new(
                ProblemCode::UnknownProvider,
                format!("There is no provider `{slug}` here. GET /v1/providers lists those there are."),
            ),
            IntegrationError::Fields(fields) => Self::fields(fields),
            IntegrationError::SlugTaken(slug) => Self::new(
                ProblemCode::Conflict,
                format!("There is an integration `{slug}` already. Give another slug."),
            ),
            IntegrationError::NotFound => Self::not_found("integration"),
            IntegrationError::InUse => Self::new(
                ProblemCode::Conflict,
                "Connections were made through it. Delete those first, so that each grant is revoked.",
            ),
            IntegrationError::Seal(error) => error.into(),
            IntegrationError::Store(error) => error.into(),
        }
    }
}

impl From<SealError> for Fail {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Keys(error) => error.into(),
            SealError::Store(error) => error.into(),
        }
    }
}

/// Secrets as they are taken in.
pub(super) fn secrets(texts: BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect()
}

/// An integration as it is shown.
pub(super) fn show(view: IntegrationView) -> Integration {
    Integration {
        id: view.row.id,
        slug: view.row.slug,
        provider: view.row.provider,
        display_name: view.row.display_name,
        client_id: view.row.client_id,
        has_client_secret: view.row.client_secret.is_some(),
        secrets_set: view.row.secret_names,
        scopes: view.scopes,
        variables: view.row.variables,
        redirect_uri: view.redirect_uri.into(),
        app_url: view.app_url.map(Into::into),
        install_url: view.row.install_url,
        created_at: view.row.created_at,
        updated_at: view.row.updated_at,
    }
}
