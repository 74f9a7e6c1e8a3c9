//! Connections, with filters.

use api_types::connection::Connection;
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::{states, text as t};
use web_components::{Badge, Copyable, Dialog, Empty, Field, Loaded, Paged, Select, When};

use crate::app::Top;
use crate::link::NewLink;
use crate::portal::Scope;
use crate::runs;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let client = scope.client;
    let linking = RwSignal::new(false);
    let health = RwSignal::new(String::new());
    let integration = RwSignal::new(String::new());
    let end_user = RwSignal::new(String::new());
    let tag = RwSignal::new(String::new());
    // Half a tag finds nothing: it counts once it is one.
    let whole =
        move || filled(&tag.get()).filter(|tag| tag.split_once('=').is_some_and(|(_, value)| !value.is_empty()));
    let filters = move || (filled(&integration.get()), filled(&end_user.get()), filled(&health.get()), whole());
    let list = Paged::new(move |cursor| {
        let (integration, end_user, health, tag) = filters();
        async move { client.connections(integration, end_user, health, tag, cursor).await }
    });
    let integrations = Loaded::new(move || async move { client.integrations(None).await });
    let integration_options = Signal::derive(move || {
        let all = integrations.ready().map(|page| page.data).unwrap_or_default();
        let named = all.into_iter().map(|i| (i.slug, i.display_name));
        std::iter::once((String::new(), t::ALL.to_owned())).chain(named).collect::<Vec<_>>()
    });
    let health_options: Vec<(String, String)> = std::iter::once((String::new(), t::ALL.to_owned()))
        .chain(states::HEALTHS.map(|state| (state.as_str().to_owned(), states::health(state).1.to_owned())))
        .collect();
    let empty = move || {
        if filters() == (None, None, None, None) {
            view! {
                <Empty title=t::NO_CONNECTIONS detail=t::NO_CONNECTIONS_DETAIL>
                    <button type="button" class="button primary" on:click=move |_| linking.set(true)>
                        {t::NEW_LINK}
                    </button>
                </Empty>
            }
            .into_any()
        } else {
            view! { <Empty title=t::NO_MATCH detail=t::NO_MATCH_DETAIL /> }.into_any()
        }
    };
    view! {
        <Top title=t::place(&Route::Connections) detail=t::CONNECTIONS_DETAIL>
            <button type="button" class="button" on:click=move |_| list.reload()>
                {t::REFRESH}
            </button>
            <button type="button" class="button primary" on:click=move |_| linking.set(true)>
                {t::NEW_LINK}
            </button>
        </Top>
        <div class="filters">
            <Select name="health" label=t::HEALTH value=health options=Signal::stored(health_options) />
            <Select name="integration" label=t::INTEGRATION value=integration options=integration_options />
            <Field name="end-user-filter" label=t::END_USER_ID value=end_user kind="search" />
            <Field name="tag-filter" label=t::TAG value=tag kind="search" placeholder=t::TAG_EXAMPLE />
        </div>
        <section class="card">{list.show(empty, table)}</section>
        <details class="card bulk">
            <summary>{t::BULK}</summary>
            <p>{t::BULK_IMPORT}</p>
            <Copyable text=t::BULK_IMPORT_COMMAND.to_owned() label=t::BULK_IMPORT_COMMAND />
            <p>{t::BULK_EXPORT}</p>
            <Copyable text=t::BULK_EXPORT_COMMAND.to_owned() label=t::BULK_EXPORT_COMMAND />
            <p>{t::BULK_REVOKE}</p>
            <Copyable text=t::BULK_REVOKE_COMMAND.to_owned() label=t::BULK_REVOKE_COMMAND />
        </details>
        <Dialog open=linking title=t::NEW_LINK>
            <NewLink scope=scope />
        </Dialog>
    }
    .into_any()
}

fn table(all: Vec<Connection>) -> AnyView {
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{t::ACCOUNT}</th>
                    <th scope="col">{t::HEALTH}</th>
                    <th scope="col">{t::INTEGRATION}</th>
                    <th scope="col">{t::END_USER}</th>
                    <th scope="col">{t::LAST_RUN}</th>
                    <th scope="col">{t::CREATED}</th>
                </tr>
            </thead>
            <tbody>{all.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn row(connection: Connection) -> impl IntoView {
    let (tone, word) = states::health(connection.health.state);
    let path = Route::Connection(connection.id).path();
    view! {
        <tr data-connection=connection.id.to_string()>
            <th scope="row">
                <a href=path>{name(&connection)}</a>
            </th>
            <td data-label=t::HEALTH>
                <Badge tone=tone text=word />
            </td>
            <td data-label=t::INTEGRATION>{connection.integration.clone()}</td>
            <td data-label=t::END_USER>{end_user(&connection)}</td>
            <td data-label=t::LAST_RUN>{runs::brief(connection.last_run.as_ref())}</td>
            <td data-label=t::CREATED>
                <When at=connection.created_at />
            </td>
        </tr>
    }
}

/// What people call the account, as far as it is known.
pub fn name(connection: &Connection) -> String {
    connection.account_name.clone().or_else(|| connection.account.clone()).unwrap_or_else(|| t::UNNAMED.to_owned())
}

/// Whose it is: the name, and the tenant's id of them.
pub fn end_user(connection: &Connection) -> AnyView {
    let id = connection.end_user.id.clone();
    match connection.end_user.name.clone() {
        Some(name) => view! { <span class="two">{name} <small>{id}</small></span> }.into_any(),
        None => id.into_any(),
    }
}
