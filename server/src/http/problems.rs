//! `GET /problems/{code}`: what each problem document's `type` points to, a short page on what it means and what to do.

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::ProblemCode;

use super::{problem::Fail, security_headers};

/// Pairs each code with its page. The match is exhaustive: a code without a page does not compile.
macro_rules! pages {
    ($($code:ident = $file:literal,)*) => {
        /// The page of a code, in Markdown.
        #[must_use]
        pub const fn page(code: ProblemCode) -> &'static str {
            match code {
                $(ProblemCode::$code => include_str!(concat!("../../problems/", $file, ".md")),)*
            }
        }
    };
}

pages! {
    BadRequest = "bad_request",
    BadJson = "bad_json",
    InvalidFields = "invalid_fields",
    BadCursor = "bad_cursor",
    CursorExpired = "cursor_expired",
    Unauthenticated = "unauthenticated",
    MissingScope = "missing_scope",
    ForbiddenOrigin = "forbidden_origin",
    NotFound = "not_found",
    MethodNotAllowed = "method_not_allowed",
    Conflict = "conflict",
    BodyTooLarge = "body_too_large",
    UnsupportedMediaType = "unsupported_media_type",
    UnknownProvider = "unknown_provider",
    CredentialRefused = "credential_refused",
    PluginRefused = "plugin_refused",
    IntegrationMisconfigured = "integration_misconfigured",
    NeedsReauth = "needs_reauth",
    RateLimited = "rate_limited",
    SessionExpired = "session_expired",
    HostNotAllowed = "host_not_allowed",
    ProviderUnreachable = "provider_unreachable",
    ProviderTimeout = "provider_timeout",
    ActionRefused = "action_refused",
    ActionUnknown = "action_unknown",
    IdempotencyKeyReused = "idempotency_key_reused",
    RequestInFlight = "request_in_flight",
    ProviderFailed = "provider_failed",
    PluginFailed = "plugin_failed",
    KeyServiceUnavailable = "key_service_unavailable",
    DatabaseUnavailable = "database_unavailable",
    Internal = "internal",
}

/// The page of a code: HTML for browsers, Markdown for everybody else.
///
/// # Errors
/// 404 if there is no such code.
pub async fn get_problem(code: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Fail> {
    let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code.as_str());
    let text = page(*known.ok_or_else(|| Fail::not_found("problem code"))?);
    let accepts = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut answer = HttpResponse::Ok();
    if accepts.contains("text/html") {
        security_headers::page(&mut answer, "'none'");
        Ok(answer.insert_header(("vary", "accept")).body(html(text)))
    } else {
        answer.content_type("text/markdown; charset=utf-8").insert_header(("x-content-type-options", "nosniff"));
        Ok(answer.insert_header(("vary", "accept")).body(text))
    }
}

/// The little of Markdown that the pages use: two levels of headings, paragraphs, lists and code.
fn html(markdown: &str) -> String {
    let title = markdown.lines().next().unwrap_or_default().trim_start_matches("# ");
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{}</title><main>",
        escaped(title)
    );
    let mut in_list = false;
    for line in markdown.lines().filter(|line| !line.is_empty()) {
        let item = line.strip_prefix("- ");
        if in_list != item.is_some() {
            page.push_str(if in_list { "</ul>" } else { "<ul>" });
            in_list = !in_list;
        }
        let (tag, text) = match item {
            Some(item) => ("li", item),
            None => match (line.strip_prefix("# "), line.strip_prefix("## ")) {
                (Some(heading), _) => ("h1", heading),
                (_, Some(heading)) => ("h2", heading),
                _ => ("p", line),
            },
        };
        page.push_str(&format!("<{tag}>{}</{tag}>", spans(text)));
    }
    page.push_str(if in_list { "</ul></main></html>" } else { "</main></html>" });
    page
}

/// Text with what stands between backticks as code.
fn spans(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) })
        .collect()
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_which_code_it_is_about_and_what_to_do() {
        for code in ProblemCode::ALL {
            let text = page(*code);
            assert!(text.starts_with(&format!("# {}\n", code.title())), "{}: title", code.as_str());
            let head = format!("\n`{}`, status {}.", code.as_str(), code.status());
            assert!(text.contains(&head), "{}: code and status", code.as_str());
            assert!(text.contains("\n## What to do\n\n- "), "{}: what to do", code.as_str());
        }
    }

    #[test]
    fn pages_become_html_and_nothing_in_them_becomes_markup() {
        let page = html("# A <b>\n\nText with `code & <i>`.\n\n## Next\n\n- one\n- two\n");
        assert!(page.contains("<title>A &lt;b&gt;</title><main><h1>A &lt;b&gt;</h1>"), "{page}");
        assert!(page.contains("<p>Text with <code>code &amp; &lt;i&gt;</code>.</p><h2>Next</h2>"), "{page}");
        assert!(page.ends_with("<ul><li>one</li><li>two</li></ul></main></html>"), "{page}");
    }
}
