//! One connection: health with its reason, syncs, runs, and what can be done.

use api_types::connection::{Connection, Revocation};
use api_types::sync::{Sync, SyncSchedule};
use ids::ConnectionId;
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Copyable, Deed, Dialog, Empty, Failure, Loaded, Notice, Paged, Tone, When, say};

use crate::app::Top;
use crate::connections;
use crate::dialogs::Remove;
use crate::link::RepairLink;
use crate::portal::Scope;
use crate::runs;

/// The whole of it.
pub fn screen(scope: Scope, id: ConnectionId) -> AnyView {
    let client = scope.client;
    let connection = Loaded::new(move || async move { client.connection(id).await });
    let syncs = Loaded::new(move || async move { client.syncs(id).await });
    let history = Paged::new(move |cursor| async move { client.runs(Some(id), cursor).await });
    let refresh = Callback::new(move |()| {
        connection.reload();
        syncs.reload();
        history.reload();
    });
    view! {
        <p class="crumb">
            <a href=Route::Connections.path()>{t::place(&Route::Connections)}</a>
        </p>
        {connection.show(move |found| view! { <Head scope=scope connection=found refresh=refresh /> }.into_any())}
        <h2>{t::SYNCS}</h2>
        <section class="card">
            {syncs
                .show(move |page| {
                    if page.data.is_empty() {
                        return view! { <Empty title=t::NO_SYNCS detail=t::NO_SYNCS_DETAIL /> }.into_any();
                    }
                    let rows = page
                        .data
                        .into_iter()
                        .map(|sync| view! { <SyncRow scope=scope sync=sync refresh=refresh /> })
                        .collect_view();
                    view! { <ul class="rows">{rows}</ul> }.into_any()
                })}
        </section>
        <h2>{t::RUNS}</h2>
        <section class="card">
            {history
                .show(
                    || view! { <Empty title=t::NO_RUNS detail=t::NO_RUNS_DETAIL /> }.into_any(),
                    move |all| runs::list(scope, all, |_| None),
                )}
        </section>
    }
    .into_any()
}

#[component]
fn Head(scope: Scope, connection: Connection, refresh: Callback<()>) -> impl IntoView {
    let linking = RwSignal::new(false);
    let deleting = RwSignal::new(false);
    let id = connection.id;
    let name = connections::name(&connection);
    let (tone, word) = states::health(connection.health.state);
    let question = t::delete_question(&name);
    let gone = Callback::new(move |()| scope.portal.go(Route::Connections));
    let why = matches!(tone, Tone::Bad | Tone::Warn).then(|| {
        let cause = connection.health.cause.clone();
        view! {
            <Notice tone=tone title=connection.health.reason.clone()>
                {cause.map(|cause| view! { {t::CAUSE} ": " <code>{cause}</code> })}
            </Notice>
        }
    });
    let tags = connection.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ");
    let shown = StoredValue::new(connection.clone());
    view! {
        <Top title=name>
            <button type="button" class="button" on:click=move |_| refresh.run(())>
                {t::REFRESH}
            </button>
            <button type="button" class="button" on:click=move |_| linking.set(true)>
                {t::CONNECT_LINK}
            </button>
            <button type="button" class="button" on:click=move |_| deleting.set(true)>
                {t::DELETE}
            </button>
        </Top>
        {why}
        <dl class="card facts">
            <div>
                <dt>{t::HEALTH}</dt>
                <dd>
                    <Badge tone=tone text=word />
                    " "
                    <span class="faint">{t::SINCE} " " <When at=connection.health.since /></span>
                </dd>
            </div>
            <div>
                <dt>{t::END_USER}</dt>
                <dd>{connections::end_user(&connection)}</dd>
            </div>
            <div>
                <dt>{t::INTEGRATION}</dt>
                <dd>{connection.integration.clone()}</dd>
            </div>
            <div>
                <dt>{t::PROVIDER_ACCOUNT}</dt>
                <dd>{connection.account.clone().unwrap_or_else(|| t::NONE.to_owned())}</dd>
            </div>
            <div>
                <dt>{t::CONNECTED_AT}</dt>
                <dd>
                    <When at=connection.created_at />
                </dd>
            </div>
            {connection.revocation.clone().map(|one| view! { <Revoked revocation=one /> })}
            {(!tags.is_empty()).then(|| view! { <div><dt>{t::TAGS}</dt><dd>{tags}</dd></div> })}
            <div class="wide">
                <dt>{t::COPIED_ID}</dt>
                <dd>
                    <Copyable text=id.to_string() label=t::COPIED_ID />
                </dd>
            </div>
        </dl>
        <Dialog open=linking title=t::CONNECT_LINK>
            <RepairLink scope=scope connection=shown.get_value() />
        </Dialog>
        <Remove
            open=deleting
            title=question
            detail=t::DELETE_CONNECTION_DETAIL
            act=t::DELETE_CONNECTION
            call=move || async move { scope.client.delete_connection(id).await }
            then=gone
        />
    }
}

