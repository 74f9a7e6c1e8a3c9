//! A code that the end user types in at the provider, on this device or another.

use api_types::connect::ConnectCode;
use leptos::prelude::*;
use leptos::task::spawn_local;
use patchbay_web_connect::flow::Event;
use patchbay_web_connect::screen::Trip;
use patchbay_web_connect::text::{self, label};
use web_components::{CopyButton, Spinner, browser};

use crate::drive::Driver;
use crate::patch::Icon;

/// The code, where it goes, and how long it is good.
pub fn shown(driver: Driver, trip: &Trip, code: &ConnectCode) -> AnyView {
    let name = driver.now(|state| state.choice(trip.choice).map(|choice| choice.name.clone())).unwrap_or_default();
    let ends = code.expires_at.timestamp_millis();
    let left = RwSignal::new(seconds_left(ends));
    spawn_local(async move {
        loop {
            browser::pause(500).await;
            let now = seconds_left(ends);
            // Another screen has come meanwhile.
            if left.try_set(now).is_some() {
                return;
            }
            if now == 0 {
                return driver.send(Event::CodeOver);
            }
        }
    });
    // Said once at the end, not each second.
    let hurry = Memo::new(move |_| left.get() <= 60);
    let link = code.verification_url_complete.clone().unwrap_or_else(|| code.verification_url.clone());
    // Only a page is opened: what the provider calls its address may be anything.
    let link = ["https://", "http://"].iter().any(|scheme| link.starts_with(scheme)).then_some(link);
    let address = text::address(&code.verification_url);
    view! {
        <div class="device">
            <p class="faint" id="code-label">
                {label::YOUR_CODE}
            </p>
            <p class="code" aria-hidden="true" data-code="">
                {code.user_code.clone()}
            </p>
            <p class="sr" aria-labelledby="code-label">
                {text::spelled(&code.user_code)}
            </p>
            <CopyButton text=code.user_code.clone() label=label::YOUR_CODE />
        </div>
        <ol class="steps" aria-label=label::STEPS>
            {text::code_steps(&name, &address).into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}
        </ol>
        <p class="waiting">
            <Spinner label="" />
            <span>{text::waiting_for(&name)}</span>
            <time aria-hidden="true">{move || text::clock(left.get())}</time>
        </p>
        <p class="sr" role="status">
            {move || hurry.get().then_some(label::CODE_ENDS)}
        </p>
        <div class="actions">
            {link
                .map(|link| {
                    view! {
                        <a class="button primary" href=link target="_blank" rel="noopener noreferrer">
                            {text::open_at(&name)}
                            <Icon name="out" />
                        </a>
                    }
                })}
            <button type="button" class="button quiet" on:click=move |_| driver.cancel()>
                {label::CANCEL}
            </button>
        </div>
    }
    .into_any()
}

/// By the visitor's clock, which may be wrong by some seconds: the server has the last word.
fn seconds_left(ends_ms: i64) -> u32 {
    u32::try_from((ends_ms - browser::now_ms()).max(0) / 1_000).unwrap_or(u32::MAX)
}
