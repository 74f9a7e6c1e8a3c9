//! Wake-ups by `LISTEN`. A notice is a hint and never the only way to learn of something: it may be lost while the
//! connection is, which [`Notice::Gap`] says, so that whoever keeps a cache by them can drop it.

use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{Store, StoreError, pool};

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
    sender: broadcast::Sender<Notice>,
    task: tokio::task::JoinHandle<()>,
}

/// Jobs were added; there is no payload.
pub(crate) const JOBS: &str = "patchbay_jobs";
/// Something that may be cached changed; the payload is its UUID.
pub(crate) const CHANGED: &str = "patchbay_changed";

/// Tells every node, once the transaction commits, that what it may have cached under this UUID has changed.
pub(crate) async fn notify_changed(connection: &mut AsyncPgConnection, id: uuid::Uuid) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANGED)
        .bind::<Text, _>(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

impl Listener {
    /// Begins to listen, and goes on until dropped, reconnecting as needed.
    #[must_use]
    pub fn start(store: &Store) -> Self {
        let (sender, _) = broadcast::channel(1024);
        let task = tokio::spawn(listen(store.url().to_owned(), sender.clone()));
        Self { sender, task }
    }

    /// Notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.sender.subscribe()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(url: String, sender: broadcast::Sender<Notice>) {
    loop {
        if let Err(error) = listen_once(&url, &sender).await {
            tracing::warn!(error = pool::describe(&error), "not listening for notices; trying again");
        }
        // Nobody subscribed is no error: a notice is a hint.
        let _ = sender.send(Notice::Gap { listening: false });
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn listen_once(url: &str, sender: &broadcast::Sender<Notice>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let subscribe = async {
        client.batch_execute(&format!("LISTEN {JOBS}; LISTEN {CHANGED}")).await?;
        let _ = sender.send(Notice::Gap { listening: true });
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let hear = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(note) = message? {
                let _ = sender
                    .send(Notice::Heard { channel: note.channel().to_owned(), payload: note.payload().to_owned() });
            }
        }
        Ok(())
    };
    tokio::select! {
        result = subscribe => result,
        result = hear => result,
    }
}
