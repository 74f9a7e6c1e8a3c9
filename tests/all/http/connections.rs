//! `/v1/connections`: end users' accounts.

use super::connected::Connected;

#[tokio::test(flavor = "multi_thread")]
async fn list_connections_filters() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let ids = async |query: &str| {
        let listed = key.get(&format!("/v1/connections{query}")).await.ok();
        listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for all in [
        "",
        "?end_user=merchant-1",
        "?integration=acme",
        "?health=active",
        "?integration=acme&end_user=merchant-1&health=active",
    ] {
        assert_eq!(ids(all).await, std::slice::from_ref(&connection), "{all}");
    }
    for none in ["?end_user=merchant-2", "?end_user=merchant", "?health=needs_reauth", "?health=active&end_user=x"] {
        assert_eq!(ids(none).await, Vec::<String>::new(), "{none}");
    }
    let unknown = key.get("/v1/connections?integration=nothing").await;
    assert!(unknown.status == 404 || unknown.ok()["data"].as_array().unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connection_tells_health_in_words() {
    let Connected { world, connection, .. } = Connected::set().await;
    let shown = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["health"]["state"], "active");
    assert!(!shown["health"]["reason"].as_str().unwrap().is_empty());
    assert_eq!(
        (shown["provider"].as_str(), shown["account_name"].as_str()),
        (Some("acme"), Some("Northwind Lanterns"))
    );
    assert_eq!(shown["end_user"]["id"], "merchant-1");
    assert_eq!(shown["last_run"]["state"], "succeeded");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connection_credential_serves_a_token_that_the_provider_takes() {
    let Connected { world, connection, .. } = Connected::set().await;
    let answer = world.key().get(&format!("/v1/connections/{connection}/credential")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    let shown = answer.ok();
    let token = shown["access_token"].as_str().unwrap();
    assert_eq!(shown["token_type"].as_str().unwrap().to_lowercase(), "bearer");
    let somebody = world.anonymous();
    let orders = format!("{}/v1/orders?limit=1", world.acme().origin());
    let request = somebody.request(http::Method::GET, &orders).header("authorization", &format!("Bearer {token}"));
    assert_eq!(request.send().await.ok()["data"].as_array().unwrap().len(), 1);
    assert!(!world.database().dump().await.contains(token), "SE-2: sealed in the database");
    assert!(!crate::support::captured().contains(token), "SE-2: in no log line");
    let again = world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok();
    assert_eq!(again["access_token"], token, "a token that holds is not refreshed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oa_8_delete_connection_revokes_at_the_provider_and_takes_the_records_along() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let path = format!("/v1/connections/{connection}");
    let token = key.get(&format!("{path}/credential")).await.ok()["access_token"].as_str().unwrap().to_owned();
    let deleted = key.delete(&path).await;
    assert!([202, 204].contains(&deleted.status), "{deleted}");
    crate::support::until("the connection is gone", crate::support::PATIENCE, async || {
        (key.get(&path).await.status == 404).then_some(())
    })
    .await;
    for table in ["connections", "credentials", "syncs", "runs", "records"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
    }
    let somebody = world.anonymous();
    let orders = format!("{}/v1/orders", world.acme().origin());
    let request = somebody.request(http::Method::GET, &orders).header("authorization", &format!("Bearer {token}"));
    assert_eq!(request.send().await.status, 401, "the provider does not take the token any more");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.deleted'").await, "1");
    key.delete(&path).await.problem(404, "not_found");
    world.end().await;
}

// What the operation is called: `delete_connection`.
#[tokio::test(flavor = "multi_thread")]
async fn delete_connection_is_told_when_the_provider_is_away() {
    let Connected { world, connection, .. } = Connected::set().await;
    let away = r#"{"do":"misbehave","path":"/token/revocation","skip":0,"times":1,"fault":{"kind":"status","status":503,"retry_after":"1"}}"#;
    world.acme().control(serde_json::from_str(away).unwrap()).unwrap();
    let path = format!("/v1/connections/{connection}");
    let deleted = world.key().delete(&path).await;
    assert_eq!(deleted.status, 202, "it is retried: {deleted}");
    world.key().get(&format!("{path}/credential")).await.problem(409, "conflict");
    crate::support::until("the retry has worked", crate::support::PATIENCE, async || {
        world.clock().advance(chrono::TimeDelta::seconds(10));
        (world.key().get(&path).await.status == 404).then_some(())
    })
    .await;
    world.end().await;
}
