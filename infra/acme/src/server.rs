//! Starting and stopping.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::mpsc,
    thread::JoinHandle,
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    rt::System,
    web::{self, Data},
};

use crate::{
    api,
    control::{self, Answer, Command},
    fault::{self, Misbehaviour},
    mirror, oauth,
    options::Options,
    shop::Kind,
    state::State,
    subscriptions,
};

/// The longest request body that the mirrors take, in bytes.
const LONGEST_BODY: usize = 64 * 1024 * 1024;

/// A running Acme. It ends when this is dropped.
pub struct Acme {
    state: Data<State>,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Acme {
    /// Starts one on 127.0.0.1, on threads of its own, so it may be called from any thread and any runtime.
    ///
    /// # Errors
    /// If the port is taken or a thread cannot be started.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let workers = options.workers.max(1);
        let state = Data::new(State::new(origin, options));
        let shared = state.clone();
        let (tell, told) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("acme".to_owned()).spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(shared.clone())
                        .app_data(web::PayloadConfig::new(LONGEST_BODY))
                        .wrap(from_fn(fault::misbehave))
                        .configure(routes)
                })
                .workers(workers)
                .shutdown_timeout(0)
                .disable_signals()
                .listen(listener)?
                .run();
                // Nobody waits any more only if the caller is gone; then the server ends with its handle.
                let _ = tell.send(server.handle());
                server.await
            })
        })?;
        let handle = told.recv().map_err(|_| io::Error::other("the server ended before it was ready"))?;
        Ok(Self { state, handle, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// Does what the command says, as `POST /control` would.
    ///
    /// # Errors
    /// In words, if the command names a record that is not there.
    pub fn control(&self, command: Command) -> Result<Answer, String> {
        control::obey(&self.state, command)
    }

    /// Spoils coming requests: the short form of [`Command::Misbehave`].
    pub fn misbehave(&self, how: Misbehaviour) {
        self.state.misbehave(how);
    }

    /// Calls so far, by method and path such as `POST /token`; `/control` is not counted.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.state.calls()
    }

    /// The ids of all records of an account's shop that are there, lowest first.
    #[must_use]
    pub fn ids(&self, account: &str, kind: Kind) -> Vec<String> {
        control::ids(&self.state, account, kind)
    }

    /// The addresses that apps have registered for an account's webhooks, the first one first.
    #[must_use]
    pub fn subscribed(&self, account: &str) -> Vec<String> {
        self.state.shop(account, |shop| shop.subscriptions.iter().map(|one| one.url.clone()).collect())
    }

    /// Waits until the server has ended, which it does by itself only if it fails.
    ///
    /// # Errors
    /// If it failed.
    pub fn wait(mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => Err(io::Error::other("the server's thread panicked")),
        }
    }
}

impl Drop for Acme {
    fn drop(&mut self) {
        // The command to stop leaves when `stop` is called; the future it gives only waits for the end.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/.well-known/oauth-authorization-server", web::get().to(oauth::metadata))
        .route("/auth", web::get().to(oauth::authorize))
        .route("/auth/decision", web::post().to(oauth::decide))
        .route("/token", web::post().to(oauth::token))
        .route("/token/revocation", web::post().to(oauth::revoke))
        .route("/me", web::get().to(api::me))
        .route("/v1/orders", web::get().to(api::list_orders))
        .route("/v1/orders/{id}", web::get().to(api::get_order))
        .route("/v1/orders/{id}/cancel", web::post().to(api::cancel_order))
        .route("/v1/customers", web::get().to(api::list_customers))
        .route("/v1/webhooks", web::get().to(subscriptions::list))
        .route("/v1/webhooks", web::post().to(subscriptions::subscribe))
        .route("/v1/webhooks/{id}", web::delete().to(subscriptions::unsubscribe))
        .route("/v1/blob/{size}", web::get().to(api::blob))
        .route("/echo", web::to(mirror::echo))
        .route("/mirror", web::to(mirror::mirror))
        .route("/control", web::post().to(control::control))
        .route("/control/calls", web::get().to(control::calls));
}
