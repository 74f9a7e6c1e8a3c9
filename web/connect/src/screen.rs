//! The screens, and what is remembered on each.

use std::collections::BTreeMap;

use api_types::connect::{
    AttemptFailure, AttemptFailureCode, ConnectChoice, ConnectCode, ConnectPage, ConnectWay, ConnectedAccount,
};
use ids::IntegrationId;

/// The whole page as data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// What is shown.
    pub screen: Screen,
    /// What the server says of the session; `None` until it was read.
    pub page: Option<ConnectPage>,
    /// What was connected, and how far its first sync is.
    pub account: Option<ConnectedAccount>,
}

impl State {
    /// The choice of that id.
    #[must_use]
    pub fn choice(&self, id: IntegrationId) -> Option<&ConnectChoice> {
        self.page.as_ref()?.choices.iter().find(|c| c.integration_id == id)
    }

    /// The choice if there is exactly one.
    #[must_use]
    pub fn only_choice(&self) -> Option<&ConnectChoice> {
        match self.page.as_ref()?.choices.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// Whether a choice has a form of its own, rather than leading straight to the provider.
#[must_use]
pub fn has_form(choice: &ConnectChoice) -> bool {
    choice.way != ConnectWay::Page || !choice.fields.is_empty()
}

/// One screen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Screen {
    /// The session is being read, or the page is about to be left.
    #[default]
    Loading,
    /// Choose an integration.
    Pick,
    /// Fill in what the integration asks for.
    Form {
        /// Of which integration.
        choice: IntegrationId,
        /// What was filled in before, if one comes back.
        filled: BTreeMap<String, String>,
    },
    /// The end user is at the provider, in a window of its own.
    Waiting(Trip),
    /// A code is shown that the end user types in at the provider.
    Code {
        /// To get another one.
        trip: Trip,
        /// The code.
        code: Box<ConnectCode>,
    },
    /// The browser refused that window.
    PopupBlocked(Trip),
    /// That window is gone and nothing came of it, or the page was opened again in the middle.
    WindowClosed(Option<Trip>),
    /// The attempt failed.
    Failed {
        /// Why.
        code: AttemptFailureCode,
        /// What was tried, to try it again; unknown after a reload.
        trip: Option<Trip>,
    },
    /// The session's time is over.
    SessionExpired,
    /// The link is wrong, or was withdrawn.
    SessionUnknown,
    /// No answer at the moment; the page tries again by itself.
    Offline {
        /// Where to go on.
        before: Box<Screen>,
        /// Whether the server answered that it cannot answer, rather than not at all.
        reached: bool,
    },
    /// Connected.
    Connected,
}

/// One trip to the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    /// To which integration.
    pub choice: IntegrationId,
    /// What was filled in.
    pub fields: BTreeMap<String, String>,
    /// The failure that the session had before, not to be taken for this trip's.
    pub earlier: Option<AttemptFailure>,
    /// Whether the server has seen this trip begin.
    pub begun: bool,
}

impl Trip {
    /// A trip about to begin.
    #[must_use]
    pub fn new(choice: IntegrationId, fields: BTreeMap<String, String>) -> Self {
        Self { choice, fields, earlier: None, begun: false }
    }
}

impl Screen {
    /// The stable name of the screen, as in `data-screen`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Pick => "pick",
            Self::Form { .. } => "form",
            Self::Waiting(_) => "waiting",
            Self::Code { .. } => "code",
            Self::PopupBlocked(_) => "popup-blocked",
            Self::WindowClosed(_) => "window-closed",
            Self::Failed { code, .. } => failure_name(*code),
            Self::SessionExpired => "session-expired",
            Self::SessionUnknown => "session-unknown",
            Self::Offline { .. } => "offline",
            Self::Connected => "connected",
        }
    }

    /// Milliseconds until the progress is to be asked for again; `None` if there is nothing to hear.
    #[must_use]
    pub fn poll_after(&self, hidden: bool, account: Option<&ConnectedAccount>) -> Option<u32> {
        let shown = match self {
            // The provider may cut the tie between the two windows, which then looks closed while it is not.
            Self::WindowClosed(_) => 3_000,
            Self::Waiting(_) => 1_000,
            // The server asks the provider every few seconds.
            Self::Code { .. } => 2_000,
            Self::Connected if account.is_some_and(|a| a.syncs_done < a.syncs_total) => 1_000,
            _ => return None,
        };
        Some(if hidden { shown.max(5_000) } else { shown })
    }
}

/// The stable name of a failure's screen, and its code to the host page.
#[must_use]
pub const fn failure_name(code: AttemptFailureCode) -> &'static str {
    match code {
        AttemptFailureCode::ConsentDenied => "consent-denied",
        AttemptFailureCode::ProviderError => "provider-error",
        AttemptFailureCode::ProviderUnreachable => "provider-unreachable",
        AttemptFailureCode::Misconfigured => "misconfigured",
        AttemptFailureCode::DifferentAccount => "different-account",
        AttemptFailureCode::Expired => "attempt-expired",
    }
}
