//! Migrations go up, down and up again, and each has the way back.

use std::fs;

use super::tree;
use crate::support::Database;

/// The migrations' folders, oldest first.
fn folders() -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(tree::root().join("migrations")).unwrap().flatten().map(|entry| entry.path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// All that a database has of ours, as text to compare.
async fn shape(database: &Database) -> Vec<Vec<Option<String>>> {
    let mut shape = database
        .sql(
            "SELECT c.relkind::text, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relname NOT LIKE '\\_\\_%' ORDER BY 1, 2, 3",
        )
        .await;
    shape.extend(database.sql("SELECT proname, prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'public' ORDER BY 1").await);
    shape.extend(
        database
            .sql(
                "SELECT polname, polrelid::regclass::text, pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY 1, 2",
            )
            .await,
    );
    shape.extend(database.sql("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_\\_%' ORDER BY 1").await);
    shape.extend(database.sql("SELECT defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY 1").await);
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_down_and_up_again() {
    let database = Database::empty().await;
    let before = shape(&database).await;
    let applied = store::migrate(&database.url()).await.unwrap();
    assert_eq!(applied.len(), folders().len());
    assert_eq!(store::migration_state(&database.url()).await.unwrap().pending, Vec::<String>::new());
    let up = shape(&database).await;
    assert!(up.len() > 150, "{} lines", up.len());
    let mut stands = Vec::new();
    for folder in folders().iter().rev() {
        stands.push(shape(&database).await);
        database.sql(&format!("BEGIN; {}; COMMIT", fs::read_to_string(folder.join("down.sql")).unwrap())).await;
    }
    assert_eq!(shape(&database).await, before, "the way down leaves something behind");
    for folder in folders() {
        database.sql(&format!("BEGIN; {}; COMMIT", fs::read_to_string(folder.join("up.sql")).unwrap())).await;
        assert_eq!(shape(&database).await, stands.pop().unwrap(), "{} after its way down", folder.display());
    }
    assert_eq!(shape(&database).await, up);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing_and_two_nodes_may_begin_together() {
    let database = Database::empty().await;
    let url = database.url();
    let (first, second) = tokio::join!(store::migrate(&url), store::migrate(&url));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.len() + second.len(), folders().len(), "each was applied once: {first:?} {second:?}");
    assert_eq!(store::migrate(&url).await.unwrap(), Vec::<String>::new());
}
