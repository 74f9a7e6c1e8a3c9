//! The portal: its page, and signing in to it. Everything else it does over the tenants' API.

pub mod me;
pub mod page;
pub mod sign_in;
pub mod sign_out;

use actix_web::cookie::{Cookie, SameSite};

use super::principal::PORTAL_COOKIE;

/// The session's cookie: for this host alone, unseen by scripts, sent by our own pages only (security.md SV-5).
fn cookie(value: String) -> Cookie<'static> {
    Cookie::build(PORTAL_COOKIE, value).path("/").secure(true).http_only(true).same_site(SameSite::Strict).finish()
}
