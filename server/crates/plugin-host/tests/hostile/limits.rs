//! PL-1: whatever it does, it ends within its budget, the plugin is blamed and the next one works.

use std::time::Duration;

use patchbay_plugin_host::{Blame, Capabilities, Connection, LogBuffer, LogLevel, PluginError, PluginLimits};

use crate::guest::{Seen, assert_unharmed, capabilities, host, load, session, tight};

const FOREVER: &str = "(loop $on (br $on))";

/// Pulls with a hostile guest; the error blames the plugin, the session is over, and others are unharmed.
async fn ends(more: &str, body: &str) -> PluginError {
    let host = host();
    let mut session = session(&host, more, body).await;
    let error = session.pull(&Connection::default(), "things", None).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin, "{error}");
    let again = session.pull(&Connection::default(), "things", None).await.unwrap_err();
    assert!(matches!(again, PluginError::Over), "{again}");
    assert_unharmed(&host).await;
    error
}

#[tokio::test]
async fn pl_1_infinite_loop_runs_out_of_fuel() {
    let error = ends("", FOREVER).await;
    assert!(matches!(error, PluginError::OutOfFuel { limit: 50_000_000 }), "{error}");
}

/// On one thread: were the guest not to give way, neither the timeout nor the neighbour would ever run.
#[tokio::test(flavor = "current_thread")]
async fn pl_1_infinite_loop_gives_way_and_runs_out_of_time() {
    let host = host();
    let limits = PluginLimits { fuel: u64::MAX, wall: Duration::from_millis(1500), ..tight() };
    // Compiled before, so that the time is spent on running.
    assert_unharmed(&host).await;
    let mut looping = load(&host, "", FOREVER).await.session(capabilities(), limits).await.unwrap();
    let mut meanwhile = 0;
    let connection = Connection::default();
    let neighbour = async {
        loop {
            assert_unharmed(&host).await;
            meanwhile += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = tokio::select! {
        ended = looping.pull(&connection, "things", None) => ended.unwrap_err(),
        () = neighbour => unreachable!(),
    };
    assert!(matches!(error, PluginError::TimedOut { .. }), "{error}");
    assert!(meanwhile > 3, "the neighbour ran {meanwhile} times beside the loop");
    let used = looping.usage();
    assert!(used.elapsed >= Duration::from_millis(1500) && used.elapsed < Duration::from_secs(60), "{used:?}");
    assert!(used.fuel > 0, "{used:?}");
}

#[tokio::test]
async fn pl_1_infinite_loop_in_the_start_function_is_ended() {
    let host = host();
    let plugin = load(&host, "(func $s (loop $on (br $on))) (start $s)", "").await;
    let error = plugin.session(capabilities(), tight()).await.unwrap_err();
    assert!(matches!(error, PluginError::OutOfFuel { .. }), "{error}");
    let limits = PluginLimits { fuel: u64::MAX, wall: Duration::from_millis(100), ..tight() };
    let error = plugin.session(capabilities(), limits).await.unwrap_err();
    assert!(matches!(error, PluginError::TimedOut { .. }), "{error}");
    assert_unharmed(&host).await;
}

#[tokio::test]
async fn pl_1_memory_bomb() {
    let error = ends("", "(loop $on (drop (memory.grow (i32.const 1))) (br $on))").await;
    assert!(matches!(error, PluginError::OutOfMemory { what: "bytes of memory", limit: 4_194_304, .. }), "{error}");
    let error = ends("", "(drop (memory.grow (i32.const 65000)))").await;
    assert!(matches!(error, PluginError::OutOfMemory { .. }), "{error}");
}

#[tokio::test]
async fn pl_1_table_growth() {
    let error =
        ends("(table $t 1 funcref)", "(loop $on (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $on))")
            .await;
    assert!(matches!(error, PluginError::OutOfMemory { what: "table elements", .. }), "{error}");
}

#[tokio::test]
async fn pl_1_stack_overflow() {
    let error = ends("(func $deep (call $deep))", "(call $deep)").await;
    assert!(matches!(&error, PluginError::Trapped { reason } if reason.contains("stack")), "{error}");
}

#[tokio::test]
async fn pl_1_crash_says_what_and_where() {
    let error = ends("(func $wobble unreachable)", "(call $wobble)").await;
    let PluginError::Trapped { reason } = &error else { panic!("{error}") };
    assert!(reason.contains("unreachable") && reason.contains("wobble"), "{reason}");
}

/// A page of 100,000 records that are all the same megabyte: 100 GB for a host that believes it.
#[tokio::test]
async fn pl_1_huge_output_by_overlap() {
    let body = "
      (memory.fill (i32.const 131072) (i32.const 97) (i32.const 1000000))
      (local.set $disc (i32.const 2000000))
      (loop $on
        (i32.store (local.get $disc) (i32.const 131072)) (i32.store offset=4 (local.get $disc) (i32.const 1))
        (i32.store offset=8 (local.get $disc) (i32.const 131072)) (i32.store offset=12 (local.get $disc) (i32.const 1000000))
        (local.set $disc (i32.add (local.get $disc) (i32.const 16)))
        (br_if $on (i32.lt_u (local.get $disc) (i32.const 3600000))))
      (i32.store (i32.const 1028) (i32.const 2000000)) (i32.store (i32.const 1032) (i32.const 100000))";
    let error = ends("(func $s (drop (memory.grow (i32.const 60)))) (start $s)", body).await;
    assert!(matches!(error, PluginError::OutputTooLarge { .. }), "{error}");
}

#[tokio::test]
async fn pl_1_too_many_records_in_a_page() {
    let host = host();
    let body = "
      (memory.fill (i32.const 3000) (i32.const 97) (i32.const 1))
      (local.set $disc (i32.const 4000))
      (loop $on
        (i32.store (local.get $disc) (i32.const 3000)) (i32.store offset=4 (local.get $disc) (i32.const 1))
        (local.set $disc (i32.add (local.get $disc) (i32.const 16)))
        (br_if $on (i32.lt_u (local.get $disc) (i32.const 5600))))
      (i32.store (i32.const 1028) (i32.const 4000)) (i32.store (i32.const 1032) (i32.const 100))";
    let limits = PluginLimits { page_items: 99, ..tight() };
    let plugin = load(&host, "", body).await;
    let mut session = plugin.session(capabilities(), limits).await.unwrap();
    let error = session.pull(&Connection::default(), "things", None).await.unwrap_err();
    assert!(matches!(error, PluginError::OutputTooLarge { limit: 99, .. }), "{error}");
    let limits = PluginLimits { page_items: 100, ..tight() };
    let mut session = plugin.session(capabilities(), limits).await.unwrap();
    assert_eq!(session.pull(&Connection::default(), "things", None).await.unwrap().items.len(), 100);
}

#[tokio::test]
async fn pl_1_pointers_out_of_bounds() {
    let error =
        ends("", "(i32.store (i32.const 1028) (i32.const -16)) (i32.store (i32.const 1032) (i32.const 100))").await;
    assert!(matches!(error, PluginError::Trapped { .. }), "{error}");
    let error = ends(
        "",
        "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
         (i32.store (i32.const 2048) (i32.const 131000)) (i32.store (i32.const 2052) (i32.const -1))",
    )
    .await;
    assert!(matches!(error, PluginError::Trapped { .. }), "{error}");
}

#[tokio::test]
async fn pl_1_text_that_is_not_utf_8() {
    let error = ends(
        r#"(data (i32.const 3000) "\ff\fe")"#,
        "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
         (i32.store (i32.const 2048) (i32.const 3000)) (i32.store (i32.const 2052) (i32.const 2))",
    )
    .await;
    assert!(matches!(error, PluginError::Trapped { .. }), "{error}");
}

const LOG: &str = r#"(data (i32.const 5000) "a line")"#;

#[tokio::test]
async fn pl_1_log_flood() {
    let error = ends(LOG, "(loop $on (call $log (i32.const 1) (i32.const 5000) (i32.const 6)) (br $on))").await;
    assert!(matches!(error, PluginError::LogFlood { limit: 200 }), "{error}");
}

#[tokio::test]
async fn pl_1_log_lines_are_cut_counted_and_dropped() {
    let host = host();
    let body = "
      (memory.fill (i32.const 5000) (i32.const 97) (i32.const 10000))
      (local.set $disc (i32.const 30))
      (loop $on
        (call $log (i32.const 2) (i32.const 5000) (i32.const 10000))
        (local.set $disc (i32.sub (local.get $disc) (i32.const 1)))
        (br_if $on (local.get $disc)))";
    let log = LogBuffer::default();
    let capabilities = Capabilities { log: Box::new(log.clone()), ..capabilities() };
    let mut session = load(&host, "", body).await.session(capabilities, tight()).await.unwrap();
    session.pull(&Connection::default(), "things", None).await.unwrap();
    let lines = log.take();
    assert_eq!((lines.len(), lines[0].level, lines[0].message.len()), (20, LogLevel::Warn, 4096));
    let used = session.last_usage();
    assert_eq!((used.log_lines, used.log_lines_dropped), (30, 10));
}

/// One line of a gigabyte would be copied before it could be cut.
#[tokio::test]
async fn pl_1_one_huge_log_line() {
    let host = host();
    let limits = PluginLimits { output_bytes: 100_000, ..tight() };
    let plugin = load(&host, "", "(call $log (i32.const 1) (i32.const 0) (i32.const 120000))").await;
    let error = plugin
        .session(capabilities(), limits)
        .await
        .unwrap()
        .pull(&Connection::default(), "things", None)
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::OutputTooLarge { limit: 100_000, .. }), "{error}");
}

