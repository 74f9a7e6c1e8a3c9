//! `POST /v1/connections/{connection}/actions/{action}`

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::action::{ActionRun, CallAction};
use domain::action::ActionState;
use flows::action::{self, Call, Key};
use serde_json::{Value, json};

use super::super::{
    extract::{self, Json},
    principal::{ActionsRun, Caller},
    problem::Fail,
};

/// Performs an action of the connection's provider. The answer is what came out, or a problem document that says who is to
/// blame. `Prefer: respond-async` (RFC 7240) has a worker perform it: the answer is then 202 with the run, which is over
/// when `state` is `succeeded`, `failed` or `unknown`, and the event `action.finished` tells of it.
///
/// An action is performed at most once, unless its manifest says that repeating it does no harm. With an `Idempotency-Key`
/// the call can be sent again after a lost answer: of one connection's calls with the same key one is performed, and all
/// are answered from it, for 30 days. The same key with another action or input is refused.
#[utoipa::path(post, path = "/v1/connections/{connection}/actions/{action}", tag = "Actions",
    params(("connection" = String, Path, description = "The connection's id."),
        ("action" = String, Path, description = "The action's name."),
        ("idempotency-key" = Option<String>, Header, description = "By what the call is known again: 1 to 255 visible ASCII characters, unique among the connection's calls."),
        ("prefer" = Option<String>, Header, description = "`respond-async` to be answered before it is performed.")),
    request_body = CallAction,
    responses((status = 200, description = "It was performed.", body = ActionRun), (status = 202, description = "A worker performs it.", body = ActionRun)),
    security(("api_key" = ["actions:run"])))]
pub async fn call_action(
    caller: Caller<ActionsRun>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    Json(body): Json<CallAction>,
) -> Result<HttpResponse, Fail> {
    let (connection, name) = path.into_inner();
    let connection = extract::id(&connection, "connection")?;
    let key = match request.headers().get("idempotency-key") {
        None => None,
        Some(value) => {
            let key = value.to_str().ok().and_then(Key::new);
            let wanted = || format!("must be 1 to {} visible ASCII characters", Key::LONGEST);
            Some(key.ok_or_else(|| Fail::field("idempotency-key", wanted()))?)
        }
    };
    let input = body.input.unwrap_or_else(|| json!({}));
    let is_async = prefers_async(&request);
    let called = action::call(caller.ctx(), Call { connection, action: name, input, key, is_async }).await?;
    answer(called)
}

/// Whether the caller would rather go on than wait (RFC 7240 section 4.1).
fn prefers_async(request: &HttpRequest) -> bool {
    let wishes = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    wishes.flat_map(|value| value.split(',')).any(|wish| {
        let name = wish.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

fn answer(called: action::Called) -> Result<HttpResponse, Fail> {
    let action::Called { run, output, is_replayed } = called;
    let output: Option<Value> = output;
    let mut answer = if run.is_async {
        let mut answer = HttpResponse::Accepted();
        answer.insert_header(("preference-applied", "respond-async"));
        answer.insert_header(("location", format!("/v1/action-runs/{}", run.id)));
        answer
    } else if run.state == ActionState::Succeeded {
        HttpResponse::Ok()
    } else {
        return Err(super::failure(&run));
    };
    if is_replayed {
        answer.insert_header(("idempotency-replayed", "true"));
    }
    Ok(answer.json(super::show(run, output)))
}
