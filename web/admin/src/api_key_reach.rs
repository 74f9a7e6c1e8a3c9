//! What a key may be bound to: integrations, connections, tags of connections.

use api_types::Page;
use api_types::connection::Connection;
use api_types::operator::CreateApiKeyOnly;
use ids::ConnectionId;
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::text as t;
use web_components::{Field, Loaded};

use crate::connections;
use crate::dialogs::tick;
use crate::portal::Scope;

/// So many connections are offered at once; who has more looks for the end user's.
const OFFERED: usize = 5;

/// What is chosen. What is chosen of each kind narrows what is chosen of the others.
#[derive(Clone, Copy, Default)]
pub struct Reach {
    integrations: RwSignal<Vec<String>>,
    connections: RwSignal<Vec<ConnectionId>>,
    tags: RwSignal<String>,
}

impl Reach {
    /// Whether nothing but integrations is chosen.
    pub fn is_by_integration(self) -> bool {
        self.tags().is_empty() && self.connections.with(Vec::is_empty)
    }

    /// What is to be sent; `None` where nothing is chosen.
    pub fn only(self) -> Option<CreateApiKeyOnly> {
        let only = CreateApiKeyOnly {
            integrations: self.integrations.get_untracked(),
            connections: self.connections.get_untracked(),
            tags: untrack(move || self.tags()),
        };
        let is_empty = only.integrations.is_empty() && only.connections.is_empty() && only.tags.is_empty();
        (!is_empty).then_some(only)
    }

    fn tags(self) -> Vec<String> {
        self.tags.with(|typed| typed.split(',').filter_map(filled).collect())
    }

    /// Where it is chosen.
    pub fn fields(self, scope: Scope) -> AnyView {
        view! {
            <p class="faint inset">{t::KEY_REACH_HELP}</p>
            <div class="reach">
                {integrations(scope, self.integrations)}
                {connections(scope, self.connections)}
                <Field
                    name="key-tags"
                    label=t::KEY_TAGS
                    help=t::KEY_TAGS_HELP
                    value=self.tags
                    placeholder=t::TAG_EXAMPLE
                />
            </div>
        }
        .into_any()
    }
}

/// The integrations to choose from.
fn integrations(scope: Scope, chosen: RwSignal<Vec<String>>) -> AnyView {
    let all = Loaded::new(move || async move { scope.client.integrations(None).await });
    let boxes = all.show(move |page| {
        if page.data.is_empty() {
            return view! { <p class="faint">{t::NO_INTEGRATIONS}</p> }.into_any();
        }
        let boxes = page.data.into_iter().map(|integration| {
            let name = format!("only-{}", integration.slug);
            tick(name, integration.slug, chosen, integration.display_name)
        });
        boxes.collect_view().into_any()
    });
    view! {
        <fieldset class="boxes columns">
            <legend>{t::KEY_INTEGRATIONS}</legend>
            {boxes}
        </fieldset>
    }
    .into_any()
}

/// The newest connections, or those of an end user that is looked for; those that are chosen stay on top.
fn connections(scope: Scope, chosen: RwSignal<Vec<ConnectionId>>) -> AnyView {
    let end_user = RwSignal::new(String::new());
    let found = Loaded::new(move || {
        let end_user = filled(&end_user.get());
        async move { scope.client.connections(None, end_user, None, None, None).await }
    });
    let kept = RwSignal::new(Vec::<Connection>::new());
    let boxes = found.show(move |page: Page<Connection>| {
        // Drawn when something else is found, and not at each tick: what is ticked then moves to the top.
        let mut shown = kept.get_untracked();
        chosen.with_untracked(|ids| shown.retain(|one| ids.contains(&one.id)));
        let more: Vec<Connection> =
            page.data.into_iter().filter(|one| shown.iter().all(|kept| kept.id != one.id)).collect();
        let is_cut = more.len() > OFFERED || page.next_cursor.is_some();
        shown.extend(more.into_iter().take(OFFERED));
        kept.set(shown.clone());
        if shown.is_empty() {
            return view! { <p class="faint">{t::KEY_NO_CONNECTION}</p> }.into_any();
        }
        let boxes = shown.into_iter().map(|one| {
            let words = view! {
                <span class="two">
                    {connections::name(&one)} <small>{one.end_user.id.clone()} " · " {one.integration.clone()}</small>
                </span>
            };
            tick(format!("only-{}", one.id), one.id, chosen, words)
        });
        view! {
            {boxes.collect_view()}
            {is_cut.then(|| view! { <p class="faint">{t::KEY_MORE_CONNECTIONS}</p> })}
        }
        .into_any()
    });
    view! {
        <fieldset class="boxes">
            <legend>{t::KEY_CONNECTIONS}</legend>
            <Field name="key-end-user" label=t::KEY_FIND_CONNECTIONS value=end_user kind="search" />
            {boxes}
        </fieldset>
    }
    .into_any()
}
