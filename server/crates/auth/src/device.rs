//! OAuth 2 device code (RFC 8628): the end user types a code in elsewhere while we ask whether they have.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{manifest::OAuth2, secret::Secret};
use egress::Reach;
use serde_json::Value;
use url::Url;

use crate::{
    account::{Account, Outside},
    answer::Unreadable,
    client::missing,
    dpop,
    endpoint::Param,
    failure::Failure,
    material::Material,
    mode::{DeviceBegun, Kept, Polled},
    path,
};

/// Seconds between polls where the provider does not say (RFC 8628 §3.2).
const USUAL_INTERVAL: u32 = 5;
/// Seconds that are added for each `slow_down` (§3.5).
const SLOWER: u32 = 5;
/// The longest wait between polls that is believed, in seconds.
const LONGEST_INTERVAL: u32 = 300;
/// How long a code lasts where the provider does not say, although it must; in seconds.
const USUAL_LIFETIME: u32 = 600;
/// The longest that is believed, in seconds.
const LONGEST_LIFETIME: u32 = 86_400;

impl Account<'_> {
    pub(crate) async fn begin_device(&self, out: Outside<'_>, spec: &OAuth2) -> Result<DeviceBegun, Failure> {
        let client = self.oauth2_client(spec)?;
        let url = client.device_url.as_ref().ok_or_else(|| missing("device_authorization_url"))?;
        client.check_extra(client.authorize_params.keys())?;
        let mut params: Vec<Param> = client.scope_param().into_iter().collect();
        params.extend(client.resource.iter().map(|resource| Param::open("resource", resource)));
        params.extend(client.authorize_params.iter().map(|(name, value)| Param::open(name, value)));
        let posted = client.post(out, url, &params, &BTreeMap::new(), None).await?;
        if !posted.response.status.is_success() {
            return Err(posted.failure());
        }
        let body: Value = serde_json::from_slice(&posted.response.body).map_err(|_| Unreadable::Malformed)?;
        let text = |name: &str| path::text(&body, name).ok_or(Unreadable::NoToken);
        // What the end user is led to is a page that we ourselves might call, not a script or an inner address.
        let page = |name: &str| {
            let url = Url::parse(&path::text(&body, name)?).ok()?;
            out.egress.check(&url, &Reach::Any).is_ok().then_some(url)
        };
        // Some still use the name of the draft.
        let verification_url = page("verification_uri").or_else(|| page("verification_url"));
        let number = |name: &str| path::text(&body, name).and_then(|text| text.trim().parse::<u32>().ok());
        let interval = number("interval").unwrap_or(USUAL_INTERVAL).clamp(1, LONGEST_INTERVAL);
        let lifetime = number("expires_in").filter(|n| *n > 0).unwrap_or(USUAL_LIFETIME).min(LONGEST_LIFETIME);
        let expires_at = out.now.checked_add_signed(TimeDelta::seconds(lifetime.into())).unwrap_or(out.now);
        let mut kept = Kept::default()
            .with("device_code", Secret::new(text("device_code")?))
            .with("expires_at", Secret::new(expires_at.to_rfc3339()))
            .with_interval(interval);
        if client.dpop {
            kept = kept.with("dpop_key", dpop::Key::generate(out.entropy)?.to_text());
        }
        Ok(DeviceBegun {
            user_code: text("user_code")?.chars().filter(|c| !c.is_control()).take(64).collect(),
            verification_url: verification_url.ok_or(Unreadable::Malformed)?,
            verification_url_complete: page("verification_uri_complete"),
            interval,
            expires_at,
            kept,
        })
    }

    pub(crate) async fn poll_device(&self, out: Outside<'_>, spec: &OAuth2, kept: &Kept) -> Result<Polled, Failure> {
        let device_code = kept.get("device_code").ok_or_else(|| missing("device_code"))?;
        if kept.ends_before(out.now) {
            return Err(Failure::Expired);
        }
        let interval = kept.interval();
        let client = self.oauth2_client(spec)?;
        let params = vec![
            Param::open("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            Param::secret("device_code", device_code),
        ];
        let key = kept.get("dpop_key").and_then(dpop::Key::from_text);
        let answer = client.token_request(out, &client.token_url, params, &client.token_params, key.as_ref()).await;
        match answer {
            Ok(tokens) => Ok(Polled::Granted(Box::new(Material::of(self.long_lived(out, spec, tokens).await?)))),
            Err(Failure::Refused { code, .. }) if code == "authorization_pending" => Ok(Polled::Wait(interval)),
            // `slow_down`, or a limit of the provider's own; it may say how long.
            Err(Failure::Throttled { retry_after }) => {
                let asked = retry_after.and_then(|time| u32::try_from(time.as_secs()).ok()).unwrap_or(0);
                Ok(Polled::Wait(interval.saturating_add(SLOWER).max(asked).min(LONGEST_INTERVAL)))
            }
            // The end user said no; nothing that was granted has been taken back.
            Err(Failure::Revoked { code }) if code == "access_denied" => {
                Err(Failure::Refused { code, description: None })
            }
            Err(other) => Err(other),
        }
    }
}

impl Kept {
    /// The same with another wait between polls, in seconds: what [`Polled::Wait`] said is to be kept until the next one.
    #[must_use]
    pub fn with_interval(self, seconds: u32) -> Self {
        self.with("interval", Secret::new(seconds.to_string()))
    }

    fn interval(&self) -> u32 {
        self.get("interval").and_then(|text| text.expose().parse().ok()).unwrap_or(USUAL_INTERVAL)
    }

    fn ends_before(&self, now: chrono::DateTime<chrono::Utc>) -> bool {
        let end = self.get("expires_at").and_then(|text| chrono::DateTime::parse_from_rfc3339(text.expose()).ok());
        end.is_some_and(|end| end <= now)
    }
}
