//! `patchbay provider try` from a terminal, for the ways in that lead over another device, an older signature, an
//! installed app, or a server that is discovered: each walked to its end, with every exchange shown and no secret in it.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::manifest::{AuthSpec, Manifest, VariableLevel, VariableType};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};
use url::Url;

use super::{
    authority::Authority,
    provider::{Provider, Role, Shared, answer},
    script::Script,
    values::typed,
    wire,
};
use crate::{
    modes::mcp,
    support::{Consent, patchbay_binary, root},
};

/// Runs the command; whoever it sends to a page goes there with `visit`. Gives all that it said.
async fn terminal(
    slug: &str,
    manifest: &str,
    values: &[(String, String)],
    arguments: &[&str],
    visit: impl AsyncFn(&str, Url) -> Url,
) -> (bool, String) {
    let folder = root().join("target/tests/provider-try");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{slug}.toml")), manifest).unwrap();
    let mut command = Command::new(patchbay_binary());
    command.args(["provider", "try", &format!("{slug}.toml")]).args(arguments).current_dir(&folder);
    command.env("PATCHBAY_EGRESS__ALLOW_HTTP", "true").env("PATCHBAY_EGRESS__ALLOW_RANGES", "[\"127.0.0.0/8\"]");
    for (name, value) in values {
        command.env(format!("PATCHBAY_TRY_{}", name.to_uppercase()), value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut said, mut callback, mut opens) = (String::new(), String::new(), false);
    let walk = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(address) = line.strip_prefix("Register this callback at the provider: ") {
                address.clone_into(&mut callback);
            }
            if opens && !line.trim().is_empty() {
                let back = visit(&callback, line.trim().parse().unwrap()).await;
                assert!(back.as_str().starts_with(&callback), "the way back is {back}");
                reqwest::get(back).await.unwrap();
                opens = false;
                // What a browser is sent to has a state in it, and that is for the browser.
                continue;
            }
            opens |= line == "Open in a browser:";
            said.push_str(&line);
            said.push('\n');
        }
        let output = child.wait_with_output().await.unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        output.status.success()
    };
    let done = tokio::time::timeout(Duration::from_secs(60), walk).await;
    (done.unwrap_or(false), said)
}

/// Tries one of the simulator's manifests. Gives what was said and the provider at the end.
async fn tried(slug: &str, arguments: &[&str]) -> (String, Provider) {
    let authority = Authority::new();
    let shared: Shared = Arc::new(Mutex::new(None));
    let answering = Arc::clone(&shared);
    let port = wire::listen_plain(Arc::new(move |seen| answer(&answering, seen))).await;
    let text = std::fs::read_to_string(root().join(format!("tests/all/simulator/manifests/{slug}.toml"))).unwrap();
    // All of its hosts are this one.
    let text = ["login", "api", "www"].iter().fold(text, |text, host| {
        text.replace(&format!("https://{host}.simulated.example"), &format!("http://127.0.0.1:{port}"))
    });
    let manifest = Manifest::parse(slug, &text).unwrap();
    let script = Script::new(manifest.clone(), &authority).unwrap();
    let mut values = Vec::new();
    let mut secrets = Vec::new();
    for (name, spec) in manifest.variables.iter().filter(|(_, spec)| spec.at != VariableLevel::Answer) {
        let Some(value) = script.values.get(name) else { continue };
        values.push((name.clone(), typed(spec, value).to_owned()));
        if spec.kind == VariableType::Secret {
            secrets.extend(value.lines().filter(|line| !line.starts_with("---")).map(str::to_owned));
        }
    }
    values.extend(script.client_id.clone().map(|id| ("client_id".to_owned(), id)));
    values.extend(script.client_secret.clone().map(|secret| ("client_secret".to_owned(), secret)));
    secrets.extend(script.client_secret.clone());
    *shared.lock().unwrap() = Some(Provider::new(script, chrono::Utc::now()));
    let visit = async |callback: &str, page: Url| {
        shared.lock().unwrap().as_mut().unwrap().script.redirect_uri = callback.to_owned();
        let browser =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let answer = browser.get(page).send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().parse().unwrap()
    };
    if !matches!(manifest.auth, AuthSpec::OAuth2Device(_)) {
        // Known before the first request, which some of these ways in sign together with it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        shared.lock().unwrap().as_mut().unwrap().script.redirect_uri = format!("http://127.0.0.1:{port}/callback");
        let port = port.to_string();
        let arguments = [&["--port", port.as_str()], arguments].concat();
        return ended(slug, &text, &values, &arguments, visit, &shared, &secrets).await;
    }
    ended(slug, &text, &values, arguments, visit, &shared, &secrets).await
}

async fn ended(
    slug: &str,
    text: &str,
    values: &[(String, String)],
    arguments: &[&str],
    visit: impl AsyncFn(&str, Url) -> Url,
    shared: &Shared,
    secrets: &[String],
) -> (String, Provider) {
    let (success, said) = terminal(slug, text, values, arguments, visit).await;
    let provider = shared.lock().unwrap().take().unwrap();
    assert!(success && provider.complaints.is_empty(), "{slug}: {:?}\n{said}", provider.complaints);
    for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
        assert!(!said.contains(secret.as_str()), "{slug}: a secret is shown:\n{said}");
    }
    // What this provider gives out ends so: tokens, codes, secrets of tokens.
    for word in said.split(|c: char| !(c.is_ascii_alphanumeric() || "-.~_".contains(c))) {
        assert!(!word.ends_with(".~_"), "{slug}: `{word}` is shown:\n{said}");
    }
    assert!(said.contains("→ ") && said.contains("← 200"), "{slug}: no exchange is shown:\n{said}");
    assert!(said.contains("The account is "), "{slug}:\n{said}");
    (said, provider)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_asks_after_a_device_code() {
    let (said, provider) = tried("sim-device", &["--renew", "--revoke"]).await;
    assert!(said.contains("WDJB-MJHT") && said.contains("Revocation: done"), "{said}");
    assert!(provider.count(&Role::Poll) >= 1 && provider.count(&Role::Refresh) == 1, "{:?}", provider.counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_walks_oauth_1() {
    for slug in ["sim-oauth1-hmac-sha256", "sim-oauth1-rsa-sha1"] {
        let (said, provider) = tried(slug, &[]).await;
        assert!(said.contains("user_id = "), "what the provider told is shown: {said}");
        assert_eq!(provider.count(&Role::AccessToken), 1, "{:?}", provider.counts);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_installs_an_app() {
    let (said, provider) = tried("sim-app", &["--renew", "--revoke"]).await;
    assert!(provider.count(&Role::InstallationToken) >= 2, "{:?}", provider.counts);
    assert!(said.contains("Revocation: done"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_discovers_a_server_that_nobody_here_wrote() {
    let server = mcp::servers().await["sdk"]["server"].as_str().unwrap();
    let origin = server.strip_suffix("/mcp").unwrap();
    let manifest = format!(
        "schema = 1\nslug = \"tried\"\nname = \"Tried\"\ncategory = \"developer-tools\"\ndocs = \"https://docs.example\"\n\
         [auth]\nmode = \"mcp\"\nserver_url = \"{server}\"\n[api]\nbase_url = \"{origin}\"\n"
    );
    let visit = async |_: &str, page: Url| Consent::default().at_oidc(&page, "ada", true).await;
    let (success, said) = terminal("tried", &manifest, &[], &[], visit).await;
    assert!(success, "{said}");
    for words in ["/.well-known/oauth-protected-resource", "A token that ends", "The manifest has no call that tells"] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
}
