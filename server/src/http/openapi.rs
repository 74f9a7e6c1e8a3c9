//! The OpenAPI 3.1 document, made from the handlers themselves.

use actix_web::HttpResponse;
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

/// What holds for every operation: how to authenticate, and that whatever is not a success is a problem document.
pub(super) struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, about) in [
            ("api_key", "An API key, `pbk_…`, of one environment."),
            ("operator", "The operator's token."),
            ("connect_session", "A connect session's token, `cst_…`."),
        ] {
            let scheme =
                SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(about)).build());
            components.add_security_scheme(name, scheme);
        }
        let problem = Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("Problem"))));
        let mut failure = Response::new("Anything else: a problem document (RFC 9457).");
        failure.content.insert("application/problem+json".into(), RefOr::T(problem));
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                operation.responses.responses.insert("default".into(), RefOr::T(failure.clone()));
            }
        }
    }
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    super::routes::Document::openapi()
}

/// `GET /openapi.json`.
pub async fn get_openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document().to_json().unwrap_or_default())
}
