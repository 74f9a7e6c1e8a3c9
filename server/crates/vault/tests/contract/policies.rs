//! The policies of `infra/vault`, applied to a real server of the Vault API: what each identity may not do is refused there.

use patchbay_vault::{KeyError, KeyGovernance, KeyService, TransitKeys};

use crate::{
    bao::Bao,
    support::{scope_of, tenant},
};

/// A token with these policies and no others.
async fn token(bao: &Bao, policies: &str) -> String {
    bao.token(&format!(r#"{{"policies":[{policies}],"no_default_policy":true}}"#)).await
}

async fn refuses(bao: &Bao, token: &str, denied: &[(&str, String, &str)]) {
    for (method, path, body) in denied {
        let (status, said) = bao.request(token, method, path, body).await;
        assert_eq!(status, 403, "{method} {path} {body}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d_4_the_server_can_use_keys_and_neither_read_nor_govern_them() {
    let bao = Bao::start();
    let role = bao.set_up(&[]);
    let server = TransitKeys::start(bao.as_role(&role)).unwrap();
    let scope = scope_of(tenant());
    server.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = server.generate_data_key(scope).await.unwrap();
    server.unwrap_data_key(scope, &wrapped).await.unwrap();
    let refused = [
        server.versions(scope.tenant).await.map(|_| ()),
        server.rotate_tenant_key(scope.tenant).await.map(|_| ()),
        server.new_wrapped_key(scope).await.map(|_| ()),
        server.rewrap_data_key(scope, &wrapped).await.map(|_| ()),
        server.retire_versions(scope.tenant, 1).await,
        server.destroy_tenant_key(scope.tenant).await,
        // Sealing in the engine itself is another policy's.
        server.seal_value(scope.tenant, b"place", b"token").await.map(|_| ()),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(KeyError::Denied { .. })), "{refused:?}");
    }
    // Nothing of that has changed the key.
    assert_eq!(server.generate_data_key(scope).await.unwrap().1.version(), Some(1));

    let name = scope.tenant;
    let denied = [
        ("GET", format!("transit/keys/{name}"), ""),
        ("LIST", "transit/keys".into(), ""),
        ("DELETE", format!("transit/keys/{name}"), ""),
        ("POST", format!("transit/keys/{name}/rotate"), ""),
        ("POST", format!("transit/keys/{name}/trim"), r#"{"min_available_version":1}"#),
        ("GET", format!("transit/export/encryption-key/{name}"), ""),
        ("GET", format!("transit/backup/{name}"), ""),
        ("POST", format!("transit/restore/{name}"), r#"{"backup":"AAAA"}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"exportable":true}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"deletion_allowed":true}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"min_decryption_version":1}"#),
        ("POST", "transit/keys/by-hand".into(), r#"{"type":"aes256-gcm96","derived":true,"exportable":true}"#),
        ("POST", "transit/keys/by-hand".into(), r#"{"type":"aes256-gcm96","derived":false}"#),
        ("POST", format!("transit/encrypt/{name}"), r#"{"plaintext":"AAAA","context":"AAAA"}"#),
        ("GET", "sys/mounts".into(), ""),
        ("GET", "sys/policies/acl".into(), ""),
        ("POST", "auth/token/create".into(), "{}"),
    ];
    let both = token(&bao, r#""patchbay-server""#).await;
    refuses(&bao, &both, &denied).await;
    // With `direct` it seals, and for a tenant without a key it makes none.
    let direct = token(&bao, r#""patchbay-server","patchbay-direct""#).await;
    let (status, _) = bao
        .request(&direct, "POST", &format!("transit/encrypt/{name}"), r#"{"plaintext":"AAAA","context":"AAAA"}"#)
        .await;
    assert_eq!(status, 200);
    let by_hand = [("POST", "transit/encrypt/by-hand".into(), r#"{"plaintext":"AAAA","context":"AAAA"}"#)];
    refuses(&bao, &direct, &by_hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_4_the_rotator_can_govern_keys_and_open_nothing() {
    let bao = Bao::start();
    let role = bao.set_up(&[("PATCHBAY_MAY_DESTROY", "no")]);
    let keys = bao.keys(&role);
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.service.generate_data_key(scope).await.unwrap();

    let rotator = TransitKeys::start(bao.as_rotator(&role)).unwrap();
    assert_eq!(rotator.rotate_tenant_key(scope.tenant).await.unwrap(), 2);
    let rewrapped = rotator.rewrap_data_key(scope, &wrapped).await.unwrap();
    rotator.new_wrapped_key(scope).await.unwrap();
    rotator.retire_versions(scope.tenant, 2).await.unwrap();
    let refused = [
        rotator.unwrap_data_key(scope, &rewrapped).await.map(|_| ()),
        rotator.generate_data_key(scope).await.map(|_| ()),
        rotator.create_tenant_key(tenant()).await,
        rotator.open_value(scope.tenant, b"place", &rewrapped).await.map(|_| ()),
        rotator.seal_value(scope.tenant, b"place", b"token").await.map(|_| ()),
        rotator.destroy_tenant_key(scope.tenant).await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(KeyError::Denied { .. })), "{refused:?}");
    }
    keys.service.unwrap_data_key(scope, &rewrapped).await.unwrap();

    let name = scope.tenant;
    let denied = [
        ("DELETE", format!("transit/keys/{name}"), ""),
        ("GET", format!("transit/export/encryption-key/{name}"), ""),
        ("GET", format!("transit/backup/{name}"), ""),
        ("POST", format!("transit/decrypt/{name}"), r#"{"ciphertext":"vault:v2:AAAA","context":"AAAA"}"#),
        ("POST", format!("transit/datakey/plaintext/{name}"), r#"{"context":"AAAA"}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"exportable":true}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"allow_plaintext_backup":true}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"deletion_allowed":true}"#),
        ("GET", "sys/mounts".into(), ""),
    ];
    refuses(&bao, &token(&bao, r#""patchbay-rotator""#).await, &denied).await;
    // Even together with the server's policy it opens nothing: what is denied is denied.
    let both = token(&bao, r#""patchbay-rotator","patchbay-server""#).await;
    refuses(&bao, &both, &denied[3..5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_5_whoever_may_destroy_keys_can_do_nothing_else_with_them() {
    let bao = Bao::start();
    let role = bao.set_up(&[]);
    let keys = bao.keys(&role);
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    let name = scope.tenant;
    let denied = [
        ("POST", format!("transit/decrypt/{name}"), r#"{"ciphertext":"vault:v1:AAAA","context":"AAAA"}"#),
        ("POST", format!("transit/keys/{name}/rotate"), ""),
        ("POST", format!("transit/keys/{name}/config"), r#"{"exportable":true}"#),
        ("POST", format!("transit/keys/{name}/config"), r#"{"min_decryption_version":1}"#),
        ("GET", format!("transit/export/encryption-key/{name}"), ""),
    ];
    refuses(&bao, &token(&bao, r#""patchbay-destroy""#).await, &denied).await;
    // Given to the rotator, both still work: the parameters of one path are taken together.
    keys.governance.rotate_tenant_key(name).await.unwrap();
    keys.governance.retire_versions(name, 2).await.unwrap();
    keys.governance.destroy_tenant_key(name).await.unwrap();
    assert!(matches!(keys.service.unwrap_data_key(scope, &wrapped).await, Err(KeyError::NotFound)));
}
