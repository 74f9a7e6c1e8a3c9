//! What every flow is handed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Scope, clock::Clock, entropy::Entropy, mint::Mint, reach::Reach, refresh::NodeId};
use egress::Egress;
use ids::{ApiKeyId, ConnectSessionId, MemberId};
use store::Store;
use url::Url;
use vault::Sealer;

use crate::{Places, Providers};

/// The services, made once at start and shared.
#[derive(Clone)]
pub struct Services {
    /// Postgres.
    pub store: Store,
    /// Seals and opens secrets.
    pub sealer: Arc<Sealer>,
    /// The key service behind it, for what concerns tenants' keys themselves.
    pub keys: Arc<dyn vault::KeyService>,
    /// HTTP out.
    pub egress: Egress,
    /// Manifests and plugins.
    pub providers: Arc<Providers>,
    /// What was read of connections lately; made to hear the store's notices at start.
    pub connections: Arc<crate::credentials::ConnectionCache>,
    /// Who performs actions while somebody waits for the answer.
    pub calls: Arc<Places>,
    /// Who exports records.
    pub exports: Arc<Places>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// This process among those that refresh credentials.
    pub node: NodeId,
    /// New ids.
    pub mint: Mint,
    /// What the operator has set.
    pub settings: Arc<Settings>,
}

/// What the operator has set that flows need to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where browsers and providers reach this server: an origin, no path.
    pub public_url: Url,
    /// Keys whose signatures on plugins every environment trusts.
    pub plugin_keys: Vec<crate::plugin::PublicKey>,
}

/// Who acts, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A tenant's backend, by its key.
    Key(ApiKeyId),
    /// A member in the portal.
    Member(MemberId),
    /// The end user of a connect session.
    EndUser(ConnectSessionId),
    /// Whoever runs this server.
    Operator,
    /// This server by itself.
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Member(id) => id.fmt(f),
            Self::EndUser(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
        }
    }
}

/// The context of one use case: who acts, where, with what.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// The services.
    pub services: &'a Services,
    /// The environment.
    pub scope: Scope,
    /// Who acts.
    pub actor: Actor,
}

impl Services {
    /// The same services for whoever reaches only a part of an environment.
    #[must_use]
    pub fn within(&self, reach: Arc<Reach>) -> Self {
        Self { store: self.store.within(reach), ..self.clone() }
    }

    /// The context of somebody in an environment.
    #[must_use]
    pub fn ctx(&self, scope: Scope, actor: Actor) -> Ctx<'_> {
        Ctx { services: self, scope, actor }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// 32 random bytes in base64url, for tokens.
    #[must_use]
    pub fn random_token(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(domain::entropy::bytes::<32>(self.entropy.as_ref()))
    }
}

/// SHA-256, as tokens and states are stored.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}
