//! Session login: one or more requests exchange what was typed in for a token.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    manifest::{Session, VariableLevel},
    secret::Secret,
};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    account::{Account, Known, Outside},
    answer::{self, Unreadable},
    call::Answered,
    failure::{Failure, Misconfigured},
    path, refused,
    tokens::TokenSet,
};

/// What providers say when a name, a password or a key is wrong, whatever the status.
const WRONG: [&str; 14] = [
    "password",
    "credential",
    "login",
    "logon",
    "log in",
    "signin",
    "sign in",
    "sign-in",
    "unauthor",
    "authenticat",
    "api key",
    "api_key",
    "apikey",
    "access denied",
];

impl Account<'_> {
    /// Goes through the steps. What was typed in is refused with [`Failure::Revoked`], in the provider's words.
    pub(crate) async fn sign_in(&self, out: Outside<'_>, spec: &Session) -> Result<TokenSet, Failure> {
        let mut taken: BTreeMap<&str, Secret> = BTreeMap::new();
        let mut extra = Map::new();
        for step in &spec.steps {
            let mut known: Vec<(&str, &Secret)> = taken.iter().map(|(name, value)| (*name, value)).collect();
            let jwt = step.jwt.as_ref().map(|jwt| self.signed_jwt(out, jwt, &known)).transpose()?;
            known.extend(jwt.as_ref().map(|(jwt, _)| ("jwt", jwt)));
            let answered = self.call(out, &step.call, &known, None).await?;
            let status = answered.response.status;
            // A login page that lets in answers with a cookie and sends the browser on.
            if !status.is_success() && !status.is_redirection() {
                return Err(self.not_let_in(&answered, &known));
            }
            let mut found = Vec::new();
            for (name, place) in &step.take {
                match answered.take(place) {
                    Some(value) => found.push((name.as_str(), value)),
                    None => return Err(self.without(&answered, &known)),
                }
            }
            self.keep_answers(&answered, &mut extra);
            taken.extend(found);
        }
        let known: Vec<(&str, &Secret)> = taken.iter().map(|(name, value)| (*name, value)).collect();
        let nothing = || Failure::ClientMisconfigured(Misconfigured::Request("the token has no text".into()));
        let access_token = self.text(&spec.access_token, &known)?.ok_or_else(nothing)?;
        if access_token.expose().is_empty() || !access_token.expose().bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Unreadable::OddToken.into());
        }
        let expires_at = self.session_end(out.now, spec, &known)?;
        Ok(TokenSet { expires_at, extra, ..TokenSet::bare(access_token) })
    }

    /// When the session ends: as the provider says, else as the manifest does.
    fn session_end(
        &self,
        now: DateTime<Utc>,
        spec: &Session,
        known: Known<'_>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let mut said = None;
        if let Some(template) = &spec.expires_at {
            let text = self.text(template, known)?.map(|text| Value::from(text.expose()));
            said = answer::moment(text.as_ref()).end();
        }
        if let (Some(template), None) = (&spec.expires_in, said) {
            let text = self.text(template, known)?.map(|text| Value::from(text.expose()));
            said = answer::lifetime(text.as_ref(), now).end();
        }
        Ok(said.or_else(|| spec.lifetime.map(|seconds| now + TimeDelta::seconds(seconds.into()))))
    }

    /// What the answer's variables take from it. Nothing else of a sign-in is kept.
    fn keep_answers(&self, answered: &Answered, extra: &mut Map<String, Value>) {
        let Some(body) = &answered.body else { return };
        for spec in self.manifest.variables.values().filter(|spec| spec.at == VariableLevel::Answer) {
            let Some(at) = spec.from.as_deref().and_then(|from| from.strip_prefix("token.")) else { continue };
            if let Some(value) = path::text(body, at) {
                extra.insert(at.to_owned(), value.into());
            }
        }
    }

    /// An answer with a good status that has not what it should: a refusal in disguise, if it words one.
    fn without(&self, answered: &Answered, known: Known<'_>) -> Failure {
        match self.refusal_of(answered, known) {
            Some(_) => self.not_let_in(answered, known),
            None if answered.response.body.trim_ascii().is_empty() => Unreadable::Empty.into(),
            None => Unreadable::NoToken.into(),
        }
    }

    fn refusal_of(&self, answered: &Answered, known: Known<'_>) -> Option<answer::Refusal> {
        let secrets: Vec<&Secret> = self.secrets.values().chain(known.iter().map(|(_, value)| *value)).collect();
        answered.refusal(&secrets)
    }

    /// What a refusal of credentials means: typed in anew they may be right, so only the end user can help. An outage or
    /// a limit is told apart first.
    pub(crate) fn not_let_in(&self, answered: &Answered, known: Known<'_>) -> Failure {
        let (status, retry_after) = (answered.response.status, answered.response.retry_after);
        let refusal = self.refusal_of(answered, known);
        let words = refusal.as_ref().map(|r| format!("{} {}", r.code, r.description.as_deref().unwrap_or_default()));
        let words = words.unwrap_or_default().to_ascii_lowercase();
        let is_wrong = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            || WRONG.iter().any(|word| words.contains(word));
        // SOAP answers every fault with status 500.
        let is_fault = status == StatusCode::INTERNAL_SERVER_ERROR && answered.is_xml && refusal.is_some();
        let is_away = (status.is_server_error() && !is_fault) || status == StatusCode::TOO_MANY_REQUESTS;
        let refusal = refusal.unwrap_or_else(|| answer::Refusal {
            code: if is_wrong { "invalid_credentials".into() } else { format!("status_{}", status.as_u16()) },
            description: None,
        });
        if is_away {
            return refused::sort(status, retry_after, refusal);
        }
        let said = refusal.description.clone().unwrap_or_else(|| refusal.code.clone());
        let as_fault = if is_fault { StatusCode::BAD_REQUEST } else { status };
        match refused::sort(as_fault, retry_after, refusal) {
            Failure::Refused { .. } | Failure::Revoked { .. } if is_wrong => Failure::Revoked { code: said },
            other => other,
        }
    }
}
