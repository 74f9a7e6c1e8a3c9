//! Integrations: list, edit, delete.

use std::sync::Arc;

use api_types::integration::{Integration, Provider};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::{Badge, Copyable, Dialog, Loaded, Paged, Tone};

use crate::dialogs::Remove;
use crate::integration_form::{Add, Edit};
use crate::listing::{Words, listing};
use crate::portal::Scope;

/// All providers, by slug.
pub type Providers = Loaded<Arc<Vec<Provider>>>;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let adding = RwSignal::new(false);
    let list = Paged::new(move |cursor| async move { scope.client.integrations(cursor).await });
    let providers = Loaded::new(move || async move { scope.client.all_providers().await });
    let reload = Callback::new(move |()| list.reload());
    let words = Words {
        place: Route::Integrations,
        detail: t::INTEGRATIONS_DETAIL,
        add: t::ADD_INTEGRATION,
        none: (t::NO_INTEGRATIONS, t::NO_INTEGRATIONS_DETAIL),
    };
    let rows = move |all: Vec<Integration>| {
        let row = |integration| {
            view! { <Item scope=scope integration=integration providers=providers reload=reload /> }
        };
        view! { <ul class="rows">{all.into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    listing(words, list, adding, rows, move || {
        providers.show(move |known| view! { <Add scope=scope providers=known open=adding reload=reload /> }.into_any())
    })
}

#[component]
fn Item(scope: Scope, integration: Integration, providers: Providers, reload: Callback<()>) -> impl IntoView {
    let editing = RwSignal::new(false);
    let deleting = RwSignal::new(false);
    let id = integration.id;
    let provider = integration.provider.clone();
    // Shown until it is known that this provider has no use for a client.
    let needs_client = Memo::new(move |_| {
        let found = providers.with(|all| all.iter().find(|p| p.slug == provider).map(|p| p.client.is_some()));
        found.flatten().unwrap_or(true)
    });
    let provider = integration.provider.clone();
    let kept = StoredValue::new(integration.clone());
    view! {
        <li class="integration" data-integration=integration.slug.clone()>
            <div class="row">
                <span class="two">
                    <strong>{integration.display_name.clone()}</strong>
                    <small>{integration.provider.clone()} " · " <code>{integration.slug.clone()}</code></small>
                </span>
                <span class="actions">
                    <button type="button" class="button small" on:click=move |_| editing.set(true)>
                        {t::EDIT}
                    </button>
                    <button type="button" class="button small" on:click=move |_| deleting.set(true)>
                        {t::DELETE}
                    </button>
                </span>
            </div>
            {move || facts(&kept.get_value(), needs_client.get())}
            <Dialog open=editing title=t::EDIT_INTEGRATION>
                {
                    let provider = provider.clone();
                    providers
                        .show(move |known| {
                            let found = known.iter().find(|p| p.slug == provider).cloned();
                            let integration = kept.get_value();
                            view! { <Edit scope=scope provider=found integration=integration open=editing reload=reload /> }
                                .into_any()
                        })
                }
            </Dialog>
            <Remove
                open=deleting
                title=t::delete_question(&integration.display_name)
                detail=t::DELETE_INTEGRATION_DETAIL
                act=t::DELETE
                call=move || async move { scope.client.delete_integration(id).await }
                then=reload
            />
        </li>
    }
}

/// What is filled in; nothing of a client where the provider has no use for one.
fn facts(integration: &Integration, needs_client: bool) -> AnyView {
    let client = needs_client.then(|| {
        let (tone, word) = if integration.has_client_secret {
            (Tone::Good, t::SECRET_STORED)
        } else {
            (Tone::Plain, t::SECRET_MISSING)
        };
        let scopes = if integration.scopes.is_empty() { t::NONE.to_owned() } else { integration.scopes.join(" ") };
        view! {
            <div>
                <dt>{t::CLIENT_ID}</dt>
                <dd>
                    <code>{integration.client_id.clone().unwrap_or_else(|| t::NONE.to_owned())}</code>
                </dd>
            </div>
            <div>
                <dt>{t::CLIENT_SECRET}</dt>
                <dd>
                    <Badge tone=tone text=word />
                </dd>
            </div>
            <div>
                <dt>{t::SCOPES}</dt>
                <dd>{scopes}</dd>
            </div>
            <div class="wide">
                <dt>{t::REDIRECT_URI}</dt>
                <dd>
                    <Copyable text=integration.redirect_uri.clone() label=t::REDIRECT_URI />
                </dd>
            </div>
        }
    });
    let secrets = (!integration.secrets_set.is_empty()).then(|| {
        let names = integration.secrets_set.iter().map(|name| view! { <Badge tone=Tone::Good text=name.clone() /> });
        view! {
            <div>
                <dt>{t::SECRETS}</dt>
                <dd class="pair">{names.collect_view()}</dd>
            </div>
        }
    });
    let app = integration.app_url.clone().map(|url| {
        view! {
            <div class="wide">
                <dt>{t::APP_URL}</dt>
                <dd>
                    <Copyable text=url label=t::APP_URL />
                </dd>
            </div>
        }
    });
    let install = integration.app_url.is_some().then(|| {
        let page = integration.install_url.clone();
        view! {
            <div class="wide" data-fact="install-url">
                <dt>{t::INSTALL_URL}</dt>
                <dd>{page.unwrap_or_else(|| t::INSTALL_URL_MISSING.to_owned())}</dd>
            </div>
        }
    });
    let variables = integration.variables.iter().map(|(name, value)| {
        view! {
            <div>
                <dt>{name.clone()}</dt>
                <dd>{value.clone()}</dd>
            </div>
        }
    });
    let variables = variables.collect_view();
    if !needs_client && secrets.is_none() && app.is_none() && integration.variables.is_empty() {
        return ().into_any();
    }
    view! {
        <dl class="facts">
            {variables}
            {secrets}
            {client}
            {app}
            {install}
        </dl>
    }
    .into_any()
}
