//! API keys: list, create, revoke.

use api_types::operator::{ApiKey, CreateApiKey, CreatedApiKey};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Confirm, Deed, Failure, Field, Paged, Revealed, Tone, When, browser};

use crate::listing::{Words, listing};
use crate::portal::Scope;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let creating = RwSignal::new(false);
    let list = Paged::new(move |cursor| async move { scope.client.api_keys(cursor).await });
    let reload = Callback::new(move |()| list.reload());
    let words = Words {
        place: Route::ApiKeys,
        detail: t::API_KEYS_DETAIL,
        add: t::CREATE_KEY,
        none: (t::NO_KEYS, t::NO_KEYS_DETAIL),
    };
    let rows = move |all: Vec<ApiKey>| {
        let rows = all.into_iter().map(|key| view! { <Row scope=scope key=key reload=reload /> }).collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    listing(words, list, creating, rows, move || {
        view! { <Create scope=scope open=creating reload=reload /> }.into_any()
    })
}

fn state(key: &ApiKey) -> (Tone, &'static str) {
    let ended = key.expires_at.is_some_and(|at| at.timestamp_millis() < browser::now_ms());
    match (key.revoked_at.is_some(), ended) {
        (true, _) => (Tone::Plain, t::KEY_REVOKED),
        (false, true) => (Tone::Plain, t::KEY_EXPIRED),
        (false, false) => (Tone::Good, t::KEY_ACTIVE),
    }
}

#[component]
fn Row(scope: Scope, key: ApiKey, reload: Callback<()>) -> impl IntoView {
    let revoking = RwSignal::new(false);
    let deed = Deed::new();
    let id = key.id;
    let (tone, word) = state(&key);
    let scopes = states::scopes(&key.scopes);
    let ends = match key.expires_at {
        Some(at) => view! { <When at=at /> }.into_any(),
        None => t::KEY_NEVER.into_any(),
    };
    let confirmed = Callback::new(move |()| {
        deed.run(async move { scope.client.revoke_api_key(id).await }, move |()| {
            revoking.set(false);
            reload.run(());
        });
    });
    view! {
        <li data-key=id.to_string()>
            <div class="row">
                <span class="two">
                    <strong>{key.name.clone()}</strong>
                    <small><code>{key.hint.clone()} "…"</code></small>
                </span>
                <span>
                    <Badge tone=tone text=word />
                </span>
                <span class="two">
                    <span class="faint">{scopes}</span>
                    <small>{t::KEY_ENDS} ": " {ends}</small>
                </span>
                <span class="actions">
                    {(tone == Tone::Good)
                        .then(|| {
                            view! {
                                <button type="button" class="button small" on:click=move |_| revoking.set(true)>
                                    {t::REVOKE}
                                </button>
                            }
                        })}
                </span>
            </div>
            <Confirm
                open=revoking
                title=t::revoke_question(&key.name)
                detail=t::REVOKE_KEY_DETAIL
                act=t::REVOKE_KEY
                busy=Signal::derive(move || deed.busy())
                error=Signal::derive(move || deed.error())
                on_confirm=confirmed
            />
        </li>
    }
}

#[component]
fn Create(scope: Scope, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let some = RwSignal::new(false);
    let chosen = RwSignal::new(Vec::<&'static str>::new());
    let missing = RwSignal::new(false);
    let made = RwSignal::new(None::<CreatedApiKey>);
    let deed = Deed::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let scopes = if some.get_untracked() {
            chosen.get_untracked().into_iter().map(str::to_owned).collect()
        } else {
            states::SCOPES.map(str::to_owned).to_vec()
        };
        missing.set(scopes.is_empty());
        if scopes.is_empty() {
            return;
        }
        let body = CreateApiKey { name: name.get_untracked().trim().to_owned(), scopes, expires_at: None };
        deed.run(async move { scope.client.create_api_key(&body).await }, move |key| {
            made.set(Some(key));
            reload.run(());
        });
    };
    let radio = move |value: bool, words: &'static str| {
        view! {
            <label>
                <input
                    type="radio"
                    name="extent"
                    prop:checked=move || some.get() == value
                    on:change=move |_| some.set(value)
                />
                {words}
            </label>
        }
    };
    let boxes = move || {
        states::SCOPES.map(|key| {
            let toggle = move |event| {
                let on = event_target_checked(&event);
                chosen.update(|all| {
                    all.retain(|known| *known != key);
                    if on {
                        all.push(key);
                    }
                });
            };
            view! { <label><input type="checkbox" name=key on:change=toggle /> <code>{key}</code></label> }
        })
    };
    move || {
        match made.get() {
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
                <Field name="key-name" label=t::KEY_NAME help=t::KEY_NAME_HELP value=name required=true />
                <fieldset class="boxes">
                    <legend>{t::KEY_SCOPES}</legend>
                    {radio(false, t::KEY_MOST)} <p class="faint inset">{t::KEY_MOST_HELP}</p>
                    {radio(true, t::KEY_SOME)}
                    {move || some.get().then(|| view! { <div class="boxes inner">{boxes()}</div> })}
                    {move || missing.get().then(|| view! { <p class="field-error" role="alert">{t::KEY_SCOPES_MISSING}</p> })}
                </fieldset>
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
}
