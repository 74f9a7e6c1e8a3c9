use domain::secret::Secret;
use http::{HeaderName, HeaderValue, Method};
use patchbay_egress::{Body, Credential, EgressError, Reach, Redirects, Request};

use crate::{
    bounds::egress,
    server::{Server, answer},
};

fn following(method: Method, server: &Server) -> Request {
    let mut request = Request::new(method, server.url("/start"), Reach::Any);
    request.redirects = Redirects::Follow(3);
    request
        .credential(
            Credential::bearer(&Secret::new("secret-token")).and(Credential::query("k", &Secret::new("key-value"))),
        )
        .header(HeaderName::from_static("x-tenant"), HeaderValue::from_static("also secret"))
        .header(HeaderName::from_static("accept"), HeaderValue::from_static("text/plain"))
}

#[tokio::test]
async fn eg_3_credentials_stay_with_their_origin() {
    let elsewhere = Server::start(|_| answer(200, &[], "elsewhere")).await;
    let to = elsewhere.url("/other").to_string();
    let home = Server::start(move |_| answer(302, &[("location", &to)], "")).await;
    let response = egress().send(following(Method::GET, &home)).await.unwrap();
    assert_eq!(response.body, "elsewhere");
    let first = &home.received()[0];
    assert_eq!(first.header("authorization"), Some("Bearer secret-token"));
    assert_eq!(first.target, "/start?k=key-value");
    let second = &elsewhere.received()[0];
    assert_eq!(second.target, "/other");
    assert_eq!((second.header("authorization"), second.header("x-tenant")), (None, None));
    assert_eq!(second.header("accept"), Some("text/plain"));
}

#[tokio::test]
async fn eg_3_credentials_do_not_come_back_after_a_detour() {
    let home = Server::start(|request| match request.target.as_str() {
        "/end" => answer(200, &[], "end"),
        _ => answer(302, &[("location", &format!("http://127.0.0.3:{}/detour", port(request)))], ""),
    })
    .await;
    let back = home.url("/end").to_string();
    let _detour = Server::start_at(&format!("127.0.0.3:{}", home.address.port()), move |_| {
        answer(302, &[("location", &back)], "")
    })
    .await;
    egress().send(following(Method::GET, &home)).await.unwrap();
    assert_eq!(home.received()[1].header("authorization"), None);
    assert_eq!(home.received()[1].target, "/end");
}

fn port(request: &crate::server::Received) -> &str {
    request.header("host").unwrap().split(':').nth(1).unwrap()
}

#[tokio::test]
async fn eg_3_a_redirect_cannot_carry_the_credential_away_in_its_url() {
    let elsewhere = Server::start(|_| answer(200, &[], "")).await;
    let to = elsewhere.url("/?stolen=secret-token").to_string();
    let home = Server::start(move |_| answer(302, &[("location", &to)], "")).await;
    let error = egress().send(following(Method::GET, &home)).await.unwrap_err();
    assert!(matches!(error, EgressError::Redirect { .. }), "{error}");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn eg_3_bodies_stay_with_their_origin() {
    let elsewhere = Server::start(|_| answer(200, &[], "")).await;
    let to = elsewhere.url("/").to_string();
    let home = Server::start(move |_| answer(307, &[("location", &to)], "")).await;
    let error = egress().send(following(Method::POST, &home).body("client_secret=x".to_owned())).await.unwrap_err();
    assert!(matches!(error, EgressError::Redirect { .. }), "{error}");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn methods_and_bodies_change_as_the_status_says() {
    for (status, method, body) in
        [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "b"), (308, "POST", "b")]
    {
        let home = Server::start(move |request| match request.target.as_str() {
            "/end" => answer(200, &[], ""),
            _ => answer(status, &[("location", "/end")], ""),
        })
        .await;
        let mut request = Request::new(Method::POST, home.url("/"), Reach::Any).body("b".to_owned());
        request.redirects = Redirects::Follow(1);
        egress().send(request).await.unwrap();
        let last = &home.received()[1];
        assert_eq!((last.method.as_str(), last.body.as_slice()), (method, body.as_bytes()), "{status}");
    }
}

#[tokio::test]
async fn a_streamed_body_is_not_sent_twice() {
    let home = Server::start(|_| answer(307, &[("location", "/end")], "")).await;
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"once"))]);
    let mut request = Request::new(Method::PUT, home.url("/"), Reach::Any).body(Body::stream(stream));
    request.redirects = Redirects::Follow(1);
    assert!(matches!(egress().send(request).await, Err(EgressError::Redirect { .. })));
    assert_eq!(home.received().len(), 1);
}

#[tokio::test]
async fn eg_3_redirects_are_handed_back_unless_asked_for() {
    let home = Server::start(|_| answer(302, &[("location", "http://10.0.0.1/")], "body")).await;
    let response = egress().send(Request::new(Method::GET, home.url("/"), Reach::Any)).await.unwrap();
    assert_eq!((response.status.as_u16(), response.body.as_ref()), (302, b"body".as_ref()));
}

/// What plugins ask with: redirects are followed, as far as the provider's own hosts go.
#[tokio::test]
async fn pl_2_a_redirect_off_the_providers_list_is_not_followed() {
    let elsewhere = Server::start(|_| answer(200, &[], "elsewhere")).await;
    let to = elsewhere.url("/taken?from=here").to_string();
    let home = Server::start(move |request| match request.target.as_str() {
        "/away" => answer(302, &[("location", &to)], ""),
        "/around" => answer(302, &[("location", "/end")], ""),
        _ => answer(200, &[], "end"),
    })
    .await;
    let within = Reach::hosts_of([&home.url("/")]);
    let ask = async |path: &str| {
        let mut request = Request::new(Method::GET, home.url(path), within.clone());
        request.redirects = Redirects::Follow(5);
        egress().send(request).await
    };
    assert_eq!(ask("/around").await.unwrap().body, "end");
    let error = ask("/away").await.unwrap_err();
    assert!(matches!(error, EgressError::Denied { .. }), "{error}");
    assert!(elsewhere.received().is_empty());
}
