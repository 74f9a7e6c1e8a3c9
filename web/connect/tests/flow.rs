//! The page from screen to screen, the forms and the search, without a browser.

use std::collections::BTreeMap;

use api_types::connect::{
    AttemptFailure, AttemptFailureCode, ConnectChoice, ConnectPage, ConnectProgress, ConnectedAccount, EndUser,
    SessionStatus,
};
use api_types::integration::Variable;
use chrono::DateTime;
use ids::{ConnectSessionId, ConnectionId, IntegrationId};
use patchbay_web_connect::fields::{self, Fault};
use patchbay_web_connect::find;
use patchbay_web_connect::flow::{Event, next};
use patchbay_web_connect::screen::{Screen, State, Trip, failure_name};
use web_client::ApiError;

fn integration(n: u8) -> IntegrationId {
    IntegrationId::new(u64::from(n), [n; 10])
}

fn variable(kind: &str, default: Option<&str>) -> Variable {
    Variable {
        name: kind.to_owned(),
        kind: kind.to_owned(),
        label: kind.to_owned(),
        help: None,
        default: default.map(str::to_owned),
    }
}

fn choice(n: u8, fields: Vec<Variable>) -> ConnectChoice {
    ConnectChoice {
        integration_id: integration(n),
        slug: format!("shop-{n}"),
        name: format!("Shop {n}"),
        category: if n.is_multiple_of(2) { "commerce" } else { "accounting" }.to_owned(),
        fields,
    }
}

fn page(choices: Vec<ConnectChoice>) -> Box<ConnectPage> {
    Box::new(ConnectPage {
        id: ConnectSessionId::new(1, [1; 10]),
        status: SessionStatus::Open,
        tenant_name: "Lumen".to_owned(),
        end_user: EndUser { id: "u1".to_owned(), name: None },
        reconnect: false,
        choices,
        allowed_origins: vec![],
        return_url: None,
        language: None,
        expires_at: DateTime::UNIX_EPOCH,
    })
}

fn progress(status: SessionStatus, failure: Option<AttemptFailureCode>) -> Box<ConnectProgress> {
    Box::new(ConnectProgress {
        status,
        failure: failure.map(|code| AttemptFailure { code, detail: "d".to_owned() }),
        connection: (status == SessionStatus::Connected).then(|| account(0)),
    })
}

fn account(done: u32) -> ConnectedAccount {
    ConnectedAccount {
        connection_id: ConnectionId::new(1, [1; 10]),
        integration_name: "Shop".to_owned(),
        account_name: Some("Corner Store".to_owned()),
        syncs_total: 2,
        syncs_done: done,
        records: 0,
    }
}

fn at(choices: Vec<ConnectChoice>, events: Vec<Event>) -> State {
    let loaded = Event::Loaded(page(choices), progress(SessionStatus::Open, None));
    std::iter::once(loaded).chain(events).fold(State::default(), next)
}

fn heard(status: SessionStatus, failure: Option<AttemptFailureCode>, settled: bool) -> Event {
    Event::Progress { progress: progress(status, failure), settled }
}

fn trip() -> Trip {
    Trip::new(integration(1), BTreeMap::from([("label".to_owned(), "corner".to_owned())]))
}

#[test]
fn the_page_begins_where_the_session_stands() {
    for (status, failure, screen) in [
        (SessionStatus::Open, None, "pick"),
        (SessionStatus::Open, Some(AttemptFailureCode::ConsentDenied), "consent-denied"),
        (SessionStatus::InProgress, None, "window-closed"),
        (SessionStatus::Connected, None, "connected"),
        (SessionStatus::Expired, None, "session-expired"),
        (SessionStatus::Revoked, None, "session-unknown"),
    ] {
        let event = Event::Loaded(page(vec![choice(1, vec![]), choice(2, vec![])]), progress(status, failure));
        assert_eq!(next(State::default(), event).screen.name(), screen);
    }
}

#[test]
fn a_single_integration_that_asks_for_something_begins_with_its_form() {
    assert_eq!(at(vec![choice(1, vec![variable("label", None)])], vec![]).screen.name(), "form");
    assert_eq!(at(vec![choice(1, vec![])], vec![]).screen.name(), "pick");
}

#[test]
fn the_straight_way_ends_connected_with_the_account() {
    let state = at(
        vec![choice(1, vec![])],
        vec![
            Event::Opened(trip()),
            heard(SessionStatus::Open, None, false),
            heard(SessionStatus::InProgress, None, false),
            heard(SessionStatus::Connected, None, false),
        ],
    );
    assert_eq!(state.screen, Screen::Connected);
    assert_eq!(state.account.and_then(|a| a.account_name).as_deref(), Some("Corner Store"));
}

