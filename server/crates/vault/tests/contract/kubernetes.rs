//! Signing in as a Kubernetes service account. The server of the Vault API is real and asks an API server whether the
//! account's token is good, as it does in a cluster; that API server is played here.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use patchbay_vault::{KeyError, KeyHealth, KeyService, TransitAuth, TransitConfig, TransitKeys};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    bao::Bao,
    support::{Folder, scope_of, tenant},
};

/// An API server that knows which service accounts' tokens are good.
struct Cluster {
    port: u16,
    good: Arc<Mutex<Vec<String>>>,
    reviews: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Cluster {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (good, reviews) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (known, count) = (Arc::clone(&good), Arc::clone(&reviews));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(review(stream, Arc::clone(&known), Arc::clone(&count)));
            }
        });
        Self { port, good, reviews, task }
    }

    /// A pod's token of this account, good from now on.
    fn issue(&self, namespace: &str, account: &str) -> String {
        let number = self.good.lock().unwrap().len();
        let claims = json!({
            "iss": "https://kubernetes.default.svc.cluster.local",
            "sub": format!("system:serviceaccount:{namespace}:{account}"),
            "aud": ["https://kubernetes.default.svc"],
            "jti": number.to_string(),
            "exp": 4_000_000_000_u64, "iat": 1_700_000_000, "nbf": 1_700_000_000,
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": uid(account) } },
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = BASE64_URL_SAFE_NO_PAD.encode([7; 256]);
        let token = format!("{}.{}.{signature}", part(&json!({ "alg": "RS256", "kid": "cluster" })), part(&claims));
        self.good.lock().unwrap().push(token.clone());
        token
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn uid(account: &str) -> String {
    format!("uid-of-{account}")
}

/// `POST /apis/authentication.k8s.io/v1/tokenreviews`.
async fn review(mut stream: TcpStream, good: Arc<Mutex<Vec<String>>>, reviews: Arc<AtomicUsize>) {
    let mut bytes = Vec::new();
    let body: Value = loop {
        let mut chunk = [0; 8192];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str(body) {
            assert!(text.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews "), "{text}");
            break body;
        }
    };
    reviews.fetch_add(1, Ordering::SeqCst);
    let token = body["spec"]["token"].as_str().unwrap_or_default();
    let is_good = good.lock().unwrap().iter().any(|known| known == token);
    let status = if is_good {
        let claims = token.split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let account = claims["kubernetes.io"]["serviceaccount"]["name"].as_str().unwrap();
        json!({ "authenticated": true, "audiences": claims["aud"],
            "user": { "username": claims["sub"], "uid": uid(account), "groups": ["system:serviceaccounts"] } })
    } else {
        json!({ "authenticated": false, "error": "the token is not known" })
    };
    let answer = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
        "spec": body["spec"], "status": status })
    .to_string();
    let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nconnection: close";
    drop(stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).as_bytes()).await);
}

async fn start() -> (Bao, Cluster, Folder) {
    let (bao, cluster) = (Bao::start(), Cluster::start().await);
    bao.set_up(&[
        ("PATCHBAY_KUBERNETES_ROLE", "patchbay/server"),
        ("PATCHBAY_TOKEN_TTL", "2s"),
        ("PATCHBAY_TOKEN_MAX_TTL", "4s"),
    ]);
    let config = json!({
        "kubernetes_host": format!("http://127.0.0.1:{}", cluster.port),
        "disable_local_ca_jwt": true,
        // Asked for, and not looked at: this API server speaks plain http.
        "kubernetes_ca_cert": rcgen::generate_simple_self_signed(["localhost".into()]).unwrap().cert.pem(),
        "token_reviewer_jwt": cluster.issue("vault", "reviewer"),
    });
    let (status, body) = bao.admin("POST", "auth/kubernetes/config", &config.to_string()).await;
    assert!(status < 300, "{status} {body}");
    (bao, cluster, Folder::new())
}

fn config(bao: &Bao, folder: &Folder) -> TransitConfig {
    let auth = TransitAuth::Kubernetes {
        mount: "kubernetes".into(),
        role: "patchbay".into(),
        token_file: folder.path().join("token"),
    };
    TransitConfig::new(bao.address(), auth)
}

#[tokio::test(flavor = "multi_thread")]
async fn d_4_a_service_account_signs_in_and_again_with_the_token_that_lies_there_then() {
    let (bao, cluster, folder) = start().await;
    let file = folder.path().join("token");
    // As it is mounted: with a line break at its end, and replaced from time to time.
    let first = cluster.issue("patchbay", "server");
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let keys = TransitKeys::start(config(&bao, &folder)).unwrap();
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    let (_, wrapped) = keys.generate_data_key(scope).await.unwrap();
    assert_eq!(cluster.reviews.load(Ordering::SeqCst), 1, "the server asked the API server");

    let second = cluster.issue("patchbay", "server");
    cluster.good.lock().unwrap().retain(|known| *known != first);
    std::fs::write(&file, second).unwrap();
    // Past the lifetime of the token and its final end, without a gap: renewed, then signed in anew.
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        keys.unwrap_data_key(scope, &wrapped).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(cluster.reviews.load(Ordering::SeqCst) >= 2);
    assert_eq!(keys.health().await, KeyHealth::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn d_4_another_service_account_is_denied_and_nothing_of_its_token_is_told() {
    let (bao, cluster, folder) = start().await;
    let file = folder.path().join("token");
    for token in [
        cluster.issue("patchbay", "intruder"),
        cluster.issue("elsewhere", "server"),
        // Of the right account by its words, and not known to the API server.
        cluster.issue("patchbay", "server").replace("Bwc", "Bwg"),
        "no.token.atall".into(),
        String::new(),
    ] {
        std::fs::write(&file, &token).unwrap();
        let keys = TransitKeys::start(config(&bao, &folder)).unwrap();
        let refused = keys.create_tenant_key(tenant()).await.unwrap_err();
        let said = format!("{refused} {refused:?}");
        assert!(!matches!(refused, KeyError::Unreachable { .. }), "{said}");
        assert!(token.len() < 20 || !said.contains(&token[..20]), "{said}");
        assert!(matches!(keys.health().await, KeyHealth::Misconfigured { .. }), "{token}");
    }
    std::fs::remove_file(&file).unwrap();
    let keys = TransitKeys::start(config(&bao, &folder)).unwrap();
    let refused = keys.create_tenant_key(tenant()).await;
    assert!(matches!(&refused, Err(KeyError::Config(text)) if text.contains("token")), "{refused:?}");

    // The right one is let in where the wrong ones were not.
    std::fs::write(&file, cluster.issue("patchbay", "server")).unwrap();
    keys.create_tenant_key(tenant()).await.unwrap();
}
