//! The table of contents: one line per endpoint, grouped by audience. What stands in the first table is also the OpenAPI
//! document.

use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};
use api_types::ProblemCode;

use super::{
    actions, api_keys, assets, connect_page, connect_sessions, connections, deliveries, endpoints, health, imports,
    inbound, integrations,
    openapi::{self, Everywhere},
    operator, plugins, portal,
    problem::Fail,
    problems, providers, proxy, records, revocations, runs,
    state::RouteMeters,
    syncs,
};

/// Writes the routing and the OpenAPI document from one table.
macro_rules! api {
    ($($method:ident $path:literal => $($handler:ident)::+;)*) => {
        /// The OpenAPI document of the table.
        #[derive(utoipa::OpenApi)]
        #[openapi(
            info(title = "Patchbay", description = "Connects end users' accounts and keeps those connections alive."),
            paths($($($handler)::+,)* proxy::send::send_proxy),
            components(schemas(api_types::Problem)),
            modifiers(&Everywhere),
        )]
        pub(super) struct Document;

        /// Every documented endpoint as `(method, path)`.
        pub const TABLE: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn documented(config: &mut web::ServiceConfig) {
            let mut resources: Vec<(&'static str, Resource)> = Vec::new();
            $(offer(&mut resources, $path, web::$method().to($($handler)::+));)*
            for (_, resource) in resources {
                config.service(resource.default_service(web::to(nothing_here)));
            }
        }
    };
}

