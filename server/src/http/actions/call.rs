//! `POST /v1/connections/{connection}/actions/{action}`

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::action::{ActionRun, CallAction};
use domain::{action::ActionState, manifest::ActionSpec};
use flows::{
    Ctx,
    action::{self, Call, Called, Key},
};
use serde_json::{Value, json};

use super::super::{
    extract::{self, Json},
    principal::{ActionsRun, Caller},
    problem::Fail,
};

/// Performs an action of the connection's provider. The answer is what came out, or a problem document that says who is to
/// blame. `Prefer: respond-async` (RFC 7240) has a worker perform it: the answer is then 202 with the run, which is over
/// when `state` is `succeeded`, `failed` or `unknown`, and the event `action.finished` tells of it. With `wait` beside it,
/// `Prefer: respond-async, wait=10`, the answer is what came out if it is over within so many seconds, and at most the
/// action's own timeout is waited.
///
/// An action is performed at most once, unless its manifest says that repeating it does no harm. With an `Idempotency-Key`
/// the call can be sent again after a lost answer: of one connection's calls with the same key one is performed, and all
/// are answered from it, for 30 days. The same key with another action or input is refused.
///
/// Of the calls that are waited for a tenant has a part of the server's places (429 `rate_limited` beyond it); those that a
/// worker performs stand in a queue.
#[utoipa::path(post, path = "/v1/connections/{connection}/actions/{action}", tag = "Actions",
    params(("connection" = String, Path, description = "The connection's id."),
        ("action" = String, Path, description = "The action's name."),
        ("idempotency-key" = Option<String>, Header, description = "By what the call is known again: 1 to 255 visible ASCII characters, unique among the connection's calls."),
        ("prefer" = Option<String>, Header, description = "`respond-async` to be answered before it is performed; `respond-async, wait=10` to be answered then only if it takes longer than 10 seconds.")),
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
    let wishes = Wishes::of(&request);
    let call = Call { connection, action: name, input, key, is_async: wishes.is_async };
    let mut called = action::call(caller.ctx(), call).await?;
    if let Some(wait) = wishes.wait() {
        called = over_within(caller.ctx(), called, wait).await;
    }
    answer(called, wishes.wait())
}

/// How often it is looked whether a worker is done.
const PAUSE: Duration = Duration::from_millis(100);

/// The call once it is over, or as it is after that time or the action's own, whichever is shorter. It is taken: whatever
/// hinders the looking is no reason to say otherwise.
async fn over_within(ctx: Ctx<'_>, called: Called, wait: Duration) -> Called {
    if called.run.state.is_over() {
        return called;
    }
    let Ok(actions) = action::actions(ctx, called.run.connection).await else { return called };
    let own = actions.iter().find(|spec| spec.name == called.run.action).map(ActionSpec::timeout);
    let id = called.run.id;
    let look = async {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Ok((run, output)) = action::find(ctx, id).await
                && run.state.is_over()
            {
                return (run, output);
            }
        }
    };
    match tokio::time::timeout(wait.min(own.unwrap_or_default()), look).await {
        Ok((run, output)) => Called { run, output, ..called },
        Err(_) => called,
    }
}

/// How the caller would rather be answered (RFC 7240). What is not understood is no wish.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    /// Would rather go on than wait (section 4.1).
    is_async: bool,
    /// Would wait so many seconds before that (section 4.3).
    seconds: Option<u32>,
}

impl Wishes {
    fn of(request: &HttpRequest) -> Self {
        let headers = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
        Self::read(headers.flat_map(|value| value.split(',')))
    }

    /// Of a wish that is there twice the first counts.
    fn read<'w>(wishes: impl Iterator<Item = &'w str>) -> Self {
        let mut found = Self::default();
        for wish in wishes {
            let wish = wish.split(';').next().unwrap_or_default();
            let (name, value) = wish.split_once('=').unwrap_or((wish, ""));
            if name.trim().eq_ignore_ascii_case("respond-async") {
                found.is_async = true;
            } else if name.trim().eq_ignore_ascii_case("wait") && found.seconds.is_none() {
                found.seconds = value.trim().trim_matches('"').parse().ok();
            }
        }
        found
    }

    /// How long to wait for a worker; without `respond-async` there is none.
    fn wait(&self) -> Option<Duration> {
        self.seconds.filter(|_| self.is_async).map(|seconds| Duration::from_secs(seconds.into()))
    }
}

/// `waited` is how long the caller would wait for a worker.
fn answer(called: Called, waited: Option<Duration>) -> Result<HttpResponse, Fail> {
    let Called { run, output, is_replayed } = called;
    let output: Option<Value> = output;
    let is_later = run.is_async && (waited.is_none() || !run.state.is_over());
    let mut answer = if is_later {
        let mut answer = HttpResponse::Accepted();
        answer.insert_header(("preference-applied", "respond-async"));
        answer.insert_header(("location", format!("/v1/action-runs/{}", run.id)));
        answer
    } else if run.state == ActionState::Succeeded {
        HttpResponse::Ok()
    } else {
        return Err(super::failure(&run));
    };
    if let Some(waited) = waited {
        answer.append_header(("preference-applied", format!("wait={}", waited.as_secs())));
    }
    if is_replayed {
        answer.insert_header(("idempotency-replayed", "true"));
    }
    Ok(answer.json(super::show(run, output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_7_what_a_caller_would_rather_have() {
        let read = |header: &str| Wishes::read(header.split(','));
        let wait = |header: &str| read(header).wait().map(|wait| wait.as_secs());
        assert_eq!((wait("respond-async, wait=10"), wait("Wait = \"7\" , Respond-Async; x=1")), (Some(10), Some(7)));
        assert_eq!(wait("respond-async, wait=5, wait=9"), Some(5), "the first counts");
        assert_eq!(wait("wait=10"), None, "nobody is waited for whose answer is waited for anyway");
        for header in ["respond-async", "respond-async, wait=", "respond-async, wait=-1", "respond-async, wait=soon"] {
            assert!(read(header).is_async && wait(header).is_none(), "{header}");
        }
        assert_eq!(read("return=minimal, respond-asynchronously, "), Wishes::default());
    }
}
