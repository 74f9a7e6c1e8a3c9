//! Drives the screens: calls, clicks, the other window and the clock become events; news goes to the tenant's page.

use std::collections::BTreeMap;

use api_types::ProblemCode;
use api_types::connect::{ConnectChoice, ConnectEntry, ConnectProgress, ConnectWay, ConnectedAccount, SessionStatus};
use leptos::prelude::*;
use leptos::task::spawn_local;
use patchbay_web_connect::flow::{Event, next};
use patchbay_web_connect::screen::{Screen, State, Trip, has_form};
use web_client::{ApiError, ConnectClient};
use web_components::browser;

use crate::away;
use crate::host::{Heard, Host, Stage, listen, watch_height};

/// How often the other window is looked at.
const LOOK_MS: u32 = 250;
/// Waits between tries while there is no answer, growing to the last.
const RETRY_MS: [u32; 4] = [1_000, 2_000, 4_000, 8_000];

/// A handle that every view holds.
#[derive(Clone, Copy)]
pub struct Driver {
    state: RwSignal<State>,
    client: StoredValue<Option<ConnectClient>>,
    host: StoredValue<Host>,
    /// The other window, or the browser's network, says that there is news.
    nudged: StoredValue<bool>,
    /// That other window says that the trip is over.
    returned: StoredValue<bool>,
}

