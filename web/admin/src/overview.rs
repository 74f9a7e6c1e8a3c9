//! How things stand.

use api_types::connection::Connection;
use api_types::sync::Run;
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_client::ApiError;
use web_components::{Badge, Empty, Loaded, Paged, say};

use crate::app::Top;
use crate::portal::Scope;
use crate::{connections, deliveries, runs};

/// How many pages of connections are counted at most.
const PAGES: usize = 20;

/// Counts by health, the latest runs, and deliveries that did not arrive.
pub fn screen(scope: Scope) -> AnyView {
    let client = scope.client;
    let counted = Loaded::new(move || count(scope));
    let latest = Loaded::new(move || async move { client.runs(None, None).await });
    let parked =
        Paged::new(move |cursor| async move { client.deliveries(None, Some("parked".to_owned()), cursor).await });
    let refresh = move |_| {
        counted.reload();
        latest.reload();
        parked.reload();
    };
    view! {
        <Top title=t::place(&Route::Overview)>
            <button type="button" class="button" on:click=refresh>
                {t::REFRESH}
            </button>
        </Top>
        {counted.show(health)}
        <h2>{t::LATEST_RUNS}</h2>
        <section class="card">
            {latest
                .show(move |page| {
                    if page.data.is_empty() {
                        view! { <Empty title=t::NO_RUNS detail=t::NO_RUNS_DETAIL /> }.into_any()
                    } else {
                        let known = counted.ready().map(|counted| counted.connections).unwrap_or_default();
                        let name = move |run: &Run| {
                            let found = known.iter().find(|c| c.id == run.connection_id).map(connections::name);
                            Some(found.unwrap_or_else(|| run.connection_id.to_string()))
                        };
                        runs::list(scope, page.data.into_iter().take(6).collect(), name)
                    }
                })}
        </section>
        <h2>{t::OPEN_DELIVERIES}</h2>
        <section class="card">
            {parked
                .show(
                    || view! { <p class="quiet">{t::NO_OPEN_DELIVERIES}</p> }.into_any(),
                    move |all| deliveries::table(scope, all, Callback::new(move |()| parked.reload())),
                )}
        </section>
    }
    .into_any()
}

/// What was counted.
#[derive(Clone)]
struct Counted {
    connections: Vec<Connection>,
    /// Whether there are more than were read.
    more: bool,
}

async fn count(scope: Scope) -> Result<Counted, ApiError> {
    let mut counted = Counted { connections: Vec::new(), more: false };
    let mut cursor = None;
    for _ in 0..PAGES {
        let page = scope.client.connections(None, None, None, None, cursor).await?;
        counted.connections.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    counted.more = cursor.is_some();
    Ok(counted)
}

fn health(counted: Counted) -> AnyView {
    if counted.connections.is_empty() {
        return first_steps();
    }
    let total = u64::try_from(counted.connections.len()).unwrap_or(u64::MAX);
    let tiles = states::HEALTHS
        .into_iter()
        .map(|state| {
            let n = counted.connections.iter().filter(|c| c.health.state == state).count();
            (state, u64::try_from(n).unwrap_or(u64::MAX))
        })
        // The two that matter are always there, the others if there are any.
        .enumerate()
        .filter(|(place, (_, n))| *place < 2 || *n > 0)
        .map(|(_, (state, n))| {
            let (tone, word) = states::health(state);
            view! {
                <li class="card tile" data-health=state.as_str()>
                    <Badge tone=tone text=word />
                    <strong>{say::count(n)}</strong>
                </li>
            }
        })
        .collect_view();
    view! {
        <h2>{t::BY_HEALTH}</h2>
        <ul class="tiles">{tiles}</ul>
        {counted.more.then(|| view! { <p class="faint">{t::first_of(total)}</p> })}
    }
    .into_any()
}

fn first_steps() -> AnyView {
    let steps = t::first_steps().map(|(words, place)| {
        let name = place.as_ref().map(|place| view! { <a href=place.path()>{t::place(place)}</a> });
        view! { <li><span>{words}</span> " " {name}</li> }
    });
    view! {
        <section class="card start">
            <h2>{t::START_TITLE}</h2>
            <p class="faint">{t::START_DETAIL}</p>
            <ol>{steps}</ol>
        </section>
    }
    .into_any()
}
