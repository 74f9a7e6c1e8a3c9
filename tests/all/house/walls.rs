//! The walls in Postgres: every table has row-level security, in force for its owner too, with a policy.

use crate::support::Database;

/// Tables without a wall, each with its reason: none.
const WITHOUT: &[&str] = &[];

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_every_table_has_its_wall() {
    let database = Database::clone_template().await;
    let open = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
        WHERE c.relkind IN ('r', 'p') AND c.relname NOT LIKE '\\_\\_%' AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
        AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*')) ORDER BY 1";
    let names =
        |rows: Vec<Vec<Option<String>>>| rows.into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(names(database.sql(open).await), WITHOUT, "end the table's migration with CALL patchbay_wall_…");
    // It would notice, and so it would a wall that does not hold for the owner.
    database.sql("CREATE TABLE odd (tenant_id uuid); CREATE TABLE half (tenant_id uuid); CALL patchbay_wall_tenant('half'); ALTER TABLE half NO FORCE ROW LEVEL SECURITY").await;
    assert_eq!(names(database.sql(open).await), ["half", "odd"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_the_servers_role_owns_nothing_and_passes_no_wall() {
    let database = Database::clone_template().await;
    let role = database
        .sql("SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'patchbay_app'")
        .await;
    assert_eq!(role, [["f", "f", "f", "f"].map(|value| Some(value.to_owned()))]);
    let owned = "SELECT relname FROM pg_class WHERE relowner = 'patchbay_app'::regrole";
    assert_eq!(database.sql(owned).await, Vec::<Vec<Option<String>>>::new());
    let rewritable = "SELECT has_table_privilege('patchbay_app', 'audit', 'UPDATE') OR has_table_privilege('patchbay_app', 'audit', 'DELETE') \
        OR has_table_privilege('patchbay_app', 'audit', 'TRUNCATE')";
    assert_eq!(database.sql(rewritable).await, [[Some("f".to_owned())]], "history is only ever added to");
}
