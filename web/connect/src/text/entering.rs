//! The words around what the end user types in: forms, refusals, codes.

use api_types::ProblemCode;
use api_types::connect::{ConnectChoice, ConnectWay};
use web_client::ApiError;

use super::{Words, capital, go_to, tenant, words_of};
use crate::screen::State;

/// What the server says of a field, as a sentence.
#[must_use]
pub fn sentence(words: &str) -> String {
    let words = capital(words.trim());
    if words.ends_with(['.', '!', '?', '…']) { words } else { format!("{words}.") }
}

/// What a form says when it was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is the case.
    pub title: String,
    /// The provider's own words, if it gave some.
    pub said: Option<String>,
    /// What to do next.
    pub next: String,
}

/// Why what was typed in was not taken.
#[must_use]
pub fn refusal(error: &ApiError, name: &str, tenant: &str) -> Refusal {
    let (detail, said) = match error {
        ApiError::Problem(problem) => (Some(problem.detail.as_str()), problem.provider_said.as_deref()),
        ApiError::Network | ApiError::Unreadable(_) => (None, None),
    };
    let (title, said, next) = match error.code() {
        Some(ProblemCode::CredentialRefused) => (
            format!("{} did not accept this", capital(name)),
            said.map(sentence).filter(|words| words.chars().count() > 1),
            format!("Nothing was connected. Compare what you entered with what {name} shows you, letter for letter, and try again."),
        ),
        Some(ProblemCode::ProviderUnreachable | ProblemCode::ProviderTimeout) => (
            format!("{} cannot be reached", capital(name)),
            None,
            "It did not answer us, so nothing is connected. What you entered is still here: wait a minute, then try again."
                .to_owned(),
        ),
        Some(ProblemCode::InvalidFields) => (
            "Something here is not right".to_owned(),
            detail.map(sentence),
            format!("Check what you entered and try again. If that does not help, tell {tenant}."),
        ),
        Some(ProblemCode::RateLimited) => (
            "That was a little fast".to_owned(),
            None,
            "Wait a few seconds, then try again. What you entered is still here.".to_owned(),
        ),
        None if *error == ApiError::Network => (
            "We did not get an answer".to_owned(),
            None,
            "Check your connection, then try again. What you entered is still here.".to_owned(),
        ),
        _ => (
            "We have a problem on our side".to_owned(),
            None,
            "Nothing is lost, what you entered is still here. Try again in a minute.".to_owned(),
        ),
    };
    Refusal { title, said, next }
}

/// The button under a form.
#[must_use]
pub fn send(way: ConnectWay, name: &str) -> String {
    match way {
        ConnectWay::Page => go_to(name),
        ConnectWay::Form => format!("Connect {name}"),
        ConnectWay::Code => "Get a code".to_owned(),
    }
}

/// The same while it is under way.
#[must_use]
pub fn trying(way: ConnectWay, name: &str) -> String {
    match way {
        ConnectWay::Page => go_to(name),
        ConnectWay::Form => format!("Trying it at {name}…"),
        ConnectWay::Code => format!("Asking {name} for a code…"),
    }
}

/// The link to where the code is entered.
#[must_use]
pub fn open_at(name: &str) -> String {
    format!("Open {name}")
}

/// Beside the spinner, while nobody has entered the code.
#[must_use]
pub fn waiting_for(name: &str) -> String {
    format!("Waiting for you at {name}")
}

/// What to do with a code.
#[must_use]
pub fn code_steps(name: &str, address: &str) -> [String; 3] {
    [
        format!("Open {address}."),
        "Sign in there and enter the code.".to_owned(),
        format!("Confirm at {name}, then come back here."),
    ]
}

/// An address as one reads it aloud: without scheme and last slash.
#[must_use]
pub fn address(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/').to_owned()
}

/// A code, letter by letter.
#[must_use]
pub fn spelled(code: &str) -> String {
    code.chars().map(|c| if c == '-' { "dash".to_owned() } else { c.to_string() }).collect::<Vec<_>>().join(" ")
}

/// Seconds as `4:05`.
#[must_use]
pub fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

pub(super) fn form(state: &State, choice: Option<&ConnectChoice>, name: &str) -> Words {
    let tenant = tenant(state);
    let again = state.page.as_ref().is_some_and(|page| page.reconnect);
    let way = choice.map(|choice| choice.way);
    let title = match way {
        Some(ConnectWay::Form | ConnectWay::Code) if again => format!("Reconnect your {name} account"),
        Some(ConnectWay::Form | ConnectWay::Code) => format!("Connect your {name} account"),
        Some(ConnectWay::Page) | None => format!("Your {name} account"),
    };
    let asks = choice.is_some_and(|choice| !choice.fields.is_empty());
    let explain = match (way, asks) {
        (Some(ConnectWay::Form), true) => {
            format!("{name} gives you what to fill in here. We try it at once, so you know right away that it works.")
        }
        (Some(ConnectWay::Form), false) => format!("There is nothing to fill in. {tenant} can use {name} right away."),
        (Some(ConnectWay::Code), true) => {
            format!("Fill this in to get a short code. You enter the code at {name} in the next step.")
        }
        (Some(ConnectWay::Code), false) => {
            format!("You get a short code here and enter it at {name}, on this device or any other.")
        }
        (Some(ConnectWay::Page) | None, _) => {
            format!("{tenant} needs to know where to find it. You sign in at {name} in the next step.")
        }
    };
    words_of(title, explain)
}
