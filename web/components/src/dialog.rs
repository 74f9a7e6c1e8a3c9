//! Dialogs: the browser's own, which keeps the focus inside, closes on Esc and gives the focus back.

use leptos::html;
use leptos::prelude::*;

use crate::{Deed, Failure, text};

/// A dialog that is open while the signal says so.
#[component]
pub fn Dialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// What is in it; made anew each time it opens.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Refused only if it is open otherwise, which this page does not do.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog node_ref=node on:close=move |_| open.set(false) aria-label=move || title.get()>
            <header class="dialog-head">
                <h2>{move || title.get()}</h2>
                <button type="button" class="button quiet small" on:click=move |_| open.set(false)>
                    {text::CLOSE}
                </button>
            </header>
            {move || open.get().then(|| children())}
        </dialog>
    }
}

/// Asks before something that cannot be taken back, and says what will happen.
#[component]
pub fn Confirm(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The question.
    #[prop(into)]
    title: Signal<String>,
    /// What will happen.
    #[prop(into)]
    detail: Signal<String>,
    /// What the button that does it says.
    #[prop(into)]
    act: String,
    /// The doing.
    deed: Deed,
    /// Does it.
    #[prop(into)]
    on_confirm: Callback<()>,
) -> impl IntoView {
    let act = StoredValue::new(act);
    view! {
        <Dialog open=open title=title>
            <p>{move || detail.get()}</p>
            {move || deed.error().map(|error| view! { <Failure error=error /> })}
            <div class="actions end">
                <button type="button" class="button" autofocus on:click=move |_| open.set(false)>
                    {text::CANCEL}
                </button>
                <button
                    type="button"
                    class="button danger"
                    disabled=move || deed.busy()
                    on:click=move |_| on_confirm.run(())
                >
                    {act.get_value()}
                </button>
            </div>
        </Dialog>
    }
}
