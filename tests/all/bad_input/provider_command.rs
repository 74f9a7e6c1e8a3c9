//! `patchbay provider …` on sound manifests and on others.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Output,
};

use crate::support::{patchbay_binary, root};

/// A folder of one's own, empty.
fn folder(test: &str) -> PathBuf {
    let folder = root().join("target/tests/provider-command").join(test);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(folder.join("catalog")).unwrap();
    folder
}

fn patchbay(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Output, String) {
    let mut command = std::process::Command::new(patchbay_binary());
    command.arg("provider").args(arguments).current_dir(folder).stdin(std::process::Stdio::null());
    let output = command.envs(settings.iter().copied()).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(!said.contains("panicked"), "{said}");
    (output, said)
}

fn manifest(slug: &str, base: &str) -> String {
    format!(
        "schema = 1\nslug = \"{slug}\"\nname = \"One\"\ncategory = \"commerce\"\ndocs = \"https://one.example/docs\"\n\
         verified = {{ by = \"documentation\", on = 2026-01-31 }}\n\n[variables.api_key]\ntype = \"secret\"\n\
         label = \"API key\"\n\n[auth]\nmode = \"key\"\n\n[api]\nbase_url = \"{base}\"\n\
         credential = {{ headers = {{ X-Api-Key = \"{{api_key}}\" }} }}\n\n[identity]\nurl = \"/me\"\naccount = \"id\"\n"
    )
}

#[test]
fn check_tells_all_that_is_wrong_with_line_and_suggestion() {
    let folder = folder("check");
    let good = manifest("one", "https://api.one.example");
    fs::write(folder.join("catalog/one.toml"), &good).unwrap();
    let (output, said) = patchbay(&folder, &["check", "."], &[]);
    assert!(output.status.success() && said.contains("1 manifest, all sound"), "{said}");
    let bad = good.replace("commerce", "comerce").replace("\"/me\"", "\"//me\"");
    fs::write(folder.join("catalog/two.toml"), bad).unwrap();
    fs::write(folder.join("catalog/huge.toml"), "#".repeat(10 << 20)).unwrap();
    fs::write(folder.join("catalog/binary.toml"), [0xff, 0x00, 0xfe]).unwrap();
    fs::write(folder.join("catalog/notes.md"), "no manifest").unwrap();
    let (output, said) = patchbay(&folder, &["check", "."], &[]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "two.toml:4: category: `comerce` is not one of",
        "did you mean `commerce`?",
        "two.toml:20: identity.url: ",
        "huge.toml:1: a manifest has at most 262144 bytes",
        "binary.toml:1: ",
        "4 manifests, 4 errors in 3 of them",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    let (output, said) = patchbay(&folder, &["check", "nowhere.toml"], &[]);
    assert!(!output.status.success() && said.contains("nowhere.toml"), "{said}");
    let (output, said) = patchbay(&root(), &["check", "plugins"], &[]);
    assert!(output.status.success(), "{said}");
}

#[test]
fn draft_makes_a_manifest_that_check_takes() {
    let folder = folder("draft");
    let yaml = "openapi: 3.1.0\ninfo: {title: Tea House API}\nservers:\n- url: https://api.tea.example/v1\n\
                components:\n  securitySchemes:\n    key: {type: apiKey, in: header, name: X-Key}\n";
    fs::write(folder.join("openapi.yaml"), yaml).unwrap();
    let (output, said) = patchbay(&folder, &["draft", "--openapi", "openapi.yaml"], &[]);
    assert!(output.status.success() && said.contains("slug = \"tea-house\""), "{said}");
    let hints = ["draft", "--openapi", "openapi.yaml", "--slug", "tea", "--name", "Tea", "--category", "commerce"];
    let (_, hinted) = patchbay(&folder, &hints, &[]);
    assert!(
        ["slug = \"tea\"", "name = \"Tea\"", "category = \"commerce\""].iter().all(|line| hinted.contains(line)),
        "{hinted}"
    );
    fs::create_dir_all(folder.join("tea-house")).unwrap();
    fs::write(folder.join("tea-house/provider.toml"), &output.stdout).unwrap();
    let (output, said) = patchbay(&folder, &["check", "tea-house"], &[]);
    assert!(output.status.success(), "{said}");
    // Nine lists, each of nine of the one before.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    for (name, text, words) in [
        ("bomb.yaml", bomb.as_str(), "neither JSON nor YAML"),
        ("half.json", "{\"openapi\": ", "not JSON"),
        ("text.txt", "hello", "`openapi` is missing"),
        ("swagger.json", "{\"swagger\": \"2.0\"}", "Swagger 2"),
        ("nowhere.json", "", ""),
    ] {
        if !words.is_empty() {
            fs::write(folder.join(name), text).unwrap();
        }
        let (output, said) = patchbay(&folder, &["draft", "--openapi", name], &[]);
        assert!(!output.status.success() && said.contains(words), "{name}: {said}");
    }
    // Nothing on this machine is asked by accident.
    let (output, said) = patchbay(&folder, &["draft", "--issuer", "https://127.0.0.1:1"], &[]);
    assert!(!output.status.success() && !said.is_empty(), "{said}");
}

/// A provider that answers anybody with an account, and a body that repeats the key.
fn provider() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let knows = request.to_lowercase().contains("x-api-key: kj8s7hq2lm5np9rt");
            let (status, body) = if knows {
                ("200 OK", r#"{"id": "shop-7", "echo": "kJ8s7Hq2Lm5Np9Rt", "plan": "gold"}"#)
            } else {
                ("401 Unauthorized", r#"{"error": "who are you"}"#)
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
            stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        }
    });
    port
}

#[test]
fn try_shows_each_exchange_without_secrets() {
    let folder = folder("try");
    fs::write(folder.join("one.toml"), manifest("one", &format!("http://127.0.0.1:{}", provider()))).unwrap();
    let settings = |key| {
        [
            ("PATCHBAY_EGRESS__ALLOW_HTTP", "true"),
            ("PATCHBAY_EGRESS__ALLOW_RANGES", "[\"127.0.0.0/8\"]"),
            ("PATCHBAY_TRY_API_KEY", key),
        ]
    };
    let (output, said) =
        patchbay(&folder, &["try", "one.toml", "--path", "/orders?page=1"], &settings("kJ8s7Hq2Lm5Np9Rt"));
    assert!(output.status.success(), "{said}");
    for words in
        ["→ GET http://127.0.0.1", "/me", "← 200 OK", "\"plan\":\"gold\"", "The account is shop-7", "/orders?page=1"]
    {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    assert!(!said.contains("kJ8s7Hq2Lm5Np9Rt"), "{said}");
    let (output, said) = patchbay(&folder, &["try", "one.toml"], &settings("wrong"));
    assert!(!output.status.success() && said.contains("401"), "{said}");
    let (output, said) = patchbay(&folder, &["try", "one.toml"], &settings("")[..2]);
    assert!(!output.status.success() && said.contains("`api_key` is missing: --set api_key=…"), "{said}");
    let (output, said) = patchbay(&folder, &["try", "one.toml", "--set", "apikey=x"], &settings("x"));
    assert!(!output.status.success() && said.contains("no variable `apikey`"), "{said}");
}
