//! What the client library's errors mean. Those can carry whole answers, plaintext included, so none of them is kept or
//! printed: only what is known to be harmless is taken out.

use std::error::Error;

use vaultrs::error::ClientError;

use crate::KeyError;

/// What a failed request comes to.
pub(super) enum Failure {
    /// Status 403: the token is not valid (any more), or a policy says no.
    Forbidden,
    /// Everything else.
    Other(KeyError),
}

impl Failure {
    /// The error, where 403 is final.
    pub fn into_error(self, action: &'static str) -> KeyError {
        match self {
            Self::Forbidden => KeyError::Denied { action },
            Self::Other(error) => error,
        }
    }
}

/// Reads an error of the client library.
pub(super) fn classify(action: &'static str, error: ClientError) -> Failure {
    use rustify::errors::ClientError as Rest;
    match error {
        ClientError::APIError { code, errors } => by_status(action, code, &errors),
        ClientError::RestClientError { source } => match source {
            Rest::ServerResponseError { code, .. } => by_status(action, code, &[]),
            Rest::RequestError { source, .. } | Rest::ResponseError { source } => {
                Failure::Other(KeyError::Unreachable { reason: transport(source.as_ref()) })
            }
            // The display texts are fixed; the fields are not looked at.
            other => Failure::Other(KeyError::internal(action, other.to_string())),
        },
        other => Failure::Other(KeyError::internal(action, other.to_string())),
    }
}

fn by_status(action: &'static str, code: u16, errors: &[String]) -> Failure {
    let says = |text: &str| errors.iter().any(|error| error.contains(text));
    let unreachable = |reason: String| KeyError::Unreachable { reason };
    Failure::Other(match code {
        403 => return Failure::Forbidden,
        503 if says("sealed") => KeyError::Sealed,
        300..=399 => {
            unreachable(format!("it answered with a redirect ({code}), which is not followed: give its own address"))
        }
        408 | 412 | 429 | 472 | 473 | 500..=599 => unreachable(format!("it answered {code}")),
        // Reading a key that is not there is a 404 without a word; a path where nothing is mounted says so.
        404 if errors.is_empty() && action == "look at a tenant's key" => KeyError::NotFound,
        404 => KeyError::Config("vault: nothing is mounted where the transit engine or the sign-in should be".into()),
        400 if says("invalid role or secret ID") => return Failure::Forbidden,
        400 if says("not found") || says("no existing key") => KeyError::NotFound,
        400 if says("version is too new") => KeyError::FutureVersion { what: "a wrapped data key" },
        400 if says("too old") => KeyError::RetiredVersion { what: "a wrapped data key" },
        400 if says("cipher") || says("authentication failed") => CORRUPT,
        400 => KeyError::internal(action, format!("status 400: {}", brief(errors))),
        _ => KeyError::internal(action, format!("status {code}")),
    })
}

const CORRUPT: KeyError = KeyError::Corrupt { what: "a wrapped data key" };

/// The server's words, cut short: enough to act on, never a page.
fn brief(errors: &[String]) -> String {
    errors.join("; ").chars().filter(|c| !c.is_control()).take(200).collect()
}

/// What went wrong on the way, without the URL.
pub(super) fn transport(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    let mut timed_out = false;
    loop {
        timed_out |= deepest.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout);
        match deepest.source() {
            Some(next) => deepest = next,
            None => break,
        }
    }
    if timed_out { "no answer in time".into() } else { deepest.to_string().chars().take(200).collect() }
}
