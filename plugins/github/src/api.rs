//! What all of GitHub's answers have in common: limits and errors.

use patchbay_plugin::{Failure, Response, time};
use serde::Deserialize;

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// What an error's body says.
pub fn message(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.message)
}

/// GitHub says 403 for a limit as well as for a lack of permission; the text tells them apart where no header does.
pub fn speaks_of_limits(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("rate limit") || message.contains("abuse detection")
}

/// The answer if it is a success, else the failure that it stands for.
pub fn accept(answer: Response) -> Result<Response, Failure> {
    if matches!(answer.status, 200..=299) {
        return Ok(answer);
    }
    let message = message(&answer.body).unwrap_or_default();
    match answer.status {
        401 => Err(Failure::end_user(format!("GitHub does not accept the credential any more: {message}"))),
        403 | 429 => match wait(&answer, &message) {
            Some(seconds) => {
                Err(Failure::provider(format!("GitHub's rate limit is used up: {message}")).retry_after(Some(seconds)))
            }
            None => Err(Failure::end_user(format!("GitHub refuses access: {message}"))),
        },
        500..=599 => Err(Failure::provider(format!("GitHub has a fault ({}): {message}", answer.status))
            .retry_after(answer.retry_after())),
        status => {
            Err(Failure::plugin(format!("GitHub answered {status}, for which this plugin was not written: {message}")))
        }
    }
}

/// How long to wait, if the answer is about a limit, by GitHub's rules: `retry-after` if it is there; else until
/// `x-ratelimit-reset` if nothing remains; else, for secondary limits, a minute at least.
fn wait(answer: &Response, message: &str) -> Option<u32> {
    if let Some(seconds) = answer.retry_after() {
        return Some(seconds);
    }
    if answer.header("x-ratelimit-remaining") == Some("0") {
        let reset: u64 = answer.header("x-ratelimit-reset")?.parse().ok()?;
        let seconds = reset.saturating_sub(time::now() / 1000).max(1);
        return Some(u32::try_from(seconds).unwrap_or(u32::MAX));
    }
    (answer.status == 429 || speaks_of_limits(message)).then_some(60)
}