api! {
    // Asked most by far, and paths are tried in order
    get "/v1/connections/{connection}/credential" => connections::credential::get_connection_credential;

    // The operator
    post "/v1/operator/tenants" => operator::create_tenant::create_tenant;
    get "/v1/operator/tenants" => operator::list_tenants::list_tenants;
    post "/v1/operator/tenants/{tenant}/environments" => operator::create_environment::create_environment;
    post "/v1/operator/tenants/{tenant}/environments/{environment}/api-keys" => operator::create_api_key::create_environment_api_key;
    post "/v1/operator/tenants/{tenant}/environments/{environment}/revocations" => operator::create_revocation_run::create_revocation_run;
    get "/v1/operator/tenants/{tenant}/environments/{environment}/revocations/{revocation}" => operator::get_revocation_run::get_revocation_run;
    post "/v1/operator/tenants/{tenant}/members" => operator::create_member::create_member;

    // Tenants' backends, and the portal
    get "/v1/providers" => providers::list::list_providers;
    get "/v1/providers/{provider}" => providers::get::get_provider;
    put "/v1/providers/{provider}" => providers::put::put_provider;
    delete "/v1/providers/{provider}" => providers::delete::delete_provider;
    get "/v1/plugins" => plugins::list::list_plugins;
    post "/v1/plugins" => plugins::push::push_plugin;
    get "/v1/plugins/{plugin}/versions" => plugins::list_versions::list_plugin_versions;
    get "/v1/plugins/{plugin}/versions/{version}" => plugins::version::get_plugin_version;
    delete "/v1/plugins/{plugin}/versions/{version}" => plugins::withdraw::withdraw_plugin_version;
    post "/v1/plugins/{plugin}/versions/{version}/approve" => plugins::approve::approve_plugin_version;
    put "/v1/plugins/{plugin}/pin" => plugins::pin::pin_plugin;
    delete "/v1/plugins/{plugin}/pin" => plugins::unpin::unpin_plugin;
    post "/v1/plugins/{plugin}/rollback" => plugins::rollback::rollback_plugin;
    get "/v1/plugin-keys" => plugins::list_keys::list_plugin_keys;
    post "/v1/plugin-keys" => plugins::register_key::register_plugin_key;
    post "/v1/plugin-keys/{plugin_key}/revoke" => plugins::revoke_key::revoke_plugin_key;
    get "/v1/integrations" => integrations::list::list_integrations;
    post "/v1/integrations" => integrations::create::create_integration;
    get "/v1/integrations/{integration}" => integrations::get::get_integration;
    patch "/v1/integrations/{integration}" => integrations::update::update_integration;
    delete "/v1/integrations/{integration}" => integrations::delete::delete_integration;
    post "/v1/connect/sessions" => connect_sessions::create::create_connect_session;
    get "/v1/connect/sessions/{session}" => connect_sessions::get::get_connect_session;
    delete "/v1/connect/sessions/{session}" => connect_sessions::revoke::revoke_connect_session;
    get "/v1/connections" => connections::list::list_connections;
    post "/v1/connections" => connections::import::import_connection;
    patch "/v1/connections" => connections::update_many::update_connections;
    get "/v1/connections/{connection}" => connections::get::get_connection;
    patch "/v1/connections/{connection}" => connections::update::update_connection;
    delete "/v1/connections/{connection}" => connections::delete::delete_connection;
    get "/v1/connections/{connection}/actions" => actions::list::list_actions;
    post "/v1/connections/{connection}/actions/{action}" => actions::call::call_action;
    get "/v1/action-runs" => actions::runs::list_action_runs;
    get "/v1/action-runs/{action_run}" => actions::get::get_action_run;
    get "/v1/action-runs/{action_run}/logs" => actions::logs::list_action_run_logs;
    post "/v1/connections/{connection}/revoke" => connections::revoke::revoke_connection;
    post "/v1/exports" => connections::export::export_connections;
    post "/v1/imports" => imports::create::create_import;
    get "/v1/imports/{import}" => imports::get::get_import;
    post "/v1/imports/{import}/rows" => imports::rows::send_import_rows;
    get "/v1/revocations" => revocations::list::list_revocations;
    get "/v1/integrations/{integration}/webhook" => inbound::integration_webhook::get_integration_webhook;
    put "/v1/integrations/{integration}/webhook" => inbound::integration_webhook::put_integration_webhook;
    delete "/v1/integrations/{integration}/webhook" => inbound::integration_webhook::delete_integration_webhook;
    get "/v1/connections/{connection}/webhook" => inbound::connection_webhook::get_connection_webhook;
    put "/v1/connections/{connection}/webhook" => inbound::connection_webhook::put_connection_webhook;
    delete "/v1/connections/{connection}/webhook" => inbound::connection_webhook::delete_connection_webhook;
    get "/v1/inbound-webhooks" => inbound::list::list_inbound_webhooks;
    get "/v1/inbound-webhooks/{inbound}" => inbound::get::get_inbound_webhook;
    post "/v1/connections/{connection}/syncs" => syncs::create::create_sync;
    get "/v1/syncs" => syncs::list::list_syncs;
    patch "/v1/syncs/{sync}" => syncs::update::update_sync;
    delete "/v1/syncs/{sync}" => syncs::delete::delete_sync;
    post "/v1/syncs/{sync}/cancel" => syncs::cancel::cancel_sync;
    post "/v1/syncs/{sync}/resync" => syncs::resync::resync_sync;
    put "/v1/syncs/{sync}/schedule" => syncs::schedule::set_sync_schedule;
    delete "/v1/syncs/{sync}/schedule" => syncs::schedule::reset_sync_schedule;
    post "/v1/syncs/{sync}/trigger" => syncs::trigger::trigger_sync;
    post "/v1/syncs/{sync}/pause" => syncs::pause::pause_sync;
    post "/v1/syncs/{sync}/resume" => syncs::resume::resume_sync;
    get "/v1/runs" => runs::list::list_runs;
    get "/v1/runs/{run}" => runs::get::get_run;
    get "/v1/runs/{run}/logs" => runs::logs::list_run_logs;
    get "/v1/records" => records::list::list_records;
    get "/v1/records/export" => records::export::export_records;
    get "/v1/integrations/{integration}/streams/{stream}/policy" => records::policy::get_record_policy;
    put "/v1/integrations/{integration}/streams/{stream}/policy" => records::policy::set_record_policy;
    get "/v1/endpoints" => endpoints::list::list_endpoints;
    post "/v1/endpoints" => endpoints::create::create_endpoint;
    get "/v1/endpoints/{endpoint}" => endpoints::get::get_endpoint;
    delete "/v1/endpoints/{endpoint}" => endpoints::delete::delete_endpoint;
    post "/v1/endpoints/{endpoint}/test" => endpoints::test::test_endpoint;
    get "/v1/deliveries" => deliveries::list::list_deliveries;
    get "/v1/deliveries/{delivery}/attempts" => deliveries::attempts::list_delivery_attempts;
    post "/v1/deliveries/{delivery}/replay" => deliveries::replay::replay_delivery;
    get "/v1/api-keys" => api_keys::list::list_api_keys;
    post "/v1/api-keys" => api_keys::create::create_api_key;
    delete "/v1/api-keys/{key}" => api_keys::revoke::revoke_api_key;
    post "/v1/api-keys/{key}/rotate" => api_keys::rotate::rotate_api_key;

    // The connect page, with its session's token
    get "/connect/api/session" => connect_page::describe::get_connect_page;
    get "/connect/api/progress" => connect_page::progress::get_connect_progress;
    post "/connect/api/entry" => connect_page::enter::enter_credential;
    post "/connect/api/code" => connect_page::show_code::show_connect_code;
}

