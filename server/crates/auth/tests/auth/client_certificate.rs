use std::{sync::Arc, time::Duration};

use domain::{manifest::ClientAuth, secret::Secret};
use egress::{Egress, EgressConfig, LookedUp, Lookup};
use patchbay_auth::{Failure, OAuth2Client};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use crate::{fixture::Around, server::StoppedClock};

/// Every name leads to the loopback address.
struct Home;

impl Lookup for Home {
    fn lookup<'a>(&'a self, _: &'a str) -> LookedUp<'a> {
        Box::pin(async { Ok(vec![([127, 0, 0, 1], 0).into()]) })
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A token endpoint that takes certificates of this authority alone, and names the serial number of the one it saw.
async fn serve(authority: &Authority) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["token.example.test".into()]).unwrap();
    let leaf = params.signed_by(&key, authority).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let tls = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let seen = stream.get_ref().1.peer_certificates().map_or(0, |chain| chain[0].as_ref().len());
                let mut request = [0; 4096];
                while stream.read(&mut request).await.unwrap_or(0) > 0 {
                    let body = format!(r#"{{"access_token":"at","seen":{seen}}}"#);
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                }
            });
        }
    });
    port
}

/// A certificate of this authority and its key.
fn identity(authority: &Authority, name: &str) -> (Secret, Secret, usize) {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.into()]).unwrap().signed_by(&key, authority).unwrap();
    (Secret::new(leaf.pem()), Secret::new(key.serialize_pem()), leaf.der().len())
}

#[tokio::test]
async fn a_1_a_client_shows_its_certificate_and_nobody_elses() {
    let (ours, strange) = (authority(), authority());
    let port = serve(&ours).await;
    let file = std::env::temp_dir().join(format!("patchbay-auth-root-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, ours.pem()).unwrap();
    let config = EgressConfig {
        allow_ranges: vec!["127.0.0.0/8".parse().unwrap()],
        extra_roots: vec![file.clone()],
        ..EgressConfig::default()
    };
    let egress = Egress::with_lookup(config, Arc::new(StoppedClock), Arc::new(Home)).unwrap();
    std::fs::remove_file(file).unwrap();
    let around = Around::with(egress);
    let token_url = format!("https://token.example.test:{port}/token").parse().unwrap();
    let mut client = OAuth2Client::new("client:1", token_url, "https://connect.example/cb".parse().unwrap());
    client.deadline = Duration::from_secs(10);
    client.client_auth = ClientAuth::Tls;
    // One after the other over the same client: connections of one identity never serve the other.
    let (short, long) = (identity(&ours, "a.example"), identity(&ours, &format!("{}.example", "a".repeat(60))));
    for (certificate, key, length) in [&short, &long, &short] {
        client.client_certificate = Some(certificate.clone());
        client.client_key = Some(key.clone());
        let tokens = client.client_credentials(around.out(), None).await.unwrap();
        assert_eq!(tokens.extra["seen"], *length);
    }
    let (certificate, key, _) = identity(&strange, "a.example");
    (client.client_certificate, client.client_key) = (Some(certificate), Some(key));
    let refused = client.client_credentials(around.out(), None).await.unwrap_err();
    assert!(matches!(refused, Failure::ProviderDown { .. }), "{refused:?}");
    client.client_certificate = Some(Secret::new("canary, no certificate"));
    let unusable = client.client_credentials(around.out(), None).await.unwrap_err();
    assert!(matches!(unusable, Failure::ClientMisconfigured(_)) && !format!("{unusable:?}").contains("canary"));
    client.client_auth = ClientAuth::None;
    let without = client.client_credentials(around.out(), None).await.unwrap_err();
    assert!(matches!(without, Failure::ProviderDown { .. }), "{without:?}");
}
