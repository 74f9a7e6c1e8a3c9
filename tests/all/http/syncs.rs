//! `/v1/syncs`: recurring pulls, triggered, paused, resumed, broken off and begun anew by hand, and their schedules.

use acme::{Fault, Misbehaviour};
use serde_json::{Value, json};

use super::connected::Connected;
use crate::support::{PATIENCE, until};

#[tokio::test(flavor = "multi_thread")]
async fn list_syncs_has_one_per_stream() {
    let Connected { world, connection, .. } = Connected::set().await;
    let syncs = world.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
    let mut streams: Vec<_> =
        syncs["data"].as_array().unwrap().iter().map(|sync| sync["stream"].as_str().unwrap()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["customers", "orders"]);
    for sync in syncs["data"].as_array().unwrap() {
        assert_eq!(
            (sync["paused"].as_bool(), sync["last_run"]["state"].as_str()),
            (Some(false), Some("succeeded")),
            "{sync}"
        );
        let due: chrono::DateTime<chrono::Utc> = sync["next_run_at"].as_str().unwrap().parse().unwrap();
        assert!(due > chrono::Utc::now() + chrono::TimeDelta::minutes(10), "the next run is on schedule: {sync}");
    }
    let streams =
        super::edge::walk(&world.key(), "/v1/syncs?limit=1", |sync| sync["stream"].as_str().unwrap().to_owned()).await;
    assert_eq!(streams.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sync_runs_now() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, runs } = connected;
    let triggered = world.key().post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await;
    assert_eq!(triggered.status, 202, "{triggered}");
    let run = until("a triggered run has ended", PATIENCE, async || {
        let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
        let runs = listed["data"].as_array().unwrap();
        runs.iter().find(|run| run["trigger"] == "api" && run["state"] != "running").cloned()
    })
    .await;
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(run["counts"]["added"], 0, "nothing is new: {run}");
    assert!(!runs.iter().any(|before| before["id"] == run["id"]));
    world.key().post("/v1/syncs/sync_00000000000000000000000000/trigger", &Value::Null).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_sync_and_resume_sync() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let world = connected.world;
    let post = async |verb: &str| world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await;
    let paused = post("pause").await.ok();
    assert_eq!(paused["paused"], true);
    assert_eq!(post("pause").await.ok()["paused"], true, "twice is as good as once");
    assert!(post("trigger").await.problem(409, "conflict").detail.contains("Resume"));
    let runs = world.one("SELECT count(*) FROM runs").await;
    world.clock().advance(chrono::TimeDelta::hours(48));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let of_orders = world.one("SELECT count(*) FROM runs JOIN syncs USING (sync_id) WHERE stream = 'orders'").await;
    assert_eq!(of_orders, "1", "a paused sync is never due; runs before: {runs}");
    let resumed = post("resume").await.ok();
    assert_eq!(resumed["paused"], false);
    assert!(post("trigger").await.status == 202);
    until("it runs again", PATIENCE, async || {
        let sql =
            "SELECT count(*) FROM runs JOIN syncs USING (sync_id) WHERE stream = 'orders' AND state = 'succeeded'";
        (world.one(sql).await != "1").then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_sync_breaks_off_what_is_under_way_and_keeps_what_was_committed() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    let post = async |verb: &str| world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await;
    let runs_of = async || {
        let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
        listed["data"].as_array().unwrap().clone()
    };
    let before = runs_of().await.len();
    assert_eq!(
        post("cancel").await.ok()["last_run"]["state"],
        "succeeded",
        "nothing is under way, and nothing happens"
    );
    // The provider takes its time, so that there is something to break off.
    let slow = Fault::Slow { ms: 3_000 };
    world.acme().misbehave(Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 100, fault: slow });
    assert_eq!(post("trigger").await.status, 202);
    until("it is under way", PATIENCE, async || (runs_of().await[0]["state"] == "running").then_some(())).await;
    assert_eq!(post("cancel").await.ok()["last_run"]["state"], "cancelled");
    let run = runs_of().await.swap_remove(0);
    assert_eq!((run["state"].as_str(), run["error"].is_null()), (Some("cancelled"), true), "{run}");
    assert!(run["finished_at"].is_string(), "{run}");
    world.acme().control(acme::Command::Reset).unwrap();
    until("its worker has let go", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'sync_run'").await == "0").then_some(())
    })
    .await;
    assert_eq!(runs_of().await.len(), before + 1, "nothing was begun in its place");
    assert_eq!(runs_of().await[0]["state"], "cancelled", "and its worker did not end it once more");
    let kept = world.one("SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'").await;
    assert_eq!(kept, super::connected::ORDERS.to_string());
    // The next one goes as always.
    assert_eq!(post("trigger").await.status, 202);
    until("the next has ended", PATIENCE, async || (runs_of().await[0]["state"] == "succeeded").then_some(())).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resync_sync_pulls_everything_and_finds_what_is_gone() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    // Gone without a tombstone: only a full run can tell. The next one is incremental again.
    let of_orders =
        "SELECT sync_id, min(external_id) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders' GROUP BY 1";
    world.sql(&format!("UPDATE records SET external_id = 'ghost' WHERE (sync_id, external_id) IN ({of_orders})")).await;
    let last = async |state: &str| {
        until("the run has ended", PATIENCE, async || {
            let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
            let run = listed["data"][0].clone();
            (run["trigger"] == "api" && run["state"] == state).then_some(run)
        })
        .await
    };
    let asked = world.key().post(&format!("/v1/syncs/{sync}/resync"), &Value::Null).await;
    assert_eq!(asked.status, 202, "{asked}");
    let run = last("succeeded").await;
    let all = u64::try_from(super::connected::ORDERS).unwrap();
    assert_eq!(
        (run["counts"]["added"].as_u64(), run["counts"]["deleted"].as_u64(), run["counts"]["unchanged"].as_u64()),
        (Some(1), Some(1), Some(all - 1)),
        "{run}"
    );
    assert_eq!(world.one(&format!("SELECT is_full FROM runs WHERE run_id = '{}'", uuid_of(&run["id"]))).await, "t");
    assert_eq!(world.one("SELECT bool_or(begins_anew) FROM syncs").await, "f", "asked once, done once");
    world.key().post(&format!("/v1/syncs/{sync}/pause"), &Value::Null).await.ok();
    world.key().post(&format!("/v1/syncs/{sync}/resync"), &Value::Null).await.problem(409, "conflict");
    world.end().await;
}

