use domain::secret::Secret;
use patchbay_auth::{Failure, Identity, Material, TokenSet, answer::Unreadable};

use crate::{
    fixture::{Counting, account, always, egress, manifest, outside},
    server::Server,
};

async fn ask(server: &Server) -> Result<Identity, Failure> {
    let manifest = manifest(
        server,
        r#"
        [auth]
        mode = "oauth2_code"
        authorization_url = "@/authorize"
        token_url = "@/token"
        [api]
        base_url = "@/"
        [identity]
        url = "/me"
        account = "data.id"
        name = "data.name"
        "#,
    );
    let mut account = account(&manifest, &[]);
    let (egress, entropy) = (egress(), Counting::default());
    let material = Material::of(TokenSet::bare(Secret::new("canary-token")));
    account.identify(outside(&egress, &entropy), &material).await.map(|found| found.expect("there is an identity call"))
}

#[tokio::test]
async fn a_1_the_account_is_found_by_path() {
    let server = always(200, &[], r#"{"data":{"id":12345678901234567890,"name":"Shop\n& Co"}}"#).await;
    let identity = ask(&server).await.unwrap();
    assert_eq!(identity, Identity { account: "12345678901234567890".into(), name: Some("Shop & Co".into()) });
    assert_eq!(server.received()[0].header("authorization"), Some("Bearer canary-token"));
    let nameless = ask(&always(200, &[], r#"{"data":{"id":"x"}}"#).await).await.unwrap();
    assert_eq!(nameless.name, None);
}

#[tokio::test]
async fn a_1_a_variable_may_tell_the_account() {
    let server = always(200, &[], r#"{"id":"other","name":"Shop"}"#).await;
    let (egress, entropy) = (egress(), Counting::default());
    let material = Material::of(TokenSet::bare(Secret::new("canary-token")));
    for (call, name, asked) in [("", None, 0), ("url = \"/me\"\nname = \"name\"", Some("Shop"), 1)] {
        let rest = "[variables.realm]\ntype = \"text\"\nat = \"answer\"\nfrom = \"callback.realm\"\nlabel = \"Realm\"\n\
            [auth]\nmode = \"oauth2_code\"\nauthorization_url = \"@/authorize\"\ntoken_url = \"@/token\"\n\
            [api]\nbase_url = \"@/\"\n[identity]\naccount_variable = \"realm\"\n";
        let manifest = manifest(&server, &format!("{rest}{call}\n"));
        let mut account = account(&manifest, &[]);
        let unknown = account.identify(outside(&egress, &entropy), &material).await.unwrap_err();
        assert!(matches!(unknown, Failure::BadAnswer(Unreadable::NoAccount)), "{unknown:?}");
        account.variables.insert("realm".into(), "7031".into());
        let found = account.identify(outside(&egress, &entropy), &material).await.unwrap();
        assert_eq!(found, Some(Identity { account: "7031".into(), name: name.map(Into::into) }));
        assert_eq!(server.received().len(), asked);
    }
}

#[tokio::test]
async fn c_5_identity_failures_are_sorted() {
    for (status, body, code) in [
        (401, r#"{"message":"Bad credentials canary-token"}"#, "refused"),
        (401, "", "revoked"),
        (403, "", "refused"),
        (429, "", "throttled"),
        (500, "", "provider_down"),
        (200, "", "bad_answer"),
        (200, "<html>", "bad_answer"),
        (200, "not json", "bad_answer"),
        (200, r#"{"data":{"id":null}}"#, "bad_answer"),
    ] {
        let failure = ask(&always(status, &[], body).await).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}");
        assert!(!format!("{failure} {failure:?}").contains("canary"));
        if let (401, Failure::Refused { description, .. }) = (status, &failure) {
            assert!(description.as_deref().is_some_and(|words| words.starts_with("Bad credentials")), "{failure:?}");
        }
    }
    let missing = ask(&always(200, &[], "{}").await).await.unwrap_err();
    assert!(matches!(missing, Failure::BadAnswer(Unreadable::NoAccount)));
}
