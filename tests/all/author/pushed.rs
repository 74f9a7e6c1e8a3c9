//! The whole way of a plugin with the server's own binary: begun, built, examined, signed, pushed, connected, synced, replaced
//! by its next version in the middle of a run, and rolled back.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use super::{SHOP, at_home, folder, plugin, succeeds};
use crate::support::{Options, PATIENCE, World, until};

const KEY: &str = "shop_key_0815";

/// A shop with a list of two pages, in two forms.
#[derive(Default)]
struct Shop {
    asked: Mutex<Vec<String>>,
    /// Whether second pages wait.
    holds: AtomicBool,
}

impl Shop {
    fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (shop, own) = (web::Data::from(Arc::clone(self)), web::Data::new(origin.clone()));
        let server = HttpServer::new(move || {
            let (shop, own) = (web::Data::clone(&shop), web::Data::clone(&own));
            App::new().app_data(shop).app_data(own).default_service(web::to(list))
        });
        tokio::spawn(server.workers(1).shutdown_timeout(0).disable_signals().listen(listener).unwrap().run());
        origin
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn list(request: HttpRequest, shop: web::Data<Shop>, origin: web::Data<String>) -> HttpResponse {
    if request.headers().get("x-api-key").is_none_or(|key| key != KEY) {
        return HttpResponse::Unauthorized().json(json!({ "error": "no key" }));
    }
    let path = request.path().to_owned();
    if !["/items", "/v2/items"].contains(&path.as_str()) {
        return HttpResponse::NotFound().json(json!({ "error": "nothing here" }));
    }
    let is_second = request.query_string() == "page=2";
    shop.asked.lock().unwrap().push(format!("{path}?{}", request.query_string()));
    while is_second && shop.holds.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ids = if is_second { ["c", "d"] } else { ["a", "b"] };
    let body: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "list": path })).collect();
    let mut answer = HttpResponse::Ok();
    if !is_second {
        answer.insert_header(("link", format!("<{}{path}?page=2>; rel=\"next\"", origin.as_str())));
    }
    answer.json(body)
}

/// `patchbay plugin …` against a world's server, with its tenant's key.
fn at_server(world: &World, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let settings = [("PATCHBAY_API_KEY", world.tenant().secret.as_str()), ("PATCHBAY_SERVER_URL", world.origin())];
    let (output, said) = plugin(folder, arguments, &settings);
    (output.status.success(), said)
}

#[track_caller]
fn done(world: &World, folder: &Path, arguments: &[&str]) -> String {
    let (is_done, said) = at_server(world, folder, arguments);
    assert!(is_done, "{arguments:?}: {said}");
    said
}

#[track_caller]
fn refused(world: &World, folder: &Path, arguments: &[&str], words: &[&str]) {
    let (is_done, said) = at_server(world, folder, arguments);
    assert!(!is_done, "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: `{word}` is not in: {said}");
    }
}

/// Triggers the one sync and waits until its run has ended; gives it.
async fn run_again(world: &World, connection: &str) -> Value {
    let begun = world.one("SELECT count(*) FROM runs").await;
    let sync = world.key().get("/v1/syncs").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    world.key().post(&format!("/v1/syncs/{sync}/trigger"), &json!({})).await.ok();
    until("another run has begun", PATIENCE, async || {
        (world.one("SELECT count(*) FROM runs").await != begun).then_some(())
    })
    .await;
    world.synced(connection).await.remove(0)
}

