//! Wake-ups by `LISTEN`. A notice is a hint and never the only way to learn of something: it may be lost while the
//! connection is, which [`Notice::Gap`] says, so that whoever keeps a cache by them can drop it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::refresh::NodeId;
use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{Store, StoreError, pool, presence};

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `NOTIFY channel, 'payload'` was committed somewhere.
    Heard {
        /// The channel.
        channel: String,
        /// The payload.
        payload: String,
    },
    /// Notices may have been missed: the connection was lost, or has just been made.
    Gap {
        /// Whether we hear again.
        listening: bool,
    },
}

impl Notice {
    /// The channel on which workers are woken: jobs were added.
    pub const JOBS: &str = JOBS;
}

/// Hears the channels that the store's repositories notify.
pub struct Listener {
    teller: Arc<Teller>,
    task: tokio::task::JoinHandle<()>,
}

/// What a subscriber hears. It begins with how things stand, so it makes no difference when one subscribes.
pub struct Subscription {
    first: Option<Notice>,
    notices: broadcast::Receiver<Notice>,
    teller: Weak<Teller>,
}

/// Passes on what is heard, and knows whether anything can be.
struct Teller {
    sender: broadcast::Sender<Notice>,
    /// Held while a gap is told, so that a new subscriber either is told of it or finds it here, and not neither.
    is_listening: Mutex<bool>,
}

/// Jobs were added; there is no payload.
pub(crate) const JOBS: &str = "patchbay_jobs";
/// Something that may be cached changed; the payload is its UUID.
pub(crate) const CHANGED: &str = "patchbay_changed";

/// What a node found out about a provider; the payload is a [`crate::ProviderWord`].
pub(crate) const PROVIDERS: &str = "patchbay_providers";

/// Tells every node, once the transaction commits, that what it may have cached under this UUID has changed.
pub(crate) async fn notify_changed(connection: &mut AsyncPgConnection, id: uuid::Uuid) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANGED)
        .bind::<Text, _>(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

impl Teller {
    fn is_listening(&self) -> MutexGuard<'_, bool> {
        self.is_listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, notice: Notice) {
        // Nobody subscribed is no error: a notice is a hint.
        let _ = self.sender.send(notice);
    }

    fn tell_gap(&self, listening: bool) {
        let mut is_listening = self.is_listening();
        *is_listening = listening;
        self.tell(Notice::Gap { listening });
    }
}

impl Listener {
    /// Begins to listen, and goes on until dropped, reconnecting as needed. As long as it listens, the database sees that
    /// the node is there.
    #[must_use]
    pub fn start(store: &Store, node: NodeId) -> Self {
        let (sender, _) = broadcast::channel(1024);
        let teller = Arc::new(Teller { sender, is_listening: Mutex::new(false) });
        let task = tokio::spawn(listen(store.url().to_owned(), node, Arc::clone(&teller)));
        Self { teller, task }
    }

    /// How things stand, and notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription::of(&self.teller)
    }
}

impl Subscription {
    fn of(teller: &Arc<Teller>) -> Self {
        let is_listening = teller.is_listening();
        let first = Some(Notice::Gap { listening: *is_listening });
        Self { first, notices: teller.sender.subscribe(), teller: Arc::downgrade(teller) }
    }

    /// The next notice; the first one says how things stand. Whoever is too slow to hear all hears of a gap instead.
    /// `None` once the listener is gone. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<Notice> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        match self.notices.recv().await {
            Ok(notice) => Some(notice),
            Err(RecvError::Lagged(_)) => {
                let listening = self.teller.upgrade().is_some_and(|teller| *teller.is_listening());
                Some(Notice::Gap { listening })
            }
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        // Nobody hears any more, and whoever subscribed shall know.
        self.teller.tell_gap(false);
    }
}

async fn listen(url: String, node: NodeId, teller: Arc<Teller>) {
    loop {
        if let Err(error) = listen_once(&url, node, &teller).await {
            tracing::warn!(error = pool::describe(&error), "not listening for notices; trying again");
        }
        teller.tell_gap(false);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn listen_once(url: &str, node: NodeId, teller: &Teller) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let subscribe = async {
        client
            .batch_execute(&format!("{}; LISTEN {JOBS}; LISTEN {CHANGED}; LISTEN {PROVIDERS}", presence::enter(node)))
            .await?;
        teller.tell_gap(true);
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let hear = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(note) = message? {
                teller.tell(Notice::Heard { channel: note.channel().to_owned(), payload: note.payload().to_owned() });
            }
        }
        Ok(())
    };
    tokio::select! {
        result = subscribe => result,
        result = hear => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller() -> Arc<Teller> {
        Arc::new(Teller { sender: broadcast::channel(4).0, is_listening: Mutex::new(false) })
    }

    #[tokio::test]
    async fn whoever_subscribes_late_learns_how_things_stand() {
        let teller = teller();
        let mut early = Subscription::of(&teller);
        teller.tell_gap(true);
        let mut late = Subscription::of(&teller);
        assert_eq!(early.next().await.unwrap(), Notice::Gap { listening: false });
        assert_eq!(early.next().await.unwrap(), Notice::Gap { listening: true });
        assert_eq!(late.next().await.unwrap(), Notice::Gap { listening: true });
        let heard = Notice::Heard { channel: CHANGED.into(), payload: String::new() };
        teller.tell(heard.clone());
        assert_eq!((early.next().await.unwrap(), late.next().await.unwrap()), (heard.clone(), heard));
    }

    #[tokio::test]
    async fn whoever_is_too_slow_hears_of_a_gap() {
        let teller = teller();
        let mut slow = Subscription::of(&teller);
        teller.tell_gap(true);
        for _ in 0..10 {
            teller.tell(Notice::Heard { channel: CHANGED.into(), payload: String::new() });
        }
        assert_eq!(slow.next().await.unwrap(), Notice::Gap { listening: false });
        assert_eq!(slow.next().await.unwrap(), Notice::Gap { listening: true });
        assert!(matches!(slow.next().await.unwrap(), Notice::Heard { .. }));
    }
}
