//! PL-2 and PL-3: what leaves the guest, and what comes back to it.

use patchbay_plugin_host::{Capabilities, Connection, HttpRequest};

use crate::guest::{Seen, capabilities, host, load, tight};

const DATA: &str = r#"(data (i32.const 5000) "GET/xauthorizationBearer stolenx-tokenabcd")
  (data (i32.const 6000) "\8d\13\00\00\0d\00\00\00\9a\13\00\00\0d\00\00\00\a7\13\00\00\07\00\00\00\ae\13\00\00\04\00\00\00")"#;

/// `GET /x` with the two headers at 6000; the answer lands at 7000 and its header count is logged as a line's length.
const FETCH: &str =
    "(call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 2) (i32.const 6000) (i32.const 2)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))
  (if (i32.or (i32.load8_u (i32.const 7000)) (i32.load (i32.const 7012))) (then unreachable))";

#[tokio::test]
async fn pl_3_a_plugins_own_authorization_is_dropped_and_cookies_do_not_come_back() {
    // The offsets above, spelled out so that a slip fails here.
    let text = "GET/xauthorizationBearer stolenx-tokenabcd";
    assert_eq!(
        (&text[5..18], &text[18..31], &text[31..38], &text[38..42]),
        ("authorization", "Bearer stolen", "x-token", "abcd")
    );
    let host = host();
    let seen = Seen::default();
    let capabilities = Capabilities { http: Box::new(seen.clone()), ..capabilities() };
    let mut session = load(&host, DATA, FETCH).await.session(capabilities, tight()).await.unwrap();
    // The guest traps if the answer is a fault or has any header, and the only one that it had is a cookie.
    session.pull(&Connection::default(), "things", None).await.unwrap();
    let expected = HttpRequest {
        method: "GET".into(),
        url: "/x".into(),
        headers: vec![("x-token".into(), "abcd".into())],
        body: None,
    };
    assert_eq!(*seen.0.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn pl_2_a_refused_host_reaches_the_plugin_as_a_fault_and_nothing_is_sent() {
    let host = host();
    let seen = Seen::default();
    let capabilities = Capabilities { http: Box::new(seen.clone()), ..capabilities() };
    // `//evil.example` would be another host to whoever joins it with a base URL.
    let data = r#"(data (i32.const 5000) "GET//evil.example")"#;
    let body = "(call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 14) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))
      (if (i32.eqz (i32.load8_u (i32.const 7000))) (then unreachable))";
    let mut session = load(&host, data, body).await.session(capabilities, tight()).await.unwrap();
    session.pull(&Connection::default(), "things", None).await.unwrap();
    assert!(seen.0.lock().unwrap().is_empty());
    // Without HTTP at all it is a fault too.
    let mut session = load(&host, &data.replace("//evil.example", "/ok/ok/ok/ok/o"), body)
        .await
        .session(crate::guest::capabilities(), tight())
        .await
        .unwrap();
    session.pull(&Connection::default(), "things", None).await.unwrap();
}
