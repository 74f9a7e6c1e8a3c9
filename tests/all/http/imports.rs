//! `/v1/imports`: many connections brought along by the API.

use http::Method;
use serde_json::{Value, json};

use crate::{
    bulk::{key_integration, mint},
    support::{Answer, Options, TenantKey, World},
};

async fn send(key: &TenantKey, import: &Value, query: &str, kind: &str, body: &str) -> Answer {
    let path = format!("/v1/imports/{}/rows?{query}", import["id"].as_str().unwrap());
    key.request(Method::POST, &path).header("content-type", kind).body(body.to_owned()).send().await
}

const JSON_LINES: &str = "application/x-ndjson";

#[tokio::test(flavor = "multi_thread")]
async fn create_import_and_get_import_tell_how_far_it_is() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, false).await;
    let key = world.key();
    let unknown = key.post("/v1/imports", &json!({ "integration": "nothing" })).await.problem(422, "invalid_fields");
    assert_eq!(unknown.fields[0].field, "integration");
    let made = key.post("/v1/imports", &json!({ "integration": "keyed" })).await;
    assert_eq!(made.status, 201, "{made}");
    let import = made.json();
    assert_eq!((&import["next_row"], &import["finished_at"]), (&json!(0), &Value::Null));
    let bad = "{\"end_user\":{\"id\":\"m\"},\"fields\":{}}\n{\"end_user\":{}}\n";
    send(&key, &import, "first_row=0", JSON_LINES, bad).await.ok();
    let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
    let shown = key.get(&path).await.ok();
    assert_eq!((&shown["next_row"], &shown["wrong"]), (&json!(2), &json!(2)));
    assert_eq!(shown["errors"][0]["field"], "fields.api_key");
    assert_eq!((&shown["errors"][1]["line"], &shown["errors"][1]["field"]), (&json!(2), &json!("end_user")));
    key.get("/v1/imports/imp_01h455vb4pex5vsknk084sn02q").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn send_import_rows_counts_each_row_once() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, false).await;
    let key = world.key();
    let import = key.post("/v1/imports", &json!({ "integration": "keyed" })).await.ok();
    let good = mint(&world, "shop_north")["access_token"].as_str().unwrap().to_owned();
    let rows = |from: u32, to: u32| {
        let row = |user: u32| json!({ "end_user": { "id": format!("m{user}") }, "fields": { "api_key": good } });
        (from..to).map(|user| row(user).to_string()).collect::<Vec<_>>().join("\n")
    };
    let first = send(&key, &import, "first_row=0", JSON_LINES, &rows(0, 3)).await.ok();
    assert_eq!((&first["next_row"], &first["made"]), (&json!(3), &json!(3)), "{first}");
    // After a connection that broke nobody knows what arrived: all is sent again, and more.
    let again = send(&key, &import, "first_row=0", JSON_LINES, &rows(0, 5)).await.ok();
    assert_eq!((&again["next_row"], &again["made"], &again["present"]), (&json!(5), &json!(5), &json!(0)), "{again}");
    let gap = send(&key, &import, "first_row=9", JSON_LINES, &rows(9, 10)).await.problem(422, "invalid_fields");
    assert!(gap.fields[0].field == "first_row" && gap.detail.contains("the next row is 5"), "{gap:?}");
    let csv = format!("end_user.id,fields.api_key\nm5,{good}\n");
    let last = send(&key, &import, "first_row=5&last=true", "text/csv; charset=utf-8", &csv).await.ok();
    assert!(last["finished_at"].is_string() && last["made"] == 6, "{last}");
    send(&key, &import, "first_row=6", JSON_LINES, &rows(6, 7)).await.problem(409, "conflict");
    // Another import of the same end users makes nothing, unless it is told to replace.
    let second = key.post("/v1/imports", &json!({ "integration": "keyed" })).await.ok();
    let present = send(&key, &second, "first_row=0", JSON_LINES, &rows(0, 2)).await.ok();
    assert_eq!((&present["present"], &present["made"]), (&json!(2), &json!(0)));
    let replaced = send(&key, &second, "first_row=2&replace=true", JSON_LINES, &rows(2, 4)).await.ok();
    assert_eq!(replaced["made"], json!(2), "{replaced}");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "6");
    let whole =
        send(&key, &second, "first_row=4&all_or_nothing=true", JSON_LINES, &format!("{}\n{{}}", rows(7, 8))).await.ok();
    assert!(whole["stopped"].as_str().unwrap().contains("Nothing was stored") && whole["next_row"] == 4, "{whole}");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "6");
    send(&key, &second, "first_row=4", "application/json", "{}").await.problem(415, "unsupported_media_type");
    let header = send(&key, &second, "first_row=4", "text/csv", "a,b\n1,2\n").await.problem(422, "invalid_fields");
    assert_eq!(header.fields[0].field, "body");
    let many = "{}\n".repeat(201);
    let many = send(&key, &second, "first_row=4", JSON_LINES, &many).await.problem(422, "invalid_fields");
    assert!(many.detail.contains("200"), "{many:?}");
    let narrow = world.key_with(&["connections:write", "connections:read"]).await;
    let extra =
        json!({ "end_user": { "id": "x" }, "tokens": { "access_token": "t", "extra": { "a": 1 } } }).to_string();
    let import = narrow.post("/v1/imports", &json!({ "integration": "acme" })).await.ok();
    send(&narrow, &import, "first_row=0", JSON_LINES, &extra).await.problem(403, "missing_scope");
    world.end().await;
}
