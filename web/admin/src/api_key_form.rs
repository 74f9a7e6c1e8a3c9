//! What is filled in for an API key: a name, what it may do, what it reaches and when it ends.

use api_types::operator::{CreateApiKey, CreateApiKeyOnly, CreatedApiKey};
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::{states, text as t};
use web_components::{Deed, Failure, Field, Loaded, Revealed, Select, browser};

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
    integrations: RwSignal<Vec<String>>,
    tags: RwSignal<String>,
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
            integrations: RwSignal::default(),
            tags: RwSignal::default(),
            days: RwSignal::default(),
        }
    }

    /// The scopes that may be chosen.
    fn offered(self) -> Vec<&'static str> {
        if self.bound.get() { states::scopes_within(self.tags().is_empty()) } else { states::SCOPES.to_vec() }
    }

    fn tags(self) -> Vec<String> {
        self.tags.with(|typed| typed.split(',').filter_map(filled).collect())
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
        let only = CreateApiKeyOnly {
            integrations: self.integrations.get_untracked(),
            connections: Vec::new(),
            tags: untrack(move || self.tags()),
        };
        let bound = self.bound.get_untracked();
        if bound && only.integrations.is_empty() && only.tags.is_empty() {
            return Err(t::KEY_REACH_MISSING);
        }
        let ends = self.days.get_untracked().parse::<i64>().ok().and_then(|days| {
            chrono::DateTime::from_timestamp_millis(browser::now_ms().saturating_add(days.saturating_mul(86_400_000)))
        });
        let name = self.name.get_untracked().trim().to_owned();
        Ok(CreateApiKey { name, scopes, expires_at: ends, only: bound.then_some(only) })
    }
}

/// A choice between two.
fn radio(group: &'static str, chosen: RwSignal<bool>, value: bool, words: &'static str) -> impl IntoView {
    view! {
        <label>
            <input
                type="radio"
                name=group
                prop:checked=move || chosen.get() == value
                on:change=move |_| chosen.set(value)
            />
            {words}
        </label>
    }
}

/// The integrations that a key may be bound to.
fn integrations(scope: Scope, chosen: RwSignal<Vec<String>>) -> impl IntoView {
    let all = Loaded::new(move || async move { scope.client.integrations(None).await });
    all.show(move |page| {
        let boxes = page.data.into_iter().map(|integration| {
            let slug = integration.slug.clone();
            let toggle = move |event| {
                let on = event_target_checked(&event);
                chosen.update(|all| {
                    all.retain(|known| *known != slug);
                    if on {
                        all.push(slug.clone());
                    }
                });
            };
            let name = format!("only-{}", integration.slug);
            view! { <label><input type="checkbox" name=name on:change=toggle /> {integration.display_name}</label> }
        });
        view! { <div class="boxes inner">{boxes.collect_view()}</div> }.into_any()
    })
}

/// Creates a key and shows its secret, once.
#[component]
pub fn Create(scope: Scope, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let draft = Draft::new();
    let missing = RwSignal::new(None::<&'static str>);
    let made = RwSignal::new(None::<CreatedApiKey>);
    let deed = Deed::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match draft.body() {
            Err(what) => missing.set(Some(what)),
            Ok(body) => {
                missing.set(None);
                deed.run(async move { scope.client.create_api_key(&body).await }, move |key| {
                    made.set(Some(key));
                    reload.run(());
                });
            }
        }
    };
    let ends = [("", t::KEY_NEVER), ("30", t::KEY_IN_30_DAYS), ("90", t::KEY_IN_90_DAYS), ("365", t::KEY_IN_A_YEAR)];
    let ends: Vec<_> = ends.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec();
    move || match made.get() {
        Some(made) => view! {
            <div class="stack">
                <Revealed secret=made.secret label=t::KEY_SECRET warning=t::KEY_SECRET_DETAIL />
                <div class="actions end">
                    <button type="button" class="button primary" on:click=move |_| open.set(false)>
                        {t::DONE}
                    </button>
                </div>
            </div>
        }
        .into_any(),
        None => view! {
            <form class="stack" on:submit=submit>
                {move || deed.error().map(|error| view! { <Failure error=error /> })}
                <Field name="key-name" label=t::KEY_NAME help=t::KEY_NAME_HELP value=draft.name required=true />
                <fieldset class="boxes">
                    <legend>{t::KEY_REACH}</legend>
                    {radio("reach", draft.bound, false, t::KEY_REACH_ALL)}
                    {radio("reach", draft.bound, true, t::KEY_REACH_SOME)}
                    {move || {
                        draft
                            .bound
                            .get()
                            .then(|| {
                                view! {
                                    <p class="faint inset">{t::KEY_REACH_HELP}</p>
                                    {integrations(scope, draft.integrations)}
                                    <Field
                                        name="key-tags"
                                        label=t::KEY_TAGS
                                        help=t::KEY_TAGS_HELP
                                        value=draft.tags
                                        placeholder=t::TAG_EXAMPLE
                                    />
                                }
                            })
                    }}
                </fieldset>
                <fieldset class="boxes">
                    <legend>{t::KEY_SCOPES}</legend>
                    {radio("extent", draft.some, false, t::KEY_MOST)} <p class="faint inset">{t::KEY_MOST_HELP}</p>
                    {radio("extent", draft.some, true, t::KEY_SOME)}
                    {move || draft.some.get().then(|| view! { <div class="boxes inner">{boxes(draft)}</div> })}
                </fieldset>
                <Select name="key-ends" label=t::KEY_LIFETIME value=draft.days options=Signal::stored(ends.clone()) />
                {move || missing.get().map(|what| view! { <p class="field-error" role="alert">{what}</p> })}
                <div class="actions end">
                    <button type="submit" class="button primary" disabled=move || deed.busy()>
                        {t::CREATE_KEY}
                    </button>
                </div>
            </form>
        }
        .into_any(),
    }
}

/// The scopes to choose from.
fn boxes(draft: Draft) -> impl IntoView {
    let box_of = move |key: &'static str| {
        let toggle = move |event| {
            let on = event_target_checked(&event);
            draft.scopes.update(|all| {
                all.retain(|known| *known != key);
                if on {
                    all.push(key);
                }
            });
        };
        let chosen = draft.scopes.with_untracked(|all| all.contains(&key));
        view! { <label><input type="checkbox" name=key prop:checked=chosen on:change=toggle /> <code>{key}</code></label> }
    };
    draft.offered().into_iter().map(box_of).collect_view()
}
