//! What every key service must do. Each function is one clause; the macro makes a test of each for an implementation.

use std::sync::Arc;

use patchbay_vault::{DataKeyRecord, KeyError, KeyHealth, KeyService, Place, Sealer, WrappedKey};
use uuid::Uuid;

use crate::support::{Random, Still, data_key_id, scope_of, tenant};

pub type Keys = Arc<dyn KeyService>;

/// Makes the clauses into tests. `$start` gives a guard to hold on to and the key service.
macro_rules! contract {
    ($start:path: $($clause:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $clause() {
            let (_guard, keys) = $start().await;
            crate::suite::$clause(keys).await;
        }
    )*};
    ($start:path) => {
        crate::suite::contract!($start:
            se_1_a_data_key_comes_back_as_it_was,
            se_1_another_tenants_or_environments_wrapped_key_is_refused,
            se_1_a_damaged_wrapped_key_is_refused,
            se_3_after_rotation_old_keys_unwrap_and_rewrapped_ones_are_newer,
            se_3_rotation_under_load_disturbs_nobody,
            se_4_a_destroyed_tenants_values_are_gone_even_from_a_backup,
            making_a_tenants_key_again_changes_nothing,
            a_tenant_without_a_key_is_told_apart,
            se_1_values_sealed_before_a_rewrap_open_after_it,
        );
    };
}
pub(crate) use contract;

pub async fn se_1_a_data_key_comes_back_as_it_was(keys: Keys) {
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (key, wrapped) = keys.generate_data_key(scope).await.unwrap();
    let (other, other_wrapped) = keys.generate_data_key(scope).await.unwrap();
    assert_ne!(key.expose(), other.expose(), "data keys are random");
    assert_ne!(wrapped, other_wrapped);
    assert_eq!(wrapped.version(), Some(1));
    assert_eq!(keys.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
    assert!(!wrapped.as_str().as_bytes().windows(8).any(|part| part == &key.expose()[..8]));
    assert_eq!(keys.health().await, KeyHealth::Ready);
}

pub async fn se_1_another_tenants_or_environments_wrapped_key_is_refused(keys: Keys) {
    let (mine, other) = (scope_of(tenant()), scope_of(tenant()));
    let sibling = scope_of(mine.tenant);
    keys.create_tenant_key(mine.tenant).await.unwrap();
    keys.create_tenant_key(other.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(mine).await.unwrap();
    for scope in [other, sibling, domain::Scope { environment: mine.environment, ..other }] {
        let opened = keys.unwrap_data_key(scope, &wrapped).await;
        assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "{opened:?}");
        let rewrapped = keys.rewrap_data_key(scope, &wrapped).await;
        assert!(matches!(rewrapped, Err(KeyError::Corrupt { .. })), "{rewrapped:?}");
    }
}

pub async fn se_1_a_damaged_wrapped_key_is_refused(keys: Keys) {
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(scope).await.unwrap();
    let text = wrapped.as_str();
    let flipped = text.replacen(":v1:", ":v1:A", 1);
    for damaged in [
        &text[..text.len() - 8],
        &flipped,
        &text.replacen(":v1:", ":v7:", 1),
        &format!("{}:v1:", text.split(':').next().unwrap()),
    ] {
        let opened = keys.unwrap_data_key(scope, &WrappedKey::from_text(damaged)).await;
        assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "{damaged}: {opened:?}");
    }
    let foreign = keys.unwrap_data_key(scope, &WrappedKey::from_text("elsewhere:v1:AAAA")).await;
    assert!(matches!(foreign, Err(KeyError::Config(_))), "{foreign:?}");
}

pub async fn se_3_after_rotation_old_keys_unwrap_and_rewrapped_ones_are_newer(keys: Keys) {
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (key, old) = keys.generate_data_key(scope).await.unwrap();
    keys.rotate_tenant_key(scope.tenant).await.unwrap();
    assert_eq!(keys.unwrap_data_key(scope, &old).await.unwrap().expose(), key.expose());
    let new = keys.rewrap_data_key(scope, &old).await.unwrap();
    assert_eq!((old.version(), new.version()), (Some(1), Some(2)));
    assert_eq!(keys.unwrap_data_key(scope, &new).await.unwrap().expose(), key.expose());
    assert_eq!(keys.generate_data_key(scope).await.unwrap().1.version(), Some(2));
}

