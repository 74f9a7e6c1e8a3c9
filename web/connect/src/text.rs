//! Every word of the page, English. Other languages become other files with the same functions.

mod entering;

use api_types::connect::{AttemptFailureCode, ConnectWay, ConnectedAccount};
pub use entering::*;

use crate::fields::Fault;
use crate::screen::{Screen, State};

/// What a screen says: what is the case, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The heading.
    pub title: String,
    /// The explanation with what to do next.
    pub explain: String,
}

fn words_of(title: impl Into<String>, explain: impl Into<String>) -> Words {
    Words { title: title.into(), explain: explain.into() }
}

/// Who asks, as far as it is known.
#[must_use]
pub fn tenant(state: &State) -> &str {
    state.page.as_ref().map_or("the app you came from", |page| &page.tenant_name)
}

/// What is being connected, as far as it is known.
#[must_use]
pub fn provider(state: &State) -> Option<&str> {
    let trip = match &state.screen {
        Screen::Waiting(trip) | Screen::PopupBlocked(trip) | Screen::Code { trip, .. } => Some(trip.choice),
        Screen::WindowClosed(trip) | Screen::Failed { trip, .. } => trip.as_ref().map(|t| t.choice),
        Screen::Form { choice, .. } => Some(*choice),
        Screen::Offline { before, .. } => match before.as_ref() {
            Screen::Waiting(trip) | Screen::Code { trip, .. } => Some(trip.choice),
            _ => None,
        },
        Screen::Connected => return state.account.as_ref().map(|account| account.integration_name.as_str()),
        _ => None,
    };
    let choice = match trip {
        Some(id) => state.choice(id),
        None => state.only_choice(),
    };
    choice.map(|choice| choice.name.as_str())
}

/// What the screen says.
#[must_use]
pub fn words(state: &State) -> Words {
    let tenant = tenant(state);
    let name = provider(state).unwrap_or("the provider");
    match &state.screen {
        Screen::Loading => words_of("One moment", "Getting things ready."),
        Screen::Pick => pick(state),
        Screen::Form { choice, .. } => form(state, state.choice(*choice), name),
        Screen::Code { .. } => words_of(
            format!("Enter this code at {name}"),
            format!(
                "Sign in at {name} on this device or any other. This page goes on by itself as soon as you are done."
            ),
        ),
        Screen::Waiting(_) => words_of(
            "Finish in the window we opened",
            format!("Sign in at {name} there and confirm. This page goes on by itself as soon as you are done."),
        ),
        Screen::PopupBlocked(_) => words_of(
            "Your browser blocked the window",
            format!(
                "{name} would have opened in a window of its own. You can sign in here in this tab instead; you come back afterwards."
            ),
        ),
        Screen::WindowClosed(Some(_)) => words_of(
            "The window was closed",
            format!(
                "It looks as if the {name} window was closed before you were done. Nothing was connected. If it is still open, finish there; else try again."
            ),
        ),
        Screen::WindowClosed(None) => words_of(
            "You have not finished yet",
            "You began to connect your account and did not get to the end. If a sign-in window is still open, finish there; else start again.",
        ),
        Screen::Failed { code, .. } => failed(*code, tenant, name),
        Screen::SessionExpired => words_of(
            "This link has expired",
            format!(
                "For your safety a link works for a short time only. Go back to {tenant} and start again from there."
            ),
        ),
        Screen::SessionUnknown => words_of(
            "This link does not work",
            format!(
                "It was withdrawn, or it was not copied as a whole. Go back to {tenant} and start again from there, or ask for a new link."
            ),
        ),
        Screen::Offline { reached: false, .. } => words_of(
            "You seem to be offline",
            "We cannot reach our server. Nothing is lost: this page tries again by itself and goes on where you were.",
        ),
        Screen::Offline { reached: true, .. } => words_of(
            "We have a problem on our side",
            "Our server cannot answer at the moment. Nothing is lost: this page tries again by itself and goes on where you were.",
        ),
        Screen::Connected => connected(state, tenant, name),
    }
}

fn pick(state: &State) -> Words {
    let tenant = tenant(state);
    let again = state.page.as_ref().is_some_and(|page| page.reconnect);
    match (state.page.as_ref().map_or(0, |page| page.choices.len()), provider(state)) {
        (0, _) => words_of(
            "There is nothing to connect yet",
            format!("{tenant} has not set up any service here. Let them know; your link stays valid for a while."),
        ),
        (_, Some(name)) if again => words_of(
            format!("Reconnect your {name} account"),
            format!(
                "{tenant} has lost access to it. Sign in once more with the same account, and everything goes on where it was."
            ),
        ),
        (_, Some(name)) => words_of(
            format!("Connect your {name} account"),
            format!("{tenant} asks for access to your {name} account. You sign in at {name} and decide there."),
        ),
        _ => words_of(
            "What would you like to connect?",
            format!("{tenant} works with the services below. Choose the one you use."),
        ),
    }
}

