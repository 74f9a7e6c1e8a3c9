//! Servers of the Model Context Protocol, see `tests/mcp`.

use std::sync::OnceLock;

use http::Method;
use serde_json::{Value, json};

use super::{call, connect, integrate};
use crate::support::*;

/// The running servers: which there are, each with its own address and its issuer.
pub(crate) async fn servers() -> &'static Value {
    static SHARED: OnceLock<(Child, Value)> = OnceLock::new();
    let start = || {
        let (process, said) = start_node("mcp", &[("DOCUMENTS", "http://127.0.0.1:1")]);
        (process, serde_json::from_str(&said).unwrap())
    };
    &tokio::task::spawn_blocking(move || SHARED.get_or_init(start)).await.unwrap().1
}

async fn whoami(world: &World, connection: &str) -> Answer {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "whoami", "arguments": {} },
    });
    call(world, connection, Method::POST, "mcp", Some(&body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_servers_that_nobody_here_wrote_are_connected_and_called() {
    let (world, servers) = (World::start(Options::default()).await, servers().await);
    for which in ["sdk", "oidc"] {
        let server = servers[which]["server"].as_str().unwrap();
        let origin = server.strip_suffix("/mcp").unwrap();
        let rest = format!("[auth]\nmode = \"mcp\"\nserver_url = \"{server}\"\n[api]\nbase_url = \"{origin}\"\n");
        let integration = integrate(&world, &format!("mcp-{which}"), &rest, json!({})).await;
        let issuer = servers[which]["issuer"].as_str().unwrap().trim_end_matches('/');
        let connection = connect(&world, &integration, issuer).await;
        let said = whoami(&world, &connection).await.ok();
        let client = said["result"]["content"][0]["text"].as_str().unwrap_or_default();
        assert!(!client.is_empty(), "{which}: {said}");
        let gone = world.key().delete(&format!("/v1/connections/{connection}")).await;
        assert!(gone.status < 300, "{gone}");
        whoami(&world, &connection).await.problem(404, "not_found");
    }
    world.end().await;
}
