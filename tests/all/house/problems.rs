//! Each problem code has a page, and each page a code.

use std::collections::BTreeSet;

use api_types::ProblemCode;

use super::tree;

#[test]
fn every_problem_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<_> =
        ProblemCode::ALL.iter().map(|code| format!("server/problems/{}.md", code.as_str())).collect();
    let pages: BTreeSet<_> = tree::files("server/problems").iter().map(|path| path.display().to_string()).collect();
    assert_eq!(codes, pages);
    for code in ProblemCode::ALL {
        let page = patchbay::http::problems::page(*code);
        assert_eq!(
            page,
            tree::text(format!("server/problems/{}.md", code.as_str())),
            "the page of another code is served"
        );
    }
}
