//! The table of contents: one line per endpoint, grouped by audience. What stands in the first table is also the OpenAPI
//! document.

use actix_web::{HttpRequest, web};
use api_types::ProblemCode;

use super::{api_keys, assets, health, openapi, operator, portal, problem::Fail};

/// Writes the routing and the OpenAPI document from one table.
macro_rules! api {
    ($($method:ident $path:literal => $($handler:ident)::+;)*) => {
        /// The OpenAPI document of the table.
        #[derive(utoipa::OpenApi)]
        #[openapi(
            info(title = "Patchbay", description = "Connects end users' accounts and keeps those connections alive."),
            paths($($($handler)::+),*),
            components(schemas(api_types::Problem)),
            modifiers(&openapi::Everywhere),
        )]
        pub(super) struct Document;

        /// Every documented endpoint as `(method, path)`.
        pub const TABLE: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn documented(config: &mut web::ServiceConfig) {
            $(config.route($path, web::$method().to($($handler)::+));)*
        }
    };
}

api! {
    // The operator
    post "/v1/operator/tenants" => operator::create_tenant::create_tenant;
    get "/v1/operator/tenants" => operator::list_tenants::list_tenants;
    post "/v1/operator/tenants/{tenant}/environments" => operator::create_environment::create_environment;
    post "/v1/operator/tenants/{tenant}/environments/{environment}/api-keys" => operator::create_api_key::create_environment_api_key;
    post "/v1/operator/tenants/{tenant}/members" => operator::create_member::create_member;

    // Tenants' backends, and the portal
    get "/v1/api-keys" => api_keys::list::list_api_keys;
    post "/v1/api-keys" => api_keys::create::create_api_key;
    delete "/v1/api-keys/{key}" => api_keys::revoke::revoke_api_key;
}

/// Registers every endpoint.
pub fn configure(config: &mut web::ServiceConfig) {
    documented(config);
    config
        // The portal's own
        .route("/portal/api/sign-in", web::post().to(portal::sign_in::sign_in))
        .route("/portal/api/sign-out", web::post().to(portal::sign_out::sign_out))
        .route("/portal/api/me", web::get().to(portal::me::me))
        .route("/portal/assets/{file}", web::get().to(portal::page::asset))
        .route("/portal", web::get().to(portal::page::page))
        .route("/portal/{rest:.*}", web::get().to(portal::page::page))
        // The loader for tenants' pages
        .route("/embed.js", web::get().to(async |request: HttpRequest| assets::serve("embed", "loader.js", &request)))
        // Whoever watches
        .route("/openapi.json", web::get().to(openapi::get_openapi))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .default_service(web::to(nothing_here));
}

/// What is said where nothing is.
async fn nothing_here(request: HttpRequest) -> Fail {
    if request.resource_map().match_pattern(request.path()).is_some() {
        return Fail::new(ProblemCode::MethodNotAllowed, format!("{} is not offered here.", request.method()));
    }
    Fail::new(ProblemCode::NotFound, "There is nothing at this path. GET /openapi.json lists what there is.")
}
