//! Records, page by page, as the tenant's backend reads them.

use api_types::sync::{Record, RecordPage};
use ids::ConnectionId;
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::{Badge, Copyable, Empty, Loaded, Select, Tone, When};

use crate::app::Top;
use crate::connections;
use crate::portal::Scope;

/// Connection, stream, and the feed of both.
pub fn screen(scope: Scope, connection: Option<ConnectionId>, stream: Option<String>) -> AnyView {
    view! {
        <Top title=t::place(&Route::Records { connection: None, stream: None }) detail=t::RECORDS_DETAIL />
        <Choice scope=scope connection=connection stream=stream.clone() />
        <section class="card">
            {match (connection, stream) {
                (Some(connection), Some(stream)) => {
                    view! { <Feed scope=scope connection=connection stream=stream /> }.into_any()
                }
                _ => view! { <Empty title=t::RECORDS_CHOOSE detail=t::RECORDS_CHOOSE_DETAIL /> }.into_any(),
            }}
        </section>
    }
    .into_any()
}

#[component]
fn Choice(scope: Scope, connection: Option<ConnectionId>, stream: Option<String>) -> impl IntoView {
    let client = scope.client;
    let chosen = RwSignal::new(connection.map(|id| id.to_string()).unwrap_or_default());
    let streamed = RwSignal::new(stream.unwrap_or_default());
    let all = Loaded::new(move || async move { client.connections(None, None, None, None, None).await });
    let syncs = Loaded::new(move || async move {
        match connection {
            Some(id) => client.syncs(id).await.map(|page| page.data),
            None => Ok(Vec::new()),
        }
    });
    let named = Signal::derive(move || {
        let mut options = vec![(String::new(), t::CHOOSE_CONNECTION.to_owned())];
        let all = all.ready().map(|page| page.data).unwrap_or_default();
        options.extend(all.iter().map(|c| (c.id.to_string(), format!("{} · {}", connections::name(c), c.integration))));
        // One beyond the first page is chosen by its own screen's link.
        let missing = connection.map(|id| id.to_string()).filter(|id| options.iter().all(|(known, _)| known != id));
        options.extend(missing.map(|id| (id.clone(), id)));
        options
    });
    let streams = Signal::derive(move || {
        let mut options = vec![(String::new(), t::CHOOSE_STREAM.to_owned())];
        options.extend(syncs.ready().unwrap_or_default().into_iter().map(|s| (s.stream.clone(), s.stream)));
        options
    });
    Effect::new(move |before: Option<(String, String)>| {
        let now = (chosen.get(), streamed.get());
        if let Some(before) = before.filter(|before| *before != now) {
            let connection = now.0.parse().ok();
            // Another connection has other streams; one of the same name is a different one.
            let stream = if before.0 == now.0 { Some(now.1.clone()).filter(|s| !s.is_empty()) } else { None };
            scope.portal.go(Route::Records { connection, stream });
        }
        now
    });
    view! {
        <div class="filters">
            <Select name="connection" label=t::CONNECTION value=chosen options=named />
            <Select name="stream" label=t::STREAM value=streamed options=streams />
        </div>
    }
}

#[component]
fn Feed(scope: Scope, connection: ConnectionId, stream: String) -> impl IntoView {
    let cursor = RwSignal::new(None::<String>);
    let number = RwSignal::new(1usize);
    let client = scope.client;
    let page = Loaded::new(move || {
        let (cursor, stream) = (cursor.get(), stream.clone());
        async move { client.records(connection, &stream, cursor).await }
    });
    let go = move |to: Option<String>| {
        number.update(|n| *n = if to.is_some() { *n + 1 } else { 1 });
        cursor.set(to);
    };
    page.show(move |page: RecordPage| {
        let first = number.get_untracked() == 1;
        if page.data.is_empty() && first {
            return view! { <Empty title=t::NO_RECORDS detail=t::NO_RECORDS_DETAIL /> }.into_any();
        }
        let next = page.next_cursor.clone();
        let more = page.has_more;
        view! {
            <ul class="records">{page.data.into_iter().map(record).collect_view()}</ul>
            {(!more)
                .then(|| {
                    view! {
                        <div class="end-of-feed">
                            <p class="faint">{t::END_OF_FEED}</p>
                            <Copyable text=page.next_cursor label=t::CURSOR />
                        </div>
                    }
                })}
            <div class="more">
                <span class="faint">{t::page_number(number.get_untracked())}</span>
                <button type="button" class="button" disabled=first on:click=move |_| go(None)>
                    {t::FIRST_PAGE}
                </button>
                <button type="button" class="button" disabled=!more on:click=move |_| go(Some(next.clone()))>
                    {t::NEXT_PAGE}
                </button>
            </div>
        }
        .into_any()
    })
}

fn record(record: Record) -> impl IntoView {
    // What came as JSON can be written as JSON.
    let json = serde_json::to_string_pretty(&record.data).unwrap_or_default();
    view! {
        <li>
            <details>
                <summary>
                    <code>{record.id}</code>
                    {record.deleted_at.map(|_| view! { <Badge tone=Tone::Plain text=t::DELETED_AT /> })}
                    <span class="faint">{t::UPDATED} " " <When at=record.updated_at /></span>
                </summary>
                <pre tabindex="0">{json}</pre>
            </details>
        </li>
    }
}