/// From which list the records are.
async fn lists(world: &World, connection: &str) -> Vec<String> {
    let records = world.records(connection, "items").await;
    assert_eq!(records.len(), 4, "{records:?}");
    records.iter().map(|record| record["data"]["list"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e_8_a_plugin_goes_from_nothing_to_a_server_and_back_a_version_without_dropping_a_run() {
    let shop = Arc::new(Shop::default());
    let origin = shop.start();
    let world = World::start(Options::default()).await;
    let folder = folder("pushed");
    fs::write(folder.join("stall.toml"), manifest()).unwrap();
    succeeds(&folder, &["new", "stall", "--manifest", "stall.toml", "--set", "address=https://shop.example"]);
    at_home(&folder.join("stall"));
    succeeds(&folder, &["build", "stall"]);
    succeeds(&folder, &["test", "--no-build", "stall"]);

    let said = succeeds(&folder, &["keygen", "author.key"]);
    let public = said.split_whitespace().find(|word| word.starts_with("ed25519:")).unwrap().trim_end_matches(':');
    let (_, said) = plugin(&folder, &["keygen", "author.key"], &[]);
    assert!(said.contains("not written over"), "{said}");
    let push = ["push", "stall", "--key", "author.key", "--version", "1.0.0", "--pin"];
    let (_, said) = plugin(&folder, &push, &[("PATCHBAY_SERVER_URL", world.origin())]);
    assert!(said.contains("PATCHBAY_API_KEY"), "{said}");
    refused(&world, &folder, &[&push[..], &["--server", "http://patchbay.example"]].concat(), &["https://"]);
    refused(&world, &folder, &["push", "stall", "--version", "1.0.0"], &["--key FILE", "keygen"]);
    refused(&world, &folder, &push, &["plugin is refused", "not trusted", "/v1/plugin-keys"]);
    let said = done(&world, &folder, &["trust", public, "--name", "author"]);
    assert!(said.contains("is trusted"), "{said}");
    let said = done(&world, &folder, &push);
    assert!(said.contains("stall 1.0.0 is there") && said.contains("stall 1.0.0 is in force"), "{said}");

    let wish = json!({ "provider": "stall", "variables": { "address": origin } });
    world.key().post("/v1/integrations", &wish).await.ok();
    let wish = json!({ "integration": "stall", "end_user": { "id": "merchant-1" }, "fields": { "api_key": KEY } });
    let connection = world.key().post("/v1/connections", &wish).await.ok()["id"].as_str().unwrap().to_owned();
    world.synced(&connection).await;
    assert_eq!(lists(&world, &connection).await, ["/items"; 4]);

    // The next version reads another list. It is pushed and put in force while a run of the first is under way.
    let code = folder.join("stall/src/lib.rs");
    let text = fs::read_to_string(&code).unwrap();
    fs::write(&code, text.replace("path: \"/items\"", "path: \"/v2/items\"")).unwrap();
    succeeds(&folder, &["build", "stall"]);
    shop.holds.store(true, Ordering::Relaxed);
    let before = shop.asked().len();
    let sync = world.key().get("/v1/syncs").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    world.key().post(&format!("/v1/syncs/{sync}/trigger"), &json!({})).await.ok();
    until("the second page is asked for", PATIENCE, async || (shop.asked().len() == before + 2).then_some(())).await;
    refused(&world, &folder, &push, &["1.0.0 is there already", "next number"]);
    done(&world, &folder, &["sign", "stall", "--key", "author.key", "--version", "2.0.0", "--out", "stall-2.plugin"]);
    let said = done(&world, &folder, &["push", "stall-2.plugin", "--pin"]);
    assert!(said.contains("2.0.0 is in force; 1.0.0 was before"), "{said}");
    shop.holds.store(false, Ordering::Relaxed);
    let run = world.synced(&connection).await.remove(0);
    assert_eq!((&run["state"], &run["counts"]["unchanged"]), (&json!("succeeded"), &json!(4)), "{run}");
    assert_eq!(shop.asked()[before..], ["/items?", "/items?page=2"], "it ends on the version that it began with");

    let run = run_again(&world, &connection).await;
    assert_eq!((&run["state"], &run["counts"]["updated"]), (&json!("succeeded"), &json!(4)), "{run}");
    assert_eq!(lists(&world, &connection).await, ["/v2/items"; 4]);

    let said = done(&world, &folder, &["versions", "stall"]);
    let states: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!((&states[0][..], &states[1][..2]), (&["2.0.0", "in", "force"][..], &["1.0.0", "ready"][..]), "{said}");
    let said = done(&world, &folder, &["rollback", "stall"]);
    assert!(said.contains("1.0.0 is in force; 2.0.0 was before"), "{said}");
    run_again(&world, &connection).await;
    assert_eq!(lists(&world, &connection).await, ["/items"; 4]);
    refused(&world, &folder, &["rollback", "stall"], &["first that was in force"]);

    // What asks for more is asked about.
    let manifest = folder.join("stall/provider.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("allow = [\"127.0.0.1\", ", "allow = [\"*.elsewhere.example\", \"127.0.0.1\", "))
        .unwrap();
    let third = ["push", "stall", "--key", "author.key", "--version", "3.0.0", "--pin"];
    refused(&world, &folder, &third, &["requests to *.elsewhere.example", "patchbay plugin approve stall 3.0.0"]);
    refused(&world, &folder, &["pin", "stall", "3.0.0"], &["approve it"]);
    done(&world, &folder, &["approve", "stall", "3.0.0"]);
    done(&world, &folder, &["pin", "stall", "3.0.0"]);
    world.end().await;
}

/// The shop of this test: its address is the integration's to say.
fn manifest() -> String {
    let (label, origin) = (
        "[variables.store]\ntype = \"label\"\nlabel = \"Store\"",
        "[variables.address]\ntype = \"origin\"\nat = \"integration\"\nlabel = \"Address\"\n\
         allow = [\"127.0.0.1\", \"shop.example\"]",
    );
    let manifest = SHOP.replace("slug = \"shop\"", "slug = \"stall\"").replace(label, origin);
    manifest.replace("\"https://{store}.shop.example/v2\"", "\"{address}\"")
}
