use std::time::Duration;

use domain::secret::Secret;
use http::{HeaderName, HeaderValue, Method};
use patchbay_egress::{Credential, EgressError, Reach, Request};

use crate::{
    bounds::egress,
    server::{Server, Step, answer},
};

const TOKEN: &str = "canary-token-0123456789";

fn masked(server: &Server, credential: Credential) -> Request {
    let mut request = Request::new(Method::GET, server.url("/"), Reach::Any)
        .header(HeaderName::from_static("accept-encoding"), HeaderValue::from_static("gzip"));
    request.mask = Some(credential.masker());
    request.credential(credential)
}

#[tokio::test]
async fn pl_3_an_echoed_token_arrives_masked() {
    let server = Server::start(|request| {
        let said = request.header("authorization").unwrap_or_default().to_owned();
        assert_eq!(request.header("accept-encoding"), None);
        answer(401, &[("x-echo", &said)], &format!("{{\"error\":\"bad {said}\",\"url\":\"{}\"}}", request.target))
    })
    .await;
    let secret = Secret::new(TOKEN);
    for credential in
        [Credential::bearer(&secret), Credential::query("key", &secret), Credential::basic("user", &secret)]
    {
        let response = egress().send(masked(&server, credential)).await.unwrap();
        let shown = format!("{:?} {:?}", response.headers, response.body);
        assert!(!shown.contains("canary") && shown.contains("****"), "{shown}");
        assert_eq!(response.headers["content-length"], response.body.len().to_string().as_str());
        // The Basic header as it went out.
        assert!(!shown.contains("dXNlcjpjYW5hcnk"), "{shown}");
    }
}

#[tokio::test]
async fn pl_3_a_token_cut_by_pieces_arrives_masked() {
    let server = Server::start(|request| {
        let token = request.header("authorization").unwrap().to_owned();
        let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec())];
        for byte in token.bytes().chain("canary-toke".bytes()) {
            let piece = format!("1\r\n{}\r\n", char::from(byte));
            steps.extend([Step::Send(piece.into_bytes()), Step::Wait(Duration::from_millis(2))]);
        }
        steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
        steps
    })
    .await;
    let response = egress().send(masked(&server, Credential::bearer(&Secret::new(TOKEN)))).await.unwrap();
    assert_eq!(response.body, format!("Bearer {}canary-toke", "*".repeat(TOKEN.len())));
}

#[tokio::test]
async fn pl_3_a_compressed_answer_is_refused_where_it_must_be_masked() {
    let server = Server::start(|_| answer(200, &[("content-encoding", "gzip")], "not really")).await;
    let request = masked(&server, Credential::bearer(&Secret::new(TOKEN)));
    assert!(matches!(egress().send(request).await, Err(EgressError::Encoded { .. })));
    let plain = Request::new(Method::GET, server.url("/"), Reach::Any);
    assert_eq!(egress().send(plain).await.unwrap().body, "not really", "transparent otherwise");
}