/// Adds a route to the resource of its path: a path that is matched once is matched fast.
fn offer(resources: &mut Vec<(&'static str, Resource)>, path: &'static str, route: Route) {
    let resource = match resources.iter().position(|(known, _)| *known == path) {
        Some(at) => resources.swap_remove(at).1,
        None => metered(path),
    };
    resources.push((path, resource.route(route)));
}

/// A resource whose requests are counted under its pattern.
fn metered(path: &'static str) -> Resource {
    web::resource(path).app_data(RouteMeters::new(path))
}

fn read(path: &'static str, route: Route) -> Resource {
    metered(path).guard(guard::Get()).route(route)
}

fn posted(path: &'static str, route: Route) -> Resource {
    metered(path).guard(guard::Post()).route(route)
}

/// What is posted to beside the table; everything else beside it is read.
const POSTED: &[&str] = &["/connect/launch", "/portal/api/sign-in", "/portal/api/sign-out"];

/// What is read and posted to.
const BOTH: &[&str] = &["/connect/install/{integration}", "/inbound/{token}"];

/// Registers every endpoint.
pub fn configure(config: &mut web::ServiceConfig) {
    // Every method, and paths of any depth. First, since paths are tried in order and most calls go there.
    config.service(metered("/v1/proxy/{path:.*}").route(web::to(proxy::send::send_proxy)));
    documented(config);
    config
        // The connect page, the way to the provider and back
        .service(posted("/connect/launch", web::post().to(connect_page::launch::launch)))
        .service(read("/connect/callback/{integration}", web::get().to(connect_page::callback::callback)))
        // Where a vendor's marketplace sends who installs the tenant's app, or tells of it
        .service(read("/connect/install/{integration}", web::get().to(connect_page::install::arrive)))
        .service(posted("/connect/install/{integration}", web::post().to(connect_page::install::tell)))
        // Where providers send webhooks
        .service(posted("/inbound/{token}", web::post().to(inbound::receive::receive)))
        .service(read("/inbound/{token}", web::get().to(inbound::receive::look)))
        .service(read("/connect/clients/{integration}", web::get().to(connect_page::client::client)))
        .service(read("/connect/assets/{file}", web::get().to(connect_page::asset::asset)))
        .service(read("/connect/{session}", web::get().to(connect_page::hosted::hosted)))
        // The portal's own
        .service(posted("/portal/api/sign-in", web::post().to(portal::sign_in::sign_in)))
        .service(posted("/portal/api/sign-out", web::post().to(portal::sign_out::sign_out)))
        .service(read("/portal/api/me", web::get().to(portal::me::me)))
        .service(read("/portal/assets/{file}", web::get().to(portal::page::asset)))
        .service(read("/portal", web::get().to(portal::page::page)))
        .service(read("/portal/{rest:.*}", web::get().to(portal::page::page)))
        // The loader for tenants' pages
        .service(read(
            "/embed.js",
            web::get().to(async |request: HttpRequest| assets::serve("embed", "loader.js", &request)),
        ))
        // What problem documents point to
        .service(read("/problems/{code}", web::get().to(problems::get_problem)))
        // Whoever watches
        .service(read("/openapi.json", web::get().to(openapi::get_openapi)))
        .service(read("/healthz", web::get().to(health::healthz)))
        .service(read("/readyz", web::get().to(health::readyz)))
        .service(read("/metrics", web::get().to(health::metrics)))
        .default_service(web::to(nothing_here));
}

/// What is said where nothing is.
async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Fail> {
    if let Some(pattern) = request.resource_map().match_pattern(request.path()) {
        let offered = TABLE.iter().filter(|(_, path)| *path == pattern).map(|(method, _)| method.to_uppercase());
        let offered: Vec<_> = offered.chain(POSTED.contains(&pattern.as_str()).then(|| "POST".to_owned())).collect();
        let offered =
            if BOTH.contains(&pattern.as_str()) { vec!["GET".to_owned(), "POST".to_owned()] } else { offered };
        let offered = if offered.is_empty() { "GET".to_owned() } else { offered.join(", ") };
        let detail = format!("{} is not offered here, only {offered}.", request.method());
        return Err(Fail::new(ProblemCode::MethodNotAllowed, detail).allow(offered));
    }
    Err(Fail::new(ProblemCode::NotFound, "There is nothing at this path. GET /openapi.json lists what there is."))
}
