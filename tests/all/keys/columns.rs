//! The list of columns that are sealed anew is the database's.

use std::collections::BTreeSet;

use crate::support::Database;

/// Columns of bytes that hold no value sealed under a data key, by the ends of their names: hashes; the bodies of records,
/// which lie under record keys that are sealed anew in their place; and pushed plugins with what they are signed by, which
/// are no secrets.
const OTHERS: &[&str] = &["_hash", "digest", "_sha256", "sealed_body", "component", "public_key", "signature"];

#[tokio::test(flavor = "multi_thread")]
async fn d_3_every_column_of_bytes_is_sealed_anew_or_a_hash() {
    let database = Database::clone_template().await;
    let rows = database
        .sql(
            "SELECT table_name, column_name FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type IN ('bytea', 'ARRAY') AND udt_name IN ('bytea', '_bytea')",
        )
        .await;
    let found: BTreeSet<(String, String)> =
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect();
    let sealed: BTreeSet<(String, String)> =
        store::SEALED_COLUMNS.iter().map(|sealed| (sealed.table.to_owned(), sealed.column.to_owned())).collect();
    let unknown: Vec<_> =
        found.difference(&sealed).filter(|(_, column)| !OTHERS.iter().any(|end| column.ends_with(end))).collect();
    assert!(unknown.is_empty(), "neither in store::SEALED_COLUMNS nor known as hashes: {unknown:?}");
    assert!(sealed.is_subset(&found), "{:?} are no columns of bytes", sealed.difference(&found).collect::<Vec<_>>());
    // Rows are found by environment, in the order of their ids.
    for column in store::SEALED_COLUMNS {
        let columns = database
            .sql(&format!(
                "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' \
                 AND column_name IN ('tenant_id', 'environment_id', '{}')",
                column.table, column.row
            ))
            .await;
        assert_eq!(columns.len(), 3, "{column:?}");
    }
}
