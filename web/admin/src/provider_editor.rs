//! Writing a provider's manifest. The server judges it; what it says is shown at the line.

use api_types::integration::PutProvider;
use leptos::html;
use leptos::prelude::*;
use patchbay_web_admin::manifest::{self, BEGINNING, Fault};
use patchbay_web_admin::route::Route;
use patchbay_web_admin::text as t;
use web_components::{Deed, Failure, Loaded, Notice, Tone};

use crate::app::Top;
use crate::portal::Scope;

/// The screen: of a new one, or of the one with that slug.
pub fn screen(scope: Scope, slug: Option<String>) -> AnyView {
    let Some(slug) = slug else {
        return view! { <Editor scope=scope slug=None text=BEGINNING.to_owned() version=0 /> }.into_any();
    };
    let name = slug.clone();
    let found = Loaded::new(move || {
        let slug = name.clone();
        async move { scope.client.provider(&slug, None).await }
    });
    found.show(move |detail| {
        let version = detail.versions.first().map_or(0, |one| one.version);
        let text = detail.manifest.unwrap_or_default();
        view! { <Editor scope=scope slug=Some(slug.clone()) text=text version=version /> }.into_any()
    })
}

#[component]
fn Editor(scope: Scope, slug: Option<String>, text: String, version: i32) -> impl IntoView {
    let text = RwSignal::new(text);
    let deed = Deed::new();
    let unnamed = RwSignal::new(false);
    let node = NodeRef::<html::Textarea>::new();
    let refused = Memo::new(move |_| deed.error().and_then(|error| error.of_field("manifest").map(manifest::fault)));
    let fault = Memo::new(move |_| {
        let missing = unnamed.get().then(|| Fault { line: Some(1), words: t::MANIFEST_NO_SLUG.to_owned() });
        missing.or_else(|| refused.get())
    });
    let path = slug.clone().map_or(Route::Providers, Route::Provider).path();
    let (back, title, detail) = match &slug {
        Some(_) => (slug.clone().unwrap_or_default(), t::EDIT_MANIFEST, t::EDIT_MANIFEST_DETAIL),
        None => (t::place(&Route::Providers).to_owned(), t::NEW_MANIFEST, t::NEW_MANIFEST_DETAIL),
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let written = text.get_untracked();
        let Some(named) = slug.clone().or_else(|| manifest::slug(&written).map(str::to_owned)) else {
            deed.forget();
            unnamed.set(true);
            return go_to_line(node, &written, 1);
        };
        unnamed.set(false);
        let body = PutProvider { manifest: written, expected_version: Some(version) };
        let to = named.clone();
        deed.run(async move { scope.client.put_provider(&named, &body).await }, move |_| {
            scope.portal.say(t::MANIFEST_SAVED);
            scope.portal.go(Route::Provider(to));
        });
    };
    // As soon as the server has said where: the cursor is put there.
    Effect::new(move |_| {
        if let Some(line) = refused.get().and_then(|fault| fault.line) {
            go_to_line(node, &text.get_untracked(), line);
        }
    });
    view! {
        <p class="crumb">
            <a href=path.clone()>{back}</a>
        </p>
        <Top title=title detail=detail>
            <a class="button" href="/v1/provider-schema" target="_blank" rel="noopener">
                {t::SCHEMA}
            </a>
        </Top>
        <form on:submit=save>
            <Sheet text=text fault=fault node=node />
            {move || {
                fault
                    .get()
                    .map(|fault| {
                        let line = fault.line;
                        view! {
                            <Notice tone=Tone::Bad title=t::MANIFEST_REFUSED>
                                <p id="manifest-fault">
                                    {line.map(|line| view! { <b>{t::line(line)} ": "</b> })} {fault.words}
                                </p>
                                {line
                                    .map(|line| {
                                        let go = move |_| go_to_line(node, &text.get_untracked(), line);
                                        view! {
                                            <button type="button" class="button small" on:click=go>
                                                {t::SHOW_LINE}
                                            </button>
                                        }
                                    })}
                            </Notice>
                        }
                    })
            }}
            {move || {
                let told = fault.with(Option::is_some);
                deed.error().filter(|_| !told).map(|error| view! { <Failure error=error /> })
            }}
            <div class="actions end">
                <a class="button" href=path>
                    {t::CANCEL}
                </a>
                <button type="submit" class="button primary" disabled=move || deed.busy()>
                    {t::SAVE}
                </button>
            </div>
        </form>
    }
}

/// Numbered lines, and what is wrong behind the line that it is about.
#[component]
fn Sheet(text: RwSignal<String>, fault: Memo<Option<Fault>>, node: NodeRef<html::Textarea>) -> impl IntoView {
    let lines = Memo::new(move |_| text.with(|text| text.split('\n').count()));
    let bad = Memo::new(move |_| fault.with(|fault| fault.as_ref().and_then(|fault| fault.line)));
    let numbers = move || {
        let bad = bad.get();
        (1..=lines.get()).map(|n| view! { <span class:bad=Some(n) == bad>{n}</span> }).collect_view()
    };
    let mark = move || {
        let fault = fault.get()?;
        let line = fault.line?;
        let before = text
            .with_untracked(|text| text.split('\n').nth(line.saturating_sub(1)).map_or(0, |line| line.chars().count()));
        Some(view! {
            <span
                class="flaw"
                aria-hidden="true"
                style:--line=line.saturating_sub(1).to_string()
                style:--column=before.to_string()
            >
                {fault.words}
            </span>
        })
    };
    view! {
        <div class="editor" data-line=move || bad.get().map(|line| line.to_string())>
            <div class="numbers" aria-hidden="true">
                {numbers}
            </div>
            <div class="sheet">
                <textarea
                    id="field-manifest"
                    name="manifest"
                    node_ref=node
                    aria-label=t::MANIFEST
                    aria-invalid=move || fault.with(Option::is_some).then_some("true")
                    aria-describedby=move || fault.with(Option::is_some).then_some("manifest-fault")
                    rows=move || lines.get().max(12).to_string()
                    wrap="off"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
                {mark}
            </div>
        </div>
    }
}

/// Selects a line, which brings it into view.
fn go_to_line(node: NodeRef<html::Textarea>, text: &str, line: usize) {
    let Some(area) = node.get_untracked() else { return };
    let (start, end) = manifest::span(text, line);
    // An area that cannot take the focus leaves it where it was.
    let _ = area.focus();
    let _ = area.set_selection_range(start, end);
}
