//! Pushing a version: everything about it is checked before anything of it is stored.

use std::sync::Arc;

use api_types::plugin::PluginAsk;
use domain::manifest::Manifest;
use ids::PluginVersionId;
use plugin_host::{LoadError, Plugin};
use serde_json::json;
use store::{PluginVersionRow, StoreError};

use super::{asks, package::Package, version};
use crate::{Ctx, audit};

/// The most versions of a plugin that an environment keeps, not counting withdrawn ones.
const MOST_VERSIONS: usize = 200;

/// What a package is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It bears no signature.
    Unsigned,
    /// The key is not trusted here.
    UnknownKey,
    /// The key was revoked.
    RevokedKey,
    /// The signature is not the key's, or what was signed is not what came.
    Altered,
    /// The version's number is none, or names another version of the contract than the component's.
    Version,
    /// The manifest is refused, or is another provider's.
    Manifest,
    /// The component is refused.
    Component,
}

impl Reason {
    /// The part of the package that is wrong.
    #[must_use]
    pub const fn part(self) -> &'static str {
        match self {
            Self::Unsigned | Self::Altered => "signature",
            Self::UnknownKey | Self::RevokedKey => "public_key",
            Self::Version => "version",
            Self::Manifest => "manifest",
            Self::Component => "component",
        }
    }
}

/// Why a version is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is refused; what for, and what to do.
    #[error("{1}")]
    Refused(Reason, String),
    /// Another one of that number is there.
    #[error("version {0} is there already with another content; versions never change: give yours the next number")]
    Taken(String),
    /// There are too many versions.
    #[error(
        "there are {most} versions of it: withdraw some that you do not need with DELETE /v1/plugins/{0}/versions/{{version}}",
        most = MOST_VERSIONS
    )]
    TooMany(String),
    /// No plugins are run here.
    #[error("this server runs no plugins")]
    NoHost,
    /// A defect of ours.
    #[error("the plugin host failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of it.
pub struct Pushed {
    /// The version.
    pub row: PluginVersionRow,
    /// Whether it was there already, the same to the byte.
    pub was_there: bool,
}

/// Takes a version in. To push the same again changes nothing and succeeds.
///
/// # Errors
/// [`PushError`].
pub async fn push(ctx: Ctx<'_>, package: Package) -> Result<Pushed, PushError> {
    let services = ctx.services;
    believed(&package)?;
    let mut tx = services.store.begin(ctx.scope).await?;
    trusted(
        ctx,
        tx.plugin_keys().hold(package.public_key.as_bytes()).await?.map(|key| key.revoked_at.is_some()),
        &package,
    )?;
    tx.commit().await?;
    // Who may sign is known by now; what costs time comes last, and holds no transaction.
    fits(&package)?;
    let plugin = load(ctx, &package).await?;
    let signed = &package.signed;
    if plugin.contract() != signed.abi {
        let detail = format!(
            "the package says `abi` {}, and the component is written for version {} of the contract: sign it again",
            signed.abi,
            plugin.contract()
        );
        return Err(PushError::Refused(Reason::Version, detail));
    }
    store(ctx, package).await
}

/// Whether the signature is the key's over what came.
fn believed(package: &Package) -> Result<(), PushError> {
    let refuse = |reason, words: &str| Err(PushError::Refused(reason, words.to_owned()));
    if package.signature.is_empty() {
        return refuse(Reason::Unsigned, "it is not signed: sign it with `patchbay plugin push --key FILE`");
    }
    if !package.public_key.verifies(&package.signed, &package.signature) {
        return refuse(
            Reason::Altered,
            "the signature is not this key's over this slug, version, abi, manifest and component: sign it again",
        );
    }
    if !package.is_unaltered() {
        return refuse(
            Reason::Altered,
            "the manifest or the component is not the one that was signed: sign what you send",
        );
    }
    Ok(())
}

/// Whether the environment, or the operator for all, trusts the key. `registered`: whether it is revoked here, if it was
/// ever registered here.
fn trusted(ctx: Ctx<'_>, registered: Option<bool>, package: &Package) -> Result<(), PushError> {
    let key = package.public_key;
    match registered {
        Some(true) => {
            let detail = format!("the key {} was revoked here: sign it with another", key.fingerprint());
            Err(PushError::Refused(Reason::RevokedKey, detail))
        }
        Some(false) => Ok(()),
        None if ctx.services.settings.plugin_keys.contains(&key) => Ok(()),
        None => {
            let detail = format!(
                "the key {} is not trusted in this environment: register it with POST /v1/plugin-keys ({key})",
                key.fingerprint()
            );
            Err(PushError::Refused(Reason::UnknownKey, detail))
        }
    }
}

