//! `/v1/records`: the change feed of a stream.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::connected::{Connected, ORDERS};
use crate::support::{PATIENCE, TenantKey, World, root, until};

#[tokio::test(flavor = "multi_thread")]
async fn list_records_in_pages_that_miss_nothing() {
    let Connected { world, connection, .. } = Connected::set().await;
    let path = format!("/v1/records?connection={connection}&stream=orders");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let at = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page = world.key().get(&format!("{path}&limit=7{at}")).await.ok();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 7);
        seen.extend(data.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
        if page["has_more"] != true {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (ORDERS, ORDERS), "each once");
    // At the end the feed goes on where it was, with nothing.
    let page = world.key().get(&format!("{path}&cursor={cursor}")).await.ok();
    assert_eq!((page["data"].as_array().unwrap().len(), page["next_cursor"].as_str()), (0, Some(cursor.as_str())));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_records_says_what_is_wrong_with_the_query() {
    let Connected { world, connection, .. } = Connected::set().await;
    let get = async |query: &str| world.key().get(&format!("/v1/records?{query}")).await;
    let unknown = get(&format!("connection={connection}&stream=nothing")).await;
    unknown.problem(404, "not_found");
    get("connection=conn_00000000000000000000000000&stream=orders").await.problem(404, "not_found");
    for limit in ["0", "1001", "x"] {
        get(&format!("connection={connection}&stream=orders&limit={limit}")).await.problem(422, "invalid_fields");
    }
    for cursor in ["nonsense", "%01", &"a".repeat(5000)] {
        get(&format!("connection={connection}&stream=orders&cursor={cursor}")).await.problem(400, "bad_cursor");
    }
    get(&format!("connection={connection}&stream=orders&cursor=%00")).await.problem(400, "bad_request");
    // A cursor of one stream is none of another.
    let orders = get(&format!("connection={connection}&stream=orders&limit=3")).await.ok();
    let cursor = orders["next_cursor"].as_str().unwrap();
    get(&format!("connection={connection}&stream=customers&cursor={cursor}")).await.problem(400, "bad_cursor");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_records_takes_filters_and_fields() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let path = format!("/v1/records?connection={connection}&stream=orders&limit=100");
    let all = key.get(&path).await.ok();
    let one = &all["data"][3];
    let (id, data) = (one["id"].as_str().unwrap(), one["data"].as_object().unwrap());
    assert_eq!(key.get(&format!("{path}&id={id}")).await.ok()["data"], serde_json::json!([one]));
    assert_eq!(key.get(&format!("{path}&change=added")).await.ok()["data"].as_array().unwrap().len(), ORDERS);
    let none = key.get(&format!("{path}&change=deleted,updated")).await.ok();
    assert_eq!((none["data"].as_array().unwrap().len(), none["has_more"].as_bool()), (0, Some(false)));
    // The cursor moves although nothing was found.
    assert_eq!(none["next_cursor"].as_str().unwrap().len(), all["next_cursor"].as_str().unwrap().len());
    let after = key.get(&format!("{path}&cursor={}", none["next_cursor"].as_str().unwrap())).await.ok();
    assert_eq!(after["data"].as_array().unwrap().len(), 0);
    let (name, value) = data.iter().find(|(_, value)| value.is_string()).unwrap();
    let holds = serde_json::json!({ name.as_str(): value }).to_string();
    let holds: String = url::form_urlencoded::byte_serialize(holds.as_bytes()).collect();
    let found = key.get(&format!("{path}&where={holds}&fields={name}")).await.ok();
    let found = found["data"].as_array().unwrap();
    assert!(!found.is_empty());
    for record in found {
        assert_eq!(record["data"], serde_json::json!({ name.as_str(): value }), "that field alone");
    }
    let at = one["updated_at"].as_str().unwrap();
    assert_eq!(
        key.get(&format!("{path}&changed_before={at}&changed_since={at}")).await.ok()["data"],
        serde_json::json!([])
    );
    for (query, field) in [
        ("where=[]", "where"),
        ("where=%7B", "where"),
        ("where=%7B%22a%22:%22%5Cu0000%22%7D", "where"),
        ("fields=", "fields"),
        ("fields=a..b", "fields"),
        ("change=gone", "change"),
        ("id=", "id"),
        ("id=a,,b", "id"),
    ] {
        let problem = key.get(&format!("{path}&{query}")).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, field, "{query}");
    }
    key.get(&format!("{path}&changed_since=yesterday")).await.problem(422, "invalid_fields");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn export_records_as_json_lines_goes_on_where_it_broke_off() {
    let Connected { world, connection, .. } = Connected::set().await;
    let path = format!("/v1/records/export?connection={connection}&stream=orders");
    let all = world.key().get(&path).await;
    assert_eq!((all.status, all.header("content-type")), (200, Some("application/x-ndjson")));
    let lines: Vec<Value> = all.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), ORDERS);
    let listed = world.records(&connection, "orders").await;
    for (line, record) in lines.iter().zip(&listed) {
        assert_eq!((&line["id"], &line["data"]), (&record["id"], &record["data"]));
    }
    // It broke off after ten whole lines.
    let cursor = lines[9]["cursor"].as_str().unwrap();
    let rest = world.key().get(&format!("{path}&cursor={cursor}&format=jsonl")).await;
    let rest: Vec<Value> = rest.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids = |lines: &[Value]| lines.iter().map(|line| line["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rest), ids(&lines[10..]));
    // The feed goes on after it.
    let next = all.header("patchbay-next-cursor").unwrap();
    let feed = world.key().get(&format!("/v1/records?connection={connection}&stream=orders&cursor={next}")).await.ok();
    assert_eq!((feed["data"].as_array().unwrap().len(), feed["has_more"].as_bool()), (0, Some(false)));
    world.key().get(&format!("{path}&format=xlsx")).await.problem(422, "invalid_fields");
    world.key().get(&format!("{path}&cursor=x")).await.problem(400, "bad_cursor");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn export_records_as_parquet_that_duckdb_reads() {
    let Connected { world, connection, .. } = Connected::set().await;
    world.sql("UPDATE records SET deleted_at = updated_at WHERE seq = 3").await;
    world.sql("UPDATE records SET body = NULL WHERE seq = 4").await;
    let path = format!("/v1/records/export?connection={connection}&stream=orders&format=parquet");
    let file = world.key().get(&path).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("application/vnd.apache.parquet")));
    let place = root().join("target/tests").join(format!("records-{}.parquet", std::process::id()));
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, &file.body).unwrap();
    // Another implementation of the format, which nobody here wrote.
    let python = tokio::process::Command::new(root().join("infra/duckdb/install")).output().await.unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let script = "import duckdb, json, sys\nname = sys.argv[1]\n\
        rows = duckdb.execute('SELECT id, data::VARCHAR, epoch_us(created_at), epoch_us(deleted_at) FROM read_parquet(?)', [name]).fetchall()\n\
        said = duckdb.execute('SELECT key, value FROM parquet_kv_metadata(?)', [name]).fetchall()\n\
        kinds = duckdb.execute('DESCRIBE SELECT * FROM read_parquet(?)', [name]).fetchall()\n\
        print(json.dumps({'rows': rows, 'said': {k.decode(): v.decode() for k, v in said}, 'kinds': {k[0]: k[1] for k in kinds}}))";
    let python = String::from_utf8(python.stdout).unwrap();
    let output = tokio::process::Command::new(python.trim()).args(["-c", script]).arg(&place).output().await.unwrap();
    std::fs::remove_file(&place).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kinds = &read["kinds"];
    assert_eq!((kinds["id"].as_str(), kinds["data"].as_str()), (Some("VARCHAR"), Some("JSON")));
    assert_eq!(kinds["created_at"], "TIMESTAMP WITH TIME ZONE");
    assert_eq!(read["said"]["patchbay.next_cursor"].as_str(), file.header("patchbay-next-cursor"));
    let rows = read["rows"].as_array().unwrap();
    let listed = world.records(&connection, "orders").await;
    assert_eq!(rows.len(), ORDERS);
    for (row, record) in rows.iter().zip(&listed) {
        assert_eq!(row[0], record["id"]);
        let data: Value = row[1].as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
        assert_eq!(data, record["data"]);
        assert_eq!(row[1].is_null(), record["pruned"] == true);
        let created: chrono::DateTime<chrono::Utc> = record["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(row[2], created.timestamp_micros());
        assert_eq!(row[3].is_null(), record["deleted_at"].is_null());
    }
    world.end().await;
}