#[test]
fn every_failure_has_its_own_screen() {
    let codes = [
        AttemptFailureCode::ConsentDenied,
        AttemptFailureCode::ProviderError,
        AttemptFailureCode::ProviderUnreachable,
        AttemptFailureCode::Misconfigured,
        AttemptFailureCode::DifferentAccount,
        AttemptFailureCode::Expired,
    ];
    for code in codes {
        let state =
            at(vec![choice(1, vec![])], vec![Event::Opened(trip()), heard(SessionStatus::Open, Some(code), false)]);
        assert_eq!(state.screen.name(), failure_name(code));
    }
}

#[test]
fn an_earlier_failure_is_not_taken_for_the_new_trips() {
    let denied = Some(AttemptFailureCode::ConsentDenied);
    let again = vec![
        Event::Opened(trip()),
        heard(SessionStatus::Open, denied, false),
        Event::Opened(trip()),
        heard(SessionStatus::Open, denied, false),
    ];
    assert_eq!(at(vec![choice(1, vec![])], again.clone()).screen.name(), "waiting");

    let mut closed = again.clone();
    closed.push(heard(SessionStatus::Open, denied, true));
    assert_eq!(at(vec![choice(1, vec![])], closed).screen.name(), "consent-denied");

    let mut seen = again.clone();
    seen.extend([heard(SessionStatus::InProgress, None, false), heard(SessionStatus::Open, denied, false)]);
    assert_eq!(at(vec![choice(1, vec![])], seen).screen.name(), "consent-denied");

    let mut other = again;
    other.push(heard(SessionStatus::Open, Some(AttemptFailureCode::ProviderError), false));
    assert_eq!(at(vec![choice(1, vec![])], other).screen.name(), "provider-error");
}

#[test]
fn a_window_that_only_looked_closed_still_ends_connected() {
    let state = at(vec![choice(1, vec![])], vec![Event::Opened(trip()), Event::Closed]);
    assert_eq!(state.screen.name(), "window-closed");
    assert!(state.screen.poll_after(false, None).is_some());
    let state = next(state, heard(SessionStatus::Connected, None, false));
    assert_eq!(state.screen, Screen::Connected);
}

#[test]
fn closing_counts_only_while_waiting() {
    let state = at(
        vec![choice(1, vec![])],
        vec![Event::Opened(trip()), heard(SessionStatus::Connected, None, true), Event::Closed],
    );
    assert_eq!(state.screen, Screen::Connected);
}

#[test]
fn back_keeps_what_was_filled_in() {
    let choices = vec![choice(1, vec![variable("label", None)]), choice(2, vec![])];
    let state = at(choices, vec![Event::Picked(integration(1)), Event::Refused(trip()), Event::Back]);
    assert_eq!(state.screen, Screen::Form { choice: integration(1), filled: trip().fields });
    assert_eq!(next(state, Event::Back).screen, Screen::Pick);
}

#[test]
fn a_lost_network_comes_back_to_where_it_was_lost() {
    let waiting = at(vec![choice(1, vec![])], vec![Event::Opened(trip())]);
    let lost = next(next(waiting.clone(), Event::Failed(ApiError::Network)), Event::Failed(ApiError::Unreadable(502)));
    assert_eq!(lost.screen.name(), "offline");
    assert_eq!(next(lost.clone(), Event::Reached), waiting);
    assert_eq!(next(lost, heard(SessionStatus::Connected, None, false)).screen, Screen::Connected);
}

