//! API keys: list, create, rotate, revoke.

use api_types::operator::{ApiKey, RotateApiKey};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Deed, Dialog, Paged, Select, Tone, When, browser};

use crate::api_key_form::Create;
use crate::dialogs::{Form, Made, Remove};
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
        view! {
            <ul class="rows">{rows}</ul>
            <p class="quiet">{t::KEY_FORM_HELP}</p>
        }
        .into_any()
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

/// How far it reaches, when it ends and was used, and what its old secret does.
fn facts(key: &ApiKey) -> AnyView {
    let reach = key.only.as_ref().map(|only| {
        let words = t::reach(only.integrations.len(), only.connections.len(), &only.tags);
        view! { <small>{t::KEY_REACHES} ": " {words}</small> }
    });
    let ends = match key.expires_at {
        Some(at) => view! { <When at=at /> }.into_any(),
        None => t::KEY_NEVER.into_any(),
    };
    let used = match key.last_used_at {
        Some(at) => view! { {t::KEY_USED} ": " <When at=at /> }.into_any(),
        None => t::KEY_UNUSED.into_any(),
    };
    let works = |until: chrono::DateTime<chrono::Utc>| until.timestamp_millis() > browser::now_ms();
    let old = key.previous.clone().filter(|old| works(old.until) && key.revoked_at.is_none()).map(|old| {
        let used = old.last_used_at.map(|at| view! { ", " {t::OLD_SECRET_USED} " " <When at=at /> });
        view! {
            <small data-fact="previous">
                {t::OLD_SECRET} " " <code>{old.hint} "…"</code> " " {t::OLD_SECRET_ENDS} " " <When at=old.until /> {used}
            </small>
        }
    });
    view! {
        <span class="two">
            <span class="faint">{states::scopes(&key.scopes, key.only.is_some())}</span>
            {reach}
            <small>{t::KEY_ENDS} ": " {ends} " · " {used}</small>
            {old}
        </span>
    }
    .into_any()
}

#[component]
fn Row(scope: Scope, key: ApiKey, reload: Callback<()>) -> impl IntoView {
    let revoking = RwSignal::new(false);
    let rotating = RwSignal::new(false);
    let id = key.id;
    let (tone, word) = state(&key);
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
                {facts(&key)}
                <span class="actions">
                    {(tone == Tone::Good)
                        .then(|| {
                            view! {
                                <button type="button" class="button small" on:click=move |_| rotating.set(true)>
                                    {t::ROTATE}
                                </button>
                                <button type="button" class="button small" on:click=move |_| revoking.set(true)>
                                    {t::REVOKE}
                                </button>
                            }
                        })}
                </span>
            </div>
            <Dialog open=rotating title=t::ROTATE_KEY>
                <Rotate scope=scope key=id open=rotating reload=reload />
            </Dialog>
            <Remove
                open=revoking
                title=t::revoke_question(&key.name)
                detail=t::REVOKE_KEY_DETAIL
                act=t::REVOKE_KEY
                call=move || async move { scope.client.revoke_api_key(id).await }
                then=reload
            />
        </li>
    }
}

/// Gives the key a new secret. The list is read anew only when the dialog is left: it would take the secret along.
#[component]
fn Rotate(scope: Scope, key: ids::ApiKeyId, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let deed = Deed::new();
    let made = RwSignal::new(None::<String>);
    let hours = RwSignal::new("24".to_owned());
    let options = [("0", t::ROTATE_AT_ONCE), ("1", t::ROTATE_HOUR), ("24", t::ROTATE_DAY), ("168", t::ROTATE_WEEK)];
    let options = Signal::stored(options.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec());
    let submit = Callback::new(move |()| {
        let ms = hours.get_untracked().parse::<i64>().unwrap_or(24) * 3_600_000;
        let until = chrono::DateTime::from_timestamp_millis(browser::now_ms().saturating_add(ms));
        let body = RotateApiKey { previous_until: until };
        deed.run(async move { scope.client.rotate_api_key(key, &body).await }, move |rotated| {
            made.set(Some(rotated.secret));
        });
    });
    let done = Callback::new(move |()| {
        open.set(false);
        reload.run(());
    });
    move || match made.get() {
        Some(secret) => {
            view! { <Made secret=secret label=t::KEY_SECRET warning=t::KEY_SECRET_DETAIL on_done=done /> }.into_any()
        }
        None => view! {
            <Form deed=deed act=t::ROTATE_KEY on_submit=submit>
                <p>{t::ROTATE_KEY_DETAIL}</p>
                <Select name="overlap" label=t::ROTATE_OVERLAP value=hours options=options />
            </Form>
        }
        .into_any(),
    }
}
