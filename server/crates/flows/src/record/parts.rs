//! A file that is made on a task of its own while somebody reads it. What it is made with, such as a connection to the
//! database, is free again soon after nobody reads on. Of a client that is there and takes nothing, nothing is heard: whoever
//! writes to it does not even ask for more.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::ExportError;

/// The most bytes that are given at once: so many lie about for a client that has stopped to read.
const PIECE: usize = 64 << 10;

/// A piece of a file; `None` at its end.
type Piece = Result<Option<Bytes>, ExportError>;

/// What makes a file, part by part.
pub(super) trait Parts: Send + 'static {
    /// The next part, however large; `None` at the end. After an error there is none.
    fn part(&mut self) -> impl Future<Output = Piece> + Send;
}

/// The file. Each part is made when the one before it was read; if that takes longer than `patience`, the file breaks off, and
/// all that it is made with is dropped.
pub(super) fn file<P: Parts>(parts: P, patience: Duration) -> impl Stream<Item = Result<Bytes, ExportError>> + Send {
    let (asks, asked) = mpsc::channel(1);
    tokio::spawn(make(parts, asked, patience));
    stream::unfold(Some(asks), |asks| async move {
        let asks = asks?;
        let (reply, piece) = oneshot::channel();
        // If nobody is there any more, nobody replies either.
        let _ = asks.send(reply).await;
        match piece.await.unwrap_or(Err(ExportError::BrokenOff)) {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(asks))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn make<P: Parts>(mut parts: P, mut asked: mpsc::Receiver<oneshot::Sender<Piece>>, patience: Duration) {
    loop {
        let part = parts.part().await;
        let part = match part {
            Ok(Some(part)) => part,
            end => {
                // Everything is read: nothing is held until somebody asks for the end.
                drop(parts);
                if let Some(reply) = asked.recv().await {
                    let _ = reply.send(end);
                }
                return;
            }
        };
        match timeout(patience, give(part, &mut asked)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                tracing::info!(seconds = patience.as_secs(), "an export of records is not read on and breaks off");
                return;
            }
        }
    }
}

/// Gives a part, piece by piece as they are asked for. Whether the reader is still there.
async fn give(mut part: Bytes, asked: &mut mpsc::Receiver<oneshot::Sender<Piece>>) -> bool {
    while !part.is_empty() {
        let Some(reply) = asked.recv().await else { return false };
        let piece = part.split_to(part.len().min(PIECE));
        if reply.send(Ok(Some(piece))).is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use tokio::time::sleep;

    use super::*;

    /// Bytes of a part: some pieces and a rest.
    const PART: usize = 2 * PIECE + 7;
    const SOON: Duration = Duration::from_secs(10);

    /// So many parts, made with something that is to be free in the end.
    struct Letters {
        left: u8,
        _held: Arc<()>,
    }

    impl Parts for Letters {
        async fn part(&mut self) -> Piece {
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.left = left;
            Ok(Some(vec![left; PART].into()))
        }
    }

    fn letters(left: u8) -> (Arc<()>, Letters) {
        let held = Arc::new(());
        (Arc::clone(&held), Letters { left, _held: held })
    }

    async fn free(held: &Arc<()>) {
        let gone = async {
            while Arc::strong_count(held) > 1 {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, gone).await.expect("it is still held");
    }

    #[tokio::test]
    async fn e_6_a_file_arrives_whole_in_small_pieces() {
        let (held, letters) = letters(3);
        let mut file = Box::pin(file(letters, SOON));
        let mut all = Vec::new();
        while all.len() < 3 * PART {
            let piece = file.next().await.unwrap().unwrap();
            assert!(piece.len() <= PIECE);
            all.extend_from_slice(&piece);
        }
        free(&held).await;
        assert!(file.next().await.is_none());
        assert_eq!(all, [vec![2; PART], vec![1; PART], vec![0; PART]].concat());
    }

    #[tokio::test]
    async fn ft_4_what_a_file_is_made_with_is_free_when_nobody_reads_on() {
        let (held, letters) = letters(3);
        let mut file = Box::pin(file(letters, Duration::from_millis(50)));
        assert_eq!(file.next().await.unwrap().unwrap().len(), PIECE);
        // Nobody asks for more, and nobody goes away.
        free(&held).await;
        assert!(matches!(file.next().await, Some(Err(ExportError::BrokenOff))), "it does not look like a whole one");
        assert!(file.next().await.is_none());
    }

    #[tokio::test]
    async fn ft_4_what_a_file_is_made_with_is_free_when_the_reader_goes_away() {
        let (held, letters) = letters(3);
        let mut file = Box::pin(file(letters, SOON * 100));
        file.next().await.unwrap().unwrap();
        drop(file);
        free(&held).await;
    }
}
