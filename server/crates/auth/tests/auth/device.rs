use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use domain::manifest::Manifest;
use patchbay_auth::{Beginning, DeviceBegun, Failure, Kept, Outside, Polled};

use crate::{
    fixture::{Around, account, form, json, manifest, now},
    server::{Received, Server, Step},
};

fn described(server: &Server) -> Manifest {
    manifest(
        server,
        r#"
        [auth]
        mode = "oauth2_device"
        device_authorization_url = "@/device"
        token_url = "@/token"
        scopes = ["read", "write"]
        client_auth = "none"
        [api]
        base_url = "@/"
        "#,
    )
}

const CODE: &str = r#"{"device_code":"canary-device","user_code":"WDJB-MJHT","verification_uri":"https://p.example/device",
    "verification_uri_complete":"https://p.example/device?user_code=WDJB-MJHT","expires_in":1800,"interval":7}"#;

/// A provider that gives a code and then says these, one after the other.
async fn provider(says: &'static [(u16, &'static str)]) -> Server {
    let at = AtomicUsize::new(0);
    Server::start(move |request: &Received| -> Vec<Step> {
        if request.target == "/device" {
            return json(200, &[], CODE);
        }
        let (status, body) = says[at.fetch_add(1, Ordering::Relaxed).min(says.len() - 1)];
        json(status, &[], body)
    })
    .await
}

async fn begin(server: &Server) -> Result<DeviceBegun, Failure> {
    let manifest = described(server);
    match account(&manifest, &[]).begin(Around::new().out()).await? {
        Beginning::Device(begun) => Ok(begun),
        _ => panic!("a device code begins with a device code"),
    }
}

async fn poll(server: &Server, kept: &Kept) -> Result<Polled, Failure> {
    poll_at(server, kept, TimeDelta::zero()).await
}

async fn poll_at(server: &Server, kept: &Kept, later: TimeDelta) -> Result<Polled, Failure> {
    let (manifest, around) = (described(server), Around::new());
    // Sealed and unsealed, as between two polls of two processes.
    let kept = Kept::from_bytes(&kept.to_bytes()).unwrap();
    account(&manifest, &[]).poll(Outside { now: now() + later, ..around.out() }, &kept).await
}

#[tokio::test]
async fn oa_9_a_code_is_shown_and_asked_about_until_it_is_answered() {
    let server = provider(&[
        (400, r#"{"error":"authorization_pending"}"#),
        (200, r#"{"error":"authorization_pending"}"#),
        (200, r#"{"access_token":"at","refresh_token":"rt","scope":"read"}"#),
    ])
    .await;
    let begun = begin(&server).await.unwrap();
    assert_eq!((begun.user_code.as_str(), begun.interval), ("WDJB-MJHT", 7));
    assert_eq!(begun.verification_url.as_str(), "https://p.example/device");
    assert_eq!(begun.verification_url_complete.as_ref().unwrap().query(), Some("user_code=WDJB-MJHT"));
    assert_eq!(begun.expires_at, now() + TimeDelta::minutes(30));
    assert_eq!(form(&server.received()[0])["scope"], "read write");
    assert_eq!(form(&server.received()[0])["client_id"], "client:1");
    for _ in 0..2 {
        assert!(matches!(poll(&server, &begun.kept).await, Ok(Polled::Wait(7))));
    }
    let Ok(Polled::Granted(material)) = poll(&server, &begun.kept).await else { panic!("granted") };
    let tokens = material.tokens.unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.scopes_granted), ("at", Some(vec!["read".into()])));
    let sent = form(&server.received()[1]);
    assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(sent["device_code"], "canary-device");
}

#[tokio::test]
async fn oa_9_slow_down_adds_five_seconds_each_time() {
    let server = provider(&[(400, r#"{"error":"slow_down"}"#)]).await;
    let mut kept = begin(&server).await.unwrap().kept;
    for expected in [12, 17, 22] {
        let Ok(Polled::Wait(seconds)) = poll(&server, &kept).await else { panic!("wait") };
        assert_eq!(seconds, expected);
        kept = kept.with_interval(seconds);
    }
}

#[tokio::test]
async fn oa_9_the_ends_of_a_code() {
    for (status, body, code, reconnect) in [
        (400, r#"{"error":"expired_token"}"#, "expired", true),
        (400, r#"{"error":"access_denied","error_description":"canary-device"}"#, "refused", false),
        (400, r#"{"error":"invalid_grant"}"#, "revoked", true),
        (401, r#"{"error":"invalid_client"}"#, "client_misconfigured", false),
        (503, "", "provider_down", false),
        (200, "<html>", "bad_answer", false),
    ] {
        let says: &'static [(u16, &'static str)] = Box::leak(Box::new([(status, body)]));
        let server = provider(says).await;
        let kept = begin(&server).await.unwrap().kept;
        let failure = poll(&server, &kept).await.unwrap_err();
        assert_eq!((failure.code(), failure.needs_reconnect()), (code, reconnect), "{body}");
        assert!(!format!("{failure:?}").contains("canary"));
    }
    let server = provider(&[(200, r#"{"access_token":"at"}"#)]).await;
    let kept = begin(&server).await.unwrap().kept;
    let over = poll_at(&server, &kept, TimeDelta::minutes(30)).await.unwrap_err();
    assert!(matches!(over, Failure::Expired));
    assert_eq!(server.received().len(), 1, "a code that is over is not asked about");
    assert!(poll_at(&server, &kept, TimeDelta::minutes(29)).await.is_ok());
}

#[tokio::test]
async fn oa_9_codes_in_all_their_dialects() {
    for (body, interval, seconds) in [
        (r#"{"device_code":"d","user_code":"u","verification_url":"https://p.example","expires_in":"60"}"#, 5, 60),
        (r#"{"device_code":"d","user_code":"u","verification_uri":"https://p.example","interval":0}"#, 1, 600),
        (r#"{"device_code":"d","user_code":"u","verification_uri":"https://p.example","interval":99999999}"#, 300, 600),
        (
            r#"{"device_code":"d","user_code":"u","verification_uri":"https://p.example","interval":-5,"expires_in":0}"#,
            5,
            600,
        ),
    ] {
        let server = Server::start(move |_| json(200, &[], body)).await;
        let begun = begin(&server).await.unwrap();
        assert_eq!((begun.interval, begun.expires_at), (interval, now() + TimeDelta::seconds(seconds)), "{body}");
    }
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, r#"{"user_code":"u","verification_uri":"https://p.example"}"#),
        (200, r#"{"device_code":"d","verification_uri":"https://p.example"}"#),
        (200, r#"{"device_code":"d","user_code":"u"}"#),
        (200, r#"{"device_code":"d","user_code":"u","verification_uri":"javascript:alert(1)"}"#),
        (200, r#"{"device_code":"d","user_code":"u","verification_uri":"https://169.254.169.254/"}"#),
        (400, r#"{"error":"invalid_scope"}"#),
        (404, ""),
    ] {
        let server = Server::start(move |_| json(status, &[], body)).await;
        assert!(begin(&server).await.is_err(), "{status} {body}");
    }
}