/// What became of the grant.
#[component]
fn Revoked(revocation: Revocation) -> impl IntoView {
    let (tone, word) = states::revocation(revocation.state);
    let next = revocation.next_try_at.map(|at| view! { " " {t::ASKED_AGAIN} " " <When at=at /> });
    view! {
        <div class="wide" data-revocation=word>
            <dt>{t::REVOCATION}</dt>
            <dd>
                <Badge tone=tone text=word />
                " "
                <span class="faint">{revocation.reason} {next}</span>
            </dd>
        </div>
    }
}

/// What is asked of a sync.
#[derive(Clone, Copy)]
enum Ask {
    Run,
    Pause,
    Resume,
}

#[component]
fn SyncRow(scope: Scope, sync: Sync, refresh: Callback<()>) -> impl IntoView {
    let deed = Deed::new();
    let id = sync.id;
    let client = scope.client;
    let ask = move |what: Ask| {
        let call = async move {
            match what {
                Ask::Run => client.trigger_sync(id).await,
                Ask::Pause => client.pause_sync(id).await,
                Ask::Resume => client.resume_sync(id).await,
            }
        };
        deed.run(call, move |_| {
            if matches!(what, Ask::Run) {
                scope.portal.say(t::RUN_REQUESTED);
            }
            refresh.run(());
        });
    };
    let records = Route::Records { connection: Some(sync.connection_id), stream: Some(sync.stream.clone()) }.path();
    let next = if sync.paused {
        view! { <Badge tone=Tone::Warn text=t::PAUSED /> }.into_any()
    } else {
        view! { <span class="faint">{t::NEXT_RUN} " " <When at=sync.next_run_at /></span> }.into_any()
    };
    let (turn, turned) = if sync.paused { (Ask::Resume, t::RESUME) } else { (Ask::Pause, t::PAUSE) };
    view! {
        <li data-sync=sync.stream.clone()>
            <div class="row">
                <span class="two">
                    <strong>{sync.stream.clone()}</strong>
                    <small>
                        {t::mode(&sync.mode).to_owned()} " · " {schedule(&sync.schedule)}
                    </small>
                </span>
                <span>{runs::brief(sync.last_run.as_ref())}</span>
                <span>{next}</span>
                <span class="actions">
                    <a class="button small" href=records>
                        {t::BROWSE_RECORDS}
                    </a>
                    <button type="button" class="button small" disabled=move || deed.busy() on:click=move |_| ask(turn)>
                        {turned}
                    </button>
                    <button
                        type="button"
                        class="button small"
                        disabled=move || deed.busy()
                        on:click=move |_| ask(Ask::Run)
                    >
                        {t::RUN_NOW}
                    </button>
                </span>
            </div>
            {move || deed.error().map(|error| view! { <Failure error=error /> })}
        </li>
    }
}

/// When a sync runs by itself, in words.
fn schedule(schedule: &SyncSchedule) -> String {
    match (schedule.every_seconds, &schedule.cron, &schedule.time_zone) {
        (Some(seconds), ..) => format!("{} {}", t::EVERY, say::span(seconds.into())),
        (None, Some(cron), Some(zone)) => format!("{cron} ({zone})"),
        _ => String::new(),
    }
}
