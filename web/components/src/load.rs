//! Things that come from the server, and things that are done there.

use std::future::Future;

use api_types::Page;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_client::ApiError;

use crate::{Failure, Skeleton, text};

/// Where a thing from the server stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Load<T> {
    /// On its way.
    Busy,
    /// Here.
    Ready(T),
    /// It did not come.
    Failed(ApiError),
}

/// A thing from the server. Asked for anew when a signal read by the call changes, or on [`Loaded::reload`].
pub struct Loaded<T: 'static> {
    state: RwSignal<Load<T>>,
    turn: RwSignal<u32>,
}

impl<T: 'static> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for Loaded<T> {}

impl<T: Clone + Send + Sync + 'static> Loaded<T> {
    /// Calls now, and whenever a signal changes that `call` reads before its first await.
    pub fn new<F: Future<Output = Result<T, ApiError>> + 'static>(call: impl Fn() -> F + 'static) -> Self {
        let state = RwSignal::new(Load::Busy);
        let turn = RwSignal::new(0u32);
        // Of several calls under way only the last one's answer counts.
        let latest = StoredValue::new(0u32);
        Effect::new(move |before: Option<u32>| {
            let now = turn.get();
            // A reload keeps what is on the screen until the answer is there; other inputs make it untrue.
            if before.is_some_and(|before| before == now) {
                state.set(Load::Busy);
            }
            let mine = latest.get_value().wrapping_add(1);
            latest.set_value(mine);
            let answer = call();
            spawn_local(async move {
                let answer = answer.await;
                if latest.try_get_value() == Some(mine) {
                    // The page may have been left meanwhile.
                    let _ = state.try_set(answer.map_or_else(Load::Failed, Load::Ready));
                }
            });
            now
        });
        Self { state, turn }
    }

    /// Asks again.
    pub fn reload(self) {
        self.turn.update(|turn| *turn = turn.wrapping_add(1));
    }

    /// The thing, if it is here.
    #[must_use]
    pub fn ready(self) -> Option<T> {
        match self.state.get() {
            Load::Ready(value) => Some(value),
            Load::Busy | Load::Failed(_) => None,
        }
    }

    /// Reads the thing, if it is here.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.state.with(|state| match state {
            Load::Ready(value) => Some(read(value)),
            Load::Busy | Load::Failed(_) => None,
        })
    }

    /// Puts in what is known without asking, such as the answer to a change.
    pub fn put(self, value: T) {
        self.state.set(Load::Ready(value));
    }

    /// Lines while it is on its way, the problem if it did not come, else what `render` makes of it.
    pub fn show(self, render: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView {
        let retry = Callback::new(move |()| self.reload());
        (move || match self.state.get() {
            Load::Busy => view! { <Skeleton /> }.into_any(),
            Load::Failed(error) => view! { <Failure error=error retry=retry /> }.into_any(),
            Load::Ready(value) => render(value),
        })
        .into_any()
    }
}

/// A list from the server that grows page by page.
pub struct Paged<T: 'static> {
    first: Loaded<Page<T>>,
    rest: RwSignal<Vec<T>>,
    cursor: RwSignal<Option<String>>,
    fetch: StoredValue<Fetch<T>, LocalStorage>,
    more: Deed,
}

type Answer<T> = std::pin::Pin<Box<dyn Future<Output = Result<Page<T>, ApiError>>>>;
type Fetch<T> = std::rc::Rc<dyn Fn(Option<String>) -> Answer<T>>;

impl<T: 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    /// `call` is given the cursor of the page to fetch; `None` is the first.
    pub fn new<F: Future<Output = Result<Page<T>, ApiError>> + 'static>(
        call: impl Fn(Option<String>) -> F + 'static,
    ) -> Self {
        let fetch: Fetch<T> = std::rc::Rc::new(move |cursor| Box::pin(call(cursor)));
        let rest = RwSignal::new(Vec::new());
        let cursor = RwSignal::new(None);
        let first = {
            let fetch = fetch.clone();
            Loaded::new(move || {
                let answer = fetch(None);
                async move {
                    let page = answer.await?;
                    let _ = rest.try_set(Vec::new());
                    let _ = cursor.try_set(page.next_cursor.clone());
                    Ok(page)
                }
            })
        };
        Self { first, rest, cursor, fetch: StoredValue::new_local(fetch), more: Deed::new() }
    }

    /// Asks again, from the first page.
    pub fn reload(self) {
        self.first.reload();
    }

    /// Everything fetched so far, or nothing while it is on its way.
    #[must_use]
    pub fn ready(self) -> Option<Vec<T>> {
        let mut all = self.first.ready()?.data;
        all.extend(self.rest.get());
        Some(all)
    }

    /// The list as `render` makes it of all that was fetched, `empty` if there is nothing, and the button for more.
    pub fn show(
        self,
        empty: impl Fn() -> AnyView + Send + Sync + 'static,
        render: impl Fn(Vec<T>) -> AnyView + Send + Sync + 'static,
    ) -> AnyView {
        self.first.show(move |page| {
            let mut all = page.data;
            all.extend(self.rest.get());
            if all.is_empty() {
                return empty();
            }
            view! {
                {render(all)}
                {move || {
                    self.cursor
                        .get()
                        .map(|_| {
                            view! {
                                <div class="more">
                                    <button
                                        type="button"
                                        class="button"
                                        disabled=move || self.more.busy()
                                        on:click=move |_| self.next()
                                    >
                                        {text::MORE}
                                    </button>
                                </div>
                            }
                        })
                }}
                {move || self.more.error().map(|error| view! { <Failure error=error /> })}
            }
            .into_any()
        })
    }

    fn next(self) {
        let answer = self.fetch.with_value(|fetch| fetch(self.cursor.get_untracked()));
        self.more.run(answer, move |page| {
            self.cursor.set(page.next_cursor);
            self.rest.update(|rest| rest.extend(page.data));
        });
    }
}

/// Something done on the server at a click: whether it is under way, and why it failed.
#[derive(Clone, Copy)]
pub struct Deed {
    busy: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
}

impl Default for Deed {
    fn default() -> Self {
        Self::new()
    }
}

impl Deed {
    /// Not under way.
    #[must_use]
    pub fn new() -> Self {
        Self { busy: RwSignal::new(false), error: RwSignal::new(None) }
    }

    /// Does it, and `then` what follows from its success. A second click while it is under way does nothing.
    pub fn run<T: 'static>(
        self,
        call: impl Future<Output = Result<T, ApiError>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = call.await;
            // Whoever asked may be gone from the screen.
            if self.busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(value) => then(value),
                Err(error) => self.error.set(Some(error)),
            }
        });
    }

    /// Whether it is under way.
    #[must_use]
    pub fn busy(self) -> bool {
        self.busy.get()
    }

    /// Why it failed, the last time.
    #[must_use]
    pub fn error(self) -> Option<ApiError> {
        self.error.get()
    }

    /// Forgets why it failed.
    pub fn forget(self) {
        self.error.set(None);
    }
}
