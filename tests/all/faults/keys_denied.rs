//! The key service takes this server's permission away and gives it back.

use chrono::TimeDelta;
use http::Method;
use serde_json::json;

use super::guarded::Guarded;
use crate::support::*;

/// What the server's role may do: its own policies, or nothing.
async fn allow(bao: &Bao, may: bool) {
    for name in ["server", "direct"] {
        let own = std::fs::read_to_string(root().join(format!("infra/vault/{name}.hcl"))).unwrap();
        let nothing = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
        let policy = json!({ "policy": if may { own.as_str() } else { nothing } }).to_string();
        let written = bao.admin(Method::PUT, &format!("sys/policies/acl/patchbay-{name}"), &policy).await;
        assert!([200, 204].contains(&written.status), "{written}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_3_keys_that_refuse_the_server_give_503_and_the_log_says_what_to_repair() {
    let guarded = Guarded::start().await;
    allow(&guarded.bao, false).await;
    guarded.world.clock().advance(TimeDelta::minutes(61));
    let refused = guarded.credential().await;
    let problem = refused.problem(503, "key_service_unavailable");
    assert!(problem.detail.contains("Whoever runs the server"), "{refused}");
    assert_eq!(refused.retry_after(), Some(60), "{refused}");
    assert!(!refused.text().contains(&guarded.token) && !refused.text().contains("policy"), "{refused}");
    let log = captured();
    let line = log.lines().find(|line| line.contains(&problem.request_id) && line.contains("cause"));
    let line = line.expect("the log has the request");
    assert!(line.contains("ERROR") && line.contains("check the credentials and the policy of this server"), "{line}");

    allow(&guarded.bao, true).await;
    guarded.is_served_again().await;
    guarded.world.end().await;
}
