//! Actions: what can be done at a provider on behalf of a connection.

use chrono::{DateTime, Utc};
use ids::{ActionRunId, ConnectionId};

crate::api! {
/// Something that can be done.
pub struct Action {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// What goes in: a JSON Schema (draft 2020-12); anything if absent.
    pub input_schema: Option<serde_json::Value>,
    /// What comes out: a JSON Schema; anything if absent.
    pub output_schema: Option<serde_json::Value>,
    /// Seconds that one call may take.
    pub timeout_seconds: u32,
    /// Whether performing it twice with the same input is as good as once.
    pub is_idempotent: bool,
}

/// A call of an action.
pub struct CallAction {
    /// What goes in, as the action's schema says. An empty object if absent.
    #[serde(default)]
    pub input: Option<serde_json::Value>,
}

/// A call of an action and what became of it.
pub struct ActionRun {
    /// Its id.
    pub id: ActionRunId,
    /// On whose account.
    pub connection_id: ConnectionId,
    /// The action.
    pub action: String,
    /// Whether it was asked for with `Prefer: respond-async`.
    pub is_async: bool,
    /// Where it stands.
    pub state: ActionRunState,
    /// What came out. Kept for seven days, and only of calls that were asked for asynchronously or with an
    /// `Idempotency-Key`.
    pub output: Option<serde_json::Value>,
    /// Whether something came out that is not kept, or not any more.
    pub output_forgotten: bool,
    /// Why it did not succeed.
    pub error: Option<ActionRunError>,
    /// How often it was begun; more than once only where that does no harm.
    pub tries: u32,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// When the plugin was last called for it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Why a call did not succeed.
pub struct ActionRunError {
    /// Stable code.
    pub code: String,
    /// The same in words.
    pub message: String,
    /// Who has to do something about it: `end_user`, `tenant`, `provider`, `plugin` or `platform`.
    pub blame: String,
    /// Not before so many seconds after its end, if the provider said so.
    pub retry_after_seconds: Option<u32>,
}

/// Where a call stands.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ActionRunState {
    /// It waits to be performed; nothing was sent to the provider yet.
    Accepted,
    /// It is being performed.
    Running,
    /// It was performed.
    Succeeded,
    /// It was not performed.
    Failed,
    /// Nobody can tell whether it was performed: look at the provider before you call it again.
    Unknown,
}
}
