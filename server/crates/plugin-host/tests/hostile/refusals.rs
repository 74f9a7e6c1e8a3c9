//! PL-5 and the issue's bad input: what is no plugin is refused with the reason and what to do.

use patchbay_plugin_host::{HostConfig, LoadError};

use crate::guest::{assert_unharmed, component, core, host, host_with};

/// Refused, with all of these words in the reason; the host goes on.
async fn refused(bytes: Vec<u8>, words: &[&str]) -> LoadError {
    let host = host();
    let error = host.load(bytes).await.unwrap_err();
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert_unharmed(&host).await;
    error
}

#[tokio::test]
async fn pl_5_not_a_component() {
    for bytes in [&b""[..], b"\0as", b"<html>404 Not Found</html>", b"\x7fELF\x02\x01\x01\0\0\0", b"\0asm\x0e\0\x01\0"]
    {
        let error = refused(bytes.to_vec(), &["not a WebAssembly component", "README.md"]).await;
        assert!(matches!(error, LoadError::NotWasm(_)), "{error}");
    }
}

#[tokio::test]
async fn pl_5_core_module_instead_of_component() {
    let error = refused(wat::parse_str(core("", "")).unwrap(), &["core WebAssembly module", "wasm-component-ld"]).await;
    assert!(matches!(error, LoadError::CoreModule), "{error}");
}

#[tokio::test]
async fn pl_5_damaged_component() {
    let whole = component("", "");
    for cut in [9, 100, whole.len() / 2, whole.len() - 1] {
        let error = refused(whole[..cut].to_vec(), &[]).await;
        assert!(matches!(error, LoadError::Invalid(_) | LoadError::World(_)), "{error}");
    }
    let mut flipped = whole.clone();
    for byte in &mut flipped[40..60] {
        *byte ^= 0xff;
    }
    refused(flipped, &[]).await;
}

#[tokio::test]
async fn pl_5_asks_for_wasi() {
    for import in
        ["wasi:cli/environment@0.2.3", "wasi:sockets/tcp@0.2.3", "wasi:filesystem/types@0.2.3", "evil:corp/anything"]
    {
        let text = format!(r#"(component (import "{import}" (instance)))"#);
        let error = refused(wat::parse_str(text).unwrap(), &[import, "wasm32-unknown-unknown"]).await;
        assert!(matches!(error, LoadError::Import { .. }), "{error}");
    }
    // An interface that this package does not have is foreign too.
    let text = r#"(component (import "patchbay:plugin/files@1.0.0" (instance)))"#;
    refused(wat::parse_str(text).unwrap(), &["patchbay:plugin/files"]).await;
}

#[tokio::test]
async fn pl_5_written_for_another_version() {
    for version in ["3.0.0", "2.1.0", "1.1.0", "0.9.0", "1.0.0-rc"] {
        let text = format!(r#"(component (import "patchbay:plugin/http@{version}" (instance)))"#);
        let error = refused(wat::parse_str(text).unwrap(), &[version, "1.0 and 2.0"]).await;
        assert!(matches!(&error, LoadError::Version { found } if found == version), "{error}");
    }
    let text = r#"(component (import "patchbay:plugin/http" (instance)))"#;
    refused(wat::parse_str(text).unwrap(), &["version none"]).await;
    let both = r#"(component
        (import "patchbay:plugin/http@1.0.0" (instance)) (import "patchbay:plugin/log@2.0.0" (instance)))"#;
    let error = refused(wat::parse_str(both).unwrap(), &["1.0 and 2.0 at once"]).await;
    assert!(matches!(error, LoadError::Version { .. }), "{error}");
    // An interface that only the next version has.
    let early = r#"(component (import "patchbay:plugin/random@1.0.0" (instance)))"#;
    refused(wat::parse_str(early).unwrap(), &["patchbay:plugin/random@1.0.0"]).await;
}

#[tokio::test]
async fn pl_5_wrong_world() {
    let error = refused(wat::parse_str("(component)").unwrap(), &["not a provider plugin", "export!"]).await;
    assert!(matches!(error, LoadError::World(_)), "{error}");
    // A function of the right name and the wrong type.
    let text = r#"(component
        (core module $m (func (export "pull") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func (export "pull") (result u32) (canon lift (core func $i "pull"))))"#;
    let error = refused(wat::parse_str(text).unwrap(), &["not a provider plugin"]).await;
    assert!(matches!(error, LoadError::World(_)), "{error}");
}

#[tokio::test]
async fn pl_5_larger_than_allowed() {
    let host = host_with(HostConfig { component_bytes: 1000, instances: 1, ..HostConfig::default() });
    let error = host.load(component("", "")).await.unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: 1000, .. }), "{error}");
}

#[tokio::test]
async fn pl_5_features_that_are_switched_off() {
    let text = "(component (core module (memory 1) (memory 1)))";
    let error = refused(wat::parse_str(text).unwrap(), &["switched off"]).await;
    assert!(matches!(error, LoadError::Invalid(_)), "{error}");
}
