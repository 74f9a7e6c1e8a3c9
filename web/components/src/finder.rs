//! A long list to choose from: search, categories, and as many rows as fit, more as one goes down.

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{HtmlElement, KeyboardEvent};
use web_sys::IntersectionObserver;

use crate::find::{Hits, Index, SEARCH_FROM};
use crate::{Field, browser, say, text};

/// Rows at first, and how many more each time the end is reached: more than fit on a laptop below the search field.
const CHUNK: usize = 20;
/// Categories beside the search field before one asks for all of them.
const FEW: usize = 5;

/// Search, categories and rows. The row of a place in the list is made by `row`; its first button or link is what the
/// arrow keys go to.
#[component]
pub fn Finder(
    /// What may be found.
    index: Index,
    /// Makes the row of a place.
    row: impl Fn(usize) -> AnyView + Send + Sync + 'static,
) -> impl IntoView {
    let searched = RwSignal::new(String::new());
    let category = RwSignal::new(None::<String>);
    let limit = RwSignal::new(CHUNK);
    let many = index.len() >= SEARCH_FROM;
    let groups = index.categories();
    let index = StoredValue::new(index);
    let hits = Memo::new(move |last: Option<&Hits>| {
        index.with_value(|index| searched.with(|text| index.find(text, category.get().as_deref(), last)))
    });
    // Another search begins at its top again.
    Effect::new(move |before: Option<()>| {
        hits.track();
        if before.is_some() && limit.get_untracked() != CHUNK {
            limit.set(CHUNK);
        }
    });
    let shown = Memo::new(move |_| {
        let limit = limit.get();
        hits.with(|hits| hits.places.iter().take(limit).copied().collect::<Vec<_>>())
    });
    let left = Memo::new(move |_| hits.with(|hits| hits.places.len()).saturating_sub(limit.get()));
    // Made once, not for each number on it: it may have the focus.
    let has_more = Memo::new(move |_| left.get() > 0);
    let clear = move |_| {
        searched.set(String::new());
        category.set(None);
        browser::focus("#field-search");
    };
    view! {
        <div class="finder" on:keydown=move |event| step(&event)>
            {many
                .then(|| {
                    view! {
                        <div class="finder-top">
                            <Field name="search" label=text::SEARCH value=searched kind="search" inputmode="search" />
                            {(groups.len() > 1).then(|| view! { <Chips groups=groups category=category /> })}
                            <p class="sr" role="status">
                                {move || text::found(hits.with(|hits| hits.places.len()))}
                            </p>
                        </div>
                    }
                })} <ul class="choices">
                {move || shown.with(|places| places.iter().map(|place| view! { <li>{row(*place)}</li> }).collect_view())}
            </ul> {move || has_more.get().then(|| view! { <More limit=limit left=left /> })}
            {move || {
                hits.with(|hits| hits.places.is_empty())
                    .then(|| {
                        view! {
                            <div class="empty">
                                <strong>{move || text::nothing(&searched.get())}</strong>
                                <p>{text::NOTHING_DETAIL}</p>
                                <button type="button" class="button" on:click=clear>
                                    {text::SHOW_ALL}
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// The categories: the largest ones, or all.
#[component]
fn Chips(groups: Vec<(String, usize)>, category: RwSignal<Option<String>>) -> impl IntoView {
    let few = groups.len() > FEW;
    // The largest; of two that are equal the first.
    let before = |place: usize, count: usize| {
        groups.iter().enumerate().filter(|(at, (_, other))| *other > count || (*other == count && *at < place)).count()
    };
    let large: Vec<bool> = groups.iter().enumerate().map(|(place, (_, count))| before(place, *count) < FEW).collect();
    let all = RwSignal::new(!few);
    let chip = move |value: Option<String>| {
        let (pressed, chosen) = (value.clone(), value.clone());
        view! {
            <button
                type="button"
                class="chip"
                aria-pressed=move || if category.get() == pressed { "true" } else { "false" }
                on:click=move |_| {
                    category.set(chosen.clone());
                    if few && all.get_untracked() {
                        // The rows come into view again; the one that was pressed keeps the focus.
                        all.set(false);
                        request_animation_frame(|| browser::focus(".chip[aria-pressed=true]"));
                    }
                }
            >
                {value.map_or_else(|| text::ALL.to_owned(), |value| say::category(&value))}
            </button>
        }
    };
    let groups = StoredValue::new(groups);
    let shown = move || {
        groups.with_value(|groups| {
            let all = all.get();
            let chosen = category.get_untracked();
            let wanted =
                groups.iter().zip(&large).filter(|((name, _), large)| all || **large || chosen.as_ref() == Some(name));
            wanted.map(|((name, _), _)| chip(Some(name.clone()))).collect_view()
        })
    };
    view! {
        <div class="chips" role="group" aria-label=text::CATEGORIES>
            {chip(None)}
            {shown}
            {few
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="chip rest"
                            aria-expanded=move || if all.get() { "true" } else { "false" }
                            on:click=move |_| all.update(|all| *all = !*all)
                        >
                            {move || if all.get() { text::FEWER_CATEGORIES } else { text::MORE_CATEGORIES }}
                        </button>
                    }
                })}
        </div>
    }
}

/// The way on at the end of the rows; pressed by itself when it comes into view.
#[component]
fn More(limit: RwSignal<usize>, left: Memo<usize>) -> impl IntoView {
    let node = NodeRef::<html::Button>::new();
    let more = move || {
        // The list may be gone by the time the browser tells.
        let _ = limit.try_update(|limit| *limit += CHUNK);
    };
    Effect::new(move |_| {
        let Some(button) = node.get() else { return };
        let watched = button.clone();
        let seen = Closure::<dyn Fn(js_sys::Array, IntersectionObserver)>::new(
            move |entries: js_sys::Array, observer: IntersectionObserver| {
                let visible = entries.iter().any(|entry| {
                    js_sys::Reflect::get(&entry, &"isIntersecting".into()).is_ok_and(|value| value.is_truthy())
                });
                if visible {
                    more();
                    // It tells changes only: where the new rows leave the button in view, it has to look anew.
                    observer.unobserve(&watched);
                    observer.observe(&watched);
                }
            },
        );
        // Without an observer there is still the button.
        let Ok(observer) = IntersectionObserver::new(seen.as_ref().unchecked_ref()) else { return };
        observer.observe(&button);
        let kept = StoredValue::new_local((observer, seen));
        on_cleanup(move || {
            let _ = kept.try_with_value(|(observer, _)| observer.disconnect());
        });
    });
    view! {
        <div class="finder-more">
            <button type="button" class="button quiet" node_ref=node on:click=move |_| more()>
                {move || text::more(left.get())}
            </button>
        </div>
    }
}

/// Up and down between the search field and the rows, as in any list.
fn step(event: &KeyboardEvent) {
    let down = match event.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let Some(now) = document().active_element() else { return };
    let row = now.closest(".choices > li").ok().flatten();
    let target = match (&row, down) {
        (None, true) if now.id() == "field-search" => document().query_selector(".choices > li").ok().flatten(),
        (None, _) => return,
        (Some(row), true) => row.next_element_sibling(),
        (Some(row), false) => match row.previous_element_sibling() {
            None => {
                event.prevent_default();
                return browser::focus("#field-search");
            }
            before => before,
        },
    };
    let button = target.and_then(|row| row.query_selector("button, a").ok().flatten());
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        // A row that cannot take the focus leaves it where it was.
        let _ = button.focus();
    }
}
