//! One provider: what it needs; of one that is described here, its manifest and its versions.

use api_types::integration::{Provider, ProviderDetail, ProviderOrigin, ProviderVersion, PutProvider, Variable};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::{Badge, Deed, Dialog, Failure, Loaded, Notice, Tone, When, say};

use crate::app::Top;
use crate::dialogs::Remove;
use crate::integration_form::AddTo;
use crate::portal::Scope;

/// The whole of it.
pub fn screen(scope: Scope, slug: String) -> AnyView {
    let version = RwSignal::new(None::<i32>);
    let name = slug.clone();
    let found = Loaded::new(move || {
        let (slug, version) = (name.clone(), version.get());
        async move { scope.client.provider(&slug, version).await }
    });
    view! {
        <p class="crumb">
            <a href=Route::Providers.path()>{t::place(&Route::Providers)}</a>
        </p>
        {found
            .show(move |detail| {
                view! { <Detail scope=scope slug=slug.clone() detail=detail version=version found=found /> }.into_any()
            })}
    }
    .into_any()
}

#[component]
fn Detail(
    scope: Scope,
    slug: String,
    detail: ProviderDetail,
    version: RwSignal<Option<i32>>,
    found: Loaded<ProviderDetail>,
) -> impl IntoView {
    let adding = RwSignal::new(false);
    let ours = detail.origin == ProviderOrigin::Environment;
    let title = detail.provider.as_ref().map_or_else(|| slug.clone(), |p| p.name.clone());
    let provider = StoredValue::new(detail.provider.clone());
    let nothing = Callback::new(|()| {});
    let accepted = detail.provider.is_some();
    let own = (slug.clone(), title.clone());
    let edit = Route::Manifest(Some(slug.clone())).path();
    view! {
        <Top title=title.clone()>
            {ours.then(|| view! { <Delete scope=scope slug=own.0 title=own.1 /> })}
            {ours
                .then(|| {
                    view! {
                        <a class="button" href=edit>
                            {t::EDIT_MANIFEST}
                        </a>
                    }
                })}
            {accepted
                .then(|| {
                    view! {
                        <button type="button" class="button primary" on:click=move |_| adding.set(true)>
                            {t::ADD_INTEGRATION}
                        </button>
                    }
                })}
        </Top>
        {match &detail.provider {
            Some(provider) => facts(provider),
            None => {
                view! {
                    <Notice tone=Tone::Warn title=t::NOT_ACCEPTED>
                        {t::NOT_ACCEPTED_DETAIL}
                    </Notice>
                }
                    .into_any()
            }
        }}
        {detail
            .manifest
            .clone()
            .map(|manifest| {
                view! {
                    <h2>{t::MANIFEST}</h2>
                    <pre class="manifest" tabindex="0">
                        {manifest}
                    </pre>
                }
            })}
        {(!detail.versions.is_empty())
            .then(|| view! { <Versions scope=scope slug=slug detail=detail version=version found=found /> })}
        <Dialog open=adding title=t::ADD_INTEGRATION>
            {provider
                .get_value()
                .map(|provider| view! { <AddTo scope=scope provider=provider open=adding reload=nothing /> })}
        </Dialog>
    }
}

