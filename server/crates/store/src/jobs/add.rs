//! Puts jobs in, one or many.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Jsonb, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;
use domain::Scope;
use serde_json::{Value, json};

use super::{Calls, NewJob};
use crate::{StoreError, Tx, prepared::Prepared};

/// The party of a provider that a tenant described itself bears its environment: another tenant's jobs, which call the
/// installed provider of that name, are not held up by it.
const ADD: &str = "
INSERT INTO jobs (job_id, tenant_id, environment_id, queue, serial_key, dedupe_key, priority, payload, state, run_at, created_at,
    connection_id, party)
SELECT new.job_id, $1, $2, new.queue, new.serial_key, new.dedupe_key, new.priority, new.payload, 'waiting', new.run_at, $3,
    c.connection_id, coalesce(new.endpoint_id::text, CASE WHEN EXISTS (SELECT FROM provider_versions v
        WHERE v.environment_id = i.environment_id AND v.slug = i.provider) THEN i.provider || '@' || i.environment_id ELSE i.provider END, '')
FROM jsonb_to_recordset($4) AS new (job_id uuid, queue text, serial_key text, dedupe_key text, priority smallint, payload jsonb,
    run_at timestamptz, connection_id uuid, sync_id uuid, endpoint_id uuid)
LEFT JOIN syncs s ON s.sync_id = new.sync_id
LEFT JOIN connections c ON c.connection_id = coalesce(new.connection_id, s.connection_id)
LEFT JOIN integrations i ON i.integration_id = c.integration_id
ON CONFLICT DO NOTHING";

/// Adds jobs; of those with a dedupe key that waits already, or of two with the same, one. Gives how many were added.
pub(crate) async fn insert_many<S>(
    tx: &mut Tx<S>,
    scope: Scope,
    jobs: &[NewJob],
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let row = |job: &NewJob| {
        let (connection, sync, endpoint) = match job.calls {
            Calls::Nobody => (None, None, None),
            Calls::Connection(id) => (Some(id.uuid()), None, None),
            Calls::Sync(id) => (None, Some(id.uuid()), None),
            Calls::Endpoint(id) => (None, None, Some(id.uuid())),
        };
        json!({
            "job_id": job.id.uuid().to_string(),
            "queue": job.queue,
            "serial_key": job.serial_key,
            "dedupe_key": job.dedupe_key,
            "priority": job.priority,
            "payload": job.payload,
            "run_at": job.run_at,
            "connection_id": connection.map(|id| id.to_string()),
            "sync_id": sync.map(|id| id.to_string()),
            "endpoint_id": endpoint.map(|id| id.to_string()),
        })
    };
    // One parameter for all columns: with one for each the compiler is not done with the query's type for a long time.
    let query = diesel::sql_query(ADD)
        .bind::<Uuid, _>(scope.tenant)
        .bind::<Uuid, _>(scope.environment)
        .bind::<Timestamptz, _>(now)
        .bind::<Jsonb, _>(Value::Array(jobs.iter().map(row).collect()));
    let added = Prepared(query).execute(tx.connection()).await?;
    tx.wake_workers();
    Ok(added)
}

/// Adds one, as [`insert_many`] does.
pub(super) async fn insert<S>(
    tx: &mut Tx<S>,
    scope: Scope,
    job: NewJob,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    Ok(insert_many(tx, scope, &[job], now).await? > 0)
}