pub async fn se_3_rotation_under_load_disturbs_nobody(keys: Keys) {
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (key, wrapped) = keys.generate_data_key(scope).await.unwrap();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (keys, key, wrapped) = (Arc::clone(&keys), key.clone(), wrapped.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    assert_eq!(keys.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
                }
            })
        })
        .collect();
    for _ in 0..5 {
        keys.rotate_tenant_key(scope.tenant).await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(keys.rewrap_data_key(scope, &wrapped).await.unwrap().version(), Some(6));
}

pub async fn se_4_a_destroyed_tenants_values_are_gone_even_from_a_backup(keys: Keys) {
    let (scope, neighbour) = (scope_of(tenant()), scope_of(tenant()));
    keys.create_tenant_key(scope.tenant).await.unwrap();
    keys.create_tenant_key(neighbour.tenant).await.unwrap();
    let (_, backup) = keys.generate_data_key(scope).await.unwrap();
    let (_, theirs) = keys.generate_data_key(neighbour).await.unwrap();

    keys.destroy_tenant_key(scope.tenant).await.unwrap();
    assert!(matches!(keys.unwrap_data_key(scope, &backup).await, Err(KeyError::NotFound)));
    keys.destroy_tenant_key(scope.tenant).await.unwrap();
    assert!(keys.unwrap_data_key(neighbour, &theirs).await.is_ok(), "the neighbour's key is untouched");

    // A tenant restored from a backup under the same id gets another key.
    keys.create_tenant_key(scope.tenant).await.unwrap();
    assert!(matches!(keys.unwrap_data_key(scope, &backup).await, Err(KeyError::Corrupt { .. })));
}

pub async fn making_a_tenants_key_again_changes_nothing(keys: Keys) {
    let scope = scope_of(tenant());
    let makers = (0..4).map(|_| {
        let keys = Arc::clone(&keys);
        tokio::spawn(async move { keys.create_tenant_key(scope.tenant).await })
    });
    for maker in makers.collect::<Vec<_>>() {
        maker.await.unwrap().unwrap();
    }
    let (key, wrapped) = keys.generate_data_key(scope).await.unwrap();
    keys.create_tenant_key(scope.tenant).await.unwrap();
    assert_eq!(keys.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
    assert_eq!(keys.generate_data_key(scope).await.unwrap().1.version(), Some(1));
}

pub async fn a_tenant_without_a_key_is_told_apart(keys: Keys) {
    let (known, unknown) = (scope_of(tenant()), scope_of(tenant()));
    keys.create_tenant_key(known.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(known).await.unwrap();
    let results = [
        keys.generate_data_key(unknown).await.map(|_| ()),
        keys.unwrap_data_key(unknown, &wrapped).await.map(|_| ()),
        keys.rewrap_data_key(unknown, &wrapped).await.map(|_| ()),
        keys.rotate_tenant_key(unknown.tenant).await,
    ];
    for result in results {
        assert!(matches!(result, Err(KeyError::NotFound)), "{result:?}");
    }
    keys.destroy_tenant_key(unknown.tenant).await.unwrap();
}

pub async fn se_1_values_sealed_before_a_rewrap_open_after_it(keys: Keys) {
    let scope = scope_of(tenant());
    let place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(1) };
    let sealer = || Sealer::new(Arc::clone(&keys), Arc::new(Random), Arc::new(Still));
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let first = sealer();
    let record = first.create_data_key(scope, data_key_id()).await.unwrap();
    let sealed = first.seal(scope, &record, place, b"token").await.unwrap();
    assert_eq!(sealed.data_key_id(), record.id);
    assert_eq!(*first.open_cached(scope, place, &sealed).unwrap().unwrap(), b"token");

    keys.rotate_tenant_key(scope.tenant).await.unwrap();
    let rewrapped =
        DataKeyRecord { id: record.id, wrapped: keys.rewrap_data_key(scope, &record.wrapped).await.unwrap() };
    // Another node, with nothing in memory.
    let second = sealer();
    assert!(second.open_cached(scope, place, &sealed).is_none());
    assert_eq!(*second.open(scope, &rewrapped, place, &sealed).await.unwrap(), b"token");

    keys.destroy_tenant_key(scope.tenant).await.unwrap();
    second.forget_tenant(scope.tenant);
    assert!(matches!(second.open(scope, &rewrapped, place, &sealed).await, Err(KeyError::NotFound)));
}
