use std::{path::PathBuf, sync::Arc};

use http::Method;
use patchbay_egress::{Egress, EgressConfig, EgressError, LookedUp, Lookup, Reach, Request, TransportKind};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{bounds::config, server::StoppedClock};

/// Every name leads to the loopback address.
struct Home;

impl Lookup for Home {
    fn lookup<'a>(&'a self, _: &'a str) -> LookedUp<'a> {
        Box::pin(async { Ok(vec![([127, 0, 0, 1], 0).into()]) })
    }
}

/// A TLS server for `api.example.test`, and the file with the authority that vouches for it.
async fn serve(alpn: &'static [u8]) -> (u16, PathBuf) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["api.example.test".into()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut tls =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let file = std::env::temp_dir().join(format!("patchbay-egress-root-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, root.pem()).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut seen = [0; 2048];
                if stream.read(&mut seen).await.unwrap_or(0) > 0 {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure").await;
                }
            });
        }
    });
    (port, file)
}

async fn get(egress: &Egress, host: &str, port: u16) -> Result<bytes::Bytes, EgressError> {
    let url = format!("https://{host}:{port}/").parse().unwrap();
    Ok(egress.send(Request::new(Method::GET, url, Reach::Any)).await?.body)
}

#[tokio::test]
async fn eg_3_certificates_are_checked_against_the_roots_and_the_name() {
    let (port, file) = serve(b"http/1.1").await;
    let egress = |extra_roots| {
        let config = EgressConfig { extra_roots, ..config() };
        Egress::with_lookup(config, Arc::new(StoppedClock), Arc::new(Home)).unwrap()
    };
    let trusting = egress(vec![file.clone()]);
    assert_eq!(get(&trusting, "api.example.test", port).await.unwrap(), "secure");
    let is_tls = |e: &EgressError| matches!(e, EgressError::Transport { kind: TransportKind::Tls, .. });
    let other_name = get(&trusting, "other.example.test", port).await.unwrap_err();
    assert!(is_tls(&other_name), "{other_name:?}");
    let stranger = get(&egress(vec![]), "api.example.test", port).await.unwrap_err();
    assert!(is_tls(&stranger) && stranger.nothing_was_sent(), "{stranger:?}");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn eg_3_a_root_file_that_is_none_is_named() {
    let missing = EgressConfig { extra_roots: vec!["/nowhere/root.pem".into()], ..config() };
    let said = Egress::new(missing, Arc::new(StoppedClock)).unwrap_err().to_string();
    assert!(said.contains("egress.extra_roots") && said.contains("/nowhere/root.pem"), "{said}");
}