fn failed(code: AttemptFailureCode, tenant: &str, name: &str) -> Words {
    match code {
        AttemptFailureCode::ConsentDenied => words_of(
            "Access was not granted",
            format!(
                "You said no at {name}, so nothing was connected. If that was not on purpose, try again and confirm there."
            ),
        ),
        AttemptFailureCode::ProviderError => words_of(
            format!("{} reported a problem", capital(name)),
            format!("Your account is not connected. It often works the second time; if it does not, tell {tenant}."),
        ),
        AttemptFailureCode::ProviderUnreachable => words_of(
            format!("{} cannot be reached", capital(name)),
            "It did not answer us, so your account is not connected. Wait a minute, then try again.",
        ),
        AttemptFailureCode::Misconfigured => words_of(
            "This connection is not set up correctly",
            format!(
                "{} refused the request as {tenant} has set it up. You cannot repair that here: please tell {tenant}.",
                capital(name)
            ),
        ),
        AttemptFailureCode::DifferentAccount => words_of(
            "That is a different account",
            format!(
                "You signed in at {name} with another account than before. Nothing was changed. Try again with the account that was connected first; you may have to sign out at {name}."
            ),
        ),
        AttemptFailureCode::Expired => words_of(
            "That took too long",
            format!(
                "The sign-in at {name} was open for more than a few minutes and was ended for your safety. Try again, you can start right away."
            ),
        ),
    }
}

fn connected(state: &State, tenant: &str, name: &str) -> Words {
    let account = state.account.as_ref().and_then(|account| account.account_name.as_deref());
    let title = match account {
        Some(account) => format!("{account} is connected"),
        None => format!("Your {name} account is connected"),
    };
    let explain = if state.account.as_ref().is_none_or(is_done) {
        format!("{tenant} can use your {name} data now. You are done here.")
    } else {
        format!("{tenant} is getting your {name} data for the first time. You need not wait for it.")
    };
    words_of(title, explain)
}

/// Whether the first sync is over.
#[must_use]
pub fn is_done(account: &ConnectedAccount) -> bool {
    account.syncs_done >= account.syncs_total
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What is wrong with a field.
#[must_use]
pub const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "Fill this in.",
        Fault::NotOrigin => "Enter an address such as https://shop.example.com, without anything behind it.",
        Fault::NotLabel => "Use letters, digits and dashes only, such as my-shop.",
        Fault::TooLong => "Use at most 512 characters.",
        Fault::NotChosen => "Choose one.",
        Fault::SecretTooLong => "That is too long. Check that it is only what the field asks for.",
    }
}

/// The button that leaves for the provider.
#[must_use]
pub fn go_to(name: &str) -> String {
    format!("Continue to {name}")
}

/// The button that leaves for the tenant.
#[must_use]
pub fn back_to(tenant: &str) -> String {
    format!("Back to {tenant}")
}

/// How far the first sync is, for screen readers.
#[must_use]
pub fn progress_spoken(records: &str, done: u32, total: u32) -> String {
    format!("{records} records so far, {done} of {total} parts done")
}

/// `done of total`.
#[must_use]
pub fn of(done: u32, total: u32) -> String {
    format!("{done} of {total}")
}

/// What happens, before it happens.
#[must_use]
pub fn steps(tenant: &str, name: &str) -> [String; 3] {
    [
        format!("{name} opens in a window of its own."),
        "You sign in there and see what is asked for.".to_owned(),
        format!("You come back here, and {tenant} is connected."),
    ]
}

/// Under every screen. What is typed in here is kept for the tenant, so nothing is said of who never sees it.
#[must_use]
pub fn assurance(state: &State) -> String {
    let choice = match &state.screen {
        Screen::Form { choice, .. } => state.choice(*choice),
        _ => None,
    };
    if choice.is_some_and(|choice| choice.way == ConnectWay::Form) {
        "Encrypted on its way and where it is kept.".to_owned()
    } else {
        format!("{} never sees your password.", capital(tenant(state)))
    }
}

/// Words that stand alone.
pub mod label {
    /// Leaves for the provider in this tab.
    pub const SAME_TAB: &str = "Continue in this tab";
    /// The same from within another site's page.
    pub const NEW_TAB: &str = "Continue in a new tab";
    /// The same where a window is the usual way.
    pub const SAME_TAB_INSTEAD: &str = "Continue in this tab instead";
    /// Opens the window once more.
    pub const WINDOW_AGAIN: &str = "Try the window again";
    /// Brings the provider's window to the front.
    pub const SHOW_WINDOW: &str = "Show me the window";
    /// Gives up waiting.
    pub const CANCEL: &str = "Cancel";
    /// Once more.
    pub const TRY_AGAIN: &str = "Try again";
    /// Once more, without waiting.
    pub const TRY_NOW: &str = "Try now";
    /// Once more, from the first step.
    pub const START_AGAIN: &str = "Start again";
    /// To the list.
    pub const CHOOSE_OTHER: &str = "Choose something else";
    /// One step back.
    pub const BACK: &str = "Back";
    /// The end.
    pub const DONE: &str = "Done";
    /// Closes the dialog or the window.
    pub const CLOSE: &str = "Close";
    /// Where there is nobody to go back to.
    pub const MAY_CLOSE: &str = "You can close this page now.";
    /// Over a code.
    pub const YOUR_CODE: &str = "Your code";
    /// When a code is about to end.
    pub const CODE_ENDS: &str = "The code ends in less than a minute.";
    /// Counter of the first sync.
    pub const RECORDS: &str = "Records so far";
    /// The same once it is over.
    pub const RECORDS_ALL: &str = "Records";
    /// The other counter.
    pub const PARTS: &str = "Parts done";
    /// The bar.
    pub const PROGRESS: &str = "First sync";
    /// When it is over.
    pub const SYNCED: &str = "Your data has arrived.";
    /// What connecting looks like.
    pub const STEPS: &str = "What happens next";
}
