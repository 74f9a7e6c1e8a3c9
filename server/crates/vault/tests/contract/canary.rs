//! SE-2: what this crate and the libraries under it write to the log, at the finest level, holds no secret.

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use patchbay_vault::{KeyService, Place, Sealer, TransitKeys};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use crate::{
    bao::Bao,
    support::{Random, Still, data_key_id, scope_of, tenant},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// One thread, so that the subscriber of this test sees all of it and nothing else.
#[tokio::test]
async fn se_2_the_log_holds_no_token_key_or_plaintext() {
    let bao = Bao::start();
    let role = bao.set_up(&[("PATCHBAY_DIRECT", "yes")]);
    let token = bao.token(r#"{"policies":["patchbay-server","patchbay-direct"],"no_default_policy":true}"#).await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let scope = scope_of(tenant());
    let mut secrets = vec![token.clone(), "canary-secret".into(), BASE64_STANDARD.encode("canary-secret")];
    secrets.extend(role.secrets());
    for config in [bao.as_role(&role), bao.with_token(&token)] {
        let keys: Arc<dyn KeyService> = Arc::new(TransitKeys::start(config).unwrap());
        keys.create_tenant_key(scope.tenant).await.unwrap();
        let (key, wrapped) = keys.generate_data_key(scope).await.unwrap();
        secrets.push(BASE64_STANDARD.encode(key.expose()));
        keys.unwrap_data_key(scope, &wrapped).await.unwrap();
        let sealed = keys.seal_value(scope.tenant, b"place", b"canary-secret").await.unwrap();
        assert_eq!(*keys.open_value(scope.tenant, b"place", &sealed).await.unwrap(), b"canary-secret");
        // Failures, which the libraries log by themselves.
        assert!(keys.unwrap_data_key(scope_of(tenant()), &wrapped).await.is_err());
        assert!(keys.unwrap_data_key(scope_of(scope.tenant), &wrapped).await.is_err());
        let sealer = Sealer::new(keys, Arc::new(Random), Arc::new(Still));
        let place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(1) };
        let record = sealer.create_data_key(scope, data_key_id()).await.unwrap();
        sealer.seal(scope, &record, place, b"canary-secret").await.unwrap();
    }
    drop(guard);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("decrypt") && text.contains("signed in"), "the log was not caught: {} bytes", text.len());
    for secret in secrets {
        assert!(secret.len() > 8 && !text.contains(&secret), "the log holds {}…", &secret[..4]);
    }
}
