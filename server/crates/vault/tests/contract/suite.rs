//! What every key service must do. Each function is one clause; the macro makes a test of each for an implementation.

use std::sync::Arc;

use patchbay_vault::{
    DataKeyRecord, KeyError, KeyGovernance, KeyHealth, KeyService, KeyVersions, Place, Sealed, Sealer, Sealing,
    WrappedKey,
};
use uuid::Uuid;

use crate::support::{Random, Still, data_key_id, scope_of, tenant};

/// A key service as the server sees it, and as those who govern keys do.
#[derive(Clone)]
pub struct Keys {
    pub service: Arc<dyn KeyService>,
    pub governance: Arc<dyn KeyGovernance>,
}

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
            d_3_retired_versions_open_no_more_and_rewrapped_keys_do,
            d_3_a_data_key_that_was_made_unseen_is_as_good_as_any,
            d_2_a_value_sealed_directly_opens_with_its_binding_alone,
            d_2_values_sealed_directly_outlive_a_rotation_and_end_with_the_key,
        );
    };
}
pub(crate) use contract;

pub async fn se_1_a_data_key_comes_back_as_it_was(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (key, wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    let (other, other_wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    assert_ne!(key.expose(), other.expose(), "data keys are random");
    assert_ne!(wrapped, other_wrapped);
    assert_eq!(wrapped.version(), Some(1));
    assert_eq!(keys.service.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
    assert!(!wrapped.as_str().as_bytes().windows(8).any(|part| part == &key.expose()[..8]));
    assert_eq!(keys.service.health().await, KeyHealth::Ready);
}

pub async fn se_1_another_tenants_or_environments_wrapped_key_is_refused(keys: Keys) {
    let (mine, other) = (scope_of(tenant()), scope_of(tenant()));
    let sibling = scope_of(mine.tenant);
    keys.service.create_tenant_key(mine.tenant).await.unwrap();
    keys.service.create_tenant_key(other.tenant).await.unwrap();
    let (_, wrapped) = keys.service.generate_data_key(mine).await.unwrap();
    for scope in [other, sibling, domain::Scope { environment: mine.environment, ..other }] {
        let opened = keys.service.unwrap_data_key(scope, &wrapped).await;
        assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "{opened:?}");
        let rewrapped = keys.governance.rewrap_data_key(scope, &wrapped).await;
        assert!(matches!(rewrapped, Err(KeyError::Corrupt { .. })), "{rewrapped:?}");
    }
}

pub async fn se_1_a_damaged_wrapped_key_is_refused(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    let text = wrapped.as_str();
    let flipped = text.replacen(":v1:", ":v1:A", 1);
    for damaged in [&text[..text.len() - 8], &flipped, &format!("{}:v1:", text.split(':').next().unwrap())] {
        let opened = keys.service.unwrap_data_key(scope, &WrappedKey::from_text(damaged)).await;
        assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "{damaged}: {opened:?}");
    }
    let future = keys.service.unwrap_data_key(scope, &WrappedKey::from_text(text.replacen(":v1:", ":v7:", 1))).await;
    assert!(matches!(future, Err(KeyError::FutureVersion { .. })), "{future:?}");
    let foreign = keys.service.unwrap_data_key(scope, &WrappedKey::from_text("elsewhere:v1:AAAA")).await;
    assert!(matches!(foreign, Err(KeyError::Config(_))), "{foreign:?}");
}

pub async fn se_3_after_rotation_old_keys_unwrap_and_rewrapped_ones_are_newer(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (key, old) = keys.service.generate_data_key(scope).await.unwrap();
    assert_eq!(keys.governance.versions(scope.tenant).await.unwrap(), KeyVersions { latest: 1, minimum: 1 });
    assert_eq!(keys.governance.rotate_tenant_key(scope.tenant).await.unwrap(), 2);
    assert_eq!(keys.governance.versions(scope.tenant).await.unwrap(), KeyVersions { latest: 2, minimum: 1 });
    assert_eq!(keys.service.unwrap_data_key(scope, &old).await.unwrap().expose(), key.expose());
    let new = keys.governance.rewrap_data_key(scope, &old).await.unwrap();
    assert_eq!((old.version(), new.version()), (Some(1), Some(2)));
    assert_eq!(keys.service.unwrap_data_key(scope, &new).await.unwrap().expose(), key.expose());
    assert_eq!(keys.service.generate_data_key(scope).await.unwrap().1.version(), Some(2));
}

pub async fn se_3_rotation_under_load_disturbs_nobody(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (key, wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (keys, key, wrapped) = (keys.clone(), key.clone(), wrapped.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    assert_eq!(keys.service.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
                }
            })
        })
        .collect();
    for _ in 0..5 {
        keys.governance.rotate_tenant_key(scope.tenant).await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(keys.governance.rewrap_data_key(scope, &wrapped).await.unwrap().version(), Some(6));
}

