//! Headers of the pages that we serve to browsers.

use actix_web::HttpResponseBuilder;

/// The content security policy of our pages: our own files and nothing else. `frame_ancestors` is what may frame them.
#[must_use]
pub fn content_security_policy(frame_ancestors: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {frame_ancestors}"
    )
}

/// Adds what every page of ours carries. Pages are not stored and tell other sites nothing (security.md OA-4).
pub fn page(response: &mut HttpResponseBuilder, frame_ancestors: &str) {
    response
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", content_security_policy(frame_ancestors)))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("cross-origin-opener-policy", "unsafe-none"));
}
