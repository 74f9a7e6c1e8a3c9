//! Where log lines go: standard error, by way of a buffer. Answering a request must not cost a system call for its line, so
//! lines are gathered for a moment and written by a thread of their own.
//!
//! Nothing is dropped to be fast: when the reader of standard error is slow the buffer fills up, and whoever logs waits, as
//! without a buffer. Lines of level ERROR are written before the call returns, with all before them. The rest is written at
//! shutdown and before a panic is told. What a killed process can lose is the last 10 ms of lines that are no errors;
//! what standard error refuses is counted in `patchbay_log_lines_refused_total`.

use std::{
    io::{self, Write},
    mem, panic,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered.
const MOMENT: Duration = Duration::from_millis(10);
/// Bytes that are gathered at most.
const MOST: usize = 1 << 20;

/// Writes all that is left when dropped. Keep it until the process ends.
pub struct Log(Arc<Shared>);

struct Shared {
    gathered: Mutex<Gathered>,
    /// Lines came, or it is over.
    filled: Condvar,
    /// There is room again.
    emptied: Condvar,
    /// Locked before `gathered` is emptied, so that lines stay in order.
    output: Mutex<Box<dyn Write + Send>>,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<u8>,
    is_over: bool,
}

impl Log {
    /// Begins to write to standard error.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn to_standard_error() -> io::Result<Self> {
        let log = Self::to(Box::new(io::stderr()))?;
        let before = panic::take_hook();
        let shared = Arc::clone(&log.0);
        panic::set_hook(Box::new(move |panic| {
            shared.write_before_panic();
            before(panic);
        }));
        Ok(log)
    }

    fn to(output: Box<dyn Write + Send>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            gathered: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            output: Mutex::new(output),
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.write_until_over())?;
        Ok(Self(shared))
    }

    /// What the subscriber writes lines to.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines(Arc::clone(&self.0))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.gathered().is_over = true;
        self.0.filled.notify_all();
        self.0.write_gathered();
    }
}

impl Shared {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut gathered = self.gathered();
        while gathered.lines.len() >= MOST {
            gathered = self.emptied.wait(gathered).unwrap_or_else(PoisonError::into_inner);
        }
        if gathered.lines.is_empty() {
            self.filled.notify_one();
        }
        gathered.lines.extend_from_slice(line);
    }

    /// Writes what was gathered so far; when it returns it is written.
    fn write_gathered(&self) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_to(&mut **output);
    }

    fn write_to(&self, output: &mut dyn Write) {
        let lines = {
            let mut gathered = self.gathered();
            let room = Vec::with_capacity(gathered.lines.capacity().min(MOST / 8));
            mem::replace(&mut gathered.lines, room)
        };
        self.emptied.notify_all();
        if output.write_all(&lines).and_then(|()| output.flush()).is_err() {
            let count = lines.iter().filter(|byte| **byte == b'\n').count();
            metrics::counter!("patchbay_log_lines_refused_total").increment(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    fn write_until_over(&self) {
        loop {
            let mut gathered = self.gathered();
            while gathered.lines.is_empty() && !gathered.is_over {
                gathered = self.filled.wait(gathered).unwrap_or_else(PoisonError::into_inner);
            }
            let is_over = gathered.is_over;
            drop(gathered);
            if !is_over {
                thread::sleep(MOMENT);
            }
            self.write_gathered();
            if is_over {
                return;
            }
        }
    }

    /// The panicking thread may hold the locks itself: then there is nothing to be done.
    fn write_before_panic(&self) {
        match self.output.try_lock() {
            Ok(mut output) => self.write_to(&mut **output),
            Err(TryLockError::Poisoned(output)) => self.write_to(&mut **output.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Takes lines for the buffer.
pub struct Lines(Arc<Shared>);

/// Takes one line.
pub struct Line<'a> {
    shared: &'a Shared,
    is_error: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { shared: &self.0, is_error: false }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Self::Writer {
        Line { shared: &self.0, is_error: *of.level() == Level::ERROR }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.add(line);
        if self.is_error {
            self.shared.write_gathered();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What was written, and whether writing is possible at the moment.
    #[derive(Clone, Default)]
    struct Sink(Arc<(Mutex<Vec<u8>>, Mutex<()>)>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.0.1.lock().unwrap();
            self.0.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn logging(sink: &Sink, write: impl FnOnce()) -> Log {
        let log = Log::to(Box::new(sink.clone())).unwrap();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(log.lines());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write);
        log
    }

    #[test]
    fn an_error_is_written_at_once_with_all_before_it() {
        let sink = Sink::default();
        let _log = logging(&sink, || {
            tracing::info!("first");
            tracing::error!("second");
            let text = sink.text();
            assert!(text.find("first").unwrap() < text.find("second").unwrap(), "{text}");
        });
    }

    #[test]
    fn lines_come_by_themselves_and_none_is_lost_at_the_end() {
        let sink = Sink::default();
        let log = logging(&sink, || tracing::info!("soon"));
        let began = std::time::Instant::now();
        while !sink.text().contains("soon") {
            assert!(began.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        log.0.add(b"last\n");
        drop(log);
        assert!(sink.text().ends_with("last\n"));
    }

    #[test]
    fn whoever_logs_faster_than_can_be_written_waits() {
        let sink = Sink::default();
        let log = Log::to(Box::new(sink.clone())).unwrap();
        let line = vec![b'x'; MOST / 2];
        let closed = sink.0.1.lock().unwrap();
        thread::scope(|scope| {
            let adding = scope.spawn(|| (0..8).for_each(|_| log.0.add(&line)));
            thread::sleep(Duration::from_millis(100));
            assert!(!adding.is_finished(), "the buffer is bounded");
            drop(closed);
        });
        drop(log);
        assert_eq!(sink.0.0.lock().unwrap().len(), 8 * line.len());
    }
}
