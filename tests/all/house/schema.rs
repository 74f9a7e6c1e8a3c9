//! What is written by a program from the database is up to date, and the database explains itself.

use super::tree;
use crate::support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_in_the_code_is_that_of_the_migrations() {
    let database = Database::clone_template().await;
    let rows = database.sql(&tree::text("server/crates/store/schema.sql")).await;
    let written: String = rows.into_iter().map(|row| row[0].clone().unwrap() + "\n").collect();
    assert!(written.matches("diesel::table!").count() > 15, "tables were found");
    let committed = tree::text("server/crates/store/src/schema.rs");
    for (number, (is, ought)) in committed.lines().zip(written.lines()).enumerate() {
        assert_eq!(is, ought, "schema.rs:{}: run `cargo dev schema`", number + 1);
    }
    assert_eq!(committed.lines().count(), written.lines().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_says_what_it_is_for() {
    let database = Database::clone_template().await;
    let bare = "SELECT c.relname, coalesce(a.attname, '(the table)') \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
        WHERE c.relkind IN ('r', 'p') AND c.relname NOT LIKE '\\_\\_%' \
        AND (coalesce(col_description(c.oid, a.attnum), '') = '' OR coalesce(obj_description(c.oid), '') = '')";
    assert_eq!(database.sql(bare).await, Vec::<Vec<Option<String>>>::new(), "write a COMMENT ON for each of these");
    // It would notice.
    database.sql("CREATE TABLE odd (odd_id uuid PRIMARY KEY); COMMENT ON TABLE odd IS 'Odd.'").await;
    assert_eq!(database.sql(bare).await, [[Some("odd".to_owned()), Some("odd_id".to_owned())]]);
}