/// Says "more" with the cursor `x` for ever.
const ENDLESS: &str = "(i32.store8 (i32.const 1044) (i32.const 1)) (i32.store (i32.const 1048) (i32.const 6000))
     (i32.store (i32.const 1052) (i32.const 1)) (i32.store8 (i32.const 1056) (i32.const 1))";

#[tokio::test]
async fn pl_1_endless_page_whose_cursor_stands_still() {
    let host = host();
    let mut session = session(&host, r#"(data (i32.const 6000) "x")"#, ENDLESS).await;
    let connection = Connection::default();
    let page = session.pull(&connection, "things", None).await.unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("x"), true));
    let error = session.pull(&connection, "things", Some("x")).await.unwrap_err();
    assert!(matches!(error, PluginError::Stuck) && error.blame() == Blame::Plugin, "{error}");
}

#[tokio::test]
async fn pl_1_endless_page_whose_cursor_moves() {
    let host = host();
    let limits = PluginLimits { pages: 25, ..tight() };
    // The cursor is one character that counts on with every call.
    let body =
        format!("{ENDLESS} (i32.store8 (i32.const 6000) (i32.add (i32.load8_u (i32.const 6000)) (i32.const 1)))");
    let plugin = load(&host, r#"(data (i32.const 6000) "A")"#, &body).await;
    let mut session = plugin.session(capabilities(), limits).await.unwrap();
    let (connection, mut cursor, mut pages) = (Connection::default(), None, 0);
    let error = loop {
        match session.pull(&connection, "things", cursor.as_deref()).await {
            Ok(page) => (cursor, pages) = (page.cursor, pages + 1),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PluginError::EndlessPages { limit: 25 }) && pages == 25, "{error} after {pages}");
}

#[tokio::test]
async fn pl_1_endless_http_calls() {
    let host = host();
    let seen = Seen::default();
    let capabilities = Capabilities { http: Box::new(seen.clone()), ..capabilities() };
    // 60 times GET /x, whatever the answer.
    let body = "
      (local.set $disc (i32.const 60))
      (loop $on
        (call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 2) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))
        (local.set $disc (i32.sub (local.get $disc) (i32.const 1)))
        (br_if $on (local.get $disc)))";
    let plugin = load(&host, r#"(data (i32.const 5000) "GET/x")"#, body).await;
    let mut session = plugin.session(capabilities, tight()).await.unwrap();
    session.pull(&Connection::default(), "things", None).await.unwrap();
    assert_eq!(seen.0.lock().unwrap().len(), 50);
    assert_eq!(session.last_usage().http_calls, 60);
}