pub async fn se_4_a_destroyed_tenants_values_are_gone_even_from_a_backup(keys: Keys) {
    let (scope, neighbour) = (scope_of(tenant()), scope_of(tenant()));
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    keys.service.create_tenant_key(neighbour.tenant).await.unwrap();
    let (_, backup) = keys.service.generate_data_key(scope).await.unwrap();
    let (_, theirs) = keys.service.generate_data_key(neighbour).await.unwrap();

    keys.governance.destroy_tenant_key(scope.tenant).await.unwrap();
    assert!(matches!(keys.service.unwrap_data_key(scope, &backup).await, Err(KeyError::NotFound)));
    keys.governance.destroy_tenant_key(scope.tenant).await.unwrap();
    assert!(keys.service.unwrap_data_key(neighbour, &theirs).await.is_ok(), "the neighbour's key is untouched");

    // A tenant restored from a backup under the same id gets another key.
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    assert!(matches!(keys.service.unwrap_data_key(scope, &backup).await, Err(KeyError::Corrupt { .. })));
}

pub async fn making_a_tenants_key_again_changes_nothing(keys: Keys) {
    let scope = scope_of(tenant());
    let makers = (0..4).map(|_| {
        let keys = keys.clone();
        tokio::spawn(async move { keys.service.create_tenant_key(scope.tenant).await })
    });
    for maker in makers.collect::<Vec<_>>() {
        maker.await.unwrap().unwrap();
    }
    let (key, wrapped) = keys.service.generate_data_key(scope).await.unwrap();
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    assert_eq!(keys.service.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());
    assert_eq!(keys.service.generate_data_key(scope).await.unwrap().1.version(), Some(1));
}

pub async fn a_tenant_without_a_key_is_told_apart(keys: Keys) {
    let (known, unknown) = (scope_of(tenant()), scope_of(tenant()));
    keys.service.create_tenant_key(known.tenant).await.unwrap();
    let (_, wrapped) = keys.service.generate_data_key(known).await.unwrap();
    let results = [
        keys.service.generate_data_key(unknown).await.map(|_| ()),
        keys.service.unwrap_data_key(unknown, &wrapped).await.map(|_| ()),
        keys.governance.rewrap_data_key(unknown, &wrapped).await.map(|_| ()),
        keys.governance.rotate_tenant_key(unknown.tenant).await.map(|_| ()),
        keys.governance.versions(unknown.tenant).await.map(|_| ()),
        keys.governance.new_wrapped_key(unknown).await.map(|_| ()),
        keys.governance.retire_versions(unknown.tenant, 1).await,
        keys.service.seal_value(unknown.tenant, b"place", b"token").await.map(|_| ()),
        keys.service.open_value(unknown.tenant, b"place", &wrapped).await.map(|_| ()),
    ];
    for result in results {
        assert!(matches!(result, Err(KeyError::NotFound)), "{result:?}");
    }
    keys.governance.destroy_tenant_key(unknown.tenant).await.unwrap();
}

pub async fn se_1_values_sealed_before_a_rewrap_open_after_it(keys: Keys) {
    let scope = scope_of(tenant());
    let place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(1) };
    let sealer = || Sealer::new(Arc::clone(&keys.service), Arc::new(Random), Arc::new(Still));
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let first = sealer();
    let record = first.create_data_key(scope, data_key_id()).await.unwrap();
    let sealed = first.seal(scope, &record, place, b"token").await.unwrap();
    assert_eq!(sealed.data_key_id(), record.id);
    assert_eq!(*first.open_cached(scope, place, &sealed).unwrap().unwrap(), *b"token");

    keys.governance.rotate_tenant_key(scope.tenant).await.unwrap();
    let rewrapped = DataKeyRecord {
        id: record.id,
        wrapped: keys.governance.rewrap_data_key(scope, &record.wrapped).await.unwrap(),
    };
    // Another node, with nothing in memory.
    let second = sealer();
    assert!(second.open_cached(scope, place, &sealed).is_none());
    assert_eq!(*second.open(scope, &rewrapped, place, &sealed).await.unwrap(), *b"token");

    keys.governance.destroy_tenant_key(scope.tenant).await.unwrap();
    second.forget_tenant(scope.tenant);
    assert!(matches!(second.open(scope, &rewrapped, place, &sealed).await, Err(KeyError::NotFound)));
}

