//! Which version of a provider is in force.

use ids::{PluginPinId, PluginVersionId, ProviderVersionId};
use serde_json::json;
use store::{InForce, PluginPinRow, PluginVersionRow, ProviderVersionRow};

use super::{Ground, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pinned_and_the_newest_description_are_in_force_of_that_name_alone() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let mut tx = ground.store.begin(scope).await.unwrap();
    let nothing = InForce { pinned: None, described: None };
    assert_eq!(tx.provider_versions().in_force("a").await.unwrap(), nothing);

    let mut described = None;
    for version in 1..=2 {
        let row = ProviderVersionRow {
            id: ground.mint.id(ProviderVersionId::new),
            slug: "a".into(),
            version,
            manifest: String::new(),
            author: "somebody".into(),
            created_at: now(),
        };
        tx.provider_versions().insert(&row).await.unwrap();
        described = Some(row.id);
    }
    assert_eq!(tx.provider_versions().in_force("a").await.unwrap(), InForce { pinned: None, described });

    for number in ["1.0.0", "1.1.0"] {
        let version = PluginVersionRow {
            id: ground.mint.id(PluginVersionId::new),
            slug: "a".into(),
            version: number.into(),
            abi: "1".into(),
            manifest: String::new(),
            component_sha256: vec![1; 32],
            component_bytes: 1,
            public_key: vec![2; 32],
            signature: vec![3; 64],
            asks: json!([]),
            author: "somebody".into(),
            created_at: now(),
            approved_by: None,
            approved_at: None,
            withdrawn_at: None,
        };
        tx.plugin_versions().insert(&version, b"0").await.unwrap();
        let pin = PluginPinRow {
            id: ground.mint.id(PluginPinId::new),
            slug: "a".into(),
            version: version.id,
            pinned_by: "somebody".into(),
            pinned_at: now(),
            ended_at: None,
        };
        tx.plugin_versions().pin(&pin).await.unwrap();
        let in_force = tx.provider_versions().in_force("a").await.unwrap();
        assert_eq!(in_force, InForce { pinned: Some(version.id), described });
    }
    assert_eq!(tx.provider_versions().in_force("b").await.unwrap(), nothing);
    tx.plugin_versions().end_pin("a", now()).await.unwrap();
    assert_eq!(tx.provider_versions().in_force("a").await.unwrap(), InForce { pinned: None, described });
    tx.commit().await.unwrap();
}
