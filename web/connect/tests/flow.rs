//! The page from screen to screen, the forms and the search, without a browser.

use std::collections::BTreeMap;

use api_types::connect::{
    AttemptFailure, AttemptFailureCode, ConnectChoice, ConnectCode, ConnectPage, ConnectProgress, ConnectWay,
    ConnectedAccount, EndUser, SessionStatus,
};
use api_types::integration::Variable;
use chrono::DateTime;
use ids::{ConnectSessionId, ConnectionId, IntegrationId};
use patchbay_web_connect::fields::{self, Fault};
use patchbay_web_connect::flow::{Event, next};
use patchbay_web_connect::screen::{Screen, State, Trip, failure_name};
use patchbay_web_connect::text;
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
        help_url: None,
        placeholder: None,
        default: default.map(str::to_owned),
        prefix: String::new(),
        suffix: String::new(),
        options: Vec::new(),
        multiline: false,
        optional: false,
    }
}

fn choice(n: u8, fields: Vec<Variable>) -> ConnectChoice {
    ConnectChoice {
        integration_id: integration(n),
        slug: format!("shop-{n}"),
        name: format!("Shop {n}"),
        category: if n.is_multiple_of(2) { "commerce" } else { "accounting" }.to_owned(),
        way: ConnectWay::Page,
        fields,
    }
}

fn by(way: ConnectWay, fields: Vec<Variable>) -> ConnectChoice {
    ConnectChoice { way, ..choice(1, fields) }
}

fn code() -> Box<ConnectCode> {
    Box::new(ConnectCode {
        user_code: "BDWP-HQPK".to_owned(),
        verification_url: "https://provider.example/device".to_owned(),
        verification_url_complete: None,
        expires_at: DateTime::UNIX_EPOCH,
    })
}

