//! The form that the manifest asks for, and what is said in it when the provider refuses.

use std::collections::BTreeMap;

use api_types::connect::{ConnectChoice, ConnectWay};
use api_types::integration::Variable;
use ids::IntegrationId;
use leptos::prelude::*;
use leptos::task::spawn_local;
use patchbay_web_connect::fields;
use patchbay_web_connect::flow::Event;
use patchbay_web_connect::screen::Trip;
use patchbay_web_connect::text::{self, label};
use web_client::ApiError;
use web_components::{Spinner, VariableField, browser};

use crate::drive::Driver;
use crate::trouble;

/// One field: its value, whether it was left once (it is checked from then on), and what the server says of a value.
#[derive(Clone)]
struct Entry {
    variable: Variable,
    value: RwSignal<String>,
    left: RwSignal<bool>,
    refused: RwSignal<Option<(String, String)>>,
}

impl Entry {
    fn new(variable: &Variable, filled: &BTreeMap<String, String>) -> Self {
        let picked = variable.default.clone().filter(|_| variable.kind == "choice");
        Self {
            value: RwSignal::new(filled.get(&variable.name).cloned().or(picked).unwrap_or_default()),
            left: RwSignal::new(false),
            refused: RwSignal::new(None),
            variable: variable.clone(),
        }
    }

    fn fault(&self) -> Option<String> {
        let value = self.value.get();
        if let Some((of, words)) = self.refused.get()
            && of == value
        {
            return Some(words);
        }
        fields::check(&self.variable, &value)
            .err()
            .filter(|_| self.left.get())
            .map(|fault| text::fault(fault).to_owned())
    }
}

/// The form.
pub fn form(driver: Driver, choice: IntegrationId, filled: &BTreeMap<String, String>) -> AnyView {
    let Some(found) = driver.now(|state| state.choice(choice).cloned()) else { return ().into_any() };
    let entries: Vec<Entry> = found.fields.iter().map(|variable| Entry::new(variable, filled)).collect();
    let inputs = entries.clone().into_iter().map(field).collect_view();
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<ApiError>);
    let (way, name) = (found.way, found.name.clone());
    let submit = {
        let found = found.clone();
        move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            if !busy.get_untracked() {
                send(driver, &found, &entries, busy, refused);
            }
        }
    };
    view! {
        <form on:submit=submit novalidate autocomplete="off" aria-busy=move || busy.get().then_some("true")>
            {move || refused.get().map(|error| refusal(driver, &error, &name))}
            <div class="fields" inert=move || busy.get()>
                {inputs}
            </div>
            <div class="actions">
                <button type="submit" class="button primary" aria-disabled=move || busy.get().then_some("true")>
                    {move || busy.get().then(|| view! { <Spinner label="" /> })}
                    <span aria-live="polite">
                        {
                            let name = found.name.clone();
                            move || if busy.get() { text::trying(way, &name) } else { text::send(way, &name) }
                        }
                    </span>
                </button>
                {back(driver)}
            </div>
        </form>
    }
    .into_any()
}

/// Checks, then goes on: to the provider's page at once, as browsers ask for it; else after the server has tried.
fn send(
    driver: Driver,
    choice: &ConnectChoice,
    entries: &[Entry],
    busy: RwSignal<bool>,
    refused: RwSignal<Option<ApiError>>,
) {
    let mut typed = BTreeMap::new();
    for entry in entries {
        typed.insert(entry.variable.name.clone(), entry.value.get_untracked());
    }
    let Ok(fields) = fields::check_all(&choice.fields, &typed) else {
        entries.iter().for_each(|entry| entry.left.set(true));
        return request_animation_frame(|| browser::focus("[aria-invalid]"));
    };
    let trip = Trip::new(choice.integration_id, fields);
    if choice.way == ConnectWay::Page {
        return driver.launch(trip);
    }
    refused.set(None);
    busy.set(true);
    let (way, entries) = (choice.way, entries.to_vec());
    spawn_local(async move {
        let answer = driver.enter(way, trip).await;
        // On another screen there is no form any more.
        if busy.try_set(false).is_some() {
            return;
        }
        let Err(error) = answer else { return };
        let mut named = false;
        for entry in &entries {
            let words = error.of_field(&format!("fields.{}", entry.variable.name));
            named |= words.is_some();
            entry.refused.set(words.map(|words| (entry.value.get_untracked(), text::sentence(words))));
        }
        if !named {
            refused.set(Some(error));
        }
        let first = if named { "[aria-invalid]" } else { "#refusal" };
        request_animation_frame(move || browser::focus(first));
    });
}

/// Why it was not taken, in words, and what to do next.
fn refusal(driver: Driver, error: &ApiError, name: &str) -> impl IntoView + use<> {
    let words = driver.now(|state| text::refusal(error, name, text::tenant(state)));
    view! {
        <div id="refusal" class="notice bad" role="alert" tabindex="-1">
            <strong>{words.title}</strong>
            {words.said.map(|said| view! { <blockquote>{said}</blockquote> })}
            <p>{words.next}</p>
        </div>
    }
}

fn back(driver: Driver) -> AnyView {
    if driver.now(|state| state.only_choice().is_some()) {
        return trouble::leave_button(driver);
    }
    view! {
        <button type="button" class="button quiet" on:click=move |_| driver.send(Event::Back)>
            {label::BACK}
        </button>
    }
    .into_any()
}

fn field(entry: Entry) -> impl IntoView {
    let (variable, value, left) = (entry.variable.clone(), entry.value, entry.left);
    // An empty field that one only passes through is not wrong yet.
    let leave = Callback::new(move |()| left.set(!value.with_untracked(|value| value.trim().is_empty())));
    let error = Signal::derive(move || entry.fault());
    view! { <VariableField variable=variable value=value error=error on_leave=leave /> }
}
