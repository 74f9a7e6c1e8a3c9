//! `POST /v1/plugins`

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::{ProblemCode, plugin::PluginVersion};
use flows::plugin::{self, MEDIA_TYPE, MOST_PACKAGE_BYTES, Package};

use super::super::{
    principal::{Caller, PluginsWrite},
    problem::Fail,
};

/// How long a package may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pushes a version of a plugin: a package as `patchbay plugin push` and `patchbay plugin sign` make it, with manifest,
/// component (16 MiB at most) and signature. A version never changes; to push the same again changes nothing. What is
/// refused is not stored: the answer names the part and what is wrong with it. A version that asks for more than the one
/// before is stored as `needs_approval` and cannot be pinned until it is approved.
#[utoipa::path(post, path = "/v1/plugins", tag = "Plugins",
    request_body(content = Vec<u8>, content_type = "application/vnd.patchbay.plugin"),
    responses((status = 201, body = PluginVersion), (status = 200, body = PluginVersion)),
    security(("api_key" = ["plugins:write"])))]
pub async fn push_plugin(
    caller: Caller<PluginsWrite>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Fail> {
    let ctx = caller.whole()?;
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != MEDIA_TYPE {
        let detail = format!("Send a package of a plugin with `content-type: {MEDIA_TYPE}`.");
        return Err(Fail::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let _place = ctx.services.providers.place_to_push(ctx.scope.tenant).ok_or_else(|| {
        let detail = "Another plugin is being taken in just now. Try again shortly.";
        Fail::new(ProblemCode::RateLimited, detail).retry_after(Duration::from_secs(1))
    })?;
    let package = Package::parse(&read(body).await?).map_err(|error| super::refused("package", error.to_string()))?;
    let pushed = plugin::push(ctx, package).await?;
    let is_pinned = pushed.was_there && plugin::get(ctx, &pushed.row.slug, &pushed.row.version).await?.1;
    let shown = super::show(&pushed.row, is_pinned);
    let mut answer = if pushed.was_there { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(shown))
}

/// The whole body, which may be larger than others.
async fn read(body: web::Payload) -> Result<web::Bytes, Fail> {
    let broken = || {
        Fail::new(ProblemCode::BadRequest, "The body broke off, did not arrive in time, or is not sent as HTTP asks.")
    };
    let whole =
        tokio::time::timeout(PATIENCE, body.to_bytes_limited(MOST_PACKAGE_BYTES)).await.map_err(|_| broken())?;
    let whole = whole.map_err(|_| {
        let detail = format!("A package may have {MOST_PACKAGE_BYTES} bytes at most, its component 16 MiB.");
        Fail::new(ProblemCode::BodyTooLarge, detail)
    })?;
    whole.map_err(|_| broken())
}