impl Driver {
    /// Reads where the page is and begins.
    pub fn start() -> Self {
        let (session, token) = away::session_and_token();
        let host = Host::find(session);
        let driver = Self {
            state: RwSignal::new(State::default()),
            client: StoredValue::new(token.map(ConnectClient::new)),
            host: StoredValue::new(host),
            nudged: StoredValue::new(false),
            returned: StoredValue::new(false),
        };
        listen(
            move || driver.host.get_value(),
            move |heard| match heard {
                Heard::Returned => {
                    driver.returned.set_value(true);
                    driver.nudged.set_value(true);
                }
                Heard::Close => away::close(),
            },
        );
        window_event_listener(leptos::ev::online, move |_| driver.nudged.set_value(true));
        window_event_listener(leptos::ev::visibilitychange, move |_| driver.nudged.set_value(!browser::hidden()));
        window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == "Escape" && driver.stage() == Stage::Framed {
                driver.finish();
            }
        });
        spawn_local(driver.run());
        driver
    }

    /// Reads the state, and follows it.
    pub fn with<T>(self, read: impl FnOnce(&State) -> T) -> T {
        self.state.with(read)
    }

    /// Reads the state as it is now.
    pub fn now<T>(self, read: impl FnOnce(&State) -> T) -> T {
        self.state.with_untracked(read)
    }

    /// How the page came onto the screen.
    pub fn stage(self) -> Stage {
        self.host.with_value(Host::stage)
    }

    /// The hosted page itself, for a tab of its own. The token is in the fragment, as in the link.
    pub fn own_link(self) -> String {
        let path = window().location().pathname().unwrap_or_default();
        let token = self.client.with_value(|client| client.as_ref().map(|c| c.token().to_owned()));
        format!("{path}#{}", token.unwrap_or_default())
    }

    /// An event.
    pub fn send(self, event: Event) {
        let before = self.state.get_untracked();
        let after = next(before.clone(), event);
        if before == after {
            return;
        }
        if let Some(page) = after.page.as_ref().filter(|_| before.page.is_none()) {
            self.host.update_value(|host| host.allow(page.allowed_origins.clone()));
            self.tell("ready", None);
        }
        if before.screen.name() != after.screen.name() {
            self.announce(&after);
        }
        self.state.set(after);
    }

    /// An integration was chosen: on to its form, or straight to the provider.
    pub fn pick(self, choice: &ConnectChoice) {
        if has_form(choice) {
            self.send(Event::Picked(choice.integration_id));
        } else {
            self.launch(Trip::new(choice.integration_id, BTreeMap::new()));
        }
    }

    /// Once more with what was filled in: over the form where there is no page of the provider to go to.
    pub fn again(self, trip: &Trip) {
        let by_page = self.now(|state| state.choice(trip.choice).is_none_or(|choice| choice.way == ConnectWay::Page));
        if by_page { self.launch(trip.clone()) } else { self.send(Event::Back) }
    }

    /// Has what was typed in tried, or a code asked for. What comes of it is the next screen; what the end user can mend
    /// in the form comes back.
    ///
    /// # Errors
    /// What was refused, or that there was no answer.
    pub async fn enter(self, way: ConnectWay, trip: Trip) -> Result<(), ApiError> {
        let Some(client) = self.client.get_value() else { return Err(ApiError::Unreadable(401)) };
        let entry = ConnectEntry { integration_id: trip.choice, fields: trip.fields.clone() };
        let answer = if way == ConnectWay::Code {
            client.code(&entry).await.map(|code| Event::Coded(trip.clone(), Box::new(code)))
        } else {
            client.enter(&entry).await.map(|entered| {
                let name = self.now(|state| state.choice(trip.choice).map(|choice| choice.name.clone()));
                Event::Entered(Box::new(ConnectedAccount {
                    connection_id: entered.connection_id,
                    integration_name: name.unwrap_or_default(),
                    account_name: entered.account_name,
                    syncs_total: 0,
                    syncs_done: 0,
                    records: 0,
                }))
            })
        };
        match answer {
            Ok(event @ Event::Coded(..)) => self.send(event),
            Ok(event) => {
                // With how far the first sync is; without, should that not come.
                if !self.ask(&client).await || self.now(|state| state.screen != Screen::Connected) {
                    self.send(event);
                }
            }
            Err(error) => match error.code() {
                // The page stays where it is, so the tenant's page is told here.
                Some(ProblemCode::CredentialRefused | ProblemCode::ProviderUnreachable) => {
                    let refused = error.code() == Some(ProblemCode::CredentialRefused);
                    let code = if refused { "credential-refused" } else { "provider-unreachable" };
                    self.tell("failed", Some(("code", code.into())));
                    return Err(error);
                }
                Some(ProblemCode::IntegrationMisconfigured) => self.send(Event::Broken(trip)),
                Some(ProblemCode::SessionExpired | ProblemCode::Unauthenticated | ProblemCode::NotFound) => {
                    self.send(Event::Failed(error));
                }
                // Made already, or made while the answer was lost: the progress knows.
                Some(ProblemCode::Conflict) | None => {
                    if let Ok(progress) = client.progress().await {
                        self.send(Event::Progress { progress: Box::new(progress), settled: true });
                    }
                    return Err(error);
                }
                _ => return Err(error),
            },
        }
        Ok(())
    }

    /// To the provider in a window. Only within a click, browsers block it otherwise.
    pub fn launch(self, trip: Trip) {
        self.returned.set_value(false);
        let opened = self.client.with_value(|client| client.as_ref().is_some_and(|c| away::open(c.token(), &trip)));
        self.send(if opened { Event::Opened(trip) } else { Event::Refused(trip) });
    }

    /// To the provider in this tab.
    pub fn leave(self, trip: &Trip) {
        let framed = self.stage() == Stage::Framed;
        self.client.with_value(|client| {
            if let Some(client) = client {
                away::leave(client.token(), trip, framed);
            }
        });
        self.send(Event::Leaving);
    }

    /// Gives up the trip.
    pub fn cancel(self) {
        away::close();
        self.send(Event::Back);
    }

    /// Tries again at once.
    pub fn nudge(self) {
        self.nudged.set_value(true);
    }

    /// Leaves for good: the dialog or window closes, or the tab goes where the tenant said. See [`Self::can_finish`].
    pub fn finish(self) {
        self.tell("closed", None);
        match self.stage() {
            Stage::Framed => away::close(),
            Stage::Window => {
                // Opened by script, so it may be closed by script.
                let _ = window().close();
            }
            Stage::Alone => {
                let target = self.now(|state| state.page.as_ref().and_then(|page| page.return_url.clone()));
                if let Some(target) = target {
                    // An absolute URL, checked by the server when the session was made.
                    let _ = window().location().assign(&target);
                }
            }
        }
    }

    /// Whether [`Self::finish`] leads anywhere.
    pub fn can_finish(self) -> bool {
        self.stage() != Stage::Alone
            || self.with(|state| state.page.as_ref().is_some_and(|page| page.return_url.is_some()))
    }

    /// Begins to tell the height, once there is something to measure.
    pub fn watch_height(self) {
        if self.stage() == Stage::Framed {
            watch_height(move |height| self.tell("resize", Some(("height", height.into()))));
        }
    }

    fn tell(self, kind: &str, extra: Option<(&str, wasm_bindgen::JsValue)>) {
        self.host.with_value(|host| host.tell(kind, extra));
    }

    /// The tenant's page hears every screen that is an outcome, with the screen's name as code.
    fn announce(self, state: &State) {
        match &state.screen {
            Screen::Connected => {
                let id = state.account.as_ref().map(|account| account.connection_id.to_string());
                self.tell("connected", id.map(|id| ("connectionId", id.into())));
                away::close();
            }
            Screen::Failed { .. } => {
                self.tell("failed", Some(("code", state.screen.name().into())));
                away::close();
            }
            Screen::PopupBlocked(_)
            | Screen::WindowClosed(_)
            | Screen::SessionExpired
            | Screen::SessionUnknown
            | Screen::Offline { .. } => self.tell("failed", Some(("code", state.screen.name().into()))),
            Screen::Loading | Screen::Pick | Screen::Form { .. } | Screen::Waiting(_) | Screen::Code { .. } => {}
        }
    }

    async fn run(self) {
        let Some(client) = self.client.get_value() else {
            self.send(Event::Failed(ApiError::Unreadable(401)));
            return;
        };
        let mut tries = 0usize;
        self.ask(&client).await;
        loop {
            let wait = self.state.with_untracked(|state| match &state.screen {
                Screen::Offline { .. } => RETRY_MS.get(tries).or(RETRY_MS.last()).copied(),
                screen => screen.poll_after(browser::hidden(), state.account.as_ref()),
            });
            let Some(wait) = wait else {
                tries = 0;
                browser::pause(LOOK_MS).await;
                continue;
            };
            self.wait(wait).await;
            if self.ask(&client).await {
                tries = 0;
            } else {
                tries += 1;
            }
        }
    }

    /// Waits, less if there is news or the other window is gone.
    async fn wait(self, ms: u32) {
        let mut waited = 0;
        while waited < ms {
            browser::pause(LOOK_MS).await;
            waited += LOOK_MS;
            let news = self.nudged.get_value();
            self.nudged.set_value(false);
            if news || away::is_closed() {
                return;
            }
        }
    }

    /// Asks for what is missing: the session at first, the progress later. `false` if there was no answer.
    async fn ask(self, client: &ConnectClient) -> bool {
        // Looked at before asking: what the server says then includes all that happened there.
        let gone = away::is_closed();
        let settled = gone || self.returned.get_value();
        let known = self.state.with_untracked(|state| state.page.is_some());
        let answer = if known {
            client.progress().await.map(|progress| Event::Progress { progress: Box::new(progress), settled })
        } else {
            load(client).await
        };
        match answer {
            Ok(event) => {
                self.send(event);
                self.send(Event::Reached);
                if gone {
                    away::forget();
                    self.send(Event::Closed);
                }
                true
            }
            Err(error) => {
                self.send(Event::Failed(error));
                false
            }
        }
    }
}

async fn load(client: &ConnectClient) -> Result<Event, ApiError> {
    let page = client.session().await?;
    // A session that is over has no progress to ask for.
    let progress = match page.status {
        SessionStatus::Expired | SessionStatus::Revoked => {
            ConnectProgress { status: page.status, failure: None, connection: None }
        }
        _ => client.progress().await?,
    };
    Ok(Event::Loaded(Box::new(page), Box::new(progress)))
}
