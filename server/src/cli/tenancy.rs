//! `patchbay tenant`, `environment`, `key` and `member`: what the operator's API does, from the command line. Answers are
//! JSON, so that scripts can read them.

use std::process::ExitCode;

use api_types::operator::{CreateMember, CreatedApiKey};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use domain::{Scope, permission::Permissions};
use flows::{
    Actor,
    tenant::{create, create_environment, create_member, keys, list, weigh},
};
use serde::Serialize;

use super::{CliError, print};
use crate::{
    boot::{self, Platform},
    config::Config,
    http::show,
};

/// What can be done with tenants.
#[derive(Subcommand)]
pub(super) enum TenantCommand {
    /// Creates a tenant, with its key in the key service.
    Create {
        /// Short unique name.
        #[arg(long)]
        slug: String,
        /// What people call the company.
        #[arg(long)]
        name: String,
    },
    /// Sets a tenant's share of the workers' places while others wait: a tenant of weight 3 has three times the places of
    /// one of weight 1, which all have at first.
    Weight {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// From 1 to 100.
        weight: u16,
    },
}

/// What can be done with environments.
#[derive(Subcommand)]
pub(super) enum EnvironmentCommand {
    /// Creates an environment of a tenant.
    Create {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// Short name, unique within the tenant.
        #[arg(long)]
        slug: String,
        /// What people call it.
        #[arg(long)]
        name: String,
    },
}

/// What can be done with API keys.
#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Creates an API key of an environment; the secret is shown this once.
    Create {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The environment's slug.
        #[arg(long)]
        environment: String,
        /// What to call it.
        #[arg(long)]
        name: String,
        /// What it may do; everything if absent.
        #[arg(long = "scope", default_value = "*")]
        scopes: Vec<String>,
        /// When it ends, such as `2027-01-31T00:00:00Z`; never if absent.
        #[arg(long)]
        expires_at: Option<DateTime<Utc>>,
        /// Reaches this integration alone, by slug or id, and the connections made through it; may be repeated.
        #[arg(long = "only-integration")]
        integrations: Vec<String>,
        /// Reaches this connection alone, by id; may be repeated.
        #[arg(long = "only-connection")]
        connections: Vec<ids::ConnectionId>,
        /// Reaches connections that bear this tag alone, `name=value`; may be repeated.
        #[arg(long = "only-tag")]
        tags: Vec<String>,
    },
    /// Gives an API key a new secret, shown this once; the old one works on for a while.
    Rotate {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The environment's slug.
        #[arg(long)]
        environment: String,
        /// The key's id.
        key: ids::ApiKeyId,
        /// Until when the old secret works: 24 hours if absent, 7 days at most.
        #[arg(long)]
        previous_until: Option<DateTime<Utc>>,
    },
    /// Tells, without asking anybody, whether a text has the form of an API key, read from standard input.
    Check,
}

/// What can be done with members.
#[derive(Subcommand)]
pub(super) enum MemberCommand {
    /// Adds a member to a tenant's portal.
    Create {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// What they sign in with.
        #[arg(long)]
        email: String,
        /// What they are called.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long, default_value = "owner")]
        role: String,
        /// Their password; one is made and shown if absent.
        #[arg(long, env = "PATCHBAY_MEMBER_PASSWORD", hide_env_values = true)]
        password: Option<String>,
    },
}

#[derive(Serialize)]
struct CreatedMember {
    member: api_types::operator::Member,
    password: String,
}

pub(super) async fn tenant(config: &Config, command: &TenantCommand) -> Result<ExitCode, CliError> {
    let platform = boot::platform_without_providers(config).await?;
    match command {
        TenantCommand::Create { slug, name } => {
            let row = create::create(&platform.services, slug, name).await.map_err(CliError::refused)?;
            answer(&show::tenant(row))
        }
        TenantCommand::Weight { tenant, weight } => {
            let id = find_tenant(&platform, tenant).await?;
            weigh::weigh(&platform.services, id, *weight).await.map_err(CliError::refused)?;
            answer(&serde_json::json!({ "tenant": tenant, "weight": weight }))
        }
    }
}

