//! Runs, as a list whose entries open to counts, error and logs.

use api_types::sync::{Run, RunLogLine, RunSummary};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Notice, Paged, Tone, When, browser, say};

use crate::portal::Scope;

/// A run in one line, as lists of other things show it.
pub fn brief(run: Option<&RunSummary>) -> AnyView {
    match run {
        None => view! { <span class="faint">{t::NEVER_RAN}</span> }.into_any(),
        Some(run) => {
            let (tone, word) = states::run(run.state);
            view! {
                <span class="pair">
                    <Badge tone=tone text=word />
                    <span class="faint">
                        <When at=run.started_at />
                    </span>
                </span>
            }
            .into_any()
        }
    }
}

/// The list. `name` says what to call a run's connection; `None` leaves it out, where it is clear.
pub fn list(scope: Scope, runs: Vec<Run>, name: impl Fn(&Run) -> Option<String>) -> AnyView {
    let rows = runs
        .into_iter()
        .map(|run| {
            let name = name(&run);
            view! { <Row scope=scope run=run name=name /> }
        })
        .collect_view();
    view! { <ul class="runs">{rows}</ul> }.into_any()
}

#[component]
fn Row(scope: Scope, run: Run, name: Option<String>) -> impl IntoView {
    let open = RwSignal::new(false);
    let (tone, word) = states::run(run.state);
    let took = run.finished_at.map(|end| say::took(run.started_at, end));
    let c = run.counts;
    let counts = [(c.added, t::ADDED), (c.updated, t::CHANGED), (c.deleted, t::GONE), (c.unchanged, t::UNCHANGED)];
    let counts = counts.map(|(n, word)| view! { <span class:zero=n == 0><b>{say::count(n)}</b> " " {word}</span> });
    let path = Route::Connection(run.connection_id).path();
    let connection = name.map(|name| view! { <a href=path>{name}</a> });
    let error = run.error.clone().map(|error| {
        view! {
            <Notice tone=Tone::Bad title=error.message>
                <code>{error.code}</code>
                " · "
                {t::BLAME}
                ": "
                {t::blame(&error.blame).to_owned()}
            </Notice>
        }
    });
    let id = run.id;
    view! {
        <li>
            <div class="run">
                <Badge tone=tone text=word />
                <strong>{run.stream.clone()}</strong>
                <span class="faint">{t::trigger(&run.trigger).to_owned()}</span>
                <span class="faint"><When at=run.started_at /></span>
                <span class="faint">{took}</span>
                {connection}
                <button
                    type="button"
                    class="button small"
                    aria-expanded=move || open.get().to_string()
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {move || if open.get() { t::HIDE_LOGS } else { t::SHOW_LOGS }}
                </button>
            </div>
            <div class="counts">{counts} <span><b>{t::pages(c.pages)}</b></span></div>
            {error}
            {move || open.get().then(|| logs(scope, id))}
        </li>
    }
}

fn logs(scope: Scope, id: ids::RunId) -> AnyView {
    let lines = Paged::new(move |cursor| async move { scope.client.run_logs(id, cursor).await });
    lines.show(
        || view! { <p class="faint">{t::NO_LOGS}</p> }.into_any(),
        |lines| view! { <ol class="log" tabindex="0">{lines.into_iter().map(line).collect_view()}</ol> }.into_any(),
    )
}

fn line(line: RunLogLine) -> impl IntoView {
    let tone = states::level(&line.level);
    view! {
        <li class=tone.class()>
            <time title=say::ago(line.at, browser::now_ms())>{line.at.format("%H:%M:%S").to_string()}</time>
            <b>{line.level}</b>
            <span>{line.message}</span>
        </li>
    }
}