pub async fn d_3_retired_versions_open_no_more_and_rewrapped_keys_do(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let (key, backup) = keys.service.generate_data_key(scope).await.unwrap();
    keys.governance.rotate_tenant_key(scope.tenant).await.unwrap();
    keys.governance.rotate_tenant_key(scope.tenant).await.unwrap();
    let rewrapped = keys.governance.rewrap_data_key(scope, &backup).await.unwrap();

    let future = keys.governance.retire_versions(scope.tenant, 4).await;
    assert!(matches!(future, Err(KeyError::FutureVersion { .. })), "{future:?}");
    keys.service.unwrap_data_key(scope, &backup).await.unwrap();
    for _ in 0..2 {
        keys.governance.retire_versions(scope.tenant, 3).await.unwrap();
        assert_eq!(keys.governance.versions(scope.tenant).await.unwrap(), KeyVersions { latest: 3, minimum: 3 });
    }
    // What lies in a backup is refused, by service and governance, and by its own name.
    let opened = keys.service.unwrap_data_key(scope, &backup).await;
    assert!(matches!(opened, Err(KeyError::RetiredVersion { .. })), "{opened:?}");
    let saved = keys.governance.rewrap_data_key(scope, &backup).await;
    assert!(matches!(saved, Err(KeyError::RetiredVersion { .. })), "{saved:?}");
    assert_eq!(keys.service.unwrap_data_key(scope, &rewrapped).await.unwrap().expose(), key.expose());
    // There is no way back to a lower minimum, and rotation goes on counting.
    keys.governance.retire_versions(scope.tenant, 1).await.unwrap();
    assert!(keys.service.unwrap_data_key(scope, &backup).await.is_err());
    assert_eq!(keys.governance.rotate_tenant_key(scope.tenant).await.unwrap(), 4);
}

pub async fn d_3_a_data_key_that_was_made_unseen_is_as_good_as_any(keys: Keys) {
    let scope = scope_of(tenant());
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let unseen = keys.governance.new_wrapped_key(scope).await.unwrap();
    let other = keys.governance.new_wrapped_key(scope).await.unwrap();
    assert_eq!(unseen.version(), Some(1));
    let (key, other) = (
        keys.service.unwrap_data_key(scope, &unseen).await.unwrap(),
        keys.service.unwrap_data_key(scope, &other).await.unwrap(),
    );
    assert_ne!(key.expose(), other.expose());
    let opened = keys.service.unwrap_data_key(scope_of(scope.tenant), &unseen).await;
    assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "bound to its environment: {opened:?}");
}

pub async fn d_2_a_value_sealed_directly_opens_with_its_binding_alone(keys: Keys) {
    let (mine, other) = (tenant(), tenant());
    keys.service.create_tenant_key(mine).await.unwrap();
    keys.service.create_tenant_key(other).await.unwrap();
    let sealed = keys.service.seal_value(mine, b"place", b"canary-token").await.unwrap();
    assert_ne!(sealed, keys.service.seal_value(mine, b"place", b"canary-token").await.unwrap());
    assert!(!sealed.as_str().contains("canary"));
    assert_eq!(*keys.service.open_value(mine, b"place", &sealed).await.unwrap(), b"canary-token");
    let empty = keys.service.seal_value(mine, b"place", b"").await.unwrap();
    assert_eq!(*keys.service.open_value(mine, b"place", &empty).await.unwrap(), b"");

    let text = sealed.as_str();
    let cut = WrappedKey::from_text(&text[..text.len() - 8]);
    for (tenant, binding, sealed) in [(other, b"place", &sealed), (mine, b"Place", &sealed), (mine, b"place", &cut)] {
        let opened = keys.service.open_value(tenant, binding, sealed).await;
        assert!(matches!(opened, Err(KeyError::Corrupt { .. })), "{opened:?}");
    }
    let future = WrappedKey::from_text(text.replacen(":v1:", ":v9:", 1));
    let opened = keys.service.open_value(mine, b"place", &future).await;
    assert!(matches!(opened, Err(KeyError::FutureVersion { .. })), "{opened:?}");
}

pub async fn d_2_values_sealed_directly_outlive_a_rotation_and_end_with_the_key(keys: Keys) {
    let scope = scope_of(tenant());
    let place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(1) };
    keys.service.create_tenant_key(scope.tenant).await.unwrap();
    let sealer = Sealer::new(Arc::clone(&keys.service), Arc::new(Random), Arc::new(Still)).sealing(Sealing::Direct);
    let record = sealer.create_data_key(scope, data_key_id()).await.unwrap();
    let sealed = sealer.seal(scope, &record, place, b"token").await.unwrap();
    let sealed = Sealed::from_bytes(sealed.into_bytes()).unwrap();
    assert_eq!(keys.governance.rotate_tenant_key(scope.tenant).await.unwrap(), 2);
    assert_eq!(*sealer.open(scope, &record, place, &sealed).await.unwrap(), *b"token");
    let turn = DataKeyRecord { id: data_key_id(), wrapped: WrappedKey::direct(2) };
    let renewed = sealer.seal(scope, &turn, place, b"token").await.unwrap();

    keys.governance.retire_versions(scope.tenant, 2).await.unwrap();
    let opened = sealer.open(scope, &record, place, &sealed).await;
    assert!(matches!(opened, Err(KeyError::RetiredVersion { what: "a sealed value" })), "{opened:?}");
    assert_eq!(*sealer.open(scope, &turn, place, &renewed).await.unwrap(), *b"token");

    keys.governance.destroy_tenant_key(scope.tenant).await.unwrap();
    let opened = sealer.open(scope, &turn, place, &renewed).await;
    assert!(matches!(opened, Err(KeyError::NotFound)), "{opened:?}");
    let sealed = sealer.seal(scope, &turn, place, b"token").await;
    assert!(matches!(sealed, Err(KeyError::NotFound)), "{sealed:?}");
}
