//! Deliveries, their attempts, and sending again.

use api_types::event::{Delivery, DeliveryAttempt, DeliveryState};
use ids::DeliveryId;
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Deed, Empty, Failure, Paged, Select, Tone, When, say};

use crate::app::Top;
use crate::portal::Scope;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let client = scope.client;
    let state = RwSignal::new(String::new());
    let list = Paged::new(move |cursor| {
        let state = filled(&state.get());
        async move { client.deliveries(None, state, cursor).await }
    });
    let options: Vec<(String, String)> = std::iter::once((String::new(), t::ALL.to_owned()))
        .chain(states::DELIVERIES.map(|s| (states::delivery_key(s).to_owned(), states::delivery(s).1.to_owned())))
        .collect();
    let empty = move || {
        if state.get().is_empty() {
            view! {
                <Empty title=t::NO_DELIVERIES detail=t::NO_DELIVERIES_DETAIL>
                    <a class="button primary" href=Route::Endpoints.path()>
                        {t::place(&Route::Endpoints)}
                    </a>
                </Empty>
            }
            .into_any()
        } else {
            view! { <Empty title=t::NO_MATCH detail=t::NO_MATCH_DETAIL /> }.into_any()
        }
    };
    let reload = Callback::new(move |()| list.reload());
    view! {
        <Top title=t::place(&Route::Deliveries) detail=t::DELIVERIES_DETAIL>
            <button type="button" class="button" on:click=move |_| list.reload()>
                {t::REFRESH}
            </button>
        </Top>
        <div class="filters">
            <Select name="state" label=t::STATE value=state options=Signal::stored(options) />
        </div>
        <section class="card">{list.show(empty, move |all| table(scope, all, reload))}</section>
    }
    .into_any()
}

/// Deliveries as rows that open to their attempts.
pub fn table(scope: Scope, all: Vec<Delivery>, reload: Callback<()>) -> AnyView {
    let rows = all.into_iter().map(|d| view! { <Row scope=scope delivery=d reload=reload /> }).collect_view();
    view! { <ul class="rows">{rows}</ul> }.into_any()
}

#[component]
fn Row(scope: Scope, delivery: Delivery, reload: Callback<()>) -> impl IntoView {
    let open = RwSignal::new(false);
    let deed = Deed::new();
    let id = delivery.id;
    let (tone, word) = states::delivery(delivery.state);
    let replay = move |_| {
        deed.run(async move { scope.client.replay_delivery(id).await }, move |_| {
            scope.portal.say(t::REPLAYED);
            reload.run(());
        });
    };
    let next = delivery
        .next_attempt_at
        .filter(|_| delivery.state == DeliveryState::Pending)
        .map(|at| view! { ", " {t::NEXT_ATTEMPT} " " <When at=at /> });
    view! {
        <li data-delivery=delivery.id.to_string()>
            <div class="row">
                <span class="two">
                    <strong>{states::event(delivery.event)}</strong>
                    <small class="clip">{delivery.url.clone()}</small>
                </span>
                <span class="pair">
                    <Badge tone=tone text=word />
                    {status(delivery.last_status)}
                </span>
                <span class="faint">
                    <When at=delivery.created_at />
                    {next}
                </span>
                <span class="actions">
                    <button
                        type="button"
                        class="button small"
                        aria-expanded=move || open.get().to_string()
                        on:click=move |_| open.update(|open| *open = !*open)
                    >
                        {move || if open.get() { t::HIDE_ATTEMPTS } else { t::SHOW_ATTEMPTS }}
                        " ("
                        {delivery.attempts}
                        ")"
                    </button>
                    <button type="button" class="button small" disabled=move || deed.busy() on:click=replay>
                        {t::REPLAY}
                    </button>
                </span>
            </div>
            {move || deed.error().map(|error| view! { <Failure error=error /> })}
            {move || open.get().then(|| attempts(scope, id))}
        </li>
    }
}

fn status(status: Option<u16>) -> AnyView {
    match status {
        Some(status) => view! { <code>{status}</code> }.into_any(),
        None => ().into_any(),
    }
}

fn attempts(scope: Scope, id: DeliveryId) -> AnyView {
    let all = web_components::Loaded::new(move || async move { scope.client.delivery_attempts(id).await });
    all.show(|page| {
        if page.data.is_empty() {
            return view! { <p class="quiet">{t::NO_ATTEMPTS}</p> }.into_any();
        }
        view! { <ol class="attempts">{page.data.into_iter().map(attempt).collect_view()}</ol> }.into_any()
    })
}

fn attempt(attempt: DeliveryAttempt) -> impl IntoView {
    let good = attempt.status.is_some_and(|status| (200..300).contains(&status));
    let words = attempt.status.map_or_else(|| t::NO_ANSWER.to_owned(), |status| status.to_string());
    view! {
        <li>
            <Badge tone=if good { Tone::Good } else { Tone::Bad } text=words />
            <span class="faint">
                <time title=say::exact(attempt.at)>{say::exact(attempt.at)}</time>
                " · "
                {attempt.elapsed_ms}
                " ms"
            </span>
            {attempt.error.map(|error| view! { <span>{error}</span> })}
            {attempt.response.filter(|r| !r.is_empty()).map(|response| view! { <pre tabindex="0">{response}</pre> })}
        </li>
    }
}