fn uuid_of(id: &Value) -> String {
    id.as_str().unwrap().parse::<ids::RunId>().unwrap().uuid().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn set_sync_schedule_and_reset_sync_schedule() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let world = connected.world;
    let path = format!("/v1/syncs/{sync}/schedule");
    let put = async |body: &Value| world.key().request(http::Method::PUT, &path).json(body).send().await;
    let default = world.key().get(&format!("/v1/syncs?connection={}", connected.connection)).await.ok();
    let default = default["data"].as_array().unwrap().iter().find(|one| one["id"] == sync.as_str()).unwrap().clone();
    assert_eq!(default["has_own_schedule"], false);

    let daily = json!({ "cron": "30  6 * * *", "time_zone": "Europe/Berlin" });
    let shown = put(&daily).await.ok();
    assert_eq!(shown["schedule"], json!({ "cron": "30 6 * * *", "time_zone": "Europe/Berlin" }));
    assert_eq!(shown["has_own_schedule"], true);
    let due: chrono::DateTime<chrono::Utc> = shown["next_run_at"].as_str().unwrap().parse().unwrap();
    let berlin =
        world.one(&format!("SELECT to_char('{due}'::timestamptz AT TIME ZONE 'Europe/Berlin', 'HH24:MI')")).await;
    assert!(["06:30", "06:31"].contains(&berlin.as_str()), "{due} is {berlin} in Berlin");

    // It runs then, and is due at the same time of the next day.
    world.clock().advance(due - chrono::Utc::now() + chrono::TimeDelta::seconds(1));
    until("it ran by the schedule", PATIENCE, async || {
        let runs = "SELECT count(*) FROM runs JOIN syncs USING (sync_id) \
                    WHERE stream = 'orders' AND trigger = 'schedule' AND state = 'succeeded'";
        (world.one(runs).await == "1").then_some(())
    })
    .await;
    let next = "SELECT to_char(next_run_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') FROM syncs WHERE stream = 'orders'";
    let next = world.one(next).await;
    assert!(["06:30", "06:31"].contains(&next.as_str()), "{next}");
    let reset = world.key().delete(&path).await.ok();
    assert_eq!((&reset["schedule"], &reset["has_own_schedule"]), (&default["schedule"], &json!(false)));
    assert_eq!(put(&json!({ "every_seconds": 600 })).await.ok()["schedule"], json!({ "every_seconds": 600 }));

    for (body, field) in [
        (json!({ "cron": "60 6 * * *" }), "cron"),
        (json!({ "cron": "0 6 30 2 *" }), "cron"),
        (json!({ "cron": "0 6 * * *", "time_zone": "Berlin" }), "time_zone"),
        (json!({ "every_seconds": 59 }), "every_seconds"),
        (json!({ "every_seconds": 600, "cron": "0 6 * * *" }), "cron"),
        (json!({}), "cron"),
    ] {
        let problem = put(&body).await.problem(422, "invalid_fields");
        assert!(problem.fields.iter().any(|wrong| wrong.field == field), "{body}: {problem:?}");
    }
    assert_eq!(world.one("SELECT every_seconds FROM syncs WHERE has_own_schedule").await, "600", "as it was");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_sync_makes_a_variant_with_parameters_of_its_own_and_delete_sync_removes_it() {
    let connected = Connected::set().await;
    let default = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    let path = format!("/v1/connections/{connection}/syncs");
    let wish = json!({ "stream": "orders", "variant": "small-pages", "params": { "page_size": 7 } });
    let made = world.key().post(&path, &wish).await;
    assert_eq!(made.status, 201, "{made}");
    let made = made.json();
    assert_eq!((&made["variant"], &made["params"]), (&wish["variant"], &wish["params"]), "{made}");
    let sync = made["id"].as_str().unwrap();
    let run = async |sync: &str| {
        until("its run has ended", PATIENCE, async || {
            let listed = world.key().get(&format!("/v1/runs?sync={sync}")).await.ok();
            let run = listed["data"][0].clone();
            (run["state"].is_string() && run["state"] != "running").then_some(run)
        })
        .await
    };
    let ran = run(sync).await;
    let counts = (ran["counts"]["pages"].as_u64(), ran["counts"]["added"].as_u64());
    assert_eq!(counts, (Some(5), Some(30)), "30 orders, 7 to a page: {ran}");
    assert_eq!(
        world.one("SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'").await,
        "60"
    );
    let listed = world.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);

    world.key().post(&path, &wish).await.problem(409, "conflict");
    for (body, field) in [
        (json!({ "stream": "nothing", "variant": "a" }), "stream"),
        (json!({ "stream": "orders", "variant": "" }), "variant"),
        (json!({ "stream": "orders", "variant": "A b" }), "variant"),
        (json!({ "stream": "orders", "variant": "a", "backfill_days": 0 }), "backfill_days"),
        (json!({ "stream": "orders", "variant": "a", "params": { "x": "y".repeat(9000) } }), "params"),
    ] {
        let problem = world.key().post(&path, &body).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, field, "{body}");
    }
    let nobody = "/v1/connections/conn_00000000000000000000000000/syncs";
    world.key().post(nobody, &wish).await.problem(404, "not_found");

    world.key().delete(&format!("/v1/syncs/{default}")).await.problem(409, "conflict");
    assert_eq!(world.key().delete(&format!("/v1/syncs/{sync}")).await.status, 204);
    world.key().delete(&format!("/v1/syncs/{sync}")).await.problem(404, "not_found");
    assert_eq!(
        world.one("SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'").await,
        "30"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_sync_gives_a_variant_other_parameters_and_has_it_pulled_anew() {
    let connected = Connected::set().await;
    let default = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    let path = format!("/v1/connections/{connection}/syncs");
    let make = async |variant: &str, page_size: u32| {
        let wish = json!({ "stream": "orders", "variant": variant, "params": { "page_size": page_size } });
        world.key().post(&path, &wish).await.ok()["id"].as_str().unwrap().to_owned()
    };
    // The latest run of a sync once it is over and another than that.
    let next = async |sync: &str, before: &Value| {
        until("its next run has ended", PATIENCE, async || {
            let listed = world.key().get(&format!("/v1/runs?sync={sync}")).await.ok();
            let run = listed["data"][0].clone();
            (run["state"].is_string() && run["state"] != "running" && run["id"] != before["id"]).then_some(run)
        })
        .await
    };
    let (sync, other) = (make("small-pages", 7).await, make("large-pages", 15).await);
    let first = next(&sync, &Value::Null).await;
    next(&other, &Value::Null).await;
    let patch = async |sync: &str, params: &Value| {
        world.key().patch(&format!("/v1/syncs/{sync}"), &json!({ "params": params })).await
    };

    // What other parameters would not bring, as far as anybody can tell, is gone.
    let one = "SELECT sync_id, min(external_id) FROM records JOIN syncs USING (sync_id) \
               WHERE variant = 'small-pages' GROUP BY 1";
    world.sql(&format!("UPDATE records SET external_id = 'ghost' WHERE (sync_id, external_id) IN ({one})")).await;
    let changed = patch(&sync, &json!({ "page_size": 8 })).await.ok();
    assert_eq!((&changed["params"], &changed["variant"]), (&json!({ "page_size": 8 }), &json!("small-pages")));
    let second = next(&sync, &first).await;
    let counts = &second["counts"];
    assert_eq!(
        (&counts["pages"], &counts["added"], &counts["deleted"], &counts["unchanged"]),
        (&json!(4), &json!(1), &json!(1), &json!(29)),
        "30 orders, 8 to a page, all of them: {second}"
    );
    assert_eq!((&second["state"], &second["trigger"]), (&json!("succeeded"), &json!("api")), "{second}");

    // What it has already changes nothing, and what is refused neither.
    let before = world.one("SELECT count(*) || ' ' || bool_or(begins_anew) FROM runs CROSS JOIN syncs").await;
    patch(&sync, &json!({ "page_size": 8 })).await.ok();
    let problem = patch(&sync, &json!({ "page_size": 15 })).await.problem(409, "conflict");
    assert!(problem.detail.contains("`large-pages`"), "{problem:?}");
    patch(&sync, &json!({})).await.problem(409, "conflict");
    patch(&default, &json!({ "page_size": 9 })).await.problem(409, "conflict");
    let problem = patch(&sync, &json!({ "x": "y".repeat(9000) })).await.problem(422, "invalid_fields");
    assert_eq!(problem.fields[0].field, "params");
    patch("sync_00000000000000000000000000", &json!({ "page_size": 9 })).await.problem(404, "not_found");
    let after = world.one("SELECT count(*) || ' ' || bool_or(begins_anew) FROM runs CROSS JOIN syncs").await;
    assert_eq!(after, before);
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'sync.params_set'").await, "1");

    // A paused one waits, and knows then that it is to begin anew.
    until("its worker has let go", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'sync_run'").await == "0").then_some(())
    })
    .await;
    world.key().post(&format!("/v1/syncs/{sync}/pause"), &Value::Null).await.ok();
    patch(&sync, &json!({ "page_size": 10 })).await.ok();
    assert_eq!(world.one("SELECT begins_anew FROM syncs WHERE variant = 'small-pages'").await, "t");
    assert_eq!(world.one("SELECT count(*) FROM jobs WHERE queue = 'sync_run'").await, "0");
    world.key().post(&format!("/v1/syncs/{sync}/resume"), &Value::Null).await.ok();
    world.key().post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await.ok();
    let third = next(&sync, &second).await;
    assert_eq!((&third["counts"]["unchanged"], &third["state"]), (&json!(30), &json!("succeeded")), "{third}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_4_create_sync_with_a_window_pulls_what_changed_within_it() {
    let connected = Connected::set().await;
    let Connected { world, connection, .. } = connected;
    let oldest = "SELECT min((body->>'updated_at')::timestamptz) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'";
    let in_window = async |days: u32| -> u64 {
        let sql = format!(
            "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders' AND variant = '' \
             AND (body->>'updated_at')::timestamptz >= now() - interval '{days} days'"
        );
        world.one(&sql).await.parse().unwrap()
    };
    // A window of a day more than the oldest order is all of them, and one that ends before the latest is none.
    let age: u32 = world.one(&format!("SELECT extract(day FROM now() - ({oldest}))::int")).await.parse().unwrap();
    let path = format!("/v1/connections/{connection}/syncs");
    for (variant, days) in [("all", age + 2), ("some", (age / 2).max(1)), ("few", 1)] {
        let wish = json!({ "stream": "orders", "variant": variant, "backfill_days": days });
        let made = world.key().post(&path, &wish).await.ok();
        let since: chrono::DateTime<chrono::Utc> = made["since"].as_str().unwrap().parse().unwrap();
        assert!((chrono::Utc::now() - since).num_days().abs_diff(days.into()) <= 1, "{made}");
        let sync = made["id"].as_str().unwrap().to_owned();
        let run = until("its run has ended", PATIENCE, async || {
            let listed = world.key().get(&format!("/v1/runs?sync={sync}")).await.ok();
            let run = listed["data"][0].clone();
            (run["state"].is_string() && run["state"] != "running").then_some(run)
        })
        .await;
        assert_eq!(run["counts"]["added"], in_window(days).await, "{days} days: {run}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_removed_while_its_run_is_under_way_ends_the_run_and_keeps_its_records() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    // The run waits to be tried again when the stream goes away, as with a plugin that does not have it any more.
    let down = Fault::Status { status: 503, retry_after: None, body: None };
    world.acme().misbehave(Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 1, fault: down });
    world.key().post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await.ok();
    until("the run waits", PATIENCE, async || {
        let waits = "SELECT count(*) FROM jobs WHERE queue = 'sync_run' AND state = 'waiting' AND attempt > 0";
        (world.one(waits).await == "1").then_some(())
    })
    .await;
    world.sql("UPDATE syncs SET stream = 'parcels' WHERE stream = 'orders'").await;
    let run = until("the run has ended", PATIENCE, async || {
        let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
        let run = listed["data"][0].clone();
        (run["state"] == "failed").then_some(run)
    })
    .await;
    assert_eq!((&run["error"]["code"], &run["error"]["blame"]), (&json!("no_stream"), &json!("tenant")), "{run}");
    let kept =
        "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'parcels' AND deleted_at IS NULL";
    assert_eq!(world.one(kept).await, super::connected::ORDERS.to_string());
    world.sql("UPDATE syncs SET stream = 'orders' WHERE stream = 'parcels'").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_the_provider_does_not_know_any_more_begins_the_stream_anew_in_full() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    world.sql("UPDATE syncs SET cursor = '{\"another\":\"version\"}' WHERE stream = 'orders'").await;
    let of_orders =
        "SELECT sync_id, min(external_id) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders' GROUP BY 1";
    world.sql(&format!("UPDATE records SET external_id = 'ghost' WHERE (sync_id, external_id) IN ({of_orders})")).await;
    world.key().post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await.ok();
    let run = until("the run has ended", PATIENCE, async || {
        let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
        let run = listed["data"][0].clone();
        (run["trigger"] == "api" && run["state"] == "succeeded").then_some(run)
    })
    .await;
    assert_eq!((&run["counts"]["added"], &run["counts"]["deleted"]), (&json!(1), &json!(1)), "in full: {run}");
    let log = world.key().get(&format!("/v1/runs/{}/logs", run["id"].as_str().unwrap())).await.text();
    assert!(log.contains("does not know the cursor any more"), "{log}");
    world.end().await;
}
