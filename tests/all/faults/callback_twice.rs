//! A browser delivers the provider's callback twice: impatience, a reload, or somebody who copied it.

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_1_one_connection_and_one_exchange() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let (session, browser) = ConnectBrowser::open(&world.key(), world.origin(), "merchant-17").await;
    let (token, id) = (session["token"].as_str().unwrap(), integration["id"].as_str().unwrap());
    let launched = browser.launch(world.origin(), token, id, "redirect").await;
    let authorization = leads_to(&launched, world.acme().origin());
    let callback = Consent::default().at_acme(&authorization, "shop_north", "allow").await;
    // At the same moment, with the same cookie.
    let (one, other) = tokio::join!(browser.get(callback.as_str()), browser.get(callback.as_str()));
    let mut screens = [one.screen(), other.screen()];
    screens.sort();
    assert_eq!(screens, ["callback-connected", "state-replayed"]);
    // And once more later. The cookie is spent by then, so a copy of it is as good as none.
    let again = browser.get(callback.as_str()).await;
    assert_eq!(again.screen(), "state-replayed", "{again}");
    assert_eq!(world.acme().calls()["POST /token"], 1, "the code was exchanged once");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "1");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.created'").await, "1");
    let replays = world
        .sql("SELECT action FROM audit WHERE action LIKE 'connect.%' AND action NOT IN ('connect.launched')")
        .await;
    assert!(replays.len() >= 2, "replays are audited: {replays:?}");
    world.end().await;
}
