use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use http::Method;
use patchbay_egress::{Egress, EgressConfig, EgressError, LookedUp, Lookup, Reach, Redirects, Request, TransportKind};
use url::Url;

use crate::server::{Server, StoppedClock, answer};

fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('|').map(|(a, b)| (a.trim(), b.trim())).unwrap())
}

fn name(error: &EgressError) -> String {
    match error {
        EgressError::Denied { reason, .. } => reason.name().into(),
        EgressError::Address { class, .. } => format!("address {class}"),
        EgressError::Transport { kind: TransportKind::Dns, .. } => "dns".into(),
        other => other.code().into(),
    }
}

#[tokio::test]
async fn eg_2_urls() {
    let egress = Egress::new(EgressConfig::default(), Arc::new(StoppedClock)).unwrap();
    let mut checked = 0;
    for (expected, rest) in lines(include_str!("../vectors/urls.txt")) {
        let (hosts, url) = rest.split_once(" | ").unwrap();
        let reach = match hosts.trim() {
            "any" => Reach::Any,
            hosts => Reach::hosts(hosts.split(' ')).unwrap(),
        };
        let url = Url::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        let outcome = egress.check(&url, &reach).map_or_else(|e| name(&e), |()| "pass".into());
        assert_eq!(outcome, expected, "{rest}");
        // And the same by sending, where nothing would be sent.
        if expected != "pass" {
            let sent = egress.send(Request::new(Method::GET, url, reach)).await.unwrap_err();
            assert_eq!(name(&sent), expected, "{rest}");
            assert!(sent.nothing_was_sent());
        }
        checked += 1;
    }
    assert!(checked > 70, "{checked}");
}

#[test]
fn eg_2_what_is_no_url_never_gets_here() {
    for text in [
        "https://127.0.0.256/",
        "https://0x100000000/",
        "https://[::1/",
        "https://a b/",
        "https://1.2.3.08/",
        "https://",
    ] {
        assert!(Url::parse(text).is_err(), "{text}");
    }
}

/// Answers each lookup with the next of its answers.
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

impl Lookup for Scripted {
    fn lookup<'a>(&'a self, _: &'a str) -> LookedUp<'a> {
        let answer = self.0.lock().unwrap().pop_front().unwrap();
        Box::pin(async move { Ok(answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()) })
    }
}

fn open_to_one() -> EgressConfig {
    EgressConfig { allow_ranges: vec!["127.0.0.2".parse().unwrap()], allow_http: true, ..EgressConfig::default() }
}

#[tokio::test]
async fn eg_1_eg_2_names_are_checked_at_each_connection() {
    let server = Server::start_at("127.0.0.2:0", |_| answer(200, &[("connection", "close")], "hello")).await;
    for (expected, answers) in lines(include_str!("../vectors/names.txt")) {
        let script: VecDeque<Vec<IpAddr>> = answers
            .split("then")
            .map(|one| one.split(',').map(str::trim).filter(|a| !a.is_empty()).map(|a| a.parse().unwrap()).collect())
            .collect();
        let lookup = Arc::new(Scripted(Mutex::new(script)));
        let egress = Egress::with_lookup(open_to_one(), Arc::new(StoppedClock), lookup).unwrap();
        for expected in expected.split(" then ") {
            let before = server.received().len();
            let url = format!("http://name.test:{}/", server.address.port()).parse().unwrap();
            let outcome = egress.send(Request::new(Method::GET, url, Reach::Any)).await;
            let outcome = outcome.map_or_else(|e| name(&e), |_| "ok".into());
            assert_eq!(outcome, expected, "{answers}");
            assert_eq!(server.received().len() - before, usize::from(expected == "ok"), "{answers}");
        }
    }
}

#[tokio::test]
async fn eg_1_eg_2_each_hop_is_checked() {
    let vectors = include_str!("../vectors/redirects.txt");
    for (expected, location) in lines(vectors) {
        let server = Server::start_at("127.0.0.2:0", move |request| {
            if request.target.starts_with("/there") {
                return answer(200, &[], "arrived");
            }
            let port = request.header("host").unwrap().split(':').nth(1).unwrap().to_owned();
            answer(302, &[("location", &location.replace("{port}", &port))], "")
        })
        .await;
        let lookup = Arc::new(Scripted(Mutex::new(VecDeque::from([vec!["127.0.0.1".parse().unwrap()]]))));
        let egress = Egress::with_lookup(open_to_one(), Arc::new(StoppedClock), lookup).unwrap();
        let mut request = Request::new(Method::GET, server.url("/"), Reach::Any);
        request.redirects = Redirects::Follow(4);
        let outcome = egress.send(request).await.map_or_else(
            |e| name(&e),
            |r| {
                assert_eq!(r.body, "arrived");
                "ok".into()
            },
        );
        assert_eq!(outcome, expected, "{location}");
    }
}

#[tokio::test]
async fn eg_1_a_name_in_the_hosts_file_is_checked_too() {
    let egress = Egress::new(EgressConfig::default(), Arc::new(StoppedClock)).unwrap();
    let url = "https://localhost:9/".parse().unwrap();
    let error = egress.send(Request::new(Method::GET, url, Reach::Any)).await.unwrap_err();
    assert_eq!(name(&error), "address loopback");
}
