//! What the server knows, shared by its threads.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    fault::{self, Fault, Misbehaviour},
    grants::{ACCOUNTS, Grants},
    issuer,
    options::Options,
    shop::Shop,
};

/// How long the answer of another authorization server about a token is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Who a token speaks for.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The account, which is also the shop.
    pub(crate) account: String,
    /// What a person calls it.
    pub(crate) name: String,
    /// What was granted; `None` where another authorization server decides.
    pub(crate) scope: Option<String>,
}

/// Why nobody could be told from a token.
#[derive(Debug)]
pub(crate) enum Stranger {
    /// The token is not valid.
    Unknown,
    /// The authorization server did not answer.
    Unreachable(std::io::Error),
}

/// Everything behind the endpoints.
pub(crate) struct State {
    pub(crate) origin: String,
    pub(crate) options: Options,
    started: Instant,
    grants: Mutex<Grants>,
    shops: Mutex<HashMap<String, Arc<Mutex<Shop>>>>,
    faults: Mutex<Vec<Misbehaviour>>,
    calls: Mutex<BTreeMap<String, u64>>,
    believed: Mutex<HashMap<String, (Caller, Instant)>>,
}

impl State {
    /// The state of a server that was just started at `origin`.
    pub(crate) fn new(origin: String, options: Options) -> Self {
        let mut grants = Grants::default();
        grants.token_lifetime = options.token_lifetime;
        for client in &options.clients {
            grants.register(client.clone());
        }
        Self {
            origin,
            options,
            started: Instant::now(),
            grants: Mutex::new(grants),
            shops: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            believed: Mutex::default(),
        }
    }

    /// Seconds since the start.
    pub(crate) fn now(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// The authorization server's memory.
    pub(crate) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    /// Runs `read` on an account's shop, which opens with its first visitor.
    pub(crate) fn shop<T>(&self, account: &str, read: impl FnOnce(&mut Shop) -> T) -> T {
        let shop = {
            let mut shops = lock(&self.shops);
            match shops.get(account) {
                Some(shop) => Arc::clone(shop),
                None => {
                    let shop = Shop::new(account, self.options.orders, self.options.customers);
                    let shop = Arc::new(Mutex::new(shop));
                    shops.insert(account.to_owned(), Arc::clone(&shop));
                    shop
                }
            }
        };
        let mut shop = lock(&shop);
        read(&mut shop)
    }

    /// Queues a misbehaviour.
    pub(crate) fn misbehave(&self, how: Misbehaviour) {
        lock(&self.faults).push(how);
    }

    /// The fault that is due for a path.
    pub(crate) fn fault_due(&self, path: &str) -> Option<Fault> {
        fault::due(&mut lock(&self.faults), path)
    }

    /// Counts a call.
    pub(crate) fn count(&self, method: &str, path: &str) {
        *lock(&self.calls).entry(format!("{method} {path}")).or_default() += 1;
    }

    /// Calls so far by method and path.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.calls).clone()
    }

    /// Forgets queued misbehaviour and counted calls.
    pub(crate) fn reset(&self) {
        lock(&self.faults).clear();
        lock(&self.calls).clear();
    }

    /// Who a bearer token speaks for.
    pub(crate) async fn caller(&self, token: &str) -> Result<Caller, Stranger> {
        let Some(origin) = &self.options.issuer else {
            let now = self.now();
            let grants = self.grants();
            let (account, scope) = grants.check(token, now).ok_or(Stranger::Unknown)?;
            let name = ACCOUNTS.iter().find(|(id, _)| *id == account).map_or(account, |(_, name)| name);
            return Ok(Caller { account: account.to_owned(), name: name.to_owned(), scope: Some(scope.to_owned()) });
        };
        if let Some((caller, at)) = lock(&self.believed).get(token)
            && at.elapsed() < BELIEVED_FOR
        {
            return Ok(caller.clone());
        }
        let found = issuer::userinfo(origin, token).await.map_err(Stranger::Unreachable)?;
        let found = found.ok_or(Stranger::Unknown)?;
        let name = found.name.unwrap_or_else(|| found.sub.clone());
        let caller = Caller { account: found.sub, name, scope: None };
        lock(&self.believed).insert(token.to_owned(), (caller.clone(), Instant::now()));
        Ok(caller)
    }
}

/// A thread that panicked with the lock held leaves the demo's data usable enough.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
