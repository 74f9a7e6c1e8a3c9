//! What the screens share that are a list, a button that adds to it, and the dialog behind the button.

use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::{Dialog, Empty, Paged};

use crate::app::Top;

/// The words of such a screen.
pub struct Words {
    /// Where it is.
    pub place: Route,
    /// What it shows.
    pub detail: &'static str,
    /// What the button says, and the dialog's heading.
    pub add: &'static str,
    /// When there is nothing: that, and what to do.
    pub none: (&'static str, &'static str),
}

/// The screen. `rows` makes the list of all that was fetched, `adding` opens the dialog, `dialog` is what is in it.
pub fn listing<T: Clone + Send + Sync + 'static>(
    words: Words,
    list: Paged<T>,
    adding: RwSignal<bool>,
    rows: impl Fn(Vec<T>) -> AnyView + Send + Sync + 'static,
    dialog: impl Fn() -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let Words { place, detail, add, none } = words;
    let button = move || {
        view! {
            <button type="button" class="button primary" on:click=move |_| adding.set(true)>
                {add}
            </button>
        }
    };
    let empty = move || view! { <Empty title=none.0 detail=none.1>{button()}</Empty> }.into_any();
    view! {
        <Top title=t::place(&place) detail=detail>
            {button()}
        </Top>
        <section class="card">{list.show(empty, rows)}</section>
        <Dialog open=adding title=add>
            {dialog()}
        </Dialog>
    }
    .into_any()
}
