//! A guest that does as it should: every function is reached, and what it says arrives.

use std::time::Duration;

use patchbay_plugin_host::{Blame, Connection, PluginError, Webhook};

use crate::guest::{capabilities, good, host, session, tight};

#[tokio::test]
async fn every_function_of_the_world_is_reached() {
    let host = host();
    let mut session = good(&host).await.session(capabilities(), tight()).await.unwrap();
    let connection = Connection {
        id: "conn_1".into(),
        account: Some("shop".into()),
        variables: vec![("region".into(), "eu".into())],
        config: "{}".into(),
        ..Connection::default()
    };
    assert_eq!(session.pull(&connection, "things", Some("x")).await.unwrap().items.len(), 1);
    // Only `pull` writes into the result; at once after it the others would read the page's pointers.
    let mut session = good(&host).await.session(capabilities(), tight()).await.unwrap();
    assert_eq!(session.act(&connection, "do", "{}").await.unwrap(), "");
    session.verify(&connection).await.unwrap();
    assert_eq!(session.identify(&connection).await.unwrap(), None);
    let headers = vec![("x-topic".into(), "orders".into())];
    let webhook = Webhook { headers, body: b"{}".to_vec(), ..Webhook::default() };
    assert_eq!(session.route_webhook(webhook).await.unwrap(), []);
    session.after_connect(&connection).await.unwrap();
    session.before_delete(&connection).await.unwrap();
    assert_eq!(session.classify_error(500, b"oops").await.unwrap(), None);
    assert_eq!(session.usage().calls, 7);
}

/// Every kind of blame arrives as itself, with its text and its wait, and the session goes on.
#[tokio::test]
async fn failures_arrive_as_said() {
    let host = host();
    let blames = [Blame::EndUser, Blame::Tenant, Blame::Provider, Blame::Plugin, Blame::CursorExpired];
    for (number, blame) in blames.into_iter().enumerate() {
        let body = format!(
            "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const {number}))
             (i32.store (i32.const 1032) (i32.const 5000)) (i32.store (i32.const 1036) (i32.const 8))
             (i32.store8 (i32.const 1040) (i32.const 1)) (i32.store (i32.const 1044) (i32.const 90))"
        );
        let mut session = session(&host, r#"(data (i32.const 5000) "not\00 now")"#, &body).await;
        for _ in 0..2 {
            let error = session.pull(&Connection::default(), "things", None).await.unwrap_err();
            assert_eq!((error.blame(), error.code()), (blame, "failure"));
            let PluginError::Failure(failure) = error else { panic!("{error}") };
            assert_eq!(failure.message, "not\u{fffd} now");
            assert_eq!(failure.retry_after, Some(Duration::from_secs(90)));
        }
    }
}

#[tokio::test]
async fn the_clock_is_the_hosts() {
    let host = host();
    let body = "(if (i64.ne (call $now) (i64.const 1700000000000)) (then unreachable))";
    session(&host, "", body).await.pull(&Connection::default(), "things", None).await.unwrap();
}
