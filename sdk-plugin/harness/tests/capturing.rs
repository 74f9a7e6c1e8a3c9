//! Recording at a provider: what comes of it replays, and holds no secret.

#[cfg(test)]
mod guest;

#[cfg(test)]
mod capturing {
    use async_trait::async_trait;
    use chrono::DateTime;
    use patchbay_plugin_harness::{
        Fixture, ProviderFolder,
        capture::{Captured, Wanted, capture},
        replay,
    };
    use plugin_host::{Connection, HostConfig, HostHttp, HttpFault, HttpRequest, HttpResponse, PluginHost};
    use serde_json::{Value, json};

    use crate::guest::{ASK, ONE_RECORD, component, folder, more};

    struct Zeroes;

    impl domain::entropy::Entropy for Zeroes {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    /// A provider that says more than it should.
    struct Talkative(Result<Vec<u8>, HttpFault>);

    #[async_trait]
    impl HostHttp for Talkative {
        async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
            let headers = [("Set-Cookie", "sid=c4n4ry"), ("X-Api-Key", "c4n4ry"), ("Link", "<x>; rel=\"next\"")];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            self.0.clone().map(|body| HttpResponse { status: 200, headers, body })
        }
    }

    async fn captured(test: &str, body: &str, answer: Result<Vec<u8>, HttpFault>) -> Result<Captured, String> {
        let folder = folder(test, &component(body), &[]);
        let provider = ProviderFolder::open(&folder).unwrap();
        let host = PluginHost::new(HostConfig { instances: 4, ..HostConfig::default() }, &Zeroes).unwrap();
        let plugin = host.load(provider.component().unwrap()).await.unwrap();
        let connection = Connection { id: "conn_1".into(), config: "{\"size\": 2}".into(), ..Connection::default() };
        let wanted = Wanted {
            stream: "things".into(),
            cursor: None,
            most_pages: 3,
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        let result = capture(&provider, &plugin, &connection, Box::new(Talkative(answer)), &wanted).await;
        if let Ok(captured) = &result {
            let fixture: Fixture = serde_json::from_str(&captured.fixture).unwrap();
            replay(&provider, &plugin, "again", &fixture).await.unwrap();
        }
        std::fs::remove_dir_all(folder).unwrap();
        result.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn secrets_are_taken_out_before_anything_is_kept() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjNG40cnkifQ.c4n4ryc4n4ry";
        let body = json!({
            "next_page_token": "p2",
            "user": { "accessToken": "c4n4ry", "client-secret": "c4n4ry", "token": null, "tokens_used": 3 },
            "list": [{ "Password": "c4n4ry", "id": "a" }, jwt, "plain"],
        });
        let captured =
            captured("strip", &format!("{ASK} {ONE_RECORD}"), Ok(body.to_string().into_bytes())).await.unwrap();
        assert!(!captured.fixture.contains("c4n4ry") && !captured.fixture.contains("eyJ"), "{}", captured.fixture);
        assert_eq!((captured.exchanges, captured.pages), (1, 1));
        let fixture: Value = serde_json::from_str(&captured.fixture).unwrap();
        let answer = &fixture["exchanges"][0]["response"];
        assert_eq!(answer["headers"], json!({ "link": "<x>; rel=\"next\"" }));
        assert_eq!(answer["body"]["next_page_token"], "p2");
        assert_eq!(
            answer["body"]["user"],
            json!({ "accessToken": "stripped", "client-secret": "stripped", "token": null, "tokens_used": 3 })
        );
        assert_eq!(answer["body"]["list"], json!([{ "Password": "stripped", "id": "a" }, "stripped", "plain"]));
        assert_eq!((&fixture["expect"]["items"], &fixture["config"]), (&json!(["a"]), &json!({ "size": 2 })));
        assert_eq!(captured.stripped.len(), 6, "{:?}", captured.stripped);
        assert!(
            captured.stripped.iter().any(|at| at == "GET /things: body.user.accessToken"),
            "{:?}",
            captured.stripped
        );
    }

    #[tokio::test]
    async fn what_is_no_json_is_recorded_and_named() {
        let page = "<a href=\"https://files.example/?sig=c4n4ry&amp;page=2\">on</a>";
        let captured = captured("page", &format!("{ASK} {ONE_RECORD}"), Ok(page.as_bytes().to_vec())).await.unwrap();
        assert!(captured.fixture.contains("sig=stripped&amp;page=2"), "{}", captured.fixture);
        assert!(!captured.fixture.contains("c4n4ry"), "{}", captured.fixture);
        assert_eq!(captured.unreviewed, ["GET /things: body"]);
    }

    #[tokio::test]
    async fn what_cannot_be_a_fixture_is_refused() {
        let changing = more("(i32.add (i32.const 33) (global.get $n))");
        let error = captured("long", &format!("{ASK} {ONE_RECORD} {changing}"), Ok(b"{}".to_vec())).await.unwrap_err();
        assert!(error.contains("after 3 pages") && error.contains("--cursor"), "{error}");
        let error = captured("bytes", &format!("{ASK} {ONE_RECORD}"), Ok(vec![0xff, 0xfe])).await.unwrap_err();
        assert!(error.contains("GET /things: body is not text"), "{error}");
        let denied = Err(HttpFault::Denied("The host is not on the list.".into()));
        let error = captured("denied", &format!("{ASK} {ONE_RECORD}"), denied).await.unwrap_err();
        assert!(error.contains("not on the list"), "{error}");
    }
}
