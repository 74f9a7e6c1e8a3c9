//! The portal: signing in and out, what its session may do, and who may send for it (security.md SV-5).

use http::Method;
use serde_json::json;

use crate::support::{Anonymous, Answer, Options, Portal, World};

const COOKIE: &str = "__Host-patchbay-portal";

async fn sign_in(world: &World, somebody: &Anonymous, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let request = somebody.request(Method::POST, "/portal/api/sign-in").header("origin", world.origin());
    request.header("patchbay-csrf", "1").json(&body).send().await
}

fn environment(world: &World) -> String {
    world.tenant().environment["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_the_cookie_is_for_this_host_alone_and_unseen_by_scripts() {
    let world = World::start(Options::default()).await;
    let (_, email) = world.member("owner").await;
    let answer = sign_in(&world, &world.anonymous(), &email, world.password()).await;
    let me = answer.ok();
    assert_eq!(me["member"]["email"], email);
    assert_eq!(me["environments"].as_array().unwrap().len(), 1);
    let cookie = answer.header("set-cookie").unwrap();
    let parts: Vec<_> = cookie.split("; ").collect();
    assert!(parts[0].starts_with(&format!("{COOKIE}=")), "{cookie}");
    for flag in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(parts.contains(&flag), "{flag}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let token = parts[0].split_once('=').unwrap().1;
    assert!(token.len() >= 43, "256 bits of randomness: {token}");
    assert!(!world.database().dump().await.contains(token), "only its hash is stored");
    let again = sign_in(&world, &world.anonymous(), &email, world.password()).await;
    assert_ne!(again.header("set-cookie"), Some(cookie), "each sign-in has a token of its own");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_writes_from_another_sites_page_are_refused() {
    let world = World::start(Options::default()).await;
    let (portal, email) = world.member("owner").await;
    let wish = json!({ "name": "forged", "scopes": ["proxy"] });
    let post = || portal.request(Method::POST, "/v1/api-keys").json(&wish);
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://localhost"] {
        post().header("origin", origin).send().await.problem(403, "forbidden_origin");
    }
    // A page elsewhere can make a browser send the cookie, but not this header.
    let (key, token) = portal.cookies().into_iter().next().unwrap();
    let cookie = format!("{}={token}", key.split(' ').next_back().unwrap());
    let bare = world.anonymous();
    let request = bare.request(Method::POST, "/v1/api-keys").header("cookie", &cookie);
    let request = request.header("patchbay-environment", &environment(&world)).json(&wish);
    request.send().await.problem(403, "forbidden_origin");
    // Nor can it sign its victim in as somebody else.
    let body = json!({ "email": email, "password": world.password() });
    let answer = bare
        .request(Method::POST, "/portal/api/sign-in")
        .header("origin", "https://evil.example")
        .header("patchbay-csrf", "1")
        .json(&body)
        .send()
        .await;
    answer.problem(403, "forbidden_origin");
    bare.post("/portal/api/sign-in", &body).await.problem(403, "forbidden_origin");
    bare.request(Method::POST, "/portal/api/sign-out")
        .header("cookie", &cookie)
        .send()
        .await
        .problem(403, "forbidden_origin");
    assert_eq!(world.one("SELECT count(*) FROM api_keys WHERE name = 'forged'").await, "0");
    // The portal's own page may.
    assert_eq!(post().send().await.status, 201);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_sign_out_ends_the_session_at_the_server() {
    let world = World::start(Options::default()).await;
    let (portal, _) = world.member("owner").await;
    let (key, token) = portal.cookies().into_iter().next().unwrap();
    let cookie = format!("{}={token}", key.split(' ').next_back().unwrap());
    portal.get("/portal/api/me").await.ok();
    let answer = portal.request(Method::POST, "/portal/api/sign-out").send().await;
    assert_eq!(answer.status, 204, "{answer}");
    assert!(portal.cookies().is_empty(), "the browser forgets it: {answer}");
    // Whoever kept a copy gets nowhere.
    let kept = world.anonymous();
    kept.request(Method::GET, "/portal/api/me").header("cookie", &cookie).send().await.problem(401, "unauthenticated");
    world.anonymous().get("/portal/api/me").await.problem(401, "unauthenticated");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_wrong_passwords_delay_and_do_not_lock_out() {
    let world = World::start(Options::default()).await;
    let (_, email) = world.member("owner").await;
    let somebody = world.anonymous();
    let wrong = sign_in(&world, &somebody, &email, "not the password").await;
    let unknown = sign_in(&world, &somebody, "nobody@lamplight.example", "not the password").await;
    let (wrong, unknown) = (wrong.problem(401, "unauthenticated"), unknown.problem(401, "unauthenticated"));
    assert_eq!(wrong.detail, unknown.detail, "it is not said whether the address is known");
    let delayed = sign_in(&world, &somebody, &email, world.password()).await;
    delayed.problem(429, "rate_limited");
    let wait = delayed.retry_after().unwrap();
    assert!((1..=2).contains(&wait), "{delayed}");
    world.clock().advance(chrono::TimeDelta::seconds(2));
    sign_in(&world, &somebody, &email, "wrong again").await.problem(401, "unauthenticated");
    world.clock().advance(chrono::TimeDelta::seconds(5));
    sign_in(&world, &somebody, &email, world.password()).await.ok();
    let counted = world.one("SELECT count(*) FROM audit WHERE action = 'member.sign_in_failed'").await;
    assert_eq!(counted, "2", "each is written down");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_many_wrong_passwords_at_once_are_still_few_tries() {
    let world = World::start(Options::default()).await;
    let (_, email) = world.member("owner").await;
    let somebody = world.anonymous();
    let tries = futures_util::future::join_all(
        (0..20).map(|number| sign_in(&world, &somebody, &email, if number % 2 == 0 { "wrong" } else { "as wrong" })),
    )
    .await;
    let tried = tries.iter().filter(|answer| answer.status == 401).count();
    assert!(tries.iter().all(|answer| answer.status == 401 || answer.status == 429));
    assert!(tried <= 8, "{tried} of 20 passwords were tried at once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_sessions_end_when_idle_and_after_half_a_day() {
    let world = World::start(Options::default()).await;
    let (idle, email) = world.member("owner").await;
    world.clock().advance(chrono::TimeDelta::minutes(119));
    idle.get("/portal/api/me").await.ok();
    world.clock().advance(chrono::TimeDelta::minutes(121));
    idle.get("/portal/api/me").await.problem(401, "unauthenticated");
    let busy = Portal::sign_in(world.origin(), &email, world.password(), &environment(&world)).await;
    for _ in 0..7 {
        world.clock().advance(chrono::TimeDelta::minutes(100));
        busy.get("/portal/api/me").await.ok();
    }
    world.clock().advance(chrono::TimeDelta::minutes(30));
    busy.get("/portal/api/me").await.problem(401, "unauthenticated");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_roles_may_what_they_may_and_a_change_acts_at_once() {
    let world = World::start(Options::default()).await;
    let wish = json!({ "name": "by a member", "scopes": ["proxy"] });
    for (role, writes) in
        [("owner", true), ("admin", true), ("developer", true), ("support", false), ("auditor", false)]
    {
        let (portal, _) = world.member(role).await;
        portal.get("/v1/connections").await.ok();
        let answer = portal.post("/v1/api-keys", &wish).await;
        if writes {
            assert_eq!(answer.status, 201, "{role}: {answer}");
        } else {
            answer.problem(403, "missing_scope");
        }
        portal.get("/v1/connections/conn_00000000000000000000000000/credential").await.problem(403, "missing_scope");
        // Not by the back door either: a key that may read them.
        if writes {
            let more = json!({ "name": "more", "scopes": ["credentials:read"] });
            portal.post("/v1/api-keys", &more).await.problem(403, "missing_scope");
        }
        if role == "owner" {
            world.sql("UPDATE members SET role = 'auditor' WHERE role = 'owner'").await;
            portal.post("/v1/api-keys", &wish).await.problem(403, "missing_scope");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_has_to_be_named_and_the_members_own() {
    let world = World::start(Options::default()).await;
    let (portal, _) = world.member("owner").await;
    let stranger = world.stranger("neighbour").await;
    let get =
        |environment: &str| portal.request(Method::GET, "/v1/connections").header("patchbay-environment", environment);
    get(stranger.environment["id"].as_str().unwrap()).send().await.problem(404, "not_found");
    get("nonsense").send().await.problem(404, "not_found");
    let (key, token) = portal.cookies().into_iter().next().unwrap();
    let bare = world.anonymous();
    let cookie = format!("{}={token}", key.split(' ').next_back().unwrap());
    bare.request(Method::GET, "/v1/connections").header("cookie", &cookie).send().await.problem(400, "bad_request");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oa_4_the_portals_page_may_not_be_framed_or_stored() {
    let world = World::start(Options::default()).await;
    for path in ["/portal", "/portal/connections/anything"] {
        let page = world.anonymous().get(path).await;
        assert_eq!(page.status, 200, "{page}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    }
    world.end().await;
}
