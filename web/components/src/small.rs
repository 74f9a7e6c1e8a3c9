//! Badge, spinner, notice, empty state, failure, time.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use web_client::ApiError;

use crate::{Tone, browser, say, text};

/// A state in a word, with its colour.
#[component]
pub fn Badge(
    /// The colour.
    tone: Tone,
    /// The word.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <span class=format!("badge {}", tone.class())>{text}</span> }
}

/// Something is on its way.
#[component]
pub fn Spinner(
    /// What screen readers say.
    #[prop(into, default = text::LOADING.to_owned())]
    label: String,
) -> impl IntoView {
    view! { <span class="spinner" role="img" aria-label=label></span> }
}

/// Grey lines where a list will be.
#[component]
pub fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton" role="status" aria-label=text::LOADING>
            <i></i>
            <i></i>
            <i></i>
        </div>
    }
}

/// A message in a box.
#[component]
pub fn Notice(
    /// Its colour.
    tone: Tone,
    /// What it says first.
    #[prop(into)]
    title: String,
    /// The rest.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("notice {}", tone.class()) role=if tone == Tone::Bad { "alert" } else { "note" }>
            <strong>{title}</strong>
            <div>{children()}</div>
        </div>
    }
}

/// There is nothing here yet: says what to do.
#[component]
pub fn Empty(
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do about it.
    #[prop(into)]
    detail: String,
    /// The button that does it, if there is one.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <strong>{title}</strong>
            <p>{detail}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}

/// A call that failed: the problem's words, the fields that are wrong, the request's id, and a way to try again.
#[component]
pub fn Failure(
    /// Why.
    error: ApiError,
    /// What trying again does.
    #[prop(optional, into)]
    retry: Option<Callback<()>>,
) -> impl IntoView {
    let (title, detail, fields) = match &error {
        ApiError::Network => (text::OFFLINE_TITLE.to_owned(), text::OFFLINE_DETAIL.to_owned(), Vec::new()),
        ApiError::Unreadable(status) => (text::UNREADABLE_TITLE.to_owned(), text::unreadable(*status), Vec::new()),
        ApiError::Problem(p) => (p.title.clone(), p.detail.clone(), p.fields.clone()),
    };
    let request = error.request_id().map(str::to_owned);
    view! {
        <div class="notice bad" role="alert">
            <strong>{title}</strong>
            <div>
                <p>{detail}</p>
                {(!fields.is_empty())
                    .then(|| {
                        view! {
                            <ul>
                                {fields
                                    .into_iter()
                                    .map(|f| view! { <li><code>{f.field}</code> " " {f.detail}</li> })
                                    .collect_view()}
                            </ul>
                        }
                    })}
                {request.map(|id| view! { <p class="faint">{text::REQUEST} " " <code>{id}</code></p> })}
                {retry
                    .map(|retry| {
                        view! {
                            <button type="button" class="button small" on:click=move |_| retry.run(())>
                                {text::TRY_AGAIN}
                            </button>
                        }
                    })}
            </div>
        </div>
    }
}

/// A moment, told from now; exact when pointed at.
#[component]
pub fn When(
    /// The moment.
    at: DateTime<Utc>,
) -> impl IntoView {
    view! { <time datetime=at.to_rfc3339() title=say::exact(at)>{say::ago(at, browser::now_ms())}</time> }
}
