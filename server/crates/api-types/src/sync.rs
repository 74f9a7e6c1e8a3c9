//! Syncs, their runs and the records that they bring.

use chrono::{DateTime, Utc};
use ids::{ConnectionId, RunId, SyncId};

crate::api! {
/// A recurring pull of one stream of one connection.
pub struct Sync {
    /// Its id.
    pub id: SyncId,
    /// Whose account is pulled.
    pub connection_id: ConnectionId,
    /// The stream.
    pub stream: String,
    /// Its name among several syncs of the stream; absent for the one that every connection has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What the plugin is told for this sync alone.
    pub params: serde_json::Value,
    /// How far back a pull from the beginning goes; absent for all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// `incremental` or `full`.
    pub mode: String,
    /// When it runs by itself.
    pub schedule: SyncSchedule,
    /// Whether that was set through the API; else it is the manifest's.
    pub has_own_schedule: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// When it is due.
    pub next_run_at: DateTime<Utc>,
    /// The latest run.
    pub last_run: Option<RunSummary>,
}

/// A further sync of a stream, with parameters of its own.
pub struct CreateSync {
    /// The stream.
    pub stream: String,
    /// Its name among the stream's syncs: 1 to 64 lower-case letters, digits, dashes and underscores.
    pub variant: String,
    /// What the plugin is told for this sync alone; which parameters there are, the provider's documentation says.
    #[serde(default)]
    pub params: std::collections::BTreeMap<String, serde_json::Value>,
    /// How many days back its first pull goes, 1 to 36500; what the provider's manifest says if absent.
    #[serde(default)]
    pub backfill_days: Option<u32>,
}

/// What a further sync of a stream is told from now on.
pub struct UpdateSync {
    /// What the plugin is told for this sync alone, in place of all that it was told before.
    pub params: std::collections::BTreeMap<String, serde_json::Value>,
}

/// When a sync runs by itself: after an interval, or at certain times.
pub struct SyncSchedule {
    /// Seconds between runs, before jitter: 60 to 2,678,400 (31 days).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u32>,
    /// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time zone that the expression is meant in: a name of the IANA database, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A run in short.
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The stream.
    pub stream: String,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One execution of a sync.
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Of which sync.
    pub sync_id: SyncId,
    /// Of which connection.
    pub connection_id: ConnectionId,
    /// The stream.
    pub stream: String,
    /// Why it ran: `connect`, `schedule`, `api` or `webhook`.
    pub trigger: String,
    /// Where it stands.
    pub state: RunState,
    /// What it did.
    pub counts: RunCounts,
    /// Why it failed.
    pub error: Option<RunError>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a run did.
#[derive(Copy, Eq, Default)]
pub struct RunCounts {
    /// Pages committed.
    pub pages: u32,
    /// Records that were new.
    pub added: u64,
    /// Records whose content changed.
    pub updated: u64,
    /// Records that are gone at the provider.
    pub deleted: u64,
    /// Records that were as stored.
    pub unchanged: u64,
}

/// Why a run failed.
pub struct RunError {
    /// Stable code.
    pub code: String,
    /// The same in words.
    pub message: String,
    /// Who has to do something about it: `end_user`, `tenant`, `provider`, `plugin` or `platform`.
    pub blame: String,
}

/// Where a run stands.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// At work, or waiting to be resumed.
    Running,
    /// Done.
    Succeeded,
    /// Given up; the next scheduled run goes on at the last committed page.
    Failed,
    /// Broken off by the tenant; what was committed stays.
    Cancelled,
}

/// A line of a run's log.
pub struct RunLogLine {
    /// Line number, from 1.
    pub line: u32,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A record.
pub struct Record {
    /// The provider's id of it.
    pub id: String,
    /// The record; as last seen if it is deleted, `null` if its content was pruned.
    pub data: serde_json::Value,
    /// Whether its content was removed, since it had not changed for as long as the stream's policy keeps content.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pruned: bool,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// When its content last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it is gone at the provider.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A page of the change feed of one stream.
pub struct RecordPage {
    /// Records in the order of their latest change.
    pub data: Vec<Record>,
    /// Give this as `cursor` next time, also when there is nothing more now: the feed goes on there.
    pub next_cursor: String,
    /// Whether there is more now.
    pub has_more: bool,
}

/// How records of a stream are kept, for all connections of an integration.
pub struct RecordPolicy {
    /// Days after which a deleted record is removed, 1 to 3650; null to keep all. A reader of the feed that has not read on for
    /// so long is told to begin anew.
    #[serde(default)]
    pub keep_deleted_days: Option<u16>,
    /// Days after its latest change when a record's content is removed, 1 to 3650; null to keep all. The record stays, with
    /// `pruned`, until the provider changes it.
    #[serde(default)]
    pub keep_content_days: Option<u16>,
    /// Whether records lie sealed in the database, under a key of their own that the environment's key protects. They cannot be
    /// asked for by what they contain (`where`).
    #[serde(default)]
    pub sealed: bool,
}
}
