//! What can be done on the screens where one waits or something went wrong. The words are in `text`.

use api_types::connect::AttemptFailureCode;
use leptos::prelude::*;
use patchbay_web_connect::flow::Event;
use patchbay_web_connect::screen::{Screen, Trip};
use patchbay_web_connect::text::{self, label};
use web_components::Spinner;

use crate::away;
use crate::drive::Driver;
use crate::host::Stage;

/// The buttons of the screen.
pub fn actions(driver: Driver, screen: &Screen) -> AnyView {
    let buttons = match screen {
        Screen::Waiting(_) => waiting(driver),
        Screen::PopupBlocked(trip) => view! {
            {same_tab(driver, trip, true)}
            {again(driver, Some(trip), label::WINDOW_AGAIN, "button")}
            {other(driver)}
        }
        .into_any(),
        Screen::WindowClosed(trip) => view! {
            {again(driver, trip.as_ref(), label::TRY_AGAIN, "button primary")}
            {trip.as_ref().map(|trip| same_tab(driver, trip, false))}
            {other(driver)}
        }
        .into_any(),
        // Trying again does not help before the tenant has done something, but they may have.
        Screen::Failed { code: AttemptFailureCode::Misconfigured, trip } => view! {
            {leave_button(driver)}
            {again(driver, trip.as_ref(), label::TRY_AGAIN, "button")}
            {other(driver)}
        }
        .into_any(),
        Screen::Failed { trip, .. } => view! {
            {again(driver, trip.as_ref(), label::TRY_AGAIN, "button primary")}
            {other(driver)}
            {leave_button(driver)}
        }
        .into_any(),
        Screen::Offline { .. } => view! {
            <span class="center"><Spinner /></span>
            <button type="button" class="button" on:click=move |_| driver.nudge()>
                {label::TRY_NOW}
            </button>
        }
        .into_any(),
        _ => leave_button(driver),
    };
    view! { <div class="actions">{buttons}</div> }.into_any()
}

fn waiting(driver: Driver) -> AnyView {
    view! {
        {away::is_open()
            .then(|| {
                view! {
                    <button type="button" class="button primary" on:click=move |_| away::show()>
                        {label::SHOW_WINDOW}
                    </button>
                }
            })}
        <button type="button" class="button quiet" on:click=move |_| driver.cancel()>
            {label::CANCEL}
        </button>
    }
    .into_any()
}

/// Once more: with what was filled in, or from the start where that is not known.
fn again(driver: Driver, trip: Option<&Trip>, words: &'static str, class: &'static str) -> AnyView {
    let trip = trip.cloned();
    let words = if trip.is_some() { words } else { label::START_AGAIN };
    let click = move |_| match &trip {
        Some(trip) => driver.again(trip),
        None => driver.send(Event::Back),
    };
    view! { <button type="button" class=class on:click=click>{words}</button> }.into_any()
}

/// Without a window. From within the tenant's page the tab is theirs: leave it only if they said where to come back to.
fn same_tab(driver: Driver, trip: &Trip, first: bool) -> AnyView {
    let class = if first { "button primary" } else { "button" };
    let returns = driver.now(|state| state.page.as_ref().is_some_and(|page| page.return_url.is_some()));
    let trip = trip.clone();
    if driver.stage() == Stage::Framed && !returns {
        let link = driver.own_link();
        return view! {
            <a class=class href=link target="_blank" on:click=move |_| driver.send(Event::Opened(trip.clone()))>
                {label::NEW_TAB}
            </a>
        }
        .into_any();
    }
    let words = if first { label::SAME_TAB } else { label::SAME_TAB_INSTEAD };
    view! { <button type="button" class=class on:click=move |_| driver.leave(&trip)>{words}</button> }.into_any()
}

/// To the list or the form, if there is something else to do there.
fn other(driver: Driver) -> AnyView {
    let several = driver.now(|state| state.page.as_ref().is_some_and(|page| page.choices.len() > 1));
    let button = several.then(|| {
        view! {
            <button type="button" class="button quiet" on:click=move |_| driver.send(Event::Back)>
                {label::CHOOSE_OTHER}
            </button>
        }
    });
    button.into_any()
}

/// Back to where the end user came from, if that is somewhere. A frame has its own button in the corner.
pub fn leave_button(driver: Driver) -> AnyView {
    if !driver.can_finish() || driver.stage() == Stage::Framed {
        return ().into_any();
    }
    let words = match driver.stage() {
        Stage::Window | Stage::Framed => label::CLOSE.to_owned(),
        Stage::Alone => driver.now(|state| text::back_to(text::tenant(state))),
    };
    view! {
        <button type="button" class="button quiet" on:click=move |_| driver.finish()>
            {words}
        </button>
    }
    .into_any()
}
