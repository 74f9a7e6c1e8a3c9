//! `POST /v1/operator/tenants/{tenant}/environments/{environment}/revocations`

use actix_web::{HttpResponse, web};
use api_types::operator::{CreateRevocationRun, Revocable, RevocationCount, RevocationRun};
use domain::{Scope, revocation::RevocationState};
use flows::{
    Actor,
    connection::{self, Concerned, Revokes, RunView},
    tenant::list,
};
use store::RevocationScope;

use super::super::{
    extract::{self, Json},
    principal::Operator,
    problem::Fail,
    revocations,
};

/// The panic button: stops an environment's connections at once, all or those that are meant, asks their providers to let
/// go and wipes their credentials, in the background. Asking for the same again goes on with what is not finished.
#[utoipa::path(post, path = "/v1/operator/tenants/{tenant}/environments/{environment}/revocations", tag = "Operator",
    request_body = CreateRevocationRun,
    params(("tenant" = String, Path, description = "The tenant's id."),
        ("environment" = String, Path, description = "The environment's id.")),
    responses((status = 202, body = RevocationRun), (status = 200, body = RevocationRun)),
    security(("operator" = [])))]
pub async fn create_revocation_run(
    operator: Operator,
    path: web::Path<(String, String)>,
    Json(body): Json<CreateRevocationRun>,
) -> Result<HttpResponse, Fail> {
    let scope = scope(&operator, &path.0, &path.1).await?;
    let ctx = operator.services().ctx(scope, Actor::Operator);
    let wanted = RevocationScope {
        provider: body.provider,
        integration: body.integration_id,
        since: body.since,
        until: body.until,
    };
    if body.dry_run {
        let concerned = connection::count_revocable(ctx, &wanted).await?;
        return Ok(HttpResponse::Ok().json(RevocationRun {
            id: None,
            total: concerned.iter().map(|one| one.connections).sum(),
            providers: concerned.into_iter().map(revocable).collect(),
            outcomes: Vec::new(),
            created_at: None,
            finished_at: None,
        }));
    }
    Ok(HttpResponse::Accepted().json(show(connection::revoke_many(ctx, &wanted).await?)))
}

/// The environment of that path, if it is the tenant's.
pub(super) async fn scope(operator: &Operator, tenant: &str, environment: &str) -> Result<Scope, Fail> {
    let scope = Scope { tenant: extract::id(tenant, "tenant")?, environment: extract::id(environment, "environment")? };
    let (_, environments) = list::tenant(operator.services(), scope.tenant).await?;
    if environments.iter().all(|row| row.environment_id != scope.environment) {
        return Err(Fail::not_found("environment"));
    }
    Ok(scope)
}

fn revocable(one: Concerned) -> Revocable {
    let revocation = one.revokes.map_or("unknown", Revokes::as_str).to_owned();
    Revocable { provider: one.provider, connections: one.connections, revocation }
}

/// A run as it is shown.
pub(super) fn show(view: RunView) -> RevocationRun {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let outcome = |tally: store::StateCount| {
        let state: RevocationState = tally.state.parse().ok()?;
        Some(RevocationCount { provider: tally.provider, state: revocations::state(state), count: count(tally.count) })
    };
    RevocationRun {
        id: Some(view.row.id),
        total: count(view.row.total),
        providers: Vec::new(),
        outcomes: view.tally.into_iter().filter_map(outcome).collect(),
        created_at: Some(view.row.created_at),
        finished_at: view.row.finished_at,
    }
}
