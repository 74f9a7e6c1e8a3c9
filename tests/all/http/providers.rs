//! `/v1/providers`: what can be connected here.

use crate::support::{Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn list_providers_shows_what_is_loaded_with_what_to_fill_in() {
    let world = World::start(Options::default()).await;
    let listed = world.key().get("/v1/providers").await.ok();
    let providers = listed["data"].as_array().unwrap();
    let acme = providers.iter().find(|provider| provider["slug"] == "acme").unwrap();
    assert_eq!(acme["auth_mode"], "oauth2_code");
    let variables: Vec<_> =
        acme["integration_variables"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["api", "auth"], "{acme}");
    assert!(acme["streams"].as_array().unwrap().iter().any(|stream| stream == "orders"), "{acme}");
    let slugs =
        super::edge::walk(&world.key(), "/v1/providers?limit=1", |one| one["slug"].as_str().unwrap().to_owned()).await;
    assert_eq!(slugs.len(), providers.len());
    world.end().await;
}
