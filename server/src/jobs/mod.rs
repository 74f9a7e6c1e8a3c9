//! Background work. A job is a payload and a run that calls one flow (`job::Job`); what there is stands in
//! `registry`. [`Worker`] claims jobs under leases, keeps the leases while they run, and says what came of them.

mod action_run;
mod clean_up;
mod connect_device_poll;
mod connection_delete;
mod connection_revoke;
mod count_jobs;
mod enqueue_due_syncs;
mod inbound_webhook;
mod job;
mod keys_rewrap;
mod lane;
mod plugin_after_connect;
mod reap;
mod records_keep;
mod refresh_due;
mod registry;
mod rounds;
mod running;
mod sync_run;
mod webhook_deliver;
mod worker;

pub use worker::{Places, Worker};
