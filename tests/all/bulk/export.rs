//! `patchbay connections export`.

use std::io::Read as _;

use serde_json::{Value, json};

use super::{connect_many, folder, key_integration, mint, run};
use crate::support::{Options, World};

/// What the holder of the key reads.
pub(crate) fn decrypt(sealed: &[u8], key: &age::x25519::Identity) -> Result<String, String> {
    let decryptor = age::Decryptor::new(sealed).map_err(|error| error.to_string())?;
    let reader = decryptor.decrypt(std::iter::once(key as &dyn age::Identity)).map_err(|error| error.to_string());
    let mut plain = String::new();
    reader?.read_to_string(&mut plain).map_err(|error| error.to_string())?;
    Ok(plain)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_an_export_opens_for_its_key_alone_and_is_what_an_import_takes() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, true).await;
    let acme = connect_many(&world, 2).await;
    let secret = mint(&world, "shop_south")["access_token"].as_str().unwrap().to_owned();
    let wish = json!({ "integration": "keyed", "end_user": { "id": "m" }, "fields": { "api_key": secret },
        "tags": { "plan": "gold" }, "metadata": { "note": "kept" } });
    world.key().post("/v1/connections", &wish).await.ok();
    let folder = folder("export");
    let file = folder.join("all.age");
    let key = age::x25519::Identity::generate();
    let recipient = key.to_public().to_string();
    let to = |more: &[&'static str]| {
        let mut arguments = vec!["connections", "export", "--tenant", "lamplight", "--environment", "prod"];
        arguments.extend_from_slice(more);
        arguments
    };
    let mut arguments = to(&[]);
    let path = file.to_str().unwrap();
    arguments.extend(["--recipient", &recipient, "--output", path]);
    let (output, said) = run(&world, &arguments);
    assert!(output.status.success(), "{said}");
    let sealed = std::fs::read(&file).unwrap();
    assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
    assert!(decrypt(&sealed, &age::x25519::Identity::generate()).is_err(), "nobody else's key opens it");
    assert!(decrypt(&sealed[..sealed.len() - 1], &key).is_err(), "half an export says that it is not whole");
    let plain = decrypt(&sealed, &key).unwrap();
    let rows: Vec<Value> = plain.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let keyed = rows.iter().find(|row| row["integration"] == "keyed").unwrap();
    assert_eq!((&keyed["fields"]["api_key"], &keyed["mode"]), (&json!(secret), &json!("key")));
    assert_eq!(rows.iter().filter(|row| acme.contains(&row["connection_id"].as_str().unwrap().to_owned())).count(), 2);
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'connections.exported'").await, "1");
    assert_eq!(
        world.one("SELECT detail->>'recipient' FROM audit WHERE action = 'connections.exported'").await,
        recipient
    );

    // Another tenant takes it, as it is.
    let stranger = world.stranger("newhome").await;
    let other = stranger.key();
    let manifest = world.key().get("/v1/providers/keyed").await.ok()["manifest"].clone();
    other.request(http::Method::PUT, "/v1/providers/keyed").json(&json!({ "manifest": manifest })).send().await.ok();
    other.post("/v1/integrations", &json!({ "provider": "keyed" })).await.ok();
    let row = folder.join("keyed.jsonl");
    std::fs::write(&row, keyed.to_string()).unwrap();
    let environment = "prod";
    let (output, said) = run(
        &world,
        &[
            "connections",
            "import",
            row.to_str().unwrap(),
            "--tenant",
            "newhome",
            "--environment",
            environment,
            "--integration",
            "keyed",
        ],
    );
    assert!(output.status.success() && said.contains("1 connections made"), "{said}");
    let listed = other.get("/v1/connections").await.ok();
    let made = &listed["data"][0];
    assert_eq!((&made["tags"]["plan"], &made["metadata"]["note"]), (&json!("gold"), &json!("kept")));
    let path = format!("/v1/connections/{}/credential", made["id"].as_str().unwrap());
    assert_eq!(other.get(&path).await.ok()["fields"]["api_key"], json!(secret));

    let mut wrong = to(&[]);
    wrong.extend(["--recipient", "age1nonsense", "--output", "/dev/null"]);
    let (output, said) = run(&world, &wrong);
    assert!(!output.status.success() && said.contains("age public key"), "{said}");
    for id in &acme {
        world.synced(id).await;
    }
    world.end().await;
}
