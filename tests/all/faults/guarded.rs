//! A server whose keys lie in the key service, and one connection behind them.

use crate::support::*;

pub struct Guarded {
    pub bao: Bao,
    pub world: World,
    /// Where the connection's credential is read.
    path: String,
    /// The access token behind it.
    pub token: String,
}

impl Guarded {
    /// No jobs run: what they would retry while the keys are away is not what is looked at here.
    pub async fn start() -> Self {
        let bao = Bao::start().await;
        let (role_id, secret_id) = bao.role();
        let keys =
            KeysOf::Vault { address: bao.address().clone(), role_id: role_id.into(), secret_id: secret_id.into() };
        let world = World::start(Options { keys, worker: false, ..Options::default() }).await;
        world.use_acme(acme::Options { token_lifetime: 86_400, workers: 1, ..acme::Options::default() });
        let integration = world.acme_integration().await;
        let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
        let path = format!("/v1/connections/{connection}/credential");
        let token = world.key().get(&path).await.ok()["access_token"].as_str().unwrap().to_owned();
        Self { bao, world, path, token }
    }

    pub async fn credential(&self) -> Answer {
        self.world.key().get(&self.path).await
    }

    /// Waits until the credential is served again, the same as before.
    pub async fn is_served_again(&self) {
        let served = until("credentials are served again", PATIENCE, async || {
            let answer = self.credential().await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        assert_eq!(served.ok()["access_token"], self.token);
    }
}