/// Begins an export and reads no more of it than how it begins.
async fn unread(world: &World, path: &str) -> TcpStream {
    let host = world.origin().trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await.unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n", world.tenant().secret);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    socket.read_exact(&mut begun).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&begun), "HTTP/1.1 200");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn ft_4_export_records_leaves_room_for_others_whoever_does_not_read() {
    let Connected { world, connection, .. } = Connected::set().await;
    // More than lies about between a server and a client that does not read.
    world.sql("UPDATE records SET body = jsonb_build_object('text', repeat('x', 1000000)), body_bytes = 1000012").await;
    let path = format!("/v1/records/export?connection={connection}&stream=orders");
    let held = [unread(&world, &path).await, unread(&world, &path).await];
    let full = world.key().get(&path).await;
    full.problem(429, "rate_limited");
    assert!(full.retry_after().is_some(), "{full}");
    // Another environment of the same tenant has no more room.
    let environments = format!("/v1/operator/tenants/{}/environments", world.tenant().tenant["id"].as_str().unwrap());
    let other = world.operator().post(&environments, &json!({ "slug": "dev", "name": "Development" })).await.ok();
    let keys = format!("{environments}/{}/api-keys", other["id"].as_str().unwrap());
    let other = world.operator().post(&keys, &json!({ "name": "backend", "scopes": ["*"] })).await.ok();
    let other = TenantKey::at(world.origin(), other["secret"].as_str().unwrap());
    other.get(&path).await.problem(429, "rate_limited");
    // Another tenant has: it is told that there is no such connection.
    world.stranger("neighbour").await.key().get(&path).await.problem(404, "not_found");

    drop(held);
    until("there is room again", PATIENCE, async || (world.key().get(&path).await.status == 200).then_some(())).await;
    world.end().await;
}

