//! The refresh of a credential: once per token generation in the whole cluster, and never a rotation that is lost without
//! being called so.
//!
//! # What it is up against
//!
//! Many providers rotate: a refresh token is good for one request, whose answer brings the next. Two requests with one
//! token, or one answer that is lost, and the end user has to connect again. Between us and the provider there is no
//! transaction, so no protocol can rule the loss out; this one makes it as rare as crashes in the middle of a request, and
//! always tells.
//!
//! # The protocol
//!
//! A credential's row holds a [`Slot`]. Whoever finds the token due
//!
//! 1. **claims** ([`Slot::claim`]): one transaction gives the claimer a [`Lease`] with a fresh fencing number and writes
//!    [`Intent::UnderWay`] before the provider hears anything (the write-ahead intent);
//! 2. **asks** the provider, with no transaction open. It does not begin to later than [`LATEST_START`] after its claim, and
//!    waits for [`ASKING`] at most, both by a clock that only goes forward: by the lease's end the request is over;
//! 3. **commits** the answer ([`Slot::commit`]) or **fails** ([`Slot::fail`]). Both are retried until the database has
//!    taken or refused them: the answer exists nowhere else.
//!
//! Readers of a token that still holds touch none of this: they read, and write nothing.
//!
//! # Why there is one request per generation
//!
//! A claim is refused while another one is under way, unless its lease is over **and** its holder is gone. The row is
//! locked while it is decided, so of two claimers one comes first. A lease's end is compared by the database's clock alone:
//! clocks of nodes play no part, however wrong. Whether the holder is gone is asked of the database as well, which holds a
//! lock for as long as the holder's session lives: a step of the database's own clock therefore takes no lease from
//! somebody who lives, and a session that breaks takes none before its time, by when the request is over. It takes both
//! at once, or a holder that hangs for [`STALE`] beyond its lease, for a second request to leave while a first one is
//! under way.
//!
//! # Why the newest answer is kept
//!
//! Fencing numbers only grow, and a commit counts only if its number is above that of the answer that is stored. So an
//! answer that waited for the database while somebody else took over is taken if nothing newer was stored, and it heals a
//! connection that was given up meanwhile; an answer from before a reconnect is not, for a reconnect takes a number too.
//!
//! # Why nothing is lost silently
//!
//! Between claim and end the row says [`Intent::UnderWay`]. Whoever takes over from a holder that is gone is told so by
//! [`Lease::in_doubt`], and so is whoever comes after an answer that never arrived ([`Intent::InDoubt`]). If the provider
//! then refuses the token, the rotation was lost, and [`verdict`] says so; without doubt the same refusal means that the
//! grant was revoked.
//!
//! `tests/refresh_model.rs` walks every order of these steps for three nodes with crashes, lost and late answers, broken
//! sessions and steps of the clock, over this very code.

mod schedule;
mod slot;

pub use schedule::{delay, due_at, proactive_at};
pub use slot::{Age, Ending, Intent, Lease, Loss, NodeId, NotClaimed, Slot, verdict};

use std::time::Duration;

use chrono::TimeDelta;

/// How long a lease lasts: longer than [`LATEST_START`] and [`ASKING`] together.
pub const LEASE: TimeDelta = TimeDelta::seconds(90);
/// From its claim on, how long a holder may take before it asks the provider; later it gives the lease back.
pub const LATEST_START: Duration = Duration::from_secs(20);
/// How long a holder waits for the provider.
pub const ASKING: Duration = Duration::from_secs(60);
/// How long after its lease a holder that lives, but gives nothing back, is taken to hang.
pub const STALE: TimeDelta = TimeDelta::minutes(15);
