//! Background work. A job is a payload and a run that calls one flow (`job::Job`); what there is stands in
//! `registry`. [`Worker`] claims jobs under leases, keeps the leases while they run, and says what came of them.

mod clean_up;
mod connect_device_poll;
mod connection_delete;
mod connection_revoke;
mod count_jobs;
mod enqueue_due_syncs;
mod job;
mod keys_rewrap;
mod lane;
mod reap;
mod refresh_due;
mod registry;
mod rounds;
mod running;
mod sync_run;
mod webhook_deliver;
mod worker;

pub use worker::Worker;
