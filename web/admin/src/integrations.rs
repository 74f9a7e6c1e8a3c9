//! Integrations: list, add, edit, delete.

use std::collections::BTreeMap;

use api_types::integration::{CreateIntegration, Integration, Provider, UpdateIntegration};
use leptos::prelude::*;
use patchbay_web_admin::forms::{filled, list};
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_client::ApiError;
use web_components::{
    Badge, Confirm, Copyable, Deed, Dialog, Empty, Failure, Field, Loaded, Notice, Paged, Select, Tone,
};

use crate::app::Top;
use crate::portal::Scope;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let adding = RwSignal::new(false);
    let all = Paged::new(move |cursor| async move { scope.client.integrations(cursor).await });
    let providers = Loaded::new(move || async move { scope.client.providers().await.map(|page| page.data) });
    let reload = Callback::new(move |()| all.reload());
    let add = move || {
        view! {
            <button type="button" class="button primary" on:click=move |_| adding.set(true)>
                {t::ADD_INTEGRATION}
            </button>
        }
    };
    view! {
        <Top title=t::place(&Route::Integrations) detail=t::INTEGRATIONS_DETAIL>
            {add()}
        </Top>
        {all
            .show(
                move || {
                    view! {
                        <section class="card">
                            <Empty title=t::NO_INTEGRATIONS detail=t::NO_INTEGRATIONS_DETAIL>
                                {add()}
                            </Empty>
                        </section>
                    }
                        .into_any()
                },
                move |all| {
                    let cards = all
                        .into_iter()
                        .map(|integration| {
                            view! { <Item scope=scope integration=integration providers=providers reload=reload /> }
                        })
                        .collect_view();
                    view! { <ul class="cards">{cards}</ul> }.into_any()
                },
            )}
        <Dialog open=adding title=t::ADD_INTEGRATION>
            {providers
                .show(move |known| {
                    if known.is_empty() {
                        return view! { <Empty title=t::NO_PROVIDERS detail=t::NO_PROVIDERS_DETAIL /> }.into_any();
                    }
                    view! { <Add scope=scope providers=known open=adding reload=reload /> }.into_any()
                })}
        </Dialog>
    }
    .into_any()
}

#[component]
fn Item(
    scope: Scope,
    integration: Integration,
    providers: Loaded<Vec<Provider>>,
    reload: Callback<()>,
) -> impl IntoView {
    let editing = RwSignal::new(false);
    let deleting = RwSignal::new(false);
    let deed = Deed::new();
    let id = integration.id;
    let confirmed = Callback::new(move |()| {
        deed.run(async move { scope.client.delete_integration(id).await }, move |()| {
            deleting.set(false);
            reload.run(());
        });
    });
    let (tone, word) =
        if integration.has_client_secret { (Tone::Good, t::SECRET_STORED) } else { (Tone::Warn, t::SECRET_MISSING) };
    let scopes = if integration.scopes.is_empty() { t::NONE.to_owned() } else { integration.scopes.join(" ") };
    let provider = integration.provider.clone();
    let kept = StoredValue::new(integration.clone());
    view! {
        <li class="card integration" data-integration=integration.slug.clone()>
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
            <dl class="facts">
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
            </dl>
            <Dialog open=editing title=t::EDIT_INTEGRATION>
                {
                    let provider = provider.clone();
                    providers
                        .show(move |known| {
                            let found = known.into_iter().find(|p| p.slug == provider);
                            let integration = kept.get_value();
                            view! { <Edit scope=scope provider=found integration=integration open=editing reload=reload /> }
                                .into_any()
                        })
                }
            </Dialog>
            <Confirm
                open=deleting
                title=t::delete_question(&integration.display_name)
                detail=t::DELETE_INTEGRATION_DETAIL
                act=t::DELETE
                busy=Signal::derive(move || deed.busy())
                error=Signal::derive(move || deed.error())
                on_confirm=confirmed
            />
        </li>
    }
}

