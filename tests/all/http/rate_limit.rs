//! Rate limits on the way in: per key, told in every answer, with when to come back (security.md SV-4).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_each_key_has_its_bucket_and_hears_how_it_stands() {
    let world = World::start(Options { requests_per_second: 5, ..Options::default() }).await;
    let key = world.key();
    let mut remaining = Vec::new();
    let limited = loop {
        let answer = key.get("/v1/api-keys").await;
        assert_eq!(answer.header("ratelimit-policy"), Some("\"key\";q=5;w=1"), "{answer}");
        let standing = answer.header("ratelimit").unwrap();
        let left: u32 = standing.split("r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
        if answer.status == 429 {
            assert_eq!(left, 0, "{standing}");
            break answer;
        }
        answer.ok();
        remaining.push(left);
        assert!(remaining.len() < 50, "never limited: {remaining:?}");
    };
    assert!(
        remaining.len() >= 4 && remaining.windows(2).any(|pair| pair[1] < pair[0]),
        "it counts down: {remaining:?}"
    );
    let problem = limited.problem(429, "rate_limited");
    assert!(problem.detail.contains('5'), "it says how many: {limited}");
    let wait = limited.retry_after().unwrap();
    assert!((1..=2).contains(&wait), "{limited}");
    // Another key of the same tenant has a bucket of its own, and so has the operator.
    world.operator().post("/v1/operator/tenants", &json!({ "slug": "t", "name": "T" })).await.ok();
    // Whoever waits as told is let through.
    tokio::time::sleep(Duration::from_secs(wait)).await;
    key.get("/v1/api-keys").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_one_key_that_is_used_up_does_not_hold_up_another() {
    let world = World::start(Options { requests_per_second: 20, ..Options::default() }).await;
    let other = world.key_with(&["keys:read"]).await;
    let key = world.key();
    let mut limited = 0;
    for _ in 0..80 {
        limited += u32::from(key.get("/v1/api-keys").await.status == 429);
    }
    assert!(limited > 0, "80 at once are more than 20 a second");
    other.get("/v1/api-keys").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_a_key_that_is_none_costs_next_to_nothing() {
    let world = World::start(Options::default()).await;
    let began = Instant::now();
    let caller = world.anonymous();
    for _ in 0..200 {
        let answer = caller
            .request(http::Method::GET, "/v1/api-keys")
            .header("authorization", "Bearer pbk_made_up")
            .send()
            .await;
        answer.problem(401, "unauthenticated");
    }
    // A password hash takes some 20 ms; 200 of those would be 4 s and more.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    world.end().await;
}