pub(super) async fn environment(config: &Config, command: &EnvironmentCommand) -> Result<ExitCode, CliError> {
    let EnvironmentCommand::Create { tenant, slug, name } = command;
    let platform = boot::platform_without_providers(config).await?;
    let tenant = find_tenant(&platform, tenant).await?;
    let made = create_environment::create_environment(&platform.services, tenant, slug, name).await;
    answer(&show::environment(made.map_err(CliError::refused)?))
}

impl KeyCommand {
    /// Whether it needs a database.
    pub(super) fn is_online(&self) -> bool {
        !matches!(self, Self::Check)
    }
}

/// `key check`.
pub(super) fn check_key() -> Result<ExitCode, CliError> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::stdin(), &mut text).map_err(CliError::refused)?;
    if domain::api_key::well_formed(text.trim()) {
        return Ok(print("an API key: the checksum is right"));
    }
    Err(CliError::Refused("no API key: the form or the checksum is wrong".into()))
}

pub(super) async fn key(config: &Config, command: &KeyCommand) -> Result<ExitCode, CliError> {
    let (tenant, environment) = match command {
        KeyCommand::Create { tenant, environment, .. } | KeyCommand::Rotate { tenant, environment, .. } => {
            (tenant, environment)
        }
        KeyCommand::Check => return check_key(),
    };
    let platform = boot::platform_without_providers(config).await?;
    let scope = find_environment(&platform, tenant, environment).await?;
    let ctx = platform.services.ctx(scope, Actor::Operator);
    let made = match command {
        KeyCommand::Create { name, scopes, expires_at, integrations, connections, tags, .. } => {
            let only =
                keys::Only { integrations: integrations.clone(), connections: connections.clone(), tags: tags.clone() };
            let is_bound = !(integrations.is_empty() && connections.is_empty() && tags.is_empty());
            let wanted = keys::NewKey {
                name: name.clone(),
                scopes: scopes.clone(),
                expires_at: *expires_at,
                only: is_bound.then_some(only),
            };
            keys::create(ctx, wanted, Permissions::ALL).await
        }
        KeyCommand::Rotate { key, previous_until, .. } => {
            keys::rotate(ctx, *key, *previous_until, Permissions::ALL).await
        }
        KeyCommand::Check => return check_key(),
    };
    let (row, secret) = made.map_err(CliError::refused)?;
    answer(&CreatedApiKey { key: show::api_key(row), secret: secret.expose().to_owned() })
}

pub(super) async fn find_environment(platform: &Platform, tenant: &str, environment: &str) -> Result<Scope, CliError> {
    let tenant = find_tenant(platform, tenant).await?;
    let (_, environments) = list::tenant(&platform.services, tenant).await.map_err(CliError::refused)?;
    let known = environments.iter().find(|row| row.slug == environment);
    let found = known.ok_or_else(|| CliError::Refused(format!("no environment `{environment}`; create it first")))?;
    Ok(Scope { tenant, environment: found.environment_id })
}

pub(super) async fn member(config: &Config, command: &MemberCommand) -> Result<ExitCode, CliError> {
    let MemberCommand::Create { tenant, email, name, role, password } = command;
    let platform = boot::platform_without_providers(config).await?;
    let tenant = find_tenant(&platform, tenant).await?;
    let password = password.clone().unwrap_or_else(|| platform.services.random_token());
    let input =
        CreateMember { email: email.clone(), name: name.clone(), password: password.clone(), role: role.clone() };
    let row = create_member::create_member(&platform.services, tenant, input).await.map_err(CliError::refused)?;
    answer(&CreatedMember { member: show::member(row), password })
}

pub(super) async fn find_tenant(platform: &Platform, slug: &str) -> Result<ids::TenantId, CliError> {
    match list::tenant_by_slug(&platform.services, slug).await {
        Ok(row) => Ok(row.tenant_id),
        Err(store::StoreError::NotFound) => Err(CliError::Refused(format!("no tenant `{slug}`; create it first"))),
        Err(error) => Err(CliError::refused(error)),
    }
}

pub(super) fn answer(value: &impl Serialize) -> Result<ExitCode, CliError> {
    Ok(print(&serde_json::to_string_pretty(value).map_err(CliError::refused)?))
}
