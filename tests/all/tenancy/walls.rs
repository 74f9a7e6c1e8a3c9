//! The walls in the database, for when the application forgets: the server's role sees and writes only what a
//! transaction was begun for.

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::scene::{Scene, tables};

/// Tables that may be empty even where a tenant has one of everything: work in progress, and what is tidied up.
const MAY_BE_EMPTY: &[&str] = &["jobs", "run_seen", "run_logs"];

/// Runs statements as the server's role and gives the first value, or what Postgres said against it.
async fn as_app(url: &str, sql: &str) -> Result<String, String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driving = tokio::spawn(connection);
    let answer = client.simple_query(&format!("SET ROLE patchbay_app; {sql}")).await;
    drop(client);
    driving.await.unwrap().unwrap();
    let messages = answer.map_err(|error| error.as_db_error().unwrap().message().to_owned())?;
    let value = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    Ok(value.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_row_level_security_refuses_when_the_application_forgets() {
    let scene = Scene::set().await;
    let world = &scene.world;
    let url = world.database().url();
    let (tenant, environment) = (scene.uuid("tenant").await, scene.uuid("environment").await);
    let stranger = world.one("SELECT tenant_id FROM tenants WHERE slug = 'neighbour'").await;
    let theirs = world
        .one("SELECT environment_id FROM environments JOIN tenants USING (tenant_id) WHERE tenants.slug = 'neighbour'")
        .await;
    let sibling = world.one("SELECT environment_id FROM environments WHERE slug = 'dev'").await;
    let set = |tenant: &str, environment: &str| {
        format!("SET patchbay.tenant = '{tenant}'; SET patchbay.environment = '{environment}';")
    };
    for (table, columns) in tables(world).await {
        let all = world.one(&format!("SELECT count(*) FROM {table} WHERE tenant_id = '{tenant}'")).await;
        assert!(all != "0" || MAY_BE_EMPTY.contains(&table.as_str()), "the scene has no {table}");
        let seen =
            async |settings: &str| as_app(&url, &format!("{settings} SELECT count(*) FROM {table}")).await.unwrap();
        let of_tenant = async |settings: &str| {
            as_app(&url, &format!("{settings} SELECT count(*) FROM {table} WHERE tenant_id = '{tenant}'"))
                .await
                .unwrap()
        };
        assert_eq!(seen("").await, "0", "{table}: nobody said whose, and yet");
        assert_eq!(seen(&set("", "")).await, "0", "{table}: settings that are empty");
        assert_eq!(of_tenant(&set(&stranger, &theirs)).await, "0", "{table}: another tenant");
        // An environment of ours with another tenant's name on it opens nothing of either.
        assert_eq!(of_tenant(&set(&stranger, &environment)).await, "0", "{table}: another tenant with our environment");
        let is_environments =
            columns.contains(&"environment_id".to_owned()) && !["environments", "audit"].contains(&table.as_str());
        if is_environments {
            let sql = format!(
                "{} SELECT count(*) FROM {table} WHERE environment_id = '{environment}'",
                set(&tenant, &sibling)
            );
            assert_eq!(as_app(&url, &sql).await.unwrap(), "0", "{table}: another environment of the tenant");
        }
        // The wall has a gate: with the right words the rows are there.
        let ours = if is_environments {
            format!("environment_id = '{environment}'")
        } else {
            format!("tenant_id = '{tenant}'")
        };
        let count = world.one(&format!("SELECT count(*) FROM {table} WHERE {ours}")).await;
        let sql = format!("{} SELECT count(*) FROM {table} WHERE {ours}", set(&tenant, &environment));
        assert_eq!(as_app(&url, &sql).await.unwrap(), count, "{table}: the tenant itself");
        if count == "0" {
            continue;
        }
        let row = world
            .one(&format!("SELECT replace(to_jsonb(t)::text, '''', '''''') FROM {table} t WHERE {ours} LIMIT 1"))
            .await;
        let insert = format!("INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, '{row}')");
        for settings in ["".to_owned(), set(&stranger, &theirs)] {
            let refused = as_app(&url, &format!("{settings} {insert}")).await.unwrap_err();
            assert!(refused.contains("row-level security"), "{table}: {refused}");
        }
        let denied = as_app(&url, &format!("{} DELETE FROM {table}", set(&stranger, &theirs))).await;
        let left = world.one(&format!("SELECT count(*) FROM {table} WHERE tenant_id = '{tenant}'")).await;
        assert_eq!(left, all, "{table}: another tenant deleted our rows ({denied:?})");
    }
    scene.world.end().await;
}