#[test]
fn a_refused_token_is_told_apart_from_an_expired_session() {
    let problem = |status: u16, code: &str| {
        let body =
            format!(r#"{{"type":"t","title":"t","status":{status},"code":"{code}","detail":"d","request_id":"r"}}"#);
        ApiError::from_answer(status, &body)
    };
    let failed = |error| next(State::default(), Event::Failed(error)).screen;
    assert_eq!(failed(problem(410, "session_expired")), Screen::SessionExpired);
    assert_eq!(failed(problem(401, "unauthenticated")), Screen::SessionUnknown);
    assert_eq!(failed(problem(404, "not_found")), Screen::SessionUnknown);
    assert_eq!(failed(problem(503, "database_unavailable")).name(), "offline");
}

#[test]
fn polling_slows_down_when_nobody_looks_and_ends_with_the_first_sync() {
    assert_eq!(Screen::Waiting(trip()).poll_after(false, None), Some(1_000));
    assert_eq!(Screen::Waiting(trip()).poll_after(true, None), Some(5_000));
    assert_eq!(Screen::Connected.poll_after(false, Some(&account(1))), Some(1_000));
    assert_eq!(Screen::Connected.poll_after(false, Some(&account(2))), None);
    assert_eq!(Screen::Pick.poll_after(false, None), None);
}

#[test]
fn fields_are_checked_by_kind() {
    let origin = variable("origin", None);
    assert_eq!(fields::check(&origin, " Shop.Example.com/ "), Ok("https://shop.example.com".to_owned()));
    assert_eq!(fields::check(&origin, "http://127.0.0.1:8080"), Ok("http://127.0.0.1:8080".to_owned()));
    for bad in
        ["https://shop.example.com/admin", "ftp://x", "https://a b", "https://u@h", "x:99999", "https://", "a..b"]
    {
        assert_eq!(fields::check(&origin, bad), Err(Fault::NotOrigin), "{bad}");
    }
    let label = variable("label", None);
    assert_eq!(fields::check(&label, "My-Shop"), Ok("my-shop".to_owned()));
    for bad in ["-a", "a.b", "a_b", "a/b", &"x".repeat(64)] {
        assert_eq!(fields::check(&label, bad), Err(Fault::NotLabel), "{bad}");
    }
    assert_eq!(fields::check(&variable("text", None), "  "), Err(Fault::Missing));
    assert_eq!(fields::check(&variable("text", Some("d")), "  "), Ok(String::new()));
    assert_eq!(fields::check(&variable("text", None), &"x".repeat(201)), Err(Fault::TooLong));
}

#[test]
fn a_form_is_sent_only_without_faults() {
    let variables = [variable("label", None), variable("text", Some("d"))];
    let typed = BTreeMap::from([("label".to_owned(), "Corner".to_owned())]);
    assert_eq!(fields::check_all(&variables, &typed), Ok(BTreeMap::from([("label".to_owned(), "corner".to_owned())])));
    let none = BTreeMap::new();
    assert_eq!(fields::check_all(&variables, &none), Err(BTreeMap::from([("label".to_owned(), Fault::Missing)])));
}

#[test]
fn search_looks_at_names_and_categories() {
    let choices: Vec<ConnectChoice> = (1..=8).map(|n| choice(n, vec![])).collect();
    assert_eq!(find::matching(&choices, "", None).len(), 8);
    assert_eq!(find::matching(&choices, "SHOP 3", None).len(), 1);
    assert_eq!(find::matching(&choices, "", Some("commerce")).len(), 4);
    assert_eq!(find::matching(&choices, "accounting shop", Some("commerce")).len(), 0);
    assert_eq!(find::categories(&choices), ["accounting", "commerce"]);
    assert_eq!(find::monogram("corner store ltd"), "CS");
    assert_eq!(find::monogram("…"), "•");
}

#[test]
fn every_screen_says_something_of_its_own() {
    use std::collections::BTreeSet;
    let screens = [
        Screen::Loading,
        Screen::Pick,
        Screen::Form { choice: integration(1), filled: BTreeMap::new() },
        Screen::Waiting(trip()),
        Screen::PopupBlocked(trip()),
        Screen::WindowClosed(Some(trip())),
        Screen::WindowClosed(None),
        Screen::Failed { code: AttemptFailureCode::ConsentDenied, trip: None },
        Screen::Failed { code: AttemptFailureCode::ProviderError, trip: None },
        Screen::Failed { code: AttemptFailureCode::ProviderUnreachable, trip: None },
        Screen::Failed { code: AttemptFailureCode::Misconfigured, trip: None },
        Screen::Failed { code: AttemptFailureCode::DifferentAccount, trip: None },
        Screen::Failed { code: AttemptFailureCode::Expired, trip: None },
        Screen::SessionExpired,
        Screen::SessionUnknown,
        Screen::Offline { before: Box::new(Screen::Pick), reached: false },
        Screen::Offline { before: Box::new(Screen::Pick), reached: true },
        Screen::Connected,
    ];
    let words: Vec<_> = screens
        .into_iter()
        .map(|screen| {
            let state = State { screen, page: Some(*page(vec![choice(1, vec![])])), account: Some(account(0)) };
            patchbay_web_connect::text::words(&state)
        })
        .collect();
    assert!(words.iter().all(|w| !w.title.is_empty() && !w.explain.is_empty()));
    assert_eq!(words.iter().map(|w| &w.title).collect::<BTreeSet<_>>().len(), words.len());
    assert_eq!(words.iter().map(|w| &w.explain).collect::<BTreeSet<_>>().len(), words.len());
}
