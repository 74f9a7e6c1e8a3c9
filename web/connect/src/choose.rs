//! Choosing an integration, and filling in what it asks for.

use std::collections::BTreeMap;

use api_types::connect::ConnectChoice;
use api_types::integration::Variable;
use ids::IntegrationId;
use leptos::prelude::*;
use patchbay_web_connect::fields;
use patchbay_web_connect::find::{SEARCH_FROM, categories, matching, monogram};
use patchbay_web_connect::screen::Trip;
use patchbay_web_connect::text::{self, label};
use web_components::{Field, browser};

use crate::drive::Driver;
use crate::patch::Icon;
use crate::trouble;

/// The list, or what happens next if there is nothing to choose.
pub fn pick(driver: Driver) -> AnyView {
    let choices = driver.now(|state| state.page.as_ref().map(|page| page.choices.clone()).unwrap_or_default());
    match choices.as_slice() {
        [] => trouble::leave_button(driver),
        [only] => single(driver, only),
        _ => view! {
            <Choices driver=driver choices=choices />
            <div class="actions">{trouble::leave_button(driver)}</div>
        }
        .into_any(),
    }
}

fn single(driver: Driver, only: &ConnectChoice) -> AnyView {
    let (id, asks) = (only.integration_id, !only.fields.is_empty());
    let steps = driver.now(|state| text::steps(text::tenant(state), &only.name));
    view! {
        <ol class="steps" aria-label=label::STEPS>
            {steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}
        </ol>
        <div class="actions">
            <button type="button" class="button primary" on:click=move |_| driver.pick(id, asks)>
                {text::go_to(&only.name)}
            </button>
            {trouble::leave_button(driver)}
        </div>
    }
    .into_any()
}

/// Search, categories and list.
#[component]
fn Choices(driver: Driver, choices: Vec<ConnectChoice>) -> impl IntoView {
    let searched = RwSignal::new(String::new());
    let category = RwSignal::new(None::<String>);
    let many = choices.len() >= SEARCH_FROM;
    let groups = categories(&choices);
    let choices = StoredValue::new(choices);
    let found = Memo::new(move |_| {
        choices.with_value(|choices| {
            matching(choices, &searched.get(), category.get().as_deref()).into_iter().cloned().collect::<Vec<_>>()
        })
    });
    let chip = move |value: Option<String>| {
        let (pressed, chosen) = (value.clone(), value.clone());
        view! {
            <button
                type="button"
                class="chip"
                aria-pressed=move || if category.get() == pressed { "true" } else { "false" }
                on:click=move |_| category.set(chosen.clone())
            >
                {value.unwrap_or_else(|| label::ALL.to_owned())}
            </button>
        }
    };
    view! {
        {many
            .then(|| {
                view! {
                    <div class="filters">
                        <Field name="search" label=label::SEARCH value=searched kind="search" inputmode="search" />
                        {(groups.len() > 1)
                            .then(|| {
                                view! {
                                    <div class="chips" role="group" aria-label=label::CATEGORIES>
                                        {chip(None)}
                                        {groups.into_iter().map(|group| chip(Some(group))).collect_view()}
                                    </div>
                                }
                            })}
                        <p class="sr" role="status">
                            {move || text::found(found.with(Vec::len))}
                        </p>
                    </div>
                }
            })}
        <ul class="choices">
            {move || {
                found.get().into_iter().map(|choice| view! { <li>{row(driver, &choice)}</li> }).collect_view()
            }}
        </ul>
        {move || found.with(Vec::is_empty).then(|| view! { <p class="faint">{label::NOTHING}</p> })}
    }
}

fn row(driver: Driver, choice: &ConnectChoice) -> impl IntoView + use<> {
    let (id, asks) = (choice.integration_id, !choice.fields.is_empty());
    view! {
        <button type="button" class="choice" data-integration=choice.slug.clone() on:click=move |_| driver.pick(id, asks)>
            <span class="end theirs" aria-hidden="true">{monogram(&choice.name)}</span>
            <span>
                <strong>{choice.name.clone()}</strong>
                <small>{choice.category.clone()}</small>
            </span>
            <Icon name="next" />
        </button>
    }
}

/// One field, its value and whether it is checked while typing: only after it was left once.
#[derive(Clone)]
struct Entry {
    variable: Variable,
    value: RwSignal<String>,
    left: RwSignal<bool>,
}

impl Entry {
    fn fault(&self) -> Option<String> {
        let checked = fields::check(&self.variable, &self.value.get());
        checked.err().filter(|_| self.left.get()).map(|fault| text::fault(fault).to_owned())
    }
}

/// The form that the manifest asks for.
pub fn form(driver: Driver, choice: IntegrationId, filled: &BTreeMap<String, String>) -> AnyView {
    let Some(found) = driver.now(|state| state.choice(choice).cloned()) else { return ().into_any() };
    let alone = driver.now(|state| state.only_choice().is_some());
    let entries: Vec<Entry> = found
        .fields
        .iter()
        .map(|variable| Entry {
            value: RwSignal::new(filled.get(&variable.name).cloned().unwrap_or_default()),
            left: RwSignal::new(false),
            variable: variable.clone(),
        })
        .collect();
    let inputs = entries.clone().into_iter().map(field).collect_view();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let typed = entries.iter().map(|e| (e.variable.name.clone(), e.value.get_untracked())).collect();
        match fields::check_all(&found.fields, &typed) {
            Ok(fields) => driver.launch(Trip::new(choice, fields)),
            Err(_) => {
                entries.iter().for_each(|entry| entry.left.set(true));
                request_animation_frame(|| browser::focus("[aria-invalid]"));
            }
        }
    };
    view! {
        <form on:submit=submit novalidate>
            <div class="fields">{inputs}</div>
            <div class="actions">
                <button type="submit" class="button primary">
                    {text::go_to(&found.name)}
                </button>
                {if alone {
                    trouble::leave_button(driver)
                } else {
                    view! {
                        <button
                            type="button"
                            class="button quiet"
                            on:click=move |_| driver.send(patchbay_web_connect::flow::Event::Back)
                        >
                            {label::BACK}
                        </button>
                    }
                        .into_any()
                }}
            </div>
        </form>
    }
    .into_any()
}

fn field(entry: Entry) -> impl IntoView {
    let Variable { name, kind, label, help, default, .. } = entry.variable.clone();
    let left = entry.left;
    let inputmode = if kind == "origin" { "url" } else { "text" };
    let leave = Callback::new(move |()| left.set(true));
    let value = entry.value;
    let error = Signal::derive(move || entry.fault());
    let placeholder = default.unwrap_or_default();
    view! {
        <Field
            name=name
            label=label
            value=value
            help=help.unwrap_or_default()
            error=error
            inputmode=inputmode
            placeholder=placeholder
            on_leave=leave
        />
    }
}
