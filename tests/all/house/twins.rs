//! Each documented route has its test: in the file of its resource, with the operation's id in the test's name.

use super::{openapi, tree};

#[test]
fn every_operation_has_a_test_that_carries_its_name() {
    let mut missing = Vec::new();
    for (method, path, handler) in openapi::routes() {
        let (resource, function) = (&handler[0], &handler[handler.len() - 1]);
        let file = format!("tests/all/http/{resource}.rs");
        let text = std::fs::read_to_string(tree::root().join(&file)).unwrap_or_default();
        let tests = text.lines().filter_map(|line| line.trim().strip_prefix("async fn "));
        if !tests.into_iter().any(|name| name.split('(').next().unwrap().contains(function.as_str())) {
            missing.push(format!("{method} {path}: {file} has no test with `{function}` in its name"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
