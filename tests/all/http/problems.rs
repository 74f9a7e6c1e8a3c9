//! `/problems/{code}`: where problem documents point to.

use crate::support::{Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_problems_type_leads_to_its_page() {
    let world = World::start(Options::default()).await;
    let problem = world.anonymous().get("/v1/connections").await.problem(401, "unauthenticated");
    let page = world.anonymous().get(&problem.kind).await;
    assert_eq!(page.header("content-type"), Some("text/markdown; charset=utf-8"), "{page}");
    assert!(page.text().starts_with("# A valid key or session is needed\n"), "{page}");
    let somebody = world.anonymous();
    let page = somebody.request(http::Method::GET, &problem.kind).header("accept", "text/html,*/*;q=0.8").send().await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{page}");
    assert!(page.text().contains("<h1>A valid key or session is needed</h1>"), "{page}");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"), "{page}");
    for code in api_types::ProblemCode::ALL {
        let page = somebody.get(&format!("/problems/{}", code.as_str())).await;
        assert!(page.status == 200 && page.text().contains(code.title()), "{page}");
    }
    somebody.get("/problems/none").await.problem(404, "not_found");
    world.end().await;
}
