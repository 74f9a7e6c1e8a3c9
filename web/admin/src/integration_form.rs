//! What is filled in for an integration: a provider to pick, then what its manifest asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_types::integration::{CreateIntegration, Integration, Provider, UpdateIntegration, Variable};
use leptos::prelude::*;
use patchbay_web_admin::forms::{filled, list};
use patchbay_web_admin::text as t;
use web_client::ApiError;
use web_components::find::Index;
use web_components::{Copyable, Deed, Empty, Field, Finder, Notice, Tone, VariableField};

use crate::dialogs::{Done, Form};
use crate::portal::Scope;
use crate::providers::row;

/// What is typed, in both forms.
#[derive(Clone)]
struct Draft {
    name: RwSignal<String>,
    client_id: RwSignal<String>,
    client_secret: RwSignal<String>,
    scopes: RwSignal<String>,
    install_url: RwSignal<String>,
    variables: Vec<(Variable, RwSignal<String>)>,
}

impl Draft {
    fn new(provider: Option<&Provider>, before: Option<&Integration>) -> Self {
        let text = |text: Option<String>| RwSignal::new(text.unwrap_or_default());
        let variables = provider.map(|p| p.integration_variables.clone()).unwrap_or_default();
        let known = |variable: &Variable| {
            let stored = before.and_then(|i| i.variables.get(&variable.name).cloned());
            // A choice begins with what counts anyway; elsewhere that stands in the empty field.
            stored.or_else(|| variable.default.clone().filter(|_| variable.kind == "choice"))
        };
        Self {
            name: text(before.map(|i| i.display_name.clone())),
            client_id: text(before.and_then(|i| i.client_id.clone())),
            client_secret: text(None),
            scopes: text(before.map(|i| i.scopes.join(" "))),
            install_url: text(before.and_then(|i| i.install_url.clone())),
            variables: variables.into_iter().map(|v| (v.clone(), text(known(&v)))).collect(),
        }
    }

    /// What is filled in for variables that are secrets, or for those that are not.
    fn values(&self, secret: bool) -> BTreeMap<String, String> {
        let wanted = self.variables.iter().filter(|(variable, _)| (variable.kind == "secret") == secret);
        wanted.filter_map(|(variable, value)| Some((variable.name.clone(), filled(&value.get_untracked())?))).collect()
    }