fn facts(provider: &Provider) -> AnyView {
    let fact = |name: &'static str, value: String| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{if value.is_empty() { t::NONE.to_owned() } else { value }}</dd>
            </div>
        }
    };
    let origin = match provider.origin {
        ProviderOrigin::Installed => t::ORIGIN_INSTALLED,
        ProviderOrigin::Environment => t::ORIGIN_ENVIRONMENT,
        ProviderOrigin::Pushed => t::ORIGIN_PUSHED,
    };
    let labels =
        |variables: &[Variable]| variables.iter().map(|variable| variable.label.clone()).collect::<Vec<_>>().join(", ");
    let wide = |name: &'static str, value: &'static str| {
        view! {
            <div class="wide">
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    view! {
        <dl class="facts card">
            <div>
                <dt>{t::SLUG}</dt>
                <dd>
                    <code>{provider.slug.clone()}</code>
                </dd>
            </div>
            {fact(t::ORIGIN, origin.to_owned())}
            {fact(t::CATEGORY, say::category(&provider.category))}
            {fact(t::AUTH_MODE, t::auth_mode(&provider.auth_mode).to_owned())}
            {fact(t::CLIENT, t::client(provider.client.as_deref()).to_owned())}
            <div>
                <dt>{t::DOCS}</dt>
                <dd>
                    <a href=provider.docs.clone() target="_blank" rel="noopener noreferrer">
                        {provider.docs.clone()}
                    </a>
                </dd>
            </div>
            {fact(t::YOU_FILL_IN, labels(&provider.integration_variables))}
            {fact(t::USERS_FILL_IN, labels(&provider.connection_variables))}
            {(!provider.default_scopes.is_empty())
                .then(|| fact(t::DEFAULT_SCOPES, provider.default_scopes.join(" ")))}
            {(!provider.streams.is_empty()).then(|| fact(t::STREAMS, provider.streams.join(", ")))}
            {provider.client.is_some().then(|| wide(t::REDIRECT_URI, t::REDIRECT_URI_LATER))}
        </dl>
    }
    .into_any()
}

#[component]
fn Delete(scope: Scope, slug: String, title: String) -> impl IntoView {
    let asked = RwSignal::new(false);
    let call = move || {
        let slug = slug.clone();
        async move { scope.client.delete_provider(&slug).await }
    };
    let gone = Callback::new(move |()| scope.portal.go(Route::Providers));
    view! {
        <button type="button" class="button" on:click=move |_| asked.set(true)>
            {t::DELETE}
        </button>
        <Remove
            open=asked
            title=t::delete_question(&title)
            detail=t::DELETE_PROVIDER_DETAIL
            act=t::DELETE_PROVIDER
            call=call
            then=gone
        />
    }
}

/// The versions, the newest first; an earlier one can be looked at and restored.
#[component]
fn Versions(
    scope: Scope,
    slug: String,
    detail: ProviderDetail,
    version: RwSignal<Option<i32>>,
    found: Loaded<ProviderDetail>,
) -> impl IntoView {
    let deed = Deed::new();
    let newest = detail.versions.first().map(|one| one.version);
    let shown = version.get_untracked().or(newest);
    let manifest = StoredValue::new(detail.manifest.unwrap_or_default());
    let restore = move |_| {
        let (slug, body) = (slug.clone(), PutProvider { manifest: manifest.get_value(), expected_version: newest });
        deed.run(async move { scope.client.put_provider(&slug, &body).await }, move |now| {
            scope.portal.say(t::RESTORED);
            if version.get_untracked().is_some() {
                version.set(None);
            } else {
                found.put(now);
            }
        });
    };
    let row = |one: ProviderVersion| {
        let (number, is_newest, is_shown) = (one.version, Some(one.version) == newest, Some(one.version) == shown);
        let restore = restore.clone();
        view! {
            <li class:shown=is_shown data-version=number.to_string()>
                <div class="row">
                    <span class="two">
                        <strong>{t::version(number)}</strong>
                        <small>
                            <code>{one.author}</code>
                        </small>
                    </span>
                    <span>{is_newest.then(|| view! { <Badge tone=Tone::Good text=t::VERSION_IN_FORCE /> })}</span>
                    <span class="faint">
                        <When at=one.created_at />
                    </span>
                    <span class="actions">
                        {(!is_shown)
                            .then(|| {
                                view! {
                                    <button
                                        type="button"
                                        class="button small"
                                        on:click=move |_| version.set((!is_newest).then_some(number))
                                    >
                                        {t::SHOW_VERSION}
                                    </button>
                                }
                            })}
                        {(is_shown && !is_newest)
                            .then(|| {
                                view! {
                                    <button
                                        type="button"
                                        class="button small"
                                        disabled=move || deed.busy()
                                        on:click=restore
                                    >
                                        {t::RESTORE}
                                    </button>
                                }
                            })}
                    </span>
                </div>
            </li>
        }
    };
    view! {
        <h2>{t::VERSIONS}</h2>
        {move || deed.error().map(|error| view! { <Failure error=error /> })}
        <section class="card">
            <ul class="rows versions">{detail.versions.into_iter().map(row).collect_view()}</ul>
        </section>
    }
}
