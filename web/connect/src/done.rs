//! Connected: whose account, and how far the first sync is.

use leptos::prelude::*;
use patchbay_web_connect::text::{self, label};
use web_components::say;

use crate::drive::Driver;

/// The last screen.
pub fn connected(driver: Driver) -> AnyView {
    let account = Memo::new(move |_| driver.with(|state| state.account.clone()));
    let total = move || account.with(|a| a.as_ref().map_or(0, |a| a.syncs_total));
    let done = move || account.with(|a| a.as_ref().map_or(0, |a| a.syncs_done));
    let records = move || account.with(|a| say::count(a.as_ref().map_or(0, |a| a.records)));
    let over = move || done() >= total();
    let progress = move || {
        (total() > 0).then(|| {
            view! {
                <div class="progress" data-done=move || over().to_string()>
                    <progress
                        max=move || total().to_string()
                        prop:value=move || f64::from(done()).max(f64::from(total()) * 0.04)
                        aria-label=label::PROGRESS
                    ></progress>
                    <dl aria-hidden="true">
                        <div>
                            <dt>{move || if over() { label::RECORDS_ALL } else { label::RECORDS }}</dt>
                            <dd data-records="">{records}</dd>
                        </div>
                        <div>
                            <dt>{label::PARTS}</dt>
                            <dd>{move || text::of(done(), total())}</dd>
                        </div>
                    </dl>
                </div>
            }
        })
    };
    let has_progress = Memo::new(move |_| total() > 0);
    // Screen readers hear each part that is done, not each record.
    let spoken = Memo::new(move |before: Option<&(u32, String)>| {
        let now = done();
        match before {
            Some((then, words)) if *then == now => (*then, words.clone()),
            _ => (
                now,
                account.with_untracked(|a| {
                    let records = a.as_ref().map_or(0, |a| a.records);
                    text::progress_spoken(&say::count(records), now, a.as_ref().map_or(0, |a| a.syncs_total))
                }),
            ),
        }
    });
    view! {
        {move || {
            has_progress.track();
            untrack(progress)
        }}
        <p class="sr" role="status">
            {move || if over() { label::SYNCED.to_owned() } else { spoken.get().1 }}
        </p>
        <div class="actions">
            {if driver.can_finish() {
                view! {
                    <button type="button" class="button primary" on:click=move |_| driver.finish()>
                        {label::DONE}
                    </button>
                }
                    .into_any()
            } else {
                view! { <p class="faint center">{label::MAY_CLOSE}</p> }.into_any()
            }}
        </div>
    }
    .into_any()
}
