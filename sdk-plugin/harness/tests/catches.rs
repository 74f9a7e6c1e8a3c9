//! What the harness must not let pass.

#[cfg(test)]
mod catches {
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    use domain::entropy::Entropy;
    use patchbay_plugin_harness::{Fixture, Mismatch, ProviderFolder, Replayed, replay, replay_folder};
    use plugin_host::{HostConfig, Plugin, PluginHost};
    use serde_json::json;
    use tokio::sync::OnceCell;

    struct Zeroes;

    impl Entropy for Zeroes {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    /// Compiled once for all of these tests.
    static PLUGIN: OnceCell<Arc<Plugin>> = OnceCell::const_new();

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/github")
    }

    /// Replays a fixture of the GitHub plugin after a change to it.
    async fn changed(name: &str, change: impl FnOnce(&mut Fixture)) -> Result<Replayed, Mismatch> {
        let provider = ProviderFolder::open(&folder()).unwrap();
        let plugin = PLUGIN.get_or_init(async || {
            let host = PluginHost::new(HostConfig { instances: 16, ..HostConfig::default() }, &Zeroes).unwrap();
            host.load(provider.component().unwrap()).await.unwrap()
        });
        let plugin = plugin.await;
        let mut fixture = Fixture::read(&folder().join("fixtures").join(name)).unwrap();
        change(&mut fixture);
        replay(&provider, plugin, name, &fixture).await
    }

    async fn caught(name: &str, change: impl FnOnce(&mut Fixture), words: &[&str]) {
        let Mismatch(text) = changed(name, change).await.unwrap_err();
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
    }

    const REPOSITORIES: &str = "repositories-three-pages.json";

    #[tokio::test]
    async fn an_unchanged_fixture_passes_and_tells_what_was_used() {
        let replayed = changed(REPOSITORIES, |_| ()).await.unwrap();
        assert_eq!((replayed.usage.calls, replayed.usage.http_calls), (3, 3));
        assert!(replayed.usage.fuel > 0 && replayed.usage.memory_peak > 0);
    }

    #[tokio::test]
    async fn another_request_than_the_recorded_one() {
        let other = |f: &mut Fixture| f.exchanges[0].request.url = "/user/repos?per_page=30".into();
        caught(REPOSITORIES, other, &["request 1 is not the recorded one", "per_page=30", "per_page=100"]).await;
        caught(REPOSITORIES, |f| f.exchanges[1].request.method = "POST".into(), &["request 2"]).await;
        let header = |f: &mut Fixture| _ = f.exchanges[0].request.headers.insert("if-none-match".into(), "x".into());
        caught(REPOSITORIES, header, &["header if-none-match"]).await;
        caught(
            "create-issue.json",
            |f| f.exchanges[0].request.body = Some(json!({"title": "x"})),
            &["the body differs"],
        )
        .await;
    }

    #[tokio::test]
    async fn asking_on_after_the_last_page() {
        let shorter = |f: &mut Fixture| _ = f.exchanges.pop();
        caught(REPOSITORIES, shorter, &["asks on after the last recorded exchange", "page=3"]).await;
    }

    #[tokio::test]
    async fn stopping_too_early() {
        let no_link = |f: &mut Fixture| _ = f.exchanges[0].response.as_mut().unwrap().headers.remove("link");
        caught(REPOSITORIES, no_link, &["exchange 2 was never asked for"]).await;
    }

    #[tokio::test]
    async fn pl_2_a_host_outside_the_list() {
        for target in [
            "https://evil.example/user/repos?page=2",
            "https://api.github.com.evil.example/",
            "https://api.github.com@evil.example/",
        ] {
            let evil = |f: &mut Fixture| {
                let header = format!("<{target}>; rel=\"next\"");
                f.exchanges[0].response.as_mut().unwrap().headers.insert("link".into(), header);
            };
            caught(REPOSITORIES, evil, &["evil.example", "not on the list", "[api] hosts"]).await;
        }
    }

    #[tokio::test]
    async fn another_result_than_expected() {
        caught(REPOSITORIES, |f| f.expect.items = Some(vec![]), &["items differ"]).await;
        caught(REPOSITORIES, |f| f.expect.pages = Some(4), &["pages differ"]).await;
        caught(REPOSITORIES, |f| f.expect.cursor = Some(json!({"next": null})), &["cursor differ"]).await;
        let private = |f: &mut Fixture| f.expect.bodies["64778136"]["private"] = json!(false);
        caught(REPOSITORIES, private, &["private of 64778136"]).await;
        caught("repositories-bad-credentials.json", |f| f.expect.failure = None, &["it failed", "Bad credentials"])
            .await;
        let blame = |f: &mut Fixture| f.expect.failure.as_mut().unwrap().retry_after = Some(1);
        caught("repositories-secondary-limit.json", blame, &["the failure differs", "75"]).await;
        let fine = |f: &mut Fixture| {
            f.expect.failure = Some(serde_json::from_value(json!({"blame": "provider"})).unwrap());
        };
        caught(REPOSITORIES, fine, &["should fail"]).await;
    }

    #[tokio::test]
    async fn what_the_manifest_does_not_promise() {
        let call = |value| move |f: &mut Fixture| f.call = serde_json::from_value(value).unwrap();
        caught(REPOSITORIES, call(json!({"pull": {"stream": "gists"}})), &["no stream `gists`"]).await;
        caught(REPOSITORIES, call(json!({"act": {"action": "fork", "input": {}}})), &["no action `fork`"]).await;
    }

    #[tokio::test]
    async fn e_7_an_action_whose_input_or_output_breaks_its_schema() {
        let untitled = |f: &mut Fixture| {
            let input = json!({ "repository": "octocat/Hello-World", "title": "", "labels": ["bug"] });
            f.call = serde_json::from_value(json!({ "act": { "action": "create_issue", "input": input } })).unwrap();
            f.exchanges[0].request.body = None;
        };
        let words = ["action `create_issue`", "the input breaks its schema", "title: ", "[actions.input]"];
        caught("create-issue.json", untitled, &words).await;
        let numbered_in_words = |f: &mut Fixture| {
            f.exchanges[0].response.as_mut().unwrap().body["number"] = json!("1347");
            f.expect.output = None;
        };
        let words = ["action `create_issue`", "the output breaks its schema", "number: ", "[actions.output]"];
        caught("create-issue.json", numbered_in_words, &words).await;
        // What the server would refuse may be recorded to show that the plugin refuses it too.
        for refused in ["create-issue-refused.json", "create-issue-without-owner.json"] {
            changed(refused, |_| ()).await.unwrap();
        }
    }

    #[test]
    fn files_that_are_no_fixtures_are_named() {
        let file = std::env::temp_dir().join(format!("patchbay-harness-{}.json", std::process::id()));
        for (text, word) in [
            ("{", "line 1"),
            (r#"{"about": "x", "call": {"pull": {"stream": "a", "oops": 1}}, "expect": {}}"#, "oops"),
            (
                r#"{"about": "x", "call": {"verify": {}}, "exchanges": [{"request": {"url": "/"}}], "expect": {}}"#,
                "exchange 1",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Fixture::read(&file).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("patchbay-harness"), "{error}");
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_plugin_that_is_not_built_says_how() {
        let folder = std::env::temp_dir().join(format!("patchbay-unbuilt-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = std::fs::read_to_string(self::folder().join("provider.toml")).unwrap();
        std::fs::write(folder.join("provider.toml"), manifest.replace("slug = \"github\"", "slug = \"unbuilt\""))
            .unwrap();
        let error = replay_folder(&folder).unwrap_err().to_string();
        assert!(error.contains("cargo dev plugins"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
