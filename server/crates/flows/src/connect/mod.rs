//! Connecting an account: the tenant's backend opens a session, the connect page describes it, the end user launches an
//! attempt and comes back from the provider, and the attempt is completed. See rows 1 to 4 of ARCHITECTURE.md.

mod attempt;
mod client;
mod complete;
mod describe;
mod device;
mod enter;
mod establish;
mod grant;
mod install;
mod launch;
mod open;
mod pending;
mod progress;
mod refused;
mod result;
mod revoke;
mod session;
mod status;

pub use client::client_metadata;
pub use complete::{Completion, Screen, complete};
pub use describe::{Choice, Description, describe};
pub use device::{Asked, DevicePollJob, QUEUE as DEVICE_QUEUE, ShownCode, ask_after_code, show_code};
pub use enter::is_direct;
pub(crate) use enter::split;
pub use enter::{Entered, enter};
pub(crate) use establish::{Establish, Established, OnPresent, establish, establish_all};
pub(crate) use grant::{Grant, entered, tried, worded};
pub use install::{ArriveError, SentOn, Told, arrive, told};
pub use launch::{BrowserCookie, LaunchError, Launched, NewAttempt, browser_cookie, launch};
pub use open::{NewSession, OpenError, Opened, open};
pub use progress::{Account, Progress, frame_ancestors, progress};
pub use revoke::revoke;
pub use session::SessionError;
pub use status::{SessionView, status};
