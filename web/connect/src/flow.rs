//! From screen to screen. Pure: the same state and event always give the same state.

use std::collections::BTreeMap;

use api_types::ProblemCode;
use api_types::connect::{
    AttemptFailure, AttemptFailureCode, ConnectCode, ConnectPage, ConnectProgress, ConnectedAccount, SessionStatus,
};
use ids::IntegrationId;
use web_client::ApiError;

use crate::screen::{Screen, State, Trip, has_form};

/// What happens to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The session was read.
    Loaded(Box<ConnectPage>, Box<ConnectProgress>),
    /// The progress was read. `settled`: after the provider's window said it is done, or was closed, so that what the
    /// server says now is about this trip.
    Progress {
        /// What the server says.
        progress: Box<ConnectProgress>,
        /// See above.
        settled: bool,
    },
    /// An integration that asks for something was chosen.
    Picked(IntegrationId),
    /// What was typed in works, and the connection is made.
    Entered(Box<ConnectedAccount>),
    /// The integration cannot be used as the tenant has set it up.
    Broken(Trip),
    /// There is a code to type in elsewhere.
    Coded(Trip, Box<ConnectCode>),
    /// The code's time is over.
    CodeOver,
    /// The provider's window is open.
    Opened(Trip),
    /// The browser refused the window.
    Refused(Trip),
    /// The page goes to the provider itself.
    Leaving,
    /// The provider's window is gone.
    Closed,
    /// The end user gives up, or wants to begin anew.
    Back,
    /// A call failed.
    Failed(ApiError),
    /// An answer came again after calls had failed.
    Reached,
}

/// The state after the event.
#[must_use]
pub fn next(mut state: State, event: Event) -> State {
    match event {
        Event::Loaded(page, progress) => {
            state.page = Some(*page);
            state.screen = opening(&state, &progress);
            state.account = progress.connection;
        }
        Event::Progress { progress, settled } => return progressed(state, *progress, settled),
        Event::Picked(choice) => state.screen = Screen::Form { choice, filled: BTreeMap::new() },
        Event::Entered(account) => {
            state.screen = Screen::Connected;
            state.account = Some(*account);
        }
        Event::Broken(trip) => {
            state.screen = Screen::Failed { code: AttemptFailureCode::Misconfigured, trip: Some(trip) };
        }
        Event::Coded(trip, code) => state.screen = Screen::Code { trip, code },
        Event::CodeOver => {
            if let Screen::Code { trip, .. } = state.screen {
                state.screen = Screen::Failed { code: AttemptFailureCode::Expired, trip: Some(trip) };
            }
        }
        Event::Opened(trip) => state.screen = Screen::Waiting(with_earlier(&state, trip)),
        Event::Refused(trip) => state.screen = Screen::PopupBlocked(trip),
        Event::Leaving => state.screen = Screen::Loading,
        Event::Closed => {
            if let Screen::Waiting(trip) = state.screen {
                state.screen = Screen::WindowClosed(Some(trip));
            }
        }
        Event::Back => state.screen = back(&state),
        Event::Failed(error) => state.screen = failed(state.screen, &error),
        Event::Reached => {
            if let Screen::Offline { before, .. } = state.screen {
                state.screen = *before;
            }
        }
    }
    state
}

/// Where the page begins: also where a reload, or the way back from the provider, ends.
fn opening(state: &State, progress: &ConnectProgress) -> Screen {
    match progress.status {
        SessionStatus::Connected => Screen::Connected,
        SessionStatus::Expired => Screen::SessionExpired,
        SessionStatus::Revoked => Screen::SessionUnknown,
        SessionStatus::InProgress => Screen::WindowClosed(None),
        SessionStatus::Open => match &progress.failure {
            Some(failure) => Screen::Failed { code: failure.code, trip: None },
            None => start(state),
        },
    }
}

/// The first thing to do: the form if there is nothing to choose and something to fill in.
fn start(state: &State) -> Screen {
    match state.only_choice() {
        Some(only) if has_form(only) => Screen::Form { choice: only.integration_id, filled: BTreeMap::new() },
        _ => Screen::Pick,
    }
}

/// Back to where something else can be done, keeping what was filled in.
fn back(state: &State) -> Screen {
    let trip = match &state.screen {
        Screen::Waiting(trip) | Screen::PopupBlocked(trip) | Screen::Code { trip, .. } => Some(trip),
        Screen::WindowClosed(trip) | Screen::Failed { trip, .. } => trip.as_ref(),
        _ => None,
    };
    match trip.and_then(|trip| Some((trip, state.choice(trip.choice)?))) {
        Some((trip, choice)) if has_form(choice) => Screen::Form { choice: trip.choice, filled: trip.fields.clone() },
        _ if matches!(state.screen, Screen::Form { .. }) => Screen::Pick,
        _ => start(state),
    }
}

/// Before the trip begins, the failure on show is an earlier one.
fn with_earlier(state: &State, mut trip: Trip) -> Trip {
    trip.begun = false;
    trip.earlier = match &state.screen {
        Screen::Failed { code, trip: before } => {
            let before = before.as_ref().and_then(|b| b.earlier.clone()).filter(|f| f.code == *code);
            Some(before.unwrap_or_else(|| AttemptFailure { code: *code, detail: String::new() }))
        }
        _ => trip.earlier,
    };
    trip
}

fn progressed(mut state: State, progress: ConnectProgress, settled: bool) -> State {
    if let Screen::Offline { before, .. } = state.screen {
        state.screen = *before;
    }
    match progress.status {
        SessionStatus::Connected => {
            state.screen = Screen::Connected;
            state.account = progress.connection.or(state.account);
        }
        SessionStatus::Expired => state.screen = Screen::SessionExpired,
        SessionStatus::Revoked => state.screen = Screen::SessionUnknown,
        SessionStatus::InProgress => {
            if let Screen::Waiting(trip) = &mut state.screen {
                trip.begun = true;
            }
        }
        SessionStatus::Open => {
            if let Some(failure) = progress.failure {
                state.screen = blame(state.screen, failure, settled);
            }
        }
    }
    state
}

/// A failure counts if it is this trip's: its window is done, or the server has seen it begin, or it is a new one.
fn blame(screen: Screen, failure: AttemptFailure, settled: bool) -> Screen {
    match screen {
        Screen::Waiting(mut trip) => {
            if settled || trip.begun || trip.earlier.as_ref().is_none_or(|e| e.code != failure.code) {
                let code = failure.code;
                trip.earlier = Some(failure);
                Screen::Failed { code, trip: Some(trip) }
            } else {
                Screen::Waiting(trip)
            }
        }
        Screen::WindowClosed(trip) => {
            let known = trip.as_ref().and_then(|t| t.earlier.as_ref().filter(|_| !t.begun));
            if known.is_some_and(|e| e.code == failure.code) {
                Screen::WindowClosed(trip)
            } else {
                Screen::Failed { code: failure.code, trip }
            }
        }
        // The attempt behind the code is the latest one there is.
        Screen::Code { trip, .. } => Screen::Failed { code: failure.code, trip: Some(trip) },
        other => other,
    }
}

fn failed(screen: Screen, error: &ApiError) -> Screen {
    match error.code() {
        Some(ProblemCode::SessionExpired) => Screen::SessionExpired,
        _ if error.is_passing() => {
            let before = match screen {
                Screen::Offline { before, .. } => before,
                other => Box::new(other),
            };
            Screen::Offline { before, reached: *error != ApiError::Network }
        }
        _ => Screen::SessionUnknown,
    }
}