/// Waits until the upkeep has come so far.
async fn kept(world: &World, sql: &str, wanted: &str) {
    until("the records are looked after", PATIENCE, async || {
        world.sql("UPDATE record_upkeep SET looked_at = 'epoch'").await;
        world.keep_records().await;
        (world.one(sql).await == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_record_policy_removes_what_is_kept_no_longer_and_tells_who_missed_it() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let policy = "/v1/integrations/acme/streams/orders/policy";
    let put = async |body: Value| key.request(http::Method::PUT, policy).json(&body).send().await;
    let feed = format!("/v1/records?connection={connection}&stream=orders");
    let early = key.get(&format!("{feed}&limit=10")).await.ok()["next_cursor"].as_str().unwrap().to_owned();
    let late = key.get(&format!("{feed}&limit=1000")).await.ok()["next_cursor"].as_str().unwrap().to_owned();
    // Of 30 orders the 20th was deleted ten days ago, and nothing changed since. The reader at 10 stands there for longer.
    world.sql("UPDATE records SET updated_at = updated_at - '10 days'::interval, created_at = created_at - '10 days'::interval").await;
    world.sql("UPDATE records SET deleted_at = updated_at WHERE seq = 20 AND sync_id = (SELECT sync_id FROM syncs WHERE stream = 'orders')").await;
    for wrong in [serde_json::json!({ "keep_deleted_days": 0 }), serde_json::json!({ "keep_content_days": 3651 })] {
        put(wrong).await.problem(422, "invalid_fields");
    }
    put(serde_json::json!({ "keep_deleted_days": 7 })).await.ok();
    kept(&world, "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'", "29").await;
    // Cursors that were made just now know of what was deleted ten days ago; those of two weeks ago do not.
    key.get(&format!("{feed}&cursor={early}")).await.ok();
    let sync = world.one("SELECT sync_id FROM syncs WHERE stream = 'orders'").await;
    let old = |seq: i64| {
        let whole_at = u32::try_from((chrono::Utc::now() - chrono::TimeDelta::days(14)).timestamp()).unwrap();
        let cursor = domain::feed::FeedCursor { sync: ids::SyncId::from_uuid(sync.parse().unwrap()), seq, whole_at };
        format!("{feed}&cursor={}", cursor.encode())
    };
    key.get(&old(10)).await.problem(410, "cursor_expired");
    key.get(&old(10).replace("/v1/records?", "/v1/records/export?")).await.problem(410, "cursor_expired");
    assert_eq!(key.get(&old(20)).await.ok()["data"].as_array().unwrap().len(), 10, "it had read the deletion");
    assert_eq!(key.get(&format!("{feed}&limit=100")).await.ok()["data"].as_array().unwrap().len(), 29, "anew");
    key.get(&format!("{feed}&cursor={late}")).await.ok();

    put(serde_json::json!({ "keep_content_days": 7 })).await.ok();
    kept(
        &world,
        "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders' AND body IS NULL",
        "29",
    )
    .await;
    let page = key.get(&format!("{feed}&limit=100")).await.ok();
    for record in page["data"].as_array().unwrap() {
        assert_eq!((&record["data"], &record["pruned"]), (&Value::Null, &Value::Bool(true)));
    }
    // What the provider still has as it was is not brought back, and nothing of it is a change.
    let customers =
        "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'customers' AND body IS NULL";
    assert_eq!(world.one(customers).await, "0", "other streams are kept");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_record_policy_seals_what_is_there_and_what_comes() {
    let set = Connected::set().await;
    let key = set.world.key();
    let (world, connection) = (&set.world, &set.connection);
    let feed = format!("/v1/records?connection={connection}&stream=orders&limit=100");
    let before = key.get(&feed).await.ok();
    let policy = "/v1/integrations/acme/streams/orders/policy";
    assert_eq!(key.get(policy).await.ok()["sealed"], false);
    let body = serde_json::json!({ "sealed": true });
    assert_eq!(key.request(http::Method::PUT, policy).json(&body).send().await.ok()["sealed"], true);
    let plain = "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders' AND body IS NOT NULL";
    kept(world, plain, "0").await;
    assert_eq!(key.get(&feed).await.ok()["data"], before["data"], "readers see no change");
    let hashes = "SELECT count(DISTINCT content_hash) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'";
    assert_eq!(world.one(hashes).await, ORDERS.to_string());
    let digests = world.one("SELECT count(page_digest) FROM records WHERE body IS NULL").await;
    assert_eq!(digests, "0", "nothing of the text lies beside it");
    let sealed = "SELECT encode(sealed_body, 'escape') FROM records WHERE sealed_body IS NOT NULL LIMIT 1";
    assert!(!world.one(sealed).await.contains("status"), "nothing of it can be read");
    // The same again is not written again, and what changed lies sealed.
    let sync = set.sync("orders").await;
    let rows = "SELECT string_agg(records.ctid::text || records.xmin::text, ',' ORDER BY external_id) FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'";
    let lay = world.one(rows).await;
    key.post(&format!("/v1/syncs/{sync}/resync"), &Value::Null).await.ok();
    let run = until("the run ends", PATIENCE, async || {
        let runs = key.get(&format!("/v1/runs?sync={sync}&limit=1")).await.ok();
        let run = runs["data"][0].clone();
        (run["state"] == "succeeded" && run["counts"]["unchanged"] == ORDERS).then_some(run)
    })
    .await;
    assert_eq!(run["counts"]["updated"], 0, "{run}");
    assert_eq!(world.one(rows).await, lay);
    world
        .acme()
        .control(acme::Command::Add { account: "shop_north".into(), kind: acme::Kind::Orders, count: 2 })
        .unwrap();
    key.post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await.ok();
    until("the new ones are there", PATIENCE, async || {
        (key.get(&feed).await.ok()["data"].as_array().unwrap().len() == ORDERS + 2).then_some(())
    })
    .await;
    assert_eq!(world.one(plain).await, "0");
    let lines = key.get(&feed.replace("/v1/records?", "/v1/records/export?")).await;
    assert!(lines.text().lines().count() == ORDERS + 2 && lines.text().contains("\"status\""));
    let problem = key.get(&format!("{feed}&where=%7B%22status%22:%22paid%22%7D")).await.problem(422, "invalid_fields");
    assert!(problem.detail.contains("sealed"), "{problem:?}");
    set.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_record_policy_is_of_streams_that_there_are() {
    let Connected { world, .. } = Connected::set().await;
    let get = async |path: &str| world.key().get(path).await;
    let shown = get("/v1/integrations/acme/streams/customers/policy").await.ok();
    assert_eq!(shown, serde_json::json!({ "keep_deleted_days": null, "keep_content_days": null, "sealed": false }));
    get("/v1/integrations/acme/streams/nothing/policy").await.problem(404, "not_found");
    get("/v1/integrations/nothing/streams/orders/policy").await.problem(404, "not_found");
    world.end().await;
}
