//! The pages' files, embedded into the binary at build time, with the compressed forms made then.

use actix_web::{HttpRequest, HttpResponse};

use super::problem::Fail;

/// One file in its forms.
pub struct Asset {
    /// Its name within its app, such as `app-3f2a.js`.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// As is.
    pub plain: &'static [u8],
    /// Brotli (RFC 7932).
    pub brotli: Option<&'static [u8]>,
    /// gzip (RFC 1952).
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file of that name in the app `connect`, `admin` or `embed`.
#[must_use]
pub fn find(app: &str, name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|(of, asset)| *of == app && asset.name == name).map(|(_, asset)| asset)
}

/// Answers with a file in the best form that the browser takes. Names carry a hash of the content, so they may be kept.
///
/// # Errors
/// 404 if there is no such file.
pub fn serve(app: &str, name: &str, request: &HttpRequest) -> Result<HttpResponse, Fail> {
    let asset = find(app, name).ok_or_else(|| Fail::not_found("file"))?;
    let hashed = name
        .split('.')
        .next()
        .is_some_and(|stem| stem.rsplit('-').next().is_some_and(|hash| hash.len() >= 8 && stem.contains('-')));
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(asset.content_type)
        .insert_header(("vary", "accept-encoding"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header((
            "cache-control",
            if hashed { "public, max-age=31536000, immutable" } else { "public, max-age=300" },
        ));
    Ok(body(&mut answer, asset, request))
}

/// Puts a file into an answer, in the best form that the browser takes.
pub fn body(answer: &mut actix_web::HttpResponseBuilder, asset: &'static Asset, request: &HttpRequest) -> HttpResponse {
    let accepts = request.headers().get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| accepts.split(',').any(|entry| entry.trim().split(';').next() == Some(coding));
    match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if takes("br") => answer.insert_header(("content-encoding", "br")).body(brotli),
        (_, Some(gzip)) if takes("gzip") => answer.insert_header(("content-encoding", "gzip")).body(gzip),
        _ => answer.body(asset.plain),
    }
}

/// What is shown in place of a page that was not built into this binary.
pub const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Patchbay</title><p>This server was built without its pages. \
     Run <code>cargo dev web</code> and build it again.";
