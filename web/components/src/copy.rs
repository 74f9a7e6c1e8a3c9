//! Text to take along.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::{browser, text};

/// A button that copies a text.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: String,
    /// What the text is, for screen readers.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let said = RwSignal::new(text::COPY);
    let copy = move |_| {
        let copied = text.clone();
        spawn_local(async move {
            let done = browser::copy(&copied).await;
            said.set(if done { text::COPIED } else { text::COPY_BY_HAND });
            browser::pause(2_000).await;
            // The page may have been left meanwhile.
            let _ = said.try_set(text::COPY);
        });
    };
    let name = format!("{}: {label}", text::COPY);
    view! {
        <button type="button" class="button small" aria-label=name on:click=copy>
            <span aria-live="polite">{move || said.get()}</span>
        </button>
    }
}

/// A text with a button that copies it.
#[component]
pub fn Copyable(
    /// The text.
    #[prop(into)]
    text: String,
    /// What the text is, for screen readers.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <span class="copyable">
            <code>{text.clone()}</code>
            <CopyButton text=text label=label />
        </span>
    }
}

/// A secret that is shown this once, with the words that say so.
#[component]
pub fn Revealed(
    /// The secret.
    secret: String,
    /// What it is.
    #[prop(into)]
    label: String,
    /// That it is not shown again, and where to keep it.
    #[prop(into)]
    warning: String,
) -> impl IntoView {
    view! {
        <div class="notice warn" role="alert">
            <strong>{label.clone()}</strong>
            <div>
                <p>{warning}</p>
                <Copyable text=secret label=label />
            </div>
        </div>
    }
}