#[tokio::test]
async fn pl_1_ids_that_cannot_be_stored() {
    let host = host();
    let page = "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
         (i32.store (i32.const 2048) (i32.const 3000)) (i32.store (i32.const 2052) (i32.const LEN))";
    for len in ["0", "513", "1"] {
        let body = page.replace("LEN", len);
        let error = session(&host, "", &body).await.pull(&Connection::default(), "things", None).await.unwrap_err();
        assert!(matches!(error, PluginError::BadOutput(_)), "{len}: {error}");
    }
    // A text that is fine but for its length: 4 kB, and as long as it may be.
    let letters = |len: &str| {
        format!("(memory.fill (i32.const 3000) (i32.const 97) (i32.const {len})) {}", page.replace("LEN", len))
    };
    let pull = async |body: String| session(&host, "", &body).await.pull(&Connection::default(), "things", None).await;
    let error = pull(letters("4096")).await.unwrap_err();
    assert!(matches!(&error, PluginError::BadOutput(said) if said.contains("longer than 512 bytes")), "{error}");
    assert_eq!(pull(letters("512")).await.unwrap().items[0].id, "a".repeat(512));
}

#[tokio::test]
async fn pl_1_more_memory_from_the_start_than_there_is() {
    let host = host();
    let bytes = crate::guest::wrap(&crate::guest::core("", "").replace("\"memory\") 2)", "\"memory\") 8192)"));
    let error = host.load(bytes).await.unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
    // Within what the host gives, beyond what this session may have.
    let bytes = crate::guest::wrap(&crate::guest::core("", "").replace("\"memory\") 2)", "\"memory\") 100)"));
    let error = host.load(bytes).await.unwrap().session(capabilities(), tight()).await.unwrap_err();
    assert!(matches!(error, PluginError::OutOfMemory { .. }), "{error}");
}

#[tokio::test]
async fn usage_is_counted_per_call_and_in_sum() {
    let host = host();
    let mut session = session(&host, LOG, "(call $log (i32.const 1) (i32.const 5000) (i32.const 6))").await;
    let connection = Connection { id: "conn".into(), config: "{}".into(), ..Connection::default() };
    session.pull(&connection, "things", None).await.unwrap();
    let first = session.last_usage();
    session.pull(&connection, "things", None).await.unwrap();
    let (second, total) = (session.last_usage(), session.usage());
    assert_eq!((first.calls, first.log_lines, first.memory_peak), (1, 1, 131_072));
    assert!(first.fuel > 0 && total.fuel >= first.fuel + second.fuel, "{first:?} {second:?} {total:?}");
    assert_eq!((total.calls, total.log_lines), (2, 2));
}
