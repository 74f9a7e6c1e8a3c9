//! What there is to do in the background: one line each.

use super::{
    action_run::ActionRun, clean_up::CleanUp, connect_device_poll::ConnectDevicePoll,
    connection_delete::ConnectionDelete, connection_revoke::ConnectionRevoke, count_jobs::CountJobs,
    enqueue_due_syncs::EnqueueDueSyncs, inbound_webhook::InboundWebhook, job::Job, keys_rewrap::KeysRewrap,
    plugin_after_connect::PluginAfterConnect, reap::Reap, records_keep::RecordsKeep, refresh_due::RefreshDue,
    rounds::Round, sync_run::SyncRun, webhook_deliver::WebhookDeliver,
};

/// Jobs from the table, each kind with its queue.
pub(super) fn jobs() -> Vec<Box<dyn Job>> {
    vec![
        // Pulls a stream
        Box::new(SyncRun),
        // Routes what a provider told
        Box::new(InboundWebhook),
        // Tells an endpoint of an event
        Box::new(WebhookDeliver),
        // Asks after a device code
        Box::new(ConnectDevicePoll),
        // Revokes a grant and removes its connection
        Box::new(ConnectionDelete),
        // Seals what lies under old data keys anew
        Box::new(KeysRewrap),
        // Asks providers to let go of grants
        Box::new(ConnectionRevoke),
        // Performs an action
        Box::new(ActionRun),
        // Has a plugin set up what a connection needs at its provider
        Box::new(PluginAfterConnect),
    ]
}

/// What every node does from time to time. Any number of nodes may do them at once.
pub(super) fn rounds() -> Vec<Box<dyn Round>> {
    vec![
        // Takes the jobs of dead workers back
        Box::new(Reap),
        // Puts syncs that are due into the queue
        Box::new(EnqueueDueSyncs),
        // Refreshes credentials before anybody asks for them
        Box::new(RefreshDue::default()),
        // Removes what nobody needs any more
        Box::new(CleanUp),
        // Removes records that are kept no longer, seals those that shall be
        Box::new(RecordsKeep),
        // Counts waiting, running and dead jobs for the metrics
        Box::new(CountJobs),
    ]
}
