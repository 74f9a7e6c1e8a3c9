//! What versions 1 and 2 of the contract say in the same words: written once, made for each version's own types. A file
//! that uses it has its generated code in a module `bindings`, and converts connections, webhooks and routes itself.

macro_rules! alike {
    () => {
        use bindings::{
            Provider,
            patchbay::plugin::{clock, http, log, types as wire},
        };

        /// A component whose functions were found.
        pub(crate) type Pre = bindings::ProviderPre<Guest>;

        /// Puts the host's side of this version's world into a linker.
        pub(crate) fn link(linker: &mut wasmtime::component::Linker<Guest>) -> wasmtime::Result<()> {
            Provider::add_to_linker::<Guest, wasmtime::component::HasSelf<Guest>>(linker, |guest| guest)
        }

        impl wire::Host for Guest {}

        impl http::Host for Guest {
            async fn fetch(&mut self, request: http::Request) -> Result<http::Response, http::Fault> {
                let http::Request { method, url, headers, body } = request;
                match self.send(HttpRequest { method, url, headers, body }).await {
                    Ok(HttpResponse { status, headers, body }) => Ok(http::Response { status, headers, body }),
                    Err(fault) => Err(match fault {
                        HttpFault::Denied(why) => http::Fault::Denied(why),
                        HttpFault::Timeout => http::Fault::Timeout,
                        HttpFault::TooLarge => http::Fault::TooLarge,
                        HttpFault::Exhausted => http::Fault::Exhausted,
                        HttpFault::Throttled(wait) => http::Fault::Throttled(whole_seconds(wait)),
                        HttpFault::Unauthorized => http::Fault::Unauthorized,
                        HttpFault::Transport(why) => http::Fault::Transport(why),
                    }),
                }
            }
        }

        impl log::Host for Guest {
            fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
                let level = match level {
                    log::Level::Debug => LogLevel::Debug,
                    log::Level::Info => LogLevel::Info,
                    log::Level::Warn => LogLevel::Warn,
                    log::Level::Error => LogLevel::Error,
                };
                Ok(self.write_line(level, &message)?)
            }
        }

        impl clock::Host for Guest {
            fn now(&mut self) -> u64 {
                self.unix_ms()
            }
        }

        impl From<wire::Page> for types::Page {
            fn from(page: wire::Page) -> Self {
                let items = page.items.into_iter().map(|wire::Item { id, body }| types::Item { id, body }).collect();
                Self { items, deleted: page.deleted, cursor: page.cursor, more: page.more }
            }
        }

        impl From<wire::Identity> for types::Identity {
            fn from(identity: wire::Identity) -> Self {
                Self { account: identity.account, name: identity.name }
            }
        }

        impl From<wire::Failure> for Failure {
            fn from(failure: wire::Failure) -> Self {
                let blame = match failure.blame {
                    wire::Blame::EndUser => Blame::EndUser,
                    wire::Blame::Tenant => Blame::Tenant,
                    wire::Blame::Provider => Blame::Provider,
                    wire::Blame::Plugin => Blame::Plugin,
                    wire::Blame::CursorExpired => Blame::CursorExpired,
                };
                Self::said(blame, &failure.message, failure.retry_after)
            }
        }

        /// An instance of this version, called in the host's own types.
        pub(crate) struct Instance(Provider);

        impl From<Provider> for Instance {
            fn from(provider: Provider) -> Self {
                Self(provider)
            }
        }

        /// The failure in the host's own words.
        fn said<W, T: From<W>>(answer: Result<W, wire::Failure>) -> Result<T, Failure> {
            answer.map(T::from).map_err(Failure::from)
        }

        impl Instance {
            pub(crate) async fn pull(
                &self,
                store: &mut Store<Guest>,
                connection: &types::Connection,
                stream: &str,
                cursor: Option<&str>,
            ) -> Said<types::Page> {
                Ok(said(self.0.call_pull(store, &connection.into(), stream, cursor).await?))
            }

            pub(crate) async fn act(
                &self,
                store: &mut Store<Guest>,
                connection: &types::Connection,
                action: &str,
                input: &str,
            ) -> Said<String> {
                let input = input.to_owned();
                Ok(said(self.0.call_act(store, &connection.into(), action, &input).await?))
            }

            pub(crate) async fn verify(&self, store: &mut Store<Guest>, connection: &types::Connection) -> Said<()> {
                Ok(said(self.0.call_verify(store, &connection.into()).await?))
            }

            pub(crate) async fn identify(
                &self,
                store: &mut Store<Guest>,
                connection: &types::Connection,
            ) -> Said<Option<types::Identity>> {
                let answer = self.0.call_identify(store, &connection.into()).await?;
                Ok(answer.map(|identity| identity.map(types::Identity::from)).map_err(Failure::from))
            }

            pub(crate) async fn route_webhook(
                &self,
                store: &mut Store<Guest>,
                webhook: types::Webhook,
            ) -> Said<Vec<types::Route>> {
                let answer = self.0.call_route_webhook(store, &webhook.into()).await?;
                let routes = answer.map(|routes| routes.into_iter().map(types::Route::from).collect());
                Ok(routes.map_err(Failure::from))
            }

            pub(crate) async fn after_connect(
                &self,
                store: &mut Store<Guest>,
                connection: &types::Connection,
            ) -> Said<()> {
                Ok(said(self.0.call_after_connect(store, &connection.into()).await?))
            }

            pub(crate) async fn before_delete(
                &self,
                store: &mut Store<Guest>,
                connection: &types::Connection,
            ) -> Said<()> {
                Ok(said(self.0.call_before_delete(store, &connection.into()).await?))
            }

            pub(crate) async fn classify_error(
                &self,
                store: &mut Store<Guest>,
                status: u16,
                body: &[u8],
            ) -> wasmtime::Result<Option<Failure>> {
                Ok(self.0.call_classify_error(store, status, body).await?.map(Failure::from))
            }
        }
    };
}

pub(super) use alike;
