use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::secret::Secret;
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method};
use patchbay_egress::{Body, Credential, Egress, EgressConfig, EgressError, Reach, Request, TransportKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};

use crate::server::{Server, Step, StoppedClock, answer};

pub fn config() -> EgressConfig {
    EgressConfig { allow_ranges: vec!["127.0.0.0/8".parse().unwrap()], allow_http: true, ..EgressConfig::default() }
}

pub fn egress() -> Egress {
    Egress::new(config(), Arc::new(StoppedClock)).unwrap()
}

fn get(server: &Server) -> Request {
    Request::new(Method::GET, server.url("/path?token=in-the-query"), Reach::Any)
}

#[tokio::test]
async fn an_exchange_and_its_headers() {
    let server = Server::start(|_| {
        answer(201, &[("x-a", "1"), ("keep-alive", "timeout=5"), ("connection", "x-hop"), ("x-hop", "1")], "hello")
    })
    .await;
    let egress = egress();
    for _ in 0..3 {
        let request = Request::new(Method::POST, server.url("/p?q=%20"), Reach::Any)
            .body("in".to_owned())
            .header(HeaderName::from_static("host"), HeaderValue::from_static("forged"))
            .header(HeaderName::from_static("transfer-encoding"), HeaderValue::from_static("chunked"));
        let response = egress.send(request).await.unwrap();
        assert_eq!((response.status.as_u16(), response.body.as_ref()), (201, b"hello".as_ref()));
        assert_eq!(response.headers.keys().map(|k| k.as_str()).collect::<Vec<_>>(), ["content-length", "x-a"]);
    }
    let received = &server.received()[2];
    assert_eq!(
        (received.method.as_str(), received.target.as_str(), received.body.as_slice()),
        ("POST", "/p?q=%20", b"in".as_ref())
    );
    assert_eq!(received.header("host"), Some(server.address.to_string().as_str()));
    assert!(received.header("user-agent").unwrap().starts_with("patchbay/"));
    assert_eq!(server.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn f_1_bodies_stream_both_ways() {
    let server = Server::start(|request| {
        assert_eq!(request.header("content-length"), Some("6"));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
        vec![Step::Send(head.into()), Step::Wait(Duration::from_secs(3)), Step::Send(b"3\r\ntwo\r\n0\r\n\r\n".to_vec())]
    })
    .await;
    let pieces = stream::iter(["abc", "def"]).map(|p| Ok::<_, std::io::Error>(Bytes::from_static(p.as_bytes())));
    let request = Request::new(Method::PUT, server.url("/"), Reach::Any)
        .header(HeaderName::from_static("content-length"), HeaderValue::from_static("6"))
        .body(Body::stream(pieces));
    let start = Instant::now();
    let mut response = egress().stream(request).await.unwrap();
    assert_eq!(response.body.next().await.unwrap().unwrap(), "one");
    assert!(start.elapsed() < Duration::from_millis(2500), "the first piece does not wait for the second");
    assert_eq!(response.body.next().await.unwrap().unwrap(), "two");
    assert!(response.body.next().await.is_none());
    assert_eq!(server.received()[0].body, b"abcdef");
}

#[tokio::test]
async fn f_1_a_body_of_unknown_length_goes_in_chunks_and_its_failure_is_ours() {
    let server = Server::start(|_| answer(200, &[], "ok")).await;
    let pieces = stream::iter([Ok(Bytes::from_static(b"abc")), Err(std::io::Error::other("gone"))]);
    let request = Request::new(Method::PUT, server.url("/"), Reach::Any).body(Body::stream(pieces));
    let error = egress().send(request).await.unwrap_err();
    assert!(matches!(error, EgressError::Transport { kind: TransportKind::RequestBody, .. }), "{error:?}");
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"abc"))]);
    let request = Request::new(Method::PUT, server.url("/"), Reach::Any).body(Body::stream(pieces));
    egress().send(request).await.unwrap();
    assert_eq!(server.received()[0].body, b"3\r\nabc\r\n0\r\n\r\n");
}

#[tokio::test]
async fn eg_3_the_deadline_covers_head_and_body() {
    let hanging = Server::start(|_| vec![Step::Wait(Duration::from_secs(60))]).await;
    let dripping = Server::start(|_| {
        let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec())];
        for _ in 0..1000 {
            steps.extend([Step::Send(b"x".to_vec()), Step::Wait(Duration::from_millis(50))]);
        }
        steps
    })
    .await;
    for server in [hanging, dripping] {
        let mut request = get(&server);
        request.deadline = Some(Duration::from_millis(300));
        let start = Instant::now();
        let error = egress().send(request).await.unwrap_err();
        assert!(matches!(error, EgressError::Timeout { .. }), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(error.is_transient() && !error.nothing_was_sent());
    }
}

