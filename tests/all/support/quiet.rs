//! What must be true at the end of every test: nothing is left undone.

use std::time::Duration;

use domain::clock::Clock as _;

use super::{Database, TestClock, until};

/// What may still be under way, with how to see it. Work for later is no work left undone.
const LEFTOVERS: &[(&str, &str)] = &[
    (
        "jobs that are due and unclaimed, or still running",
        "SELECT queue, state, attempt, run_at, last_error FROM jobs WHERE state = 'running' OR (state = 'waiting' AND run_at <= $now)",
    ),
    ("jobs that were given up", "SELECT queue, payload, attempt, last_error FROM jobs WHERE state = 'dead'"),
    ("runs that never ended", "SELECT run_id, started_at FROM runs WHERE state = 'running'"),
    (
        "deliveries that nobody will make",
        "SELECT d.delivery_id, d.attempts, d.last_status, d.next_attempt_at FROM deliveries d JOIN endpoints e USING (endpoint_id) WHERE d.state = 'pending' AND e.disabled_at IS NULL",
    ),
    ("open leases", "SELECT connection_id, lease_until FROM credentials WHERE refresh_state = 'under_way'"),
];

/// Waits a moment for what is just ending, then fails with what is left.
pub async fn assert_quiet(database: &Database, clock: &TestClock) {
    let mut left = String::new();
    let patience = Duration::from_secs(15);
    let began = std::time::Instant::now();
    until("nothing is left undone", patience + Duration::from_secs(5), async || {
        left.clear();
        for (what, sql) in LEFTOVERS {
            let now = format!("'{}'::timestamptz", clock.now().to_rfc3339());
            let rows = database.sql(&sql.replace("$now", &now)).await;
            if !rows.is_empty() {
                left.push_str(&format!("{what}: {rows:?}\n"));
            }
        }
        assert!(left.is_empty() || began.elapsed() < patience, "at the end of the test there are still\n{left}");
        left.is_empty().then_some(())
    })
    .await;
}
