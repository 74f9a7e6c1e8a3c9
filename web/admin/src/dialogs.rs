//! What dialogs are made of here: a form with its button, ticks, a secret that is shown once, a removal that is asked
//! about first.

use std::future::Future;

use leptos::prelude::*;
use patchbay_web_admin::text as t;
use web_client::ApiError;
use web_components::{Confirm, Deed, Failure, Revealed};

/// A form: its fields, why it could not be sent, and the button that sends it.
#[component]
pub fn Form(
    /// The sending.
    deed: Deed,
    /// What the button says.
    act: &'static str,
    /// Sends it.
    #[prop(into)]
    on_submit: Callback<()>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        on_submit.run(());
    };
    view! {
        <form class="stack" autocomplete="off" on:submit=submit>
            {children()}
            {move || deed.error().map(|error| view! { <Failure error=error /> })}
            <div class="actions end">
                <button type="submit" class="button primary" disabled=move || deed.busy()>
                    {act}
                </button>
            </div>
        </form>
    }
}

/// The way out of a dialog in which all is done.
#[component]
pub fn Done(
    /// Leaves it.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="actions end">
            <button type="button" class="button primary" on:click=move |_| on_done.run(())>
                {t::DONE}
            </button>
        </div>
    }
}

/// A secret that was just made, shown this once.
#[component]
pub fn Made(
    /// The secret.
    secret: String,
    /// What it is.
    label: &'static str,
    /// That it is not shown again, and where to keep it.
    warning: &'static str,
    /// Leaves the dialog.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="stack">
            <Revealed secret=secret label=label warning=warning />
            <Done on_done=on_done />
        </div>
    }
}

/// A box that puts a value among the chosen ones or takes it out. `shown` stands beside it.
pub fn tick<T: Clone + PartialEq + Send + Sync + 'static>(
    name: String,
    value: T,
    chosen: RwSignal<Vec<T>>,
    shown: impl IntoView,
) -> impl IntoView {
    let is_chosen = chosen.with_untracked(|all| all.contains(&value));
    let toggle = move |event| {
        let on = event_target_checked(&event);
        chosen.update(|all| {
            all.retain(|known| *known != value);
            if on {
                all.push(value.clone());
            }
        });
    };
    view! {
        <label>
            <input type="checkbox" name=name prop:checked=is_chosen on:change=toggle />
            {shown}
        </label>
    }
}

/// Asks whether something is to go, and has it gone.
#[component]
pub fn Remove<C, F>(
    /// Whether it asks.
    open: RwSignal<bool>,
    /// The question.
    title: String,
    /// What will happen.
    detail: &'static str,
    /// What the button that does it says.
    act: &'static str,
    /// Does it.
    call: C,
    /// What follows.
    #[prop(into)]
    then: Callback<()>,
) -> impl IntoView
where
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), ApiError>> + 'static,
{
    let deed = Deed::new();
    let confirmed = Callback::new(move |()| {
        deed.run(call(), move |()| {
            open.set(false);
            then.run(());
        });
    });
    view! { <Confirm open=open title=title detail=detail act=act deed=deed on_confirm=confirmed /> }
}