/// What is typed about an OAuth client, in both forms.
#[derive(Clone)]
struct Draft {
    name: RwSignal<String>,
    client_id: RwSignal<String>,
    client_secret: RwSignal<String>,
    scopes: RwSignal<String>,
    variables: Vec<(String, RwSignal<String>)>,
}

impl Draft {
    fn new(provider: Option<&Provider>, before: Option<&Integration>) -> Self {
        let text = |text: Option<String>| RwSignal::new(text.unwrap_or_default());
        let variables = provider.map(|p| p.integration_variables.as_slice()).unwrap_or_default();
        Self {
            name: text(before.map(|i| i.display_name.clone())),
            client_id: text(before.and_then(|i| i.client_id.clone())),
            client_secret: text(None),
            scopes: text(before.map(|i| i.scopes.join(" "))),
            variables: variables
                .iter()
                .map(|v| (v.name.clone(), text(before.and_then(|i| i.variables.get(&v.name).cloned()))))
                .collect(),
        }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let typed = self.variables.iter().map(|(name, value)| (name.clone(), value.get_untracked()));
        typed.filter_map(|(name, value)| Some((name, filled(&value)?))).collect()
    }

    fn fields(&self, provider: Option<&Provider>, error: Signal<Option<ApiError>>, stored: bool) -> AnyView {
        let wrong =
            move |path: String| Signal::derive(move || error.get().and_then(|e| e.of_field(&path).map(str::to_owned)));
        let oauth = provider.is_none_or(|p| p.auth_mode != "none");
        let variables = provider.map(|p| p.integration_variables.clone()).unwrap_or_default();
        let inputs = variables.into_iter().zip(self.variables.clone()).map(|(variable, (name, value))| {
            let error = wrong(format!("variables.{name}"));
            view! {
                <Field
                    name=format!("variable-{name}")
                    label=variable.label
                    value=value
                    help=variable.help.unwrap_or_default()
                    placeholder=variable.default.unwrap_or_default()
                    error=error
                />
            }
        });
        let client = oauth.then(|| {
            let help = if stored { t::CLIENT_SECRET_KEEP } else { t::CLIENT_SECRET_HELP };
            view! {
                <Field
                    name="client-id"
                    label=t::CLIENT_ID
                    help=t::CLIENT_ID_HELP
                    value=self.client_id
                    error=wrong("client_id".to_owned())
                />
                <Field
                    name="client-secret"
                    label=t::CLIENT_SECRET
                    help=help
                    value=self.client_secret
                    kind="password"
                    autocomplete="new-password"
                    error=wrong("client_secret".to_owned())
                />
                <Field
                    name="scopes"
                    label=t::SCOPES
                    help=t::SCOPES_HELP
                    value=self.scopes
                    placeholder=provider.map(|p| p.default_scopes.join(" ")).unwrap_or_default()
                    error=wrong("scopes".to_owned())
                />
            }
        });
        view! {
            {inputs.collect_view()}
            {client}
            <Field
                name="display-name"
                label=t::DISPLAY_NAME
                value=self.name
                placeholder=provider.map(|p| p.name.clone()).unwrap_or_default()
                error=wrong("display_name".to_owned())
            />
        }
        .into_any()
    }
}

