//! The page: one panel whose content follows the screen.

use leptos::prelude::*;
use patchbay_web_connect::screen::Screen;
use patchbay_web_connect::text::{self, Words, label};
use web_components::{Spinner, browser};

use crate::drive::Driver;
use crate::host::Stage;
use crate::patch::{Icon, Patch};
use crate::{choose, code, done, form, trouble};

/// Puts the page where the loading sign is.
pub fn start() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(|| view! { <App /> });
}

/// The whole page.
#[component]
fn App() -> impl IntoView {
    let driver = Driver::start();
    // A screen is built anew when another one comes, not when a number on it changes.
    let screen = Memo::new(move |_| driver.with(|state| state.screen.clone()));
    let name = Memo::new(move |_| screen.with(Screen::name));
    let built = Memo::new(move |_| {
        screen.with(|screen| match screen {
            Screen::Waiting(trip) => {
                Screen::Waiting(patchbay_web_connect::screen::Trip { begun: true, ..trip.clone() })
            }
            other => other.clone(),
        })
    });
    let words = Memo::new(move |_| driver.with(text::words));
    let stage = driver.stage();

    Effect::new(move |_| {
        let title = words.with(|words| words.title.clone());
        document().set_title(&title);
    });
    Effect::new(move |before: Option<&'static str>| {
        let now = name.get();
        // Not on arrival: the browser reads a page that it opens by itself.
        if before.is_some_and(|before| before != now && before != "loading") {
            request_animation_frame(|| browser::focus("h1"));
        }
        now
    });
    Effect::new(move |_| driver.watch_height());

    view! {
        <main
            class="page"
            class:embedded=stage == Stage::Framed
            data-screen=move || name.get()
            aria-labelledby="heading"
        >
            <div class="panel">
                {(stage == Stage::Framed)
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="corner"
                                aria-label=label::CLOSE
                                on:click=move |_| driver.finish()
                            >
                                <Icon name="cross" />
                            </button>
                        }
                    })}
                <Patch driver=driver />
                <Head words=words />
                {move || body(driver, &built.get())}
            </div>
            <p class="foot">
                {move || {
                    driver
                        .with(|state| state.page.as_ref().map(|_| text::assurance(state)))
                        .map(|words| view! { <Icon name="lock" /> {words} })
                }}
            </p>
        </main>
    }
}

/// Heading and explanation. The heading takes the focus when the screen changes, so that it is read aloud.
#[component]
fn Head(words: Memo<Words>) -> impl IntoView {
    view! {
        <div class="head">
            <h1 id="heading" tabindex="-1">
                {move || words.with(|words| words.title.clone())}
            </h1>
            <p>{move || words.with(|words| words.explain.clone())}</p>
        </div>
    }
}

fn body(driver: Driver, screen: &Screen) -> AnyView {
    match screen {
        Screen::Loading => view! { <div class="actions center"><Spinner /></div> }.into_any(),
        Screen::Pick => choose::pick(driver),
        Screen::Form { choice, filled } => form::form(driver, *choice, filled),
        Screen::Code { trip, code } => code::shown(driver, trip, code),
        Screen::Connected => done::connected(driver),
        other => trouble::actions(driver, other),
    }
}