    fn fields(
        &self,
        provider: Option<&Provider>,
        error: Signal<Option<ApiError>>,
        before: Option<&Integration>,
    ) -> AnyView {
        let wrong =
            move |path: String| Signal::derive(move || error.get().and_then(|e| e.of_field(&path).map(str::to_owned)));
        let inputs = self.variables.clone().into_iter().map(|(variable, value)| {
            let kind = if variable.kind == "secret" { "secrets" } else { "variables" };
            let error = wrong(format!("{kind}.{}", variable.name));
            let stored = before.is_some_and(|i| i.secrets_set.contains(&variable.name));
            view! { <VariableField variable=variable value=value error=error stored=stored /> }
        });
        // Of a provider that is not known any more, everything may be changed.
        let need = provider.map_or(Some("with_secret"), |p| p.client.as_deref());
        let id = need.map(|need| {
            let help = if need == "optional" { t::CLIENT_OPTIONAL } else { t::CLIENT_ID_HELP };
            let error = wrong("client_id".to_owned());
            view! { <Field name="client-id" label=t::CLIENT_ID help=help value=self.client_id error=error /> }
        });
        let secret = need.filter(|need| *need != "id_alone").map(|_| {
            let stored = before.is_some_and(|i| i.has_client_secret);
            let help = if stored { t::CLIENT_SECRET_KEEP } else { t::CLIENT_SECRET_HELP };
            view! {
                <Field
                    name="client-secret"
                    label=t::CLIENT_SECRET
                    help=help
                    value=self.client_secret
                    kind="password"
                    autocomplete="new-password"
                    error=wrong("client_secret".to_owned())
                />
            }
        });
        let scopes = (need.is_some() || provider.is_some_and(|p| !p.default_scopes.is_empty())).then(|| {
            view! {
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
        let install = before.is_some_and(|i| i.app_url.is_some()).then(|| {
            view! {
                <Field
                    name="install-url"
                    label=t::INSTALL_URL
                    help=t::INSTALL_URL_HELP
                    value=self.install_url
                    kind="url"
                    inputmode="url"
                    error=wrong("install_url".to_owned())
                />
            }
        });
        view! {
            {inputs.collect_view()}
            {id}
            {secret}
            {scopes}
            {install}
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

/// Picks a provider, then asks for what it needs, then says what is left to do.
#[component]
pub fn Add(scope: Scope, providers: Arc<Vec<Provider>>, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let chosen = RwSignal::new(None::<Provider>);
    move || match chosen.get() {
        Some(provider) => view! {
            <button type="button" class="button small" on:click=move |_| chosen.set(None)>
                {t::CHANGE_PROVIDER}
            </button>
            <AddTo scope=scope provider=provider open=open reload=reload />
        }
        .into_any(),
        None if providers.is_empty() => {
            view! { <Empty title=t::NO_PROVIDERS detail=t::NO_PROVIDERS_DETAIL /> }.into_any()
        }
        None => {
            let all = Arc::clone(&providers);
            let index = Index::new(all.iter().map(|p| (p.name.as_str(), p.slug.as_str(), p.category.as_str())));
            let pick = move |place: usize| {
                let provider = all.get(place).cloned();
                let slug = provider.as_ref().map(|p| p.slug.clone());
                let shown = provider.as_ref().map(row);
                view! {
                    <button type="button" class="choice" data-provider=slug on:click=move |_| chosen.set(provider.clone())>
                        {shown}
                    </button>
                }
                .into_any()
            };
            view! { <Finder index=index row=pick /> }.into_any()
        }
    }
}

/// Asks for what a provider needs, then says what is left to do.
#[component]
pub fn AddTo(scope: Scope, provider: Provider, open: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let made = RwSignal::new(None::<Integration>);
    let needs_client = provider.client.is_some();
    let done = Callback::new(move |()| open.set(false));
    move || match made.get() {
        Some(made) => view! {
            <div class="stack">
                <Notice tone=Tone::Good title=made.display_name>
                    {if needs_client { t::INTEGRATION_ADDED } else { t::INTEGRATION_READY }}
                    {needs_client.then(|| view! { <Copyable text=made.redirect_uri label=t::REDIRECT_URI /> })}
                </Notice>
                <Done on_done=done />
            </div>
        }
        .into_any(),
        None => view! { <AddForm scope=scope provider=provider.clone() made=made reload=reload /> }.into_any(),
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
    let fields = draft.fields(Some(&provider), error, None);
    let (name, docs, hint) = (provider.name.clone(), provider.docs.clone(), provider.slug.clone());
    let submit = Callback::new(move |()| {
        let body = CreateIntegration {
            provider: provider.slug.clone(),
            slug: filled(&slug.get_untracked()),
            display_name: filled(&draft.name.get_untracked()),
            client_id: filled(&draft.client_id.get_untracked()),
            client_secret: filled(&draft.client_secret.get_untracked()),
            scopes: list(&draft.scopes.get_untracked()),
            variables: draft.values(false),
            secrets: draft.values(true),
            install_url: None,
        };
        deed.run(async move { scope.client.create_integration(&body).await }, move |integration| {
            made.set(Some(integration));
            reload.run(());
        });
    });
    let slug_wrong = Signal::derive(move || error.get().and_then(|e| e.of_field("slug").map(str::to_owned)));
    view! {
        <Form deed=deed act=t::ADD_INTEGRATION on_submit=submit>
            <p class="picked">
                <strong>{name}</strong>
                <a href=docs target="_blank" rel="noopener noreferrer">
                    {t::DOCS}
                </a>
            </p>
            {fields}
            <Field name="slug" label=t::SLUG help=t::SLUG_HELP value=slug placeholder=hint error=slug_wrong />
        </Form>
    }
}

/// Changes what is filled in.
#[component]
pub fn Edit(
    scope: Scope,
    provider: Option<Provider>,
    integration: Integration,
    open: RwSignal<bool>,
    reload: Callback<()>,
) -> impl IntoView {
    let deed = Deed::new();
    let error = Signal::derive(move || deed.error());
    let draft = Draft::new(provider.as_ref(), Some(&integration));
    let fields = draft.fields(provider.as_ref(), error, Some(&integration));
    let id = integration.id;
    let arrives = integration.app_url.is_some();
    let submit = Callback::new(move |()| {
        let body = UpdateIntegration {
            display_name: filled(&draft.name.get_untracked()),
            client_id: filled(&draft.client_id.get_untracked()),
            client_secret: filled(&draft.client_secret.get_untracked()),
            scopes: list(&draft.scopes.get_untracked()),
            // Without the provider's list of variables nothing is known of them: they stay.
            variables: provider.as_ref().map(|_| draft.values(false)),
            secrets: Some(draft.values(true)).filter(|secrets| !secrets.is_empty()),
            // Where there is a field for it, an empty one takes it away.
            install_url: arrives.then(|| draft.install_url.get_untracked().trim().to_owned()),
        };
        deed.run(async move { scope.client.update_integration(id, &body).await }, move |_| {
            open.set(false);
            reload.run(());
        });
    });
    view! {
        <Form deed=deed act=t::SAVE on_submit=submit>
            {fields}
        </Form>
    }
}
