//! PL-5: two versions of the contract side by side, each plugin in the words of its own.

use guests::{component_v2, core_v2, wrap_v2};
use patchbay_plugin_host::{Connection, PluginError, Route, Webhook};

use crate::guest::{ONE_RECORD, ONE_RECORD_DATA, capabilities, good, host, tight};

#[tokio::test]
async fn pl_5_two_versions_run_side_by_side() {
    let host = host();
    let old = good(&host).await;
    let new = host.load(component_v2(ONE_RECORD_DATA, ONE_RECORD)).await.unwrap();
    assert_eq!((old.contract(), new.contract()), ("1.0", "2.0"));
    let connection = Connection { id: "conn_1".into(), since: Some(7), ..Connection::default() };
    let mut one = old.session(capabilities(), tight()).await.unwrap();
    let mut other = new.session(capabilities(), tight()).await.unwrap();
    for cursor in [None, Some("x"), Some("y")] {
        let (before, after) =
            tokio::join!(one.pull(&connection, "things", cursor), other.pull(&connection, "things", cursor));
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!((before.items.len(), before.items[0].body.as_str()), (1, "{\"id\":\"a\"}"));
        assert_eq!(before, after);
    }
}

/// Gives as a record what the second version alone hears: the address for webhooks is its id, the parameters are its body.
const TOLD: &str = "
    (if (i64.ne (i64.load offset=64 (local.get $args)) (i64.const 1700000000000)) (then unreachable))
    (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
    (i32.store (i32.const 2048) (i32.load offset=40 (local.get $args)))
    (i32.store (i32.const 2052) (i32.load offset=44 (local.get $args)))
    (i32.store (i32.const 2056) (i32.load offset=48 (local.get $args)))
    (i32.store (i32.const 2060) (i32.load offset=52 (local.get $args)))";

#[tokio::test]
async fn the_second_version_hears_of_its_address_its_parameters_and_its_beginning() {
    let plugin = host().load(component_v2("", TOLD)).await.unwrap();
    let mut session = plugin.session(capabilities(), tight()).await.unwrap();
    let connection = Connection {
        webhook_url: Some("https://patchbay.example/in/1".into()),
        params: "{\"kind\":\"open\"}".into(),
        since: Some(1_700_000_000_000),
        ..Connection::default()
    };
    let page = session.pull(&connection, "things", None).await.unwrap();
    assert_eq!(page.items[0].id, "https://patchbay.example/in/1");
    assert_eq!(page.items[0].body, "{\"kind\":\"open\"}");
    // Parameters are always an object.
    let without = Connection { params: String::new(), ..connection };
    assert_eq!(session.pull(&without, "things", None).await.unwrap().items[0].body, "{}");
}

#[tokio::test]
async fn the_second_version_has_the_hosts_randomness() {
    // What the tests' host draws: 1, 2, 3, … for each half.
    let body = "(call $bits (i32.const 4096))
      (if (i64.ne (i64.load (i32.const 4096)) (i64.const 0x0807060504030201)) (then unreachable))
      (if (i64.ne (i64.load (i32.const 4104)) (i64.const 0x0807060504030201)) (then unreachable))";
    let plugin = host().load(component_v2("", body)).await.unwrap();
    let mut session = plugin.session(capabilities(), tight()).await.unwrap();
    session.pull(&Connection::default(), "things", None).await.unwrap();
}

const SILENT: &str = r#"(func (export "route-webhook") (param i32) (result i32) (i32.const 1024))"#;

/// A guest that gives the webhook's body as its routes, byte for byte, after `before` has looked at the webhook at `$at`.
fn routing(before: &str) -> Vec<u8> {
    let text = core_v2("", "");
    assert!(text.contains(SILENT), "the template has changed");
    wrap_v2(&text.replace(
        SILENT,
        &format!(
            r#"(func (export "route-webhook") (param $at i32) (result i32)
                 {before}
                 (memory.copy (i32.const 1024) (i32.load offset=64 (local.get $at)) (i32.load offset=68 (local.get $at)))
                 (i32.const 1024))"#
        ),
    ))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[tokio::test]
async fn a_webhook_says_which_address_it_came_to_and_a_route_what_is_gone() {
    // The endpoint is a connection's, the delivery has an id, no event and no account, the query has one parameter.
    let look = "
      (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load8_u (i32.load offset=4 (local.get $at))) (i32.const 99)) (then unreachable))
      (if (i32.eqz (i32.load8_u offset=12 (local.get $at))) (then unreachable))
      (if (i32.load8_u offset=24 (local.get $at)) (then unreachable))
      (if (i32.load8_u offset=36 (local.get $at)) (then unreachable))
      (if (i32.ne (i32.load offset=52 (local.get $at)) (i32.const 1)) (then unreachable))";
    let plugin = host().load(routing(look)).await.unwrap();
    let mut session = plugin.session(capabilities(), tight()).await.unwrap();
    let mut body = words(&[0, 1040, 1, 0, 0, 0, 0, 1080, 1, 1088, 1, 0, 0, 0, 1104, 2, 1104, 2, 1080, 1]);
    body.extend(b"ab");
    let webhook = Webhook {
        connection: Some("conn_1".into()),
        id: Some("d1".into()),
        query: vec![("event".into(), "gone".into())],
        body,
        ..Webhook::default()
    };
    let routes = session.route_webhook(webhook).await.unwrap();
    let gone = vec![("ab".to_owned(), vec!["ab".to_owned()])];
    assert_eq!(routes, [Route { account: None, streams: vec!["ab".into()], deleted: gone }]);
}

#[tokio::test]
async fn pl_1_what_one_webhook_leads_to_is_bounded() {
    let plugin = host().load(routing("")).await.unwrap();
    let route = async |body: &[u32]| {
        let mut session = plugin.session(capabilities(), tight()).await.unwrap();
        session.route_webhook(Webhook { body: words(body), ..Webhook::default() }).await
    };
    // Routes of zeroes: for this connection, without streams.
    assert_eq!(route(&[0, 8192, 1000]).await.unwrap().len(), 1000);
    let error = route(&[0, 8192, 1001]).await.unwrap_err();
    assert!(matches!(error, PluginError::OutputTooLarge { limit: 1000, .. }), "{error}");
    // One route, one stream, ids that are all the same text.
    let gone = |count: u32| [0, 1040, 1, 0, 0, 0, 0, 0, 0, 1072, 1, 0, 1060, 1, 8192, count];
    let error = route(&gone(1)).await.unwrap_err();
    assert!(matches!(error, PluginError::BadOutput(_)), "an empty id: {error}");
    let error = route(&gone(10_001)).await.unwrap_err();
    assert!(matches!(error, PluginError::OutputTooLarge { limit: 10_000, .. }), "{error}");
    // An account without a name.
    let error = route(&[0, 1040, 1, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap_err();
    assert!(matches!(error, PluginError::BadOutput(_)), "{error}");
}
