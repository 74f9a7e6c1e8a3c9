//! What an examination must not let pass: a plugin for each fault, and one without.

#[cfg(test)]
mod guest;

#[cfg(test)]
mod examination {
    use domain::manifest::Manifest;
    use patchbay_plugin_harness::{Examination, Interface, examine_folder, probe::probe};
    use serde_json::json;

    use crate::guest::{ASK, MANIFEST, ONE_RECORD, component, fail, folder, more, scratch, story};

    /// Each status but 200 is a failure: 401 and 403 the end user's, the others the provider's.
    fn classified(page: &str) -> String {
        let blame = "(select (i32.const 0) (i32.const 2)
            (i32.or (i32.eq (global.get $status) (i32.const 401)) (i32.eq (global.get $status) (i32.const 403))))";
        format!("{ASK} (if (i32.eq (global.get $status) (i32.const 200)) (then {page}) (else {}))", fail(blame))
    }

    fn examined(test: &str, body: &str, answers: usize, pages: usize) -> Examination {
        let folder = folder(test, &component(body), &[("things.json", story(answers, pages))]);
        let found = examine_folder(&folder).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        found
    }

    #[track_caller]
    fn only(found: &Examination, words: &[&str]) {
        let [wrong] = &found.wrong[..] else { panic!("one thing is wrong, not {:#?}", found.wrong) };
        let text = wrong.to_string();
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
    }

    #[test]
    fn a_plugin_without_fault_passes() {
        let found = examined("sound", &classified(ONE_RECORD), 1, 1);
        assert_eq!((found.wrong.len(), found.replayed.len()), (0, 1), "{:#?}", found.wrong);
        assert_eq!(found.injected, 9 * 2, "nine statuses with two bodies each");
        assert!(found.notes[0].contains("no fixture has two pages"), "{:?}", found.notes);
        assert!(found.table().contains("things.json") && found.table().contains("64 MiB"), "{}", found.table());
        found.passed().unwrap();
    }

    #[test]
    fn errors_that_are_taken_for_pages() {
        let found = examined("blind", &format!("{ASK} {ONE_RECORD}"), 1, 1);
        assert_eq!(found.wrong.len(), 9, "{:#?}", found.wrong);
        for (wrong, status) in found.wrong.iter().zip([401, 403, 404, 409, 429, 500, 502, 503, 504]) {
            let text = wrong.to_string();
            let place = format!("things.json: stream `things`, page 1: {status} in answer to GET /things");
            assert!(text.starts_with(&place) && text.contains("taken for a page"), "{text}");
        }
        assert!(found.passed().unwrap_err().to_string().contains("Response::success"));
    }

    #[test]
    fn a_failure_that_blames_the_wrong_one() {
        let body = format!(
            "{ASK} (if (i32.eq (global.get $status) (i32.const 200)) (then {ONE_RECORD}) (else {}))",
            fail("(i32.const 2)")
        );
        only(
            &examined("blame", &body, 1, 1),
            &["401", "blames provider, not end_user", "refused", "Failure::end_user"],
        );
    }

    #[test]
    fn a_wait_that_is_not_passed_on() {
        let quiet = classified(ONE_RECORD)
            .replace("(i32.store (i32.const 1044) (i32.const 9))", "(i32.store (i32.const 1044) (i32.const 6))");
        only(&examined("wait", &quiet, 1, 1), &["429", "retry-after: 7"]);
    }

    #[test]
    fn a_trap_on_an_error() {
        let body = format!(
            "{ASK} (if (i32.eq (global.get $status) (i32.const 500)) (then unreachable)) {}",
            classified(ONE_RECORD).replace(ASK, "")
        );
        only(&examined("trap", &body, 1, 1), &["500", "breaks the plugin"]);
    }

    #[test]
    fn a_plugin_that_does_not_stop() {
        let changing = more("(i32.add (i32.const 33) (i32.rem_u (global.get $n) (i32.const 90)))");
        only(
            &examined("endless", &format!("{ASK} {ONE_RECORD} {changing}"), 1, 1),
            &["things.json: stream `things`, page 2", "asks on after the last"],
        );
        let found = examined("endless-silent", &format!("{ONE_RECORD} {changing}"), 0, 1);
        assert!(found.wrong[0].to_string().contains("long after the last recorded answer"), "{:#?}", found.wrong);
    }

    #[test]
    fn a_plugin_that_does_not_resume_at_its_cursor() {
        // What page it is, it remembers; the cursor says nothing.
        let page =
            format!("{ONE_RECORD} (if (i32.eq (global.get $n) (i32.const 1)) (then {}))", more("(i32.const 65)"));
        let found = examined("forgets", &classified(&page), 2, 2);
        let text = found.wrong[0].to_string();
        for words in ["things.json: stream `things`, page 1: begun again at the cursor", "belongs into the cursor"] {
            assert!(text.contains(words), "`{words}` is not in: {text}");
        }
    }

    #[test]
    fn records_that_depend_on_the_clock() {
        let digit = "(i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (call $now) (i64.const 10))))";
        let page = format!("{ONE_RECORD} (i32.store8 (i32.const 3008) {digit})");
        let found = examined("clock", &classified(&page), 1, 1);
        let text = found.wrong[0].to_string();
        assert!(text.contains("the record `a` depends on the clock") && text.contains("page 1"), "{text}");
    }

    #[test]
    fn a_stream_without_a_fixture() {
        let body = classified(ONE_RECORD);
        let mut verify = story(0, 0);
        verify["call"] = json!({ "verify": {} });
        verify["expect"] = json!({});
        let folder = folder("bare", &component(&body), &[("verify.json", verify)]);
        only(&examine_folder(&folder).unwrap(), &["stream `things`", "fixtures/things.json"]);
    }

    #[test]
    fn folders_and_fixtures_that_are_none() {
        let empty = scratch("empty");
        let error = examine_folder(&empty).unwrap_err().to_string();
        assert!(error.contains("is no plugin's folder") && error.contains("patchbay plugin new"), "{error}");
        let body = classified(ONE_RECORD);
        let plain = folder("no-json", &component(&body), &[("things.json", story(1, 1))]);
        std::fs::write(plain.join("fixtures/broken.json"), "<html>").unwrap();
        std::fs::write(plain.join("fixtures/other.json"), r#"{"about": 1}"#).unwrap();
        let found = examine_folder(&plain).unwrap();
        let texts: Vec<String> = found.wrong.iter().map(ToString::to_string).collect();
        assert!(
            texts[0].contains("broken.json: not JSON") && texts[1].contains("other.json: not a fixture"),
            "{texts:?}"
        );
        assert!(texts[0].contains("README.md"), "{texts:?}");
        std::fs::write(plain.join("plugin.wasm"), b"\0asm\x01\0\0\0").unwrap();
        let error = examine_folder(&plain).unwrap_err().to_string();
        assert!(error.contains("core WebAssembly module"), "{error}");
        std::fs::remove_file(plain.join("plugin.wasm")).unwrap();
        let error = examine_folder(&plain).unwrap_err().to_string();
        assert!(error.contains("patchbay plugin build"), "{error}");
    }

    #[test]
    fn what_a_component_asks_for_and_gives_is_read() {
        let component = component(ASK);
        let interface = Interface::of(&component);
        assert!(interface.imports.iter().any(|name| name == "patchbay:plugin/http@1.0.0"), "{interface:?}");
        assert!(interface.imports.iter().all(|name| name.starts_with("patchbay:plugin/")), "{interface:?}");
        for name in ["pull", "act", "verify", "identify", "route-webhook", "classify-error"] {
            assert!(interface.exports.iter().any(|export| export == name), "{name} is not in {interface:?}");
        }
        // Half a component and no component are read as far as they go.
        for length in 0..component.len() {
            let _ = Interface::of(&component[..length]);
        }
        assert_eq!(Interface::of(b"no component at all"), Interface::default());
    }

    #[tokio::test]
    async fn a_component_is_held_against_its_manifest() {
        let load = async |body: &str| {
            let host =
                plugin_host::PluginHost::new(plugin_host::HostConfig { instances: 4, ..Default::default() }, &Zeroes);
            host.unwrap().load(component(body)).await.unwrap()
        };
        let manifest = Manifest::parse("provider.toml", MANIFEST).unwrap();
        // Asks its provider for whatever name.
        let probed = probe(&manifest, &*load(&classified(ONE_RECORD)).await).await.unwrap();
        assert_eq!((probed.wrong.len(), probed.notes.len()), (0, 1), "{probed:?}");
        // Knows no stream.
        let probed = probe(&manifest, &*load(&fail("(i32.const 3)")).await).await.unwrap();
        assert!(probed.wrong[0].contains("stream `things`") && probed.wrong[0].contains("refused"), "{probed:?}");
        // Breaks when nobody answers.
        let probed = probe(&manifest, &*load(&format!("{ASK} unreachable")).await).await.unwrap();
        assert!(probed.wrong[0].contains("breaks when the provider cannot be reached"), "{probed:?}");
    }

    struct Zeroes;

    impl domain::entropy::Entropy for Zeroes {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }
}
