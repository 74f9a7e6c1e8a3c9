//! The frame around every screen: navigation, environment, who is signed in.

use api_types::portal::Me;
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_client::PortalClient;
use web_components::{Empty, Failure, Spinner};

use crate::portal::{Portal, Scope, Session};
use crate::{
    api_keys, connection, connections, deliveries, endpoints, integrations, overview, provider, provider_editor,
    providers, records, sign_in,
};

/// Puts the portal where the loading sign is.
pub fn start() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(|| view! { <App /> });
}

/// The whole portal.
#[component]
fn App() -> impl IntoView {
    let portal = Portal::start();
    Effect::new(move |_| {
        let signed_in = portal.session.with(|session| matches!(session, Session::Member(_)));
        let place = if signed_in { portal.route.with(t::place) } else { t::SIGN_IN };
        document().set_title(&format!("{place} · {}", t::PRODUCT));
    });
    move || match portal.session.get() {
        Session::Asking => view! { <div class="boot"><Spinner /></div> }.into_any(),
        Session::Nobody => sign_in::screen(portal),
        Session::Failed(error) => {
            let retry = Callback::new(move |()| portal.ask());
            view! { <main class="alone"><Failure error=error retry=retry /></main> }.into_any()
        }
        Session::Member(me) => view! { <Frame portal=portal me=me /> }.into_any(),
    }
}

/// Navigation and the screen beside it.
#[component]
fn Frame(portal: Portal, me: Me) -> impl IntoView {
    // The screens of one place share one build, a connection's or a stream's own do not.
    let place = Memo::new(move |_| (portal.route.get(), portal.environment.get()));
    let entries = Route::NAVIGATION.into_iter().map(move |entry| {
        let (path, name) = (entry.path(), t::place(&entry));
        let current = move || portal.route.with(|route| route.is_under(&entry)).then_some("page");
        view! {
            <li>
                <a href=path aria-current=current>
                    {name}
                </a>
            </li>
        }
    });
    let who = t::signed_in_as(&me.member.name, &me.member.role);
    // Where it is narrow, the places are behind a button; going to one closes the list.
    let unfolded = RwSignal::new(false);
    Effect::new(move |_| {
        portal.route.track();
        unfolded.set(false);
    });
    view! {
        <div class="frame">
            <header class="side">
                <div class="brand">
                    <Mark />
                    <span>
                        <strong>{t::PRODUCT}</strong>
                        <small>{me.tenant_name.clone()}</small>
                    </span>
                </div>
                <Environments portal=portal me=me.clone() />
                <nav aria-label=t::NAVIGATION>
                    <button
                        type="button"
                        class="button menu"
                        aria-controls="places"
                        aria-expanded=move || if unfolded.get() { "true" } else { "false" }
                        on:click=move |_| unfolded.update(|on| *on = !*on)
                    >
                        <span>{t::MENU}</span>
                        <span class="faint">{move || portal.route.with(t::place)}</span>
                    </button>
                    <ul id="places" class:unfolded=move || unfolded.get()>
                        {entries.collect_view()}
                    </ul>
                </nav>
                <div class="who">
                    <span>{who}</span>
                    <button type="button" class="button small" on:click=move |_| portal.leave()>
                        {t::SIGN_OUT}
                    </button>
                </div>
            </header>
            <main data-screen=move || portal.route.with(Route::name)>
                {move || match place.get() {
                    (route, Some(environment)) => {
                        screen(Scope { portal, client: PortalClient::new(environment) }, route)
                    }
                    (_, None) => view! { <Empty title=t::NO_ENVIRONMENT detail=t::NO_ENVIRONMENT_DETAIL /> }.into_any(),
                }}
            </main>
            <div class="toast" role="status">
                {move || portal.said().map(|words| view! { <p>{words}</p> })}
            </div>
        </div>
    }
}

/// The sign of the product: two ends and a cord.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="9"></rect>
            <path d="M10 12c0 9 12-1 12 8" fill="none" stroke-width="2.5" stroke-linecap="round"></path>
            <circle cx="10" cy="10.5" r="3"></circle>
            <circle cx="22" cy="21.5" r="3"></circle>
        </svg>
    }
}

#[component]
fn Environments(portal: Portal, me: Me) -> impl IntoView {
    let environments = StoredValue::new(me.environments);
    let chosen = move |event| {
        let id = event_target_value(&event);
        let found = environments.with_value(|all| all.iter().map(|e| e.id).find(|e| e.to_string() == id));
        if let Some(found) = found {
            portal.choose(found);
        }
    };
    let now = portal.environment.get_untracked();
    view! {
        <div class="field environment">
            <label for="environment">{t::ENVIRONMENT}</label>
            <select id="environment" on:change=chosen>
                {environments
                    .get_value()
                    .into_iter()
                    .map(|e| view! { <option value=e.id.to_string() selected=now == Some(e.id)>{e.name}</option> })
                    .collect_view()}
            </select>
        </div>
    }
}

fn screen(scope: Scope, route: Route) -> AnyView {
    match route {
        Route::Overview => overview::screen(scope),
        Route::Integrations => integrations::screen(scope),
        Route::Providers => providers::screen(scope),
        Route::Provider(slug) => provider::screen(scope, slug),
        Route::Manifest(slug) => provider_editor::screen(scope, slug),
        Route::Connections => connections::screen(scope),
        Route::Connection(id) => connection::screen(scope, id),
        Route::Records { connection, stream } => records::screen(scope, connection, stream),
        Route::Deliveries => deliveries::screen(scope),
        Route::Endpoints => endpoints::screen(scope),
        Route::ApiKeys => api_keys::screen(scope),
        Route::Unknown => view! { <Empty title=t::place(&Route::Unknown) detail=t::UNKNOWN_DETAIL /> }.into_any(),
    }
}

/// The top of every screen: heading, what it is, and what can be done.
#[component]
pub fn Top(
    /// The heading.
    #[prop(into)]
    title: String,
    /// What the screen shows.
    #[prop(into, optional)]
    detail: String,
    /// Buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="top">
            <div>
                <h1 tabindex="-1">{title}</h1>
                {(!detail.is_empty()).then(|| view! { <p>{detail}</p> })}
            </div>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}