fn problem(status: u16, code: &str, detail: &str) -> ApiError {
    let body =
        format!(r#"{{"type":"t","title":"t","status":{status},"code":"{code}","detail":"{detail}","request_id":"r"}}"#);
    ApiError::from_answer(status, &body)
}

/// The same with the provider's own words.
fn said(error: ApiError, words: &str) -> ApiError {
    match error {
        ApiError::Problem(mut problem) => {
            problem.provider_said = Some(words.to_owned());
            ApiError::Problem(problem)
        }
        other => other,
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
    let failed = |error| next(State::default(), Event::Failed(error)).screen;
    assert_eq!(failed(problem(410, "session_expired", "d")), Screen::SessionExpired);
    assert_eq!(failed(problem(401, "unauthenticated", "d")), Screen::SessionUnknown);
    assert_eq!(failed(problem(404, "not_found", "d")), Screen::SessionUnknown);
    assert_eq!(failed(problem(503, "database_unavailable", "d")).name(), "offline");
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
    assert_eq!(fields::check(&variable("text", None), &"x".repeat(513)), Err(Fault::TooLong));
    assert_eq!(fields::check(&variable("choice", None), ""), Err(Fault::NotChosen));
    let optional = Variable { optional: true, ..variable("secret", None) };
    assert_eq!(fields::check(&optional, " "), Ok(String::new()));
    let secret = variable("secret", None);
    assert_eq!(fields::check(&secret, &"x".repeat(16_385)), Err(Fault::SecretTooLong));
    assert_eq!(fields::check(&secret, " sk_1\n"), Ok("sk_1".to_owned()));
    let key = Variable { multiline: true, ..secret };
    assert_eq!(fields::check(&key, "-----END-----\n"), Ok("-----END-----\n".to_owned()));
}

#[test]
fn what_stands_beside_a_field_is_put_to_what_is_typed_once() {
    let shop =
        Variable { prefix: "https://".to_owned(), suffix: ".shop.example".to_owned(), ..variable("origin", None) };
    for typed in ["corner", "corner.shop.example", "https://corner.shop.example"] {
        assert_eq!(fields::check(&shop, typed), Ok("https://corner.shop.example".to_owned()), "{typed}");
    }
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
fn what_goes_by_form_or_code_begins_with_a_form() {
    for way in [ConnectWay::Form, ConnectWay::Code] {
        assert_eq!(at(vec![by(way, vec![])], vec![]).screen.name(), "form");
    }
}

#[test]
fn a_code_is_shown_until_it_was_answered() {
    let coded = || Event::Coded(trip(), code());
    let shown = at(vec![by(ConnectWay::Code, vec![])], vec![coded()]);
    assert_eq!(shown.screen.name(), "code");
    assert!(shown.screen.poll_after(false, None).is_some());
    let waits = next(shown.clone(), heard(SessionStatus::InProgress, None, false));
    assert_eq!(waits.screen.name(), "code");
    let done = next(waits, heard(SessionStatus::Connected, None, false));
    assert_eq!(done.screen, Screen::Connected);

    let denied = next(shown.clone(), heard(SessionStatus::Open, Some(AttemptFailureCode::ConsentDenied), false));
    assert_eq!(denied.screen.name(), "consent-denied");
    let over = next(shown.clone(), Event::CodeOver);
    assert_eq!(over.screen.name(), "attempt-expired");
    // To the form that asks for another code.
    assert_eq!(next(over, Event::Back).screen.name(), "form");
    assert_eq!(next(shown, Event::Back).screen.name(), "form");
    assert_eq!(at(vec![choice(1, vec![])], vec![Event::CodeOver]).screen.name(), "pick");
}

#[test]
fn a_form_that_works_ends_connected_and_one_the_tenant_must_mend_says_so() {
    let form = || vec![by(ConnectWay::Form, vec![variable("secret", None)])];
    let entered = at(form(), vec![Event::Entered(Box::new(account(0)))]);
    assert_eq!((entered.screen, entered.account), (Screen::Connected, Some(account(0))));
    let broken = at(form(), vec![Event::Broken(trip())]);
    assert_eq!(broken.screen.name(), "misconfigured");
    // What was typed in is still there.
    assert_eq!(next(broken, Event::Back).screen, Screen::Form { choice: integration(1), filled: trip().fields });
}

#[test]
fn a_refusal_is_told_in_the_providers_words_and_says_what_to_do() {
    let refused = said(
        problem(
            422,
            "credential_refused",
            "what was entered does not let us in: the provider refuses (401): no such key",
        ),
        "no such key",
    );
    let words = text::refusal(&refused, "shop", "Lumen");
    assert_eq!(words.title, "Shop did not accept this");
    assert_eq!(words.said.as_deref(), Some("No such key."));
    // Words for developers are not shown to merchants.
    let bare =
        text::refusal(&problem(422, "credential_refused", "what was entered does not let us in: 403"), "Shop", "Lumen");
    assert_eq!(bare.said, None);
    let errors = [
        refused,
        problem(502, "provider_unreachable", "d"),
        problem(422, "invalid_fields", "d"),
        problem(429, "rate_limited", "d"),
        problem(503, "database_unavailable", "d"),
        ApiError::Network,
    ];
    let titles: std::collections::BTreeSet<String> =
        errors.iter().map(|error| text::refusal(error, "Shop", "Lumen").title).collect();
    assert_eq!(titles.len(), errors.len());
}

#[test]
fn codes_are_told_so_that_they_can_be_typed() {
    assert_eq!(text::spelled("BD-7"), "B D dash 7");
    assert_eq!(text::address("https://provider.example/device/"), "provider.example/device");
    assert_eq!((text::clock(245).as_str(), text::clock(9).as_str()), ("4:05", "0:09"));
}

#[test]
fn every_screen_says_something_of_its_own() {
    use std::collections::BTreeSet;
    let screens = [
        Screen::Loading,
        Screen::Pick,
        Screen::Form { choice: integration(1), filled: BTreeMap::new() },
        Screen::Waiting(trip()),
        Screen::Code { trip: trip(), code: code() },
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
            text::words(&state)
        })
        .collect();
    assert!(words.iter().all(|w| !w.title.is_empty() && !w.explain.is_empty()));
    assert_eq!(words.iter().map(|w| &w.title).collect::<BTreeSet<_>>().len(), words.len());
    assert_eq!(words.iter().map(|w| &w.explain).collect::<BTreeSet<_>>().len(), words.len());
}
