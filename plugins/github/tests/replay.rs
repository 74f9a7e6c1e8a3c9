//! The recorded exchanges, through the real plugin host.

#[test]
fn fixtures_replay() {
    let replayed = patchbay_plugin_harness::replay_folder(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap();
    assert_eq!(replayed.len(), 29);
}
