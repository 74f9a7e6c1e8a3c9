//! Vault transit against a real server: the contract with an AppRole of least privilege, and SE-3.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::secret::Secret;
use patchbay_vault::{KeyError, KeyHealth, KeyService, Place, Sealer, TransitAuth, TransitConfig, TransitKeys};
use uuid::Uuid;

use crate::{
    bao::{AppRole, Bao},
    suite::{Keys, contract},
    support::{Random, Still, data_key_id, scope_of, tenant},
};

contract!(start);

/// Signed in by AppRole, allowed what `infra/vault/*.hcl` say and nothing else.
async fn start() -> (Arc<(Bao, AppRole)>, Keys) {
    let shared = Bao::shared();
    let keys = shared.0.keys(&shared.1);
    (shared, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_a_sealed_server_is_an_error_and_never_plaintext_then_recovers() {
    let bao = Bao::start();
    let role = bao.set_up(&[]);
    let both = bao.keys(&role);
    let (keys, governance) = (Arc::clone(&both.service), Arc::clone(&both.governance));
    let scope = scope_of(tenant());
    let place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(1) };
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(scope).await.unwrap();
    // Signed in before, as one that has run for a while.
    governance.versions(scope.tenant).await.unwrap();
    let sealer = Sealer::new(Arc::clone(&keys), Arc::new(Random), Arc::new(Still));
    let record = sealer.create_data_key(scope, data_key_id()).await.unwrap();

    bao.seal().await;
    assert_eq!(keys.health().await, KeyHealth::Sealed);
    let results = [
        keys.unwrap_data_key(scope, &wrapped).await.map(|_| ()),
        keys.generate_data_key(scope).await.map(|_| ()),
        keys.create_tenant_key(tenant()).await,
        keys.seal_value(scope.tenant, b"place", b"canary-secret").await.map(|_| ()),
        keys.open_value(scope.tenant, b"place", &wrapped).await.map(|_| ()),
        governance.rewrap_data_key(scope, &wrapped).await.map(|_| ()),
        governance.rotate_tenant_key(scope.tenant).await.map(|_| ()),
        governance.versions(scope.tenant).await.map(|_| ()),
        governance.retire_versions(scope.tenant, 1).await,
        governance.destroy_tenant_key(scope.tenant).await,
    ];
    for result in results {
        assert!(matches!(result, Err(KeyError::Sealed)), "{result:?}");
    }
    // What is unwrapped already serves on, sealed as ever.
    let sealed = sealer.seal(scope, &record, place, b"canary-secret").await.unwrap();
    assert!(!sealed.as_bytes().windows(6).any(|part| part == b"canary"));
    // A node that has nothing in memory refuses.
    let cold = Sealer::new(Arc::clone(&keys), Arc::new(Random), Arc::new(Still));
    let refused = cold.seal(scope, &record, place, b"canary-secret").await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "{refused:?}");
    // One that begins while the server is sealed begins, and waits for it.
    let begun_sealed = TransitKeys::start(bao.as_role(&role)).unwrap();
    assert_eq!(begun_sealed.health().await, KeyHealth::Sealed);

    bao.unseal().await;
    assert_eq!(*sealer.open(scope, &record, place, &sealed).await.unwrap(), *b"canary-secret");
    keys.unwrap_data_key(scope, &wrapped).await.unwrap();
    begun_sealed.unwrap_data_key(scope, &wrapped).await.unwrap();
    assert_eq!(keys.health().await, KeyHealth::Ready);
    assert_eq!(begun_sealed.health().await, KeyHealth::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_an_expired_or_revoked_token_is_replaced() {
    let bao = Bao::start();
    let role = bao.set_up(&[("PATCHBAY_TOKEN_TTL", "2s"), ("PATCHBAY_TOKEN_MAX_TTL", "4s")]);
    let keys = Arc::new(TransitKeys::start(bao.as_role(&role)).unwrap());
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(scope).await.unwrap();
    // Past the token's lifetime and past its final end, without a gap.
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        keys.unwrap_data_key(scope, &wrapped).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // All tokens gone at once, under load: every caller recovers by itself.
    for _ in 0..3 {
        let (status, body) = bao.admin("POST", "sys/leases/revoke-prefix/auth/approle/login", "").await;
        assert!(status < 300, "{status} {body}");
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let (keys, wrapped) = (Arc::clone(&keys), wrapped.clone());
                tokio::spawn(async move { keys.unwrap_data_key(scope, &wrapped).await.map(|_| ()) })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_a_renewable_token_outlives_its_first_lease_and_a_dead_one_is_denied() {
    let bao = Bao::start();
    bao.set_up(&[]);
    let policies = r#""policies":["patchbay-server"],"no_default_policy":true"#;
    let periodic = bao.token(&format!(r#"{{{policies},"period":"2s"}}"#)).await;
    let keys = TransitKeys::start(bao.with_token(&periodic)).unwrap();
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    keys.generate_data_key(scope).await.unwrap();

    let short = bao.token(&format!(r#"{{{policies},"ttl":"1s","renewable":false}}"#)).await;
    let dying = TransitKeys::start(bao.with_token(&short)).unwrap();
    dying.generate_data_key(scope).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let dead = dying.generate_data_key(scope).await;
    assert!(matches!(dead, Err(KeyError::Denied { .. })), "{dead:?}");
    assert!(matches!(dying.health().await, KeyHealth::Misconfigured { .. }));
    assert!(!format!("{dead:?}").contains(&short));
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_a_restarted_server_is_used_again() {
    let bao = Bao::start();
    let mut config = bao.as_root();
    config.deadline = Duration::from_secs(2);
    bao.set_up(&[]);
    let keys = TransitKeys::start(config).unwrap();
    keys.create_tenant_key(tenant()).await.unwrap();

    let port = bao.stop();
    let began = Instant::now();
    let down = keys.create_tenant_key(tenant()).await;
    assert!(matches!(down, Err(KeyError::Unreachable { .. })), "{down:?}");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(matches!(keys.health().await, KeyHealth::Unreachable { .. }));
    assert!(down.unwrap_err().retry_after().is_some());

    let bao = Bao::start_at(port);
    bao.set_up(&[]);
    keys.create_tenant_key(tenant()).await.unwrap();
    assert_eq!(keys.health().await, KeyHealth::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_wrong_credentials_are_denied_without_naming_them() {
    let shared = Bao::shared();
    let bao = &shared.0;
    let auth = TransitAuth::AppRole {
        mount: "approle".into(),
        role_id: Secret::new("no-such-role"),
        secret_id: Secret::new("canary-secret-id"),
    };
    let keys = TransitKeys::start(TransitConfig::new(bao.address(), auth)).unwrap();
    let refused = keys.create_tenant_key(tenant()).await;
    assert!(matches!(refused, Err(KeyError::Denied { action: "sign in" })), "{refused:?}");
    assert!(!format!("{refused:?}").contains("canary"));
    let health = keys.health().await;
    assert!(matches!(&health, KeyHealth::Misconfigured { reason } if !reason.contains("canary")), "{health:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_1_a_key_made_by_hand_that_does_not_bind_environments_is_refused() {
    let shared = Bao::shared();
    let bao = &shared.0;
    let keys = TransitKeys::start(bao.as_root()).unwrap();
    let name = tenant();
    let (status, _) = bao.admin("POST", &format!("transit/keys/{name}"), r#"{"derived":false}"#).await;
    assert_eq!(status, 200);
    let refused = keys.create_tenant_key(name).await;
    assert!(matches!(&refused, Err(KeyError::Config(text)) if text.contains("derived")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_a_missing_mount_is_a_matter_of_configuration() {
    let shared = Bao::shared();
    let bao = &shared.0;
    let mut config = bao.as_root();
    config.mount = "not/mounted".into();
    let keys = TransitKeys::start(config).unwrap();
    let refused = keys.create_tenant_key(tenant()).await;
    assert!(matches!(refused, Err(KeyError::Config(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_3_only_the_pinned_authority_is_trusted() {
    let (bao, stranger) = (Bao::start_with_tls(), Bao::start_with_tls());
    let with = |ca: Option<Vec<u8>>| {
        let mut config = bao.as_root();
        config.ca_pem = ca;
        TransitKeys::start(config).unwrap()
    };
    assert_eq!(with(Some(bao.ca_pem())).health().await, KeyHealth::Ready);
    for ca in [None, Some(stranger.ca_pem())] {
        let health = with(ca).health().await;
        assert!(matches!(health, KeyHealth::Unreachable { .. }), "{health:?}");
    }
    let mut config = bao.as_root();
    config.ca_pem = Some(b"no certificate".to_vec());
    assert!(matches!(TransitKeys::start(config), Err(KeyError::Config(_))));
}

#[tokio::test]
async fn a_wrong_configuration_is_named_before_anything_is_sent() {
    let token = || TransitAuth::Token(Secret::new("t"));
    let config = |address: &str| TransitConfig::new(address.parse().unwrap(), token());
    let cases = [
        (config("http://vault.example:8200"), "in the clear"),
        (config("https://vault.example:8200/v1"), "origin"),
        (config("https://user:pass@vault.example"), "origin"),
        (config("ftp://vault.example"), "https"),
        (TransitConfig { mount: "/transit".into(), ..config("https://vault.example") }, "mount"),
        (TransitConfig { mount: "../sys".into(), ..config("https://vault.example") }, "mount"),
        (TransitConfig { namespace: Some("a b".into()), ..config("https://vault.example") }, "namespace"),
        (TransitConfig { deadline: Duration::ZERO, ..config("https://vault.example") }, "deadline"),
        (
            TransitConfig::new("https://v.example".parse().unwrap(), TransitAuth::Token(Secret::new("canary\n"))),
            "token",
        ),
    ];
    for (config, expected) in cases {
        assert!(!format!("{config:?}").contains("canary"));
        match TransitKeys::start(config) {
            Err(KeyError::Config(text)) => assert!(text.contains(expected) && !text.contains("canary"), "{text}"),
            other => panic!("{expected}: {:?}", other.err()),
        }
    }
}
