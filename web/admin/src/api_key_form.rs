//! What is filled in for an API key: a name, what it may do, what it reaches and when it ends.

use api_types::operator::{CreateApiKey, CreatedApiKey};
use leptos::prelude::*;
use patchbay_web_admin::{states, text as t};
use web_components::{Deed, Field, Select, browser};

use crate::api_key_reach::Reach;
use crate::dialogs::{Form, Made, tick};
use crate::portal::Scope;

/// What is chosen.
#[derive(Clone, Copy)]
struct Draft {
    name: RwSignal<String>,
    /// Whether only some scopes are given, and which.
    some: RwSignal<bool>,
    scopes: RwSignal<Vec<&'static str>>,
    /// Whether it is bound, and to what.
    bound: RwSignal<bool>,
    reach: Reach,
    /// Days; empty for ever.
    days: RwSignal<String>,
}

impl Draft {
    fn new() -> Self {
        Self {
            name: RwSignal::default(),
            some: RwSignal::new(false),
            scopes: RwSignal::default(),
            bound: RwSignal::new(false),
            reach: Reach::default(),
            days: RwSignal::default(),
        }
    }

    /// The scopes that may be chosen.
    fn offered(self) -> Vec<&'static str> {
        if self.bound.get() { states::scopes_within(self.reach.is_by_integration()) } else { states::SCOPES.to_vec() }
    }

    /// What is to be sent, or what is missing.
    fn body(self) -> Result<CreateApiKey, &'static str> {
        let offered = untrack(move || self.offered());
        let chosen = self.scopes.get_untracked();
        let wanted = |scope: &&str| !self.some.get_untracked() || chosen.contains(scope);
        let scopes: Vec<String> = offered.into_iter().filter(wanted).map(str::to_owned).collect();
        if scopes.is_empty() {
            return Err(t::KEY_SCOPES_MISSING);
        }
        let only = if self.bound.get_untracked() { Some(self.reach.only().ok_or(t::KEY_REACH_MISSING)?) } else { None };
        let ends = self.days.get_untracked().parse::<i64>().ok().and_then(|days| {
            chrono::DateTime::from_timestamp_millis(browser::now_ms().saturating_add(days.saturating_mul(86_400_000)))
        });
        let name = self.name.get_untracked().trim().to_owned();
        Ok(CreateApiKey { name, scopes, expires_at: ends, only })
    }
}

/// A choice between two.
fn radio(group: &'static str, chosen: RwSignal<bool>, value: bool, words: &'static str) -> impl IntoView {
    view! {
        <label>
            <input
                type="radio"
                name=group
                value=value.to_string()
                prop:checked=move || chosen.get() == value
                on:change=move |_| chosen.set(value)
            />
            {words}
        </label>
    }
}

/// Creates a key and shows its secret, once.
#[component]
pub fn Create(scope: Scope, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let draft = Draft::new();
    let missing = RwSignal::new(None::<&'static str>);
    let made = RwSignal::new(None::<CreatedApiKey>);
    let deed = Deed::new();
    let submit = Callback::new(move |()| match draft.body() {
        Err(what) => missing.set(Some(what)),
        Ok(body) => {
            missing.set(None);
            deed.run(async move { scope.client.create_api_key(&body).await }, move |key| {
                made.set(Some(key));
                reload.run(());
            });
        }
    });
    let done = Callback::new(move |()| open.set(false));
    let ends = [("", t::KEY_NEVER), ("30", t::KEY_IN_30_DAYS), ("90", t::KEY_IN_90_DAYS), ("365", t::KEY_IN_A_YEAR)];
    let ends = Signal::stored(ends.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec());
    move || match made.get() {
        Some(made) => {
            view! { <Made secret=made.secret label=t::KEY_SECRET warning=t::KEY_SECRET_DETAIL on_done=done /> }
                .into_any()
        }
        None => view! {
            <Form deed=deed act=t::CREATE_KEY on_submit=submit>
                <Field name="key-name" label=t::KEY_NAME help=t::KEY_NAME_HELP value=draft.name required=true />
                <fieldset class="boxes">
                    <legend>{t::KEY_REACH}</legend>
                    {radio("reach", draft.bound, false, t::KEY_REACH_ALL)}
                    {radio("reach", draft.bound, true, t::KEY_REACH_SOME)}
                    {move || draft.bound.get().then(|| draft.reach.fields(scope))}
                </fieldset>
                <fieldset class="boxes">
                    <legend>{t::KEY_SCOPES}</legend>
                    {radio("extent", draft.some, false, t::KEY_MOST)} <p class="faint inset">{t::KEY_MOST_HELP}</p>
                    {radio("extent", draft.some, true, t::KEY_SOME)}
                    {move || draft.some.get().then(|| view! { <div class="boxes inner">{boxes(draft)}</div> })}
                </fieldset>
                <Select name="key-ends" label=t::KEY_LIFETIME value=draft.days options=ends />
                {move || missing.get().map(|what| view! { <p class="field-error" role="alert">{what}</p> })}
            </Form>
        }
        .into_any(),
    }
}

/// The scopes to choose from.
fn boxes(draft: Draft) -> impl IntoView {
    let one = |key: &'static str| tick(key.to_owned(), key, draft.scopes, view! { <code>{key}</code> });
    draft.offered().into_iter().map(one).collect_view()
}
