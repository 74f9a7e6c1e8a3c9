//! The epoch: what makes a guest that computes for long give way to others.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use wasmtime::Engine;

/// A thread that advances the engine's epoch while guests are at work, and sleeps otherwise. A guest gives way at the
/// first loop or call after a tick, so a tick is the longest that it holds a server thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    working: AtomicUsize,
    parked: AtomicBool,
    stop: AtomicBool,
}

/// Ticks without work before the thread sleeps, so that runs that follow each other closely do not pay for waking it.
const IDLE_TICKS: u32 = 200;

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn start(engine: &Engine, tick: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            working: AtomicUsize::new(0),
            parked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let engine = engine.weak();
        let theirs = Arc::clone(&shared);
        let run = move || {
            let mut idle = 0;
            while !theirs.stop.load(Ordering::SeqCst) {
                if theirs.working.load(Ordering::SeqCst) > 0 {
                    idle = 0;
                } else if idle < IDLE_TICKS {
                    idle += 1;
                } else {
                    // Said before the last look: whoever begins to work after that look sees it and wakes us.
                    theirs.parked.store(true, Ordering::SeqCst);
                    if theirs.working.load(Ordering::SeqCst) == 0 && !theirs.stop.load(Ordering::SeqCst) {
                        thread::park();
                    }
                    theirs.parked.store(false, Ordering::SeqCst);
                    idle = 0;
                    continue;
                }
                thread::sleep(tick);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        };
        let thread = thread::Builder::new().name("plugin-epoch".into()).spawn(run)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Keeps the epoch moving until the guard is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Working {
        self.shared.working.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.wake();
        }
        Working(Arc::clone(self))
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
    }
}

/// A guest is at work.
pub(crate) struct Working(Arc<Ticker>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.shared.working.fetch_sub(1, Ordering::SeqCst);
    }
}
