//! Endpoints: list, add, test, delete.

use api_types::event::{CreateEndpoint, CreatedEndpoint, Endpoint, EventKind};
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Deed, Failure, Field, Notice, Paged, Tone};

use crate::dialogs::{Form, Made, Remove, tick};
use crate::listing::{Words, listing};
use crate::portal::Scope;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let adding = RwSignal::new(false);
    let list = Paged::new(move |cursor| async move { scope.client.endpoints(cursor).await });
    let reload = Callback::new(move |()| list.reload());
    let words = Words {
        place: Route::Endpoints,
        detail: t::ENDPOINTS_DETAIL,
        add: t::ADD_ENDPOINT,
        none: (t::NO_ENDPOINTS, t::NO_ENDPOINTS_DETAIL),
    };
    let rows = move |all: Vec<Endpoint>| {
        let row = |endpoint| view! { <Row scope=scope endpoint=endpoint reload=reload /> };
        view! { <ul class="rows">{all.into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    listing(words, list, adding, rows, move || view! { <Add scope=scope open=adding reload=reload /> }.into_any())
}

#[component]
fn Row(scope: Scope, endpoint: Endpoint, reload: Callback<()>) -> impl IntoView {
    let deleting = RwSignal::new(false);
    let test = Deed::new();
    let id = endpoint.id;
    let events = match &endpoint.events {
        None => t::ALL_EVENTS.to_owned(),
        Some(kinds) => kinds.iter().map(|kind| states::event(*kind)).collect::<Vec<_>>().join(", "),
    };
    let (tone, word) =
        if endpoint.disabled_reason.is_some() { (Tone::Bad, t::DISABLED) } else { (Tone::Good, t::ENABLED) };
    let try_it = move |_| {
        test.run(async move { scope.client.test_endpoint(id).await }, move |_| scope.portal.say(t::TESTED));
    };
    view! {
        <li data-endpoint=id.to_string()>
            <div class="row">
                <span class="two">
                    <strong class="clip">{endpoint.url.clone()}</strong>
                    <small>{endpoint.description.clone()}</small>
                </span>
                <span>
                    <Badge tone=tone text=word />
                </span>
                <span class="faint">{events}</span>
                <span class="actions">
                    <button type="button" class="button small" disabled=move || test.busy() on:click=try_it>
                        {t::TEST}
                    </button>
                    <button type="button" class="button small" on:click=move |_| deleting.set(true)>
                        {t::DELETE}
                    </button>
                </span>
            </div>
            {endpoint.disabled_reason.map(|reason| view! { <Notice tone=Tone::Bad title=t::DISABLED>{reason}</Notice> })}
            {move || test.error().map(|error| view! { <Failure error=error /> })}
            <Remove
                open=deleting
                title=t::delete_question(&endpoint.url)
                detail=t::DELETE_ENDPOINT_DETAIL
                act=t::DELETE_ENDPOINT
                call=move || async move { scope.client.delete_endpoint(id).await }
                then=reload
            />
        </li>
    }
}

#[component]
fn Add(scope: Scope, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let url = RwSignal::new(String::new());
    let note = RwSignal::new(String::new());
    let chosen = RwSignal::new(Vec::<EventKind>::new());
    let made = RwSignal::new(None::<CreatedEndpoint>);
    let deed = Deed::new();
    let submit = Callback::new(move |()| {
        let events = Some(chosen.get_untracked()).filter(|events| !events.is_empty());
        let body = CreateEndpoint {
            url: url.get_untracked().trim().to_owned(),
            description: filled(&note.get_untracked()),
            events,
        };
        deed.run(async move { scope.client.create_endpoint(&body).await }, move |endpoint| {
            made.set(Some(endpoint));
            reload.run(());
        });
    });
    let done = Callback::new(move |()| open.set(false));
    let wrong = Signal::derive(move || deed.error().and_then(|e| e.of_field("url").map(str::to_owned)));
    let boxes =
        move || states::EVENTS.map(|kind| tick(states::event(kind).to_owned(), kind, chosen, states::event(kind)));
    move || match made.get() {
        Some(made) => view! {
            <Made secret=made.secret label=t::SIGNING_SECRET warning=t::SIGNING_SECRET_DETAIL on_done=done />
        }
        .into_any(),
        None => view! {
            <Form deed=deed act=t::ADD_ENDPOINT on_submit=submit>
                <Field
                    name="url"
                    label=t::URL
                    help=t::URL_HELP
                    value=url
                    error=wrong
                    kind="url"
                    inputmode="url"
                    required=true
                />
                <Field name="description" label=t::DESCRIPTION value=note />
                <fieldset class="boxes">
                    <legend>{t::WHICH_EVENTS}</legend>
                    <p class="faint">
                        {move || if chosen.with(Vec::is_empty) { t::ALL_EVENTS } else { "" }}
                    </p>
                    {boxes()}
                </fieldset>
            </Form>
        }
        .into_any(),
    }
}
