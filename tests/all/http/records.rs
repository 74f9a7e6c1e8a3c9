//! `/v1/records`: the change feed of a stream.

use std::collections::BTreeSet;

use super::connected::{Connected, ORDERS};

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
    for cursor in ["nonsense", "%00", &"a".repeat(5000)] {
        get(&format!("connection={connection}&stream=orders&cursor={cursor}")).await.problem(400, "bad_cursor");
    }
    // A cursor of one stream is none of another.
    let orders = get(&format!("connection={connection}&stream=orders&limit=3")).await.ok();
    let cursor = orders["next_cursor"].as_str().unwrap();
    get(&format!("connection={connection}&stream=customers&cursor={cursor}")).await.problem(400, "bad_cursor");
    world.end().await;
}