/// Whether the words of it fit together.
fn fits(package: &Package) -> Result<(), PushError> {
    let signed = &package.signed;
    version::parse(&signed.version).map_err(|rule| PushError::Refused(Reason::Version, rule))?;
    let refuse = |words: String| Err(PushError::Refused(Reason::Manifest, words));
    let manifest = match Manifest::parse("provider.toml", &package.manifest) {
        Ok(manifest) => manifest,
        Err(error) => return refuse(error.to_string()),
    };
    if manifest.slug != signed.slug {
        return refuse(format!("it is the manifest of `{}`, and `{}` is pushed", manifest.slug, signed.slug));
    }
    if manifest.plugin.is_none() {
        return refuse(format!(
            "it has no [plugin]: what is data alone is described with PUT /v1/providers/{}",
            signed.slug
        ));
    }
    Ok(())
}

async fn load(ctx: Ctx<'_>, package: &Package) -> Result<Arc<Plugin>, PushError> {
    let host = ctx.services.providers.host().ok_or(PushError::NoHost)?;
    host.load_of(ctx.scope.tenant.uuid().into_bytes(), package.component.clone()).await.map_err(|error| match error {
        LoadError::Internal(error) => PushError::Internal(error),
        refused => PushError::Refused(Reason::Component, refused.to_string()),
    })
}

async fn store(ctx: Ctx<'_>, package: Package) -> Result<Pushed, PushError> {
    let services = ctx.services;
    let Package { signed, public_key, signature, manifest, component } = package;
    let slug = signed.slug.clone();
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(&slug).await?;
    // Again, and held: it may have been revoked while the component was compiled.
    let registered = tx.plugin_keys().hold(public_key.as_bytes()).await?;
    if registered.is_some_and(|key| key.revoked_at.is_some()) {
        let detail = format!("the key {} was revoked here: sign it with another", public_key.fingerprint());
        return Err(PushError::Refused(Reason::RevokedKey, detail));
    }
    let known = tx.plugin_versions().all(Some(&slug)).await?;
    if let Some(row) = known.iter().find(|row| row.version == signed.version) {
        let is_same = row.component_sha256 == signed.component_sha256 && row.manifest == manifest;
        if !is_same || row.withdrawn_at.is_some() {
            return Err(PushError::Taken(row.version.clone()));
        }
        tx.commit().await?;
        return Ok(Pushed { row: row.clone(), was_there: true });
    }
    if known.iter().filter(|row| row.withdrawn_at.is_none()).count() >= MOST_VERSIONS {
        return Err(PushError::TooMany(slug));
    }
    let before = agreed_to(ctx, &mut tx, &slug, known).await?;
    let asks: Vec<PluginAsk> = before.map(|before| asks::beyond(&before, &manifest)).unwrap_or_default();
    let row = PluginVersionRow {
        id: services.mint.id(PluginVersionId::new),
        slug,
        version: signed.version,
        abi: signed.abi,
        manifest,
        component_sha256: signed.component_sha256.to_vec(),
        component_bytes: i64::try_from(component.len()).unwrap_or(i64::MAX),
        public_key: public_key.as_bytes().to_vec(),
        signature,
        asks: json!(asks),
        author: ctx.actor.to_string(),
        created_at: services.now(),
        approved_by: None,
        approved_at: None,
        withdrawn_at: None,
    };
    tx.plugin_versions().insert(&row, &component).await?;
    let detail = json!({
        "version": row.version, "component_sha256": hex::encode(&row.component_sha256),
        "signed_by": public_key.fingerprint(), "asks": row.asks,
    });
    tx.audit(audit::row(services, ctx.actor, "plugin.pushed", &row.slug, detail)).await?;
    tx.commit().await?;
    Ok(Pushed { row, was_there: false })
}

/// The manifest that the tenant agreed to last: of the version in force, else of the newest that could be pinned, else
/// what is described or installed. `None` where the provider is new here.
async fn agreed_to(
    ctx: Ctx<'_>,
    tx: &mut store::Tx<domain::Scope>,
    slug: &str,
    mut known: Vec<PluginVersionRow>,
) -> Result<Option<String>, StoreError> {
    if let Some(row) = tx.plugin_versions().pinned(slug).await? {
        return Ok(Some(row.manifest));
    }
    known.retain(|row| !row.needs_approval() && row.withdrawn_at.is_none());
    version::newest_first(&mut known, |row| &row.version);
    if let Some(row) = known.into_iter().next() {
        return Ok(Some(row.manifest));
    }
    Ok(ctx.services.providers.unpinned(tx, slug).await?.map(|provider| provider.text.clone()))
}
