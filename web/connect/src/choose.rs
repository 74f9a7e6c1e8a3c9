//! Choosing an integration.

use api_types::connect::ConnectChoice;
use leptos::prelude::*;
use patchbay_web_connect::find;
use patchbay_web_connect::text::{self, label};
use web_components::find::monogram;
use web_components::{Finder, say};

use crate::drive::Driver;
use crate::patch::Icon;
use crate::trouble;

/// The list, or what happens next if there is nothing to choose.
pub fn pick(driver: Driver) -> AnyView {
    let choices = driver.now(|state| state.page.as_ref().map(|page| page.choices.clone()).unwrap_or_default());
    match choices.as_slice() {
        [] => trouble::leave_button(driver),
        [only] => single(driver, only),
        _ => {
            let index = find::index(&choices);
            let choices = StoredValue::new(choices);
            let row =
                move |place| choices.with_value(|all| all.get(place).map(|choice| row(driver, choice))).into_any();
            view! {
                <Finder index=index row=row />
                <div class="actions">{trouble::leave_button(driver)}</div>
            }
            .into_any()
        }
    }
}

fn single(driver: Driver, only: &ConnectChoice) -> AnyView {
    let chosen = only.clone();
    let steps = driver.now(|state| text::steps(text::tenant(state), &only.name));
    view! {
        <ol class="steps" aria-label=label::STEPS>
            {steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}
        </ol>
        <div class="actions">
            <button type="button" class="button primary" on:click=move |_| driver.pick(&chosen)>
                {text::go_to(&only.name)}
            </button>
            {trouble::leave_button(driver)}
        </div>
    }
    .into_any()
}

fn row(driver: Driver, choice: &ConnectChoice) -> impl IntoView + use<> {
    let chosen = choice.clone();
    view! {
        <button type="button" class="choice" data-integration=choice.slug.clone() on:click=move |_| driver.pick(&chosen)>
            <span class="monogram" aria-hidden="true">{monogram(&choice.name)}</span>
            <span>
                <strong>{choice.name.clone()}</strong>
                <small>{say::category(&choice.category)}</small>
            </span>
            <Icon name="next" />
        </button>
    }
}
