//! The provider that a manifest describes: which requests it takes, and what it answers. Whatever is not as the manifest
//! says is refused, and noted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::manifest::{AuthSpec, PaginationSpec, SignSpec};
use serde_json::{Value, json};

use super::{
    expected::{Compared, Expected},
    jose,
    script::{Script, oauth2},
    signed,
    wire::{Reply, Seen},
};

/// What a request is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Authorize,
    Code,
    Refresh,
    ClientCredentials,
    Device,
    Poll,
    LongLived,
    RequestToken,
    AccessToken,
    Step(usize),
    Exchange,
    UserCode,
    Installations,
    InstallationToken,
    Assumption,
    RevokeRefresh,
    RevokeAccess,
    RevokeCall,
    Challenge,
    ResourceMetadata,
    AuthorityMetadata,
    Verification,
    Identity,
    Things,
    TooMany,
}

/// A provider and one account of it.
pub struct Provider {
    pub script: Script,
    /// The time there.
    pub now: DateTime<Utc>,
    /// Whether something wrong is on its way: then a refusal is what is wanted.
    pub is_trial: bool,
    /// What was not as the manifest says.
    pub complaints: Vec<String>,
    /// How often a trial was refused.
    pub refused: u32,
    /// How often each request came and was right.
    pub counts: BTreeMap<Role, u32>,
    pub(super) serial: u32,
    pub(super) access: Option<String>,
    pub(super) token_secret: String,
    pub(super) refresh: Option<String>,
    pub(super) code: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) device: Option<String>,
    pub(super) polls: u32,
    pub(super) person: Option<String>,
    pub(super) temporary: Option<(String, String, String)>,
    pub(super) verifier: Option<String>,
    pub(super) role_keys: Option<(String, String)>,
    pub(super) taken: Vec<(String, String)>,
    /// Each nonce with the number of the request that it came in.
    pub(super) nonces: BTreeMap<String, u32>,
    pub(super) requests: u32,
}

/// A provider that several hands hold.
pub type Shared = Arc<Mutex<Option<Provider>>>;

/// Answers for whoever is there.
pub fn answer(shared: &Shared, seen: Seen) -> Reply {
    match shared.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        Some(provider) => provider.answer(&seen),
        None => Reply::json(503, &json!({ "error": "nobody is there" })),
    }
}

impl Provider {
    pub fn new(script: Script, now: DateTime<Utc>) -> Self {
        Self {
            script,
            now,
            is_trial: false,
            complaints: Vec::new(),
            refused: 0,
            counts: BTreeMap::new(),
            serial: 0,
            access: None,
            token_secret: String::new(),
            refresh: None,
            code: None,
            challenge: None,
            device: None,
            polls: 0,
            person: None,
            temporary: None,
            verifier: None,
            role_keys: None,
            taken: Vec::new(),
            nonces: BTreeMap::new(),
            requests: 0,
        }
    }

    /// How often a request of that kind came and was right.
    pub fn count(&self, role: &Role) -> u32 {
        self.counts.get(role).copied().unwrap_or_default()
    }

    /// A text that was never given out before.
    pub(super) fn fresh(&mut self, kind: &str) -> String {
        self.serial += 1;
        format!("{kind}-{}-{}.~_", self.script.manifest.slug, self.serial)
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        self.requests += 1;
        let mut best: Option<(Role, Compared)> = None;
        for (role, expected) in self.candidates() {
            let expected = match expected {
                Ok(expected) => expected,
                // Not to be known yet, as a URL with what the provider will answer.
                Err(_) => continue,
            };
            if !expected.is_for(seen) {
                continue;
            }
            let mut compared = expected.compare(seen);
            self.check(&role, seen, &mut compared);
            if best.as_ref().is_none_or(|(_, other)| compared.complaints.len() < other.complaints.len()) {
                best = Some((role, compared));
            }
        }
        let Some((role, compared)) = best else {
            if self.is_trial {
                // Where the credential is a part of the path, a wrong one leads nowhere.
                self.refused += 1;
                return Reply::json(401, &json!({ "error": "unauthorized" }));
            }
            self.complaints.push(format!("{seen} is nothing that the manifest names"));
            return Reply::json(404, &json!({ "error": "not_found" }));
        };
        if compared.complaints.is_empty() {
            *self.counts.entry(role.clone()).or_default() += 1;
            return self.act(&role, seen, &compared);
        }
        if self.is_trial {
            self.refused += 1;
        } else {
            let said = compared.complaints.join("; ");
            self.complaints.push(format!("{role:?}: {seen}: {said}"));
        }
        self.refuse(&role)
    }

    /// The "no" of this provider.
    fn refuse(&self, role: &Role) -> Reply {
        let manifest = &self.script.manifest;
        let verification = manifest.verification.as_ref();
        if *role == Role::Verification
            && let Some(spec) = verification.filter(|spec| spec.present.is_some())
        {
            // Such a one answers with its good status to anybody.
            return Reply::json(spec.statuses.first().copied().unwrap_or(200), &json!({ "simulated": true }));
        }
        Reply::json(401, &json!({ "error": "invalid_client", "error_description": "the simulator refuses this" }))
    }

