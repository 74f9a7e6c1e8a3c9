//! The sign at the top: two ends and the cord between them.

use leptos::prelude::*;
use patchbay_web_connect::screen::Screen;
use patchbay_web_connect::text;
use web_components::find::monogram;

use crate::drive::Driver;

/// Who asks, what is connected, and how the cord between them stands. Decoration: the heading says the same.
#[component]
pub fn Patch(driver: Driver) -> impl IntoView {
    let ours = move || driver.with(|state| state.page.as_ref().map(|page| monogram(&page.tenant_name)));
    let theirs = move || driver.with(|state| text::provider(state).map(monogram));
    let cord = move || {
        driver.with(|state| match &state.screen {
            Screen::Loading | Screen::Waiting(_) | Screen::Code { .. } => "going",
            Screen::Connected => "done",
            Screen::Pick | Screen::Form { .. } => "",
            _ => "broken",
        })
    };
    view! {
        <div class="patch" aria-hidden="true">
            <span class="end ours" class:unknown=move || ours().is_none()>
                {ours}
            </span>
            <span class=move || format!("cord {}", cord())>
                {move || match cord() {
                    "done" => Some(view! { <b><Icon name="check" /></b> }),
                    "broken" => Some(view! { <b><Icon name="cross" /></b> }),
                    _ => None,
                }}
            </span>
            <span class="end theirs" class:unknown=move || theirs().is_none()>
                {move || theirs().unwrap_or_else(|| "+".to_owned())}
            </span>
        </div>
    }
}

/// One of the few line drawings.
#[component]
pub fn Icon(name: &'static str) -> impl IntoView {
    let path = match name {
        "check" => "M3 8.5 6.5 12 13 4.5",
        "cross" => "M4 4l8 8M12 4l-8 8",
        "out" => "M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5",
        "next" => "M6 3l5 5-5 5",
        _ => "M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3 7h10v7H3z",
    };
    view! {
        <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}
