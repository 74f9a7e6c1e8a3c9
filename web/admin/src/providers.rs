//! Providers: all that can be connected in this environment.

use api_types::integration::{Provider, ProviderOrigin};
use leptos::prelude::*;
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::find::{Index, monogram};
use web_components::{Badge, Finder, Loaded, Tone, say};

use crate::app::Top;
use crate::portal::Scope;

/// The list.
pub fn screen(scope: Scope) -> AnyView {
    let providers = Loaded::new(move || async move { scope.client.all_providers().await });
    view! {
        <Top title=t::place(&Route::Providers) detail=t::PROVIDERS_DETAIL>
            <a class="button primary" href=Route::Manifest(None).path()>
                {t::DESCRIBE_PROVIDER}
            </a>
        </Top>
        {providers
            .show(move |all| {
                let index = Index::new(all.iter().map(|p| (p.name.as_str(), p.slug.as_str(), p.category.as_str())));
                let link = move |place: usize| {
                    let provider = all.get(place);
                    let path = provider.map(|p| Route::Provider(p.slug.clone()).path());
                    view! {
                        <a class="choice" href=path data-provider=provider.map(|p| p.slug.clone())>
                            {provider.map(row)}
                        </a>
                    }
                        .into_any()
                };
                view! { <Finder index=index row=link /> }.into_any()
            })}
    }
    .into_any()
}

/// What a row says of a provider.
pub fn row(provider: &Provider) -> AnyView {
    let ours = provider.origin != ProviderOrigin::Installed;
    let detail = format!("{} · {}", say::category(&provider.category), t::auth_mode(&provider.auth_mode));
    view! {
        <span class="monogram" aria-hidden="true">
            {monogram(&provider.name)}
        </span>
        <span>
            <strong>{provider.name.clone()}</strong>
            <small>{detail}</small>
        </span>
        {ours.then(|| view! { <Badge tone=Tone::Good text=t::OURS /> })}
    }
    .into_any()
}