#[tokio::test]
async fn eg_3_the_answer_is_bounded_announced_or_not() {
    let announced = Server::start(|_| answer(200, &[], &"x".repeat(1001))).await;
    let chunked = Server::start(|_| {
        let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec())];
        // Endless: the client has to cut it off.
        steps.extend((0..100_000).map(|_| Step::Send(b"5\r\nxxxxx\r\n".to_vec())));
        steps
    })
    .await;
    let until_close = Server::start(|_| {
        vec![Step::Send([b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), vec![b'x'; 5000]].concat()), Step::Close]
    })
    .await;
    for server in [announced, chunked, until_close] {
        let mut request = get(&server);
        request.max_response = Some(1000);
        let error = egress().send(request).await.unwrap_err();
        assert!(matches!(error, EgressError::TooLarge { limit: 1000, .. }), "{error:?}");
    }
    let exact = Server::start(|_| answer(200, &[], &"x".repeat(1000))).await;
    let mut request = get(&exact);
    request.max_response = Some(1000);
    assert_eq!(egress().send(request).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn eg_3_header_fields_are_bounded() {
    for (limit, fields) in [(100, 101), (100, 400), (20, 21), (20, 101)] {
        let server = Server::start(move |_| {
            let fields: Vec<(String, String)> = (1..fields).map(|n| (format!("x-{n}"), "v".into())).collect();
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            answer(200, &fields, "")
        })
        .await;
        let egress = Egress::new(EgressConfig { max_headers: limit, ..config() }, Arc::new(StoppedClock)).unwrap();
        let error = egress.send(get(&server)).await.unwrap_err();
        assert!(matches!(error, EgressError::TooManyHeaders { .. }), "{limit} {fields}: {error:?}");
    }
}

#[tokio::test]
async fn ft_2_lies_and_broken_connections_are_protocol_errors() {
    let answers: [fn() -> Vec<Step>; 5] = [
        || vec![Step::Close],
        || vec![Step::Send(b"SSH-2.0-OpenSSH_9\r\n".to_vec()), Step::Close],
        || vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec()), Step::Close],
        || vec![Step::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n".to_vec()), Step::Close],
        || {
            vec![
                Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello".to_vec()),
                Step::Close,
            ]
        },
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        let server = Server::start(move |_| answer()).await;
        let error = egress().send(get(&server)).await.unwrap_err();
        assert!(matches!(error, EgressError::Transport { kind: TransportKind::Protocol, .. }), "{n}: {error:?}");
    }
}

#[tokio::test]
async fn ft_2_nobody_there_is_a_connect_error() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{free}/").parse().unwrap();
    let error = egress().send(Request::new(Method::GET, url, Reach::Any)).await.unwrap_err();
    assert!(matches!(error, EgressError::Transport { kind: TransportKind::Connect, .. }), "{error:?}");
    assert!(error.nothing_was_sent());
}

#[tokio::test]
async fn eg_3_https_is_not_spoken_in_clear() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/path", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 512];
        let read = stream.read(&mut first).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        first[..read].to_vec()
    });
    let error = egress().send(Request::new(Method::GET, url, Reach::Any)).await.unwrap_err();
    assert!(matches!(error, EgressError::Transport { kind: TransportKind::Tls, .. }), "{error:?}");
    assert_eq!(server.await.unwrap()[0], 22, "a TLS handshake and nothing else");
}

#[tokio::test]
async fn ft_2_a_connection_that_does_not_come_about_in_time_is_a_connect_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let egress = Egress::new(EgressConfig { connect_timeout_ms: 200, ..config() }, Arc::new(StoppedClock)).unwrap();
    let error = egress.send(Request::new(Method::GET, url, Reach::Any)).await.unwrap_err();
    assert!(matches!(error, EgressError::Transport { kind: TransportKind::Connect, .. }), "{error:?}");
}

#[tokio::test]
async fn oa_4_errors_carry_no_path_query_or_secret() {
    let server = Server::start(|_| vec![Step::Close]).await;
    let egress = egress();
    let with_key = |url: url::Url| {
        Request::new(Method::GET, url, Reach::Any).credential(Credential::query("key", &Secret::new("canary-key")))
    };
    let nobody = "http://127.0.0.9:1/path?token=canary".parse().unwrap();
    let mut late = with_key(server.url("/path?token=canary"));
    late.deadline = Some(Duration::ZERO);
    let denied =
        Request::new(Method::GET, server.url("/path?token=canary"), Reach::hosts(["api.example.com"]).unwrap());
    let userinfo = "http://canary:canary@127.0.0.1/path".parse().unwrap();
    for request in [with_key(server.url("/path?token=canary")), with_key(nobody), late, denied, with_key(userinfo)] {
        let error = egress.send(request).await.unwrap_err();
        let mut said = format!("{error} {error:?}");
        let mut next = std::error::Error::source(&error);
        while let Some(cause) = next {
            said.push_str(&format!(" {cause} {cause:?}"));
            next = cause.source();
        }
        assert!(!said.contains("canary") && !said.contains("/path"), "{said}");
    }
}

#[tokio::test]
async fn eg_4_exchanges_with_one_host_are_bounded() {
    let server = Server::start(|request| match request.target.as_str() {
        "/slow" => vec![
            Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na".to_vec()),
            Step::Wait(Duration::from_secs(60)),
        ],
        _ => answer(200, &[], "quick"),
    })
    .await;
    let limits = EgressConfig { max_exchanges_per_host: 1, max_wait_ms: 50, ..config() };
    let egress = Egress::new(limits, Arc::new(StoppedClock)).unwrap();
    let quick = || Request::new(Method::GET, server.url("/quick"), Reach::Any);
    let slow = egress.stream(Request::new(Method::GET, server.url("/slow"), Reach::Any)).await.unwrap();
    // The place is taken until the body is read or dropped.
    let error = egress.send(quick()).await.unwrap_err();
    assert!(matches!(error, EgressError::Busy { .. }), "{error:?}");
    drop(slow);
    egress.send(quick()).await.unwrap();
}
