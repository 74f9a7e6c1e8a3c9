//! Connect links: for a new connection of an end user, or to repair one.

use api_types::connect::{CreateConnectSession, CreatedConnectSession, EndUser};
use api_types::connection::Connection;
use leptos::prelude::*;
use patchbay_web_admin::forms::filled;
use patchbay_web_admin::text as t;
use web_components::{Copyable, Deed, Failure, Field};

use crate::dialogs::Form;
use crate::portal::Scope;

fn session(end_user: EndUser, connection: Option<&Connection>) -> CreateConnectSession {
    CreateConnectSession {
        end_user,
        integrations: connection.map(|c| vec![c.integration_id.to_string()]),
        connection_id: connection.map(|c| c.id),
        allowed_origins: Vec::new(),
        return_url: None,
        scopes: None,
        install: None,
        language: None,
        tags: std::collections::BTreeMap::new(),
    }
}

/// Asks for whom, then shows the link.
#[component]
pub fn NewLink(scope: Scope) -> impl IntoView {
    let id = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let made = RwSignal::new(None::<CreatedConnectSession>);
    let deed = Deed::new();
    let submit = Callback::new(move |()| {
        let end_user = EndUser { id: id.get_untracked().trim().to_owned(), name: filled(&name.get_untracked()) };
        let body = session(end_user, None);
        deed.run(async move { scope.client.create_connect_session(&body).await }, move |session| {
            made.set(Some(session))
        });
    });
    let id_wrong = Signal::derive(move || deed.error().and_then(|e| e.of_field("end_user.id").map(str::to_owned)));
    move || match made.get() {
        Some(session) => shown(session, t::LINK_DETAIL),
        None => view! {
            <Form deed=deed act=t::MAKE_LINK on_submit=submit>
                <Field
                    name="end-user"
                    label=t::END_USER_ID
                    help=t::END_USER_ID_HELP
                    value=id
                    error=id_wrong
                    required=true
                />
                <Field name="end-user-name" label=t::END_USER_NAME help=t::END_USER_NAME_HELP value=name />
            </Form>
        }
        .into_any(),
    }
}

/// Makes the link that repairs this connection, and shows it.
#[component]
pub fn RepairLink(scope: Scope, connection: Connection) -> impl IntoView {
    let made = RwSignal::new(None::<CreatedConnectSession>);
    let deed = Deed::new();
    let make = move |_| {
        let body = session(connection.end_user.clone(), Some(&connection));
        deed.run(async move { scope.client.create_connect_session(&body).await }, move |session| {
            made.set(Some(session))
        });
    };
    view! {
        {move || deed.error().map(|error| view! { <Failure error=error /> })}
        {move || match made.get() {
            Some(session) => shown(session, t::RECONNECT_DETAIL),
            None => {
                view! {
                    <p>{t::RECONNECT_DETAIL}</p>
                    <div class="actions end">
                        <button
                            type="button"
                            class="button primary"
                            disabled=move || deed.busy()
                            on:click=make.clone()
                        >
                            {t::MAKE_LINK}
                        </button>
                    </div>
                }
                    .into_any()
            }
        }}
    }
}

fn shown(session: CreatedConnectSession, words: &'static str) -> AnyView {
    view! {
        <div class="stack" data-link="">
            <p>{words}</p>
            <Copyable text=session.link.clone() label=t::CONNECT_LINK />
            <div class="actions end">
                <a class="button primary" href=session.link target="_blank" rel="noopener">
                    {t::OPEN_LINK}
                </a>
            </div>
        </div>
    }
    .into_any()
}
