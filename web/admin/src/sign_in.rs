//! Signing in.

use api_types::portal::SignIn;
use leptos::prelude::*;
use patchbay_web_admin::text as t;
use web_components::{Deed, Failure, Field, Notice, Tone};

use crate::app::Mark;
use crate::portal::Portal;

/// Address and password.
pub fn screen(portal: Portal) -> AnyView {
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let deed = Deed::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let credentials = SignIn { email: email.get_untracked().trim().to_owned(), password: password.get_untracked() };
        deed.run(async move { web_client::sign_in(&credentials).await }, move |me| portal.enter(me));
    };
    let wrong = move || {
        deed.error().map(|error| {
            if error.code() == Some(api_types::ProblemCode::Unauthenticated) {
                view! { <Notice tone=Tone::Bad title=t::SIGN_IN_WRONG>{t::SIGN_IN_WRONG_DETAIL}</Notice> }.into_any()
            } else {
                view! { <Failure error=error /> }.into_any()
            }
        })
    };
    view! {
        <main class="alone" data-screen="sign-in">
            <form class="card stack" on:submit=submit>
                <div>
                    <Mark />
                    <h1>{t::SIGN_IN}</h1>
                    <p class="faint">{t::SIGN_IN_DETAIL}</p>
                </div>
                {wrong}
                <Field
                    name="email"
                    label=t::EMAIL
                    value=email
                    kind="email"
                    autocomplete="username"
                    inputmode="email"
                    required=true
                />
                <Field
                    name="password"
                    label=t::PASSWORD
                    value=password
                    kind="password"
                    autocomplete="current-password"
                    required=true
                />
                <button type="submit" class="button primary" disabled=move || deed.busy()>
                    {t::SIGN_IN}
                </button>
            </form>
        </main>
    }
    .into_any()
}
