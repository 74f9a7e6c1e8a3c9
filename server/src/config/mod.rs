//! Configuration: defaults, then a file, then the environment. One section per file, each checked by its `validate`.
//! `config.default.toml` is the manual.

mod database;
mod keys;
mod limits;
mod log;
mod operator;
mod plugins;
mod server;
mod worker;

use std::path::Path;

use figment::{
    Figment,
    providers::{Env, Format as _, Toml},
};
use serde::Deserialize;

pub use database::Database;
pub use keys::{KeyKind, Keys, Rotator, SealingMode, Vault};
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use operator::Operator;
pub use plugins::Plugins;
pub use server::Server;
pub use worker::Worker;

/// The manual, with every default.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Listening.
    pub server: Server,
    /// Postgres.
    pub database: Database,
    /// The key service.
    pub keys: Keys,
    /// The operator's API.
    pub operator: Operator,
    /// Providers and their components.
    pub plugins: Plugins,
    /// Limits on the way in.
    pub limits: Limits,
    /// Background jobs.
    pub worker: Worker,
    /// HTTP out.
    pub egress: egress::EgressConfig,
    /// Logs.
    pub log: Log,
}

/// A setting that cannot be used, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Unreadable, unknown or of the wrong type.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
    /// Makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which setting, such as `server.public_url`.
        field: &'static str,
        /// What is wrong and what to write.
        problem: String,
    },
}

pub(crate) fn refuse<T>(field: &'static str, problem: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Invalid { field, problem: problem.into() })
}

impl Config {
    /// Reads the defaults, then `file` if one is given, then variables `PATCHBAY_SECTION__NAME`.
    ///
    /// # Errors
    /// The first setting that cannot be used, with where it came from.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::prefixed("PATCHBAY_").filter(|name| name.as_str().contains("__")).split("__"));
        let config: Self = figment.extract().map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.server.validate()?;
        self.database.validate()?;
        self.keys.validate()?;
        self.operator.validate()?;
        self.plugins.validate()?;
        self.limits.validate()?;
        self.worker.validate()?;
        self.egress.validate().or_else(|error| refuse("egress", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_complete() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.database.store().max_connections, 16);
        assert!(config.operator.token.expose().is_empty(), "no operator API unless one is asked for");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_to_write() {
        let wrong = |change: &dyn Fn(&mut Config)| {
            let mut config = Config::load(None).unwrap();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        let error = wrong(&|config| config.server.public_url = "https://x.example/path".parse().unwrap());
        assert!(error.starts_with("server.public_url: "), "{error}");
        let error = wrong(&|config| config.database.url = "mysql://x".into());
        assert!(error.starts_with("database.url: "), "{error}");
        let error = wrong(&|config| config.limits.requests_per_second = 0);
        assert!(error.starts_with("limits.requests_per_second: "), "{error}");
        let error = wrong(&|config| config.worker.tenant_share = 101);
        assert!(error.starts_with("worker.tenant_share: "), "{error}");
        let error = wrong(&|config| config.plugins.tenant_share = 0);
        assert!(error.starts_with("plugins.tenant_share: "), "{error}");
        let error = wrong(&|config| config.operator.token = domain::secret::Secret::new("short"));
        assert!(error.starts_with("operator.token: "), "{error}");
        let error = wrong(&|config| config.plugins.trusted_keys = vec!["ed25519:AAAA".into()]);
        assert!(error.starts_with("plugins.trusted_keys: ") && error.contains("keygen"), "{error}");
        let error = wrong(&|config| config.keys.messages_per_data_key = 0);
        assert!(error.starts_with("keys.messages_per_data_key: "), "{error}");
        let error = wrong(&|config| {
            config.keys.kind = KeyKind::Vault;
            config.keys.vault.role_id = "role".into();
            config.keys.vault.kubernetes_role = "role".into();
        });
        assert!(error.starts_with("keys.vault: ") && error.contains("only one"), "{error}");
        let file = std::env::temp_dir().join(format!("patchbay-config-{}.toml", std::process::id()));
        std::fs::write(&file, "[server]\nbnid = \"x\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(error.contains("bnid"), "{error}");
    }
}