    fn candidates(&self) -> Vec<(Role, Result<Expected, String>)> {
        let manifest = &self.script.manifest;
        let mut all = Vec::new();
        match &manifest.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
                self.oauth2_candidates(&manifest.auth, spec, &mut all);
            }
            AuthSpec::Mcp(spec) => {
                self.mcp_candidates(spec, &mut all);
                if let Some(spoken) = self.spoken() {
                    self.oauth2_candidates(&AuthSpec::OAuth2Code(Box::new(spoken.clone())), &spoken, &mut all);
                }
            }
            AuthSpec::OAuth1(spec) => self.oauth1_candidates(spec, &mut all),
            AuthSpec::Session(spec) => self.session_candidates(spec, &mut all),
            AuthSpec::Jwt(spec) => self.jwt_candidates(spec, &mut all),
            AuthSpec::AppInstallation(spec) => self.installation_candidates(spec, &mut all),
            AuthSpec::Key | AuthSpec::None => {}
        }
        self.api_candidates(&mut all);
        all
    }

    /// What cannot be told by comparing alone: signatures, and what only we know.
    fn check(&mut self, role: &Role, seen: &Seen, compared: &mut Compared) {
        let mut said = Vec::new();
        if let Some(jwt) = compared.read.get("jwt")
            && let Some(spec) = self.jwt_of(role)
            && let Err(error) = jose::jwt(&self.script, &spec, jwt, self.now, &self.taken)
        {
            said.push(format!("the JWT: {error}"));
        }
        if let Some(assertion) = compared.read.get("client_assertion")
            && let Err(error) = self.client_assertion(assertion)
        {
            said.push(format!("the client's assertion: {error}"));
        }
        let error = match role {
            Role::Code | Role::UserCode => self.pkce(compared),
            Role::RequestToken | Role::AccessToken => self.oauth1_signature(role, seen),
            Role::Assumption => self.base_keys().and_then(|keys| signed::sigv4(seen, &keys)),
            Role::Verification | Role::Identity | Role::Things | Role::TooMany => self.api_signature(seen),
            Role::RevokeCall if manifest_revokes_with_credential(self) => self.api_signature(seen),
            _ => Ok(()),
        };
        said.extend(error.err());
        if oauth2(&self.script.manifest).is_some_and(|spec| spec.client_auth == domain::manifest::ClientAuth::Tls)
            && matches!(role, Role::Code | Role::Refresh | Role::ClientCredentials)
            && seen.certificate.is_none()
        {
            said.push("the client shows no certificate".into());
        }
        compared.complaints.extend(said);
    }

    fn act(&mut self, role: &Role, seen: &Seen, compared: &Compared) -> Reply {
        let done = match role {
            Role::Authorize => self.consent(compared),
            Role::Code | Role::Refresh | Role::ClientCredentials | Role::LongLived | Role::Device | Role::Poll => {
                self.grant(role)
            }
            Role::RequestToken | Role::AccessToken => Ok(self.oauth1_grant(role)),
            Role::Step(at) => self.step(*at),
            Role::Exchange => self.exchanged(),
            Role::UserCode | Role::Installations | Role::InstallationToken => self.installation(role),
            Role::Assumption => Ok(self.assumed()),
            Role::RevokeRefresh => {
                self.refresh = None;
                Ok(Reply::json(200, &json!({})))
            }
            Role::RevokeAccess => {
                self.access = None;
                Ok(Reply::json(200, &json!({})))
            }
            Role::RevokeCall => {
                self.access = None;
                let statuses = self.script.manifest.revocation.as_ref().map(|spec| spec.statuses.clone());
                Ok(Reply::json(statuses.unwrap_or_default().first().copied().unwrap_or(200), &json!({})))
            }
            Role::Challenge | Role::ResourceMetadata | Role::AuthorityMetadata => self.mcp_answer(role),
            Role::Verification | Role::Identity => self.described(seen),
            Role::Things => self.things(seen),
            Role::TooMany => Ok(self.too_many()),
        };
        done.unwrap_or_else(|error| {
            self.complaints.push(format!("{role:?}: the simulator cannot answer as the manifest says: {error}"));
            Reply::json(500, &json!({ "error": "server_error" }))
        })
    }

    /// How lists go on here.
    pub fn pagination(&self) -> Option<&PaginationSpec> {
        self.script.manifest.pagination.as_ref()
    }

    /// The keys that a role is assumed with.
    fn base_keys(&self) -> Result<signed::AwsKeys, String> {
        let Some(sign @ SignSpec::AwsSigv4 { .. }) = &self.script.manifest.api.credential.sign else {
            return Err("nothing is signed here".into());
        };
        let keys = signed::AwsKeys::of(&self.script, sign)?;
        Ok(signed::AwsKeys { service: "sts".into(), ..keys })
    }

    /// A JSON answer with the values that the manifest takes from it.
    pub(super) fn with_answers(&self, body: &mut Value, origin: &str) -> Result<(), String> {
        for (path, value) in self.script.answers(origin) {
            super::expected::put(body, &path, value.into())?;
        }
        Ok(())
    }
}

fn manifest_revokes_with_credential(provider: &Provider) -> bool {
    provider.script.manifest.revocation.as_ref().is_some_and(|spec| spec.with_credential)
}