#[component]
fn Add(scope: Scope, providers: Vec<Provider>, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let chosen = RwSignal::new(providers.first().map(|p| p.slug.clone()).unwrap_or_default());
    let options: Vec<(String, String)> = providers.iter().map(|p| (p.slug.clone(), p.name.clone())).collect();
    let providers = StoredValue::new(providers);
    let made = RwSignal::new(None::<Integration>);
    view! {
        {move || match made.get() {
            Some(made) => {
                view! {
                    <div class="stack">
                        <Notice tone=Tone::Good title=made.display_name>
                            {t::INTEGRATION_ADDED}
                            <Copyable text=made.redirect_uri label=t::REDIRECT_URI />
                        </Notice>
                        <div class="actions end">
                            <button type="button" class="button primary" on:click=move |_| open.set(false)>
                                {t::DONE}
                            </button>
                        </div>
                    </div>
                }
                    .into_any()
            }
            None => {
                let options = Signal::stored(options.clone());
                view! {
                    <div class="stack">
                        <Select name="provider" label=t::PROVIDER value=chosen options=options />
                        {move || {
                            let slug = chosen.get();
                            providers
                                .with_value(|all| all.iter().find(|p| p.slug == slug).cloned())
                                .map(|provider| {
                                    view! { <AddForm scope=scope provider=provider made=made reload=reload /> }
                                })
                        }}
                    </div>
                }
                    .into_any()
            }
        }}
    }
}

#[component]
fn AddForm(
    scope: Scope,
    provider: Provider,
    made: RwSignal<Option<Integration>>,
    reload: Callback<()>,
) -> impl IntoView {
    let deed = Deed::new();
    let error = Signal::derive(move || deed.error());
    let slug = RwSignal::new(String::new());
    let draft = Draft::new(Some(&provider), None);
    let fields = draft.fields(Some(&provider), error, false);
    let docs = provider.docs.clone();
    let hint = provider.slug.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = CreateIntegration {
            provider: provider.slug.clone(),
            slug: filled(&slug.get_untracked()),
            display_name: filled(&draft.name.get_untracked()),
            client_id: filled(&draft.client_id.get_untracked()),
            client_secret: filled(&draft.client_secret.get_untracked()),
            scopes: list(&draft.scopes.get_untracked()),
            variables: draft.variables(),
            secrets: BTreeMap::new(),
        };
        deed.run(async move { scope.client.create_integration(&body).await }, move |integration| {
            made.set(Some(integration));
            reload.run(());
        });
    };
    let slug_wrong = Signal::derive(move || error.get().and_then(|e| e.of_field("slug").map(str::to_owned)));
    view! {
        <form class="stack" on:submit=submit>
            <a href=docs target="_blank" rel="noopener noreferrer">
                {t::DOCS}
            </a>
            {fields}
            <Field name="slug" label=t::SLUG help=t::SLUG_HELP value=slug placeholder=hint error=slug_wrong />
            {move || error.get().map(|error| view! { <Failure error=error /> })}
            <div class="actions end">
                <button type="submit" class="button primary" disabled=move || deed.busy()>
                    {t::ADD_INTEGRATION}
                </button>
            </div>
        </form>
    }
}

#[component]
fn Edit(
    scope: Scope,
    provider: Option<Provider>,
    integration: Integration,
    open: RwSignal<bool>,
    reload: Callback<()>,
) -> impl IntoView {
    let deed = Deed::new();
    let error = Signal::derive(move || deed.error());
    let draft = Draft::new(provider.as_ref(), Some(&integration));
    let fields = draft.fields(provider.as_ref(), error, integration.has_client_secret);
    let id = integration.id;
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = UpdateIntegration {
            display_name: filled(&draft.name.get_untracked()),
            client_id: filled(&draft.client_id.get_untracked()),
            client_secret: filled(&draft.client_secret.get_untracked()),
            scopes: list(&draft.scopes.get_untracked()),
            // Without the provider's list of variables nothing is known of them: they stay.
            variables: provider.as_ref().map(|_| draft.variables()),
            secrets: None,
        };
        deed.run(async move { scope.client.update_integration(id, &body).await }, move |_| {
            open.set(false);
            reload.run(());
        });
    };
    view! {
        <form class="stack" on:submit=submit>
            {fields}
            {move || error.get().map(|error| view! { <Failure error=error /> })}
            <div class="actions end">
                <button type="submit" class="button primary" disabled=move || deed.busy()>
                    {t::SAVE}
                </button>
            </div>
        </form>
    }
}
