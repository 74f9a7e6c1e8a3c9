//! The small pages around the connect page: no script of their own, nothing kept, nothing told to other sites.

use actix_web::HttpResponse;
use api_types::ProblemCode;
use domain::connect::Display;
use ids::ConnectSessionId;

use super::super::{problem::Fail, problems::escaped, security_headers};

/// A page: one screen with a heading, a text and perhaps a way on.
pub(super) struct Page {
    screen: &'static str,
    tone: Tone,
    heading: String,
    text: String,
    next: Option<String>,
    closes: bool,
    actions: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Waiting,
    Good,
    Bad,
}

/// The hosted page of a session. It keeps the token for its own tab, so the address needs none.
pub(super) fn hosted_page(session: ConnectSessionId) -> String {
    format!("/connect/{session}")
}

/// Answers with a page. Nobody may frame it.
pub(super) fn respond(page: Page) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    security_headers::page(&mut answer, "'none'");
    answer.body(page.html())
}

/// A cookie that cannot be written.
pub(super) fn unanswerable() -> Fail {
    Fail::new(ProblemCode::Internal, "The answer could not be written.")
}

impl Page {
    fn bad(screen: &'static str, heading: &str, text: impl Into<String>) -> Self {
        Self {
            screen,
            tone: Tone::Bad,
            heading: heading.to_owned(),
            text: text.into(),
            next: None,
            closes: false,
            actions: Vec::new(),
        }
    }

    pub(super) fn launch(name: &str, url: &str) -> Self {
        Self {
            screen: "launch",
            tone: Tone::Waiting,
            heading: format!("Taking you to {name}"),
            text: "You will sign in there and decide what may be read.".into(),
            next: Some(url.to_owned()),
            closes: false,
            actions: vec![("Continue", url.to_owned())],
        }
    }

    pub(super) fn connected(name: &str, account: Option<&str>, display: Display, next: Option<&str>) -> Self {
        let who = account.map(|account| format!(" as {account}")).unwrap_or_default();
        let closes = display == Display::Popup;
        let next = next.filter(|_| !closes).map(str::to_owned);
        let then = if closes { "You can close this window." } else { "You are being taken back." };
        Self {
            screen: "callback-connected",
            tone: Tone::Good,
            heading: "Connected".into(),
            text: format!("{name} is connected{who}. {then}"),
            actions: next.iter().map(|url| ("Continue", url.clone())).collect(),
            next,
            closes,
        }
    }

    pub(super) fn consent_denied(name: &str) -> Self {
        let text = format!("You said no at {name}, so nothing was shared. If that was a mistake, begin again.");
        Self::bad("consent-denied", "Nothing was connected", text)
    }

    pub(super) fn provider_error(name: &str) -> Self {
        let text = format!("{name} answered with an error, so nothing was connected. Try again in a moment.");
        Self::bad("provider-error", "That did not work", text)
    }

    pub(super) fn provider_unreachable(name: &str) -> Self {
        let text =
            format!("{name} could not be reached just now, so nothing was connected. Try again in a few minutes.");
        Self::bad("provider-unreachable", "No answer", text)
    }

    pub(super) fn refused(reason: &str) -> Self {
        Self::bad("entry-refused", "That was not accepted", format!("Nothing was connected: {reason}."))
    }

    pub(super) fn misconfigured() -> Self {
        let text = "This connection is not set up rightly. That is not your fault: please tell whoever sent you here.";
        Self::bad("misconfigured", "This cannot be connected yet", text)
    }

    pub(super) fn different_account(name: &str) -> Self {
        let text = format!(
            "You signed in to {name} with another account than the one that is connected. Begin again and choose that account."
        );
        Self::bad("different-account", "That is another account", text)
    }

    pub(super) fn state_replayed() -> Self {
        let text = "This address was used already. What it did the first time stands, and nothing was changed now. You can close this window.";
        Self::bad("state-replayed", "Already used", text)
    }

    pub(super) fn state_unknown() -> Self {
        let text = "This address does not belong to anything that was begun here, and nothing was changed. Go back to where you came from and begin again.";
        Self::bad("state-unknown", "Nothing to continue", text)
    }

    pub(super) fn attempt_expired() -> Self {
        let text = "It took too long, so nothing was connected. Go back to where you came from and begin again.";
        Self::bad("attempt-expired", "Time ran out", text)
    }

    pub(super) fn wrong_browser() -> Self {
        let text = "This was begun in another browser, or this browser keeps no cookies. For your safety nothing was connected. Begin again in this browser.";
        Self::bad("wrong-browser", "Another browser began this", text)
    }

    pub(super) fn install_unknown() -> Self {
        let text = "This address does not belong to any app here, and nothing was changed. Please tell whoever offers the app.";
        Self::bad("install-unknown", "Nothing to install", text)
    }

    pub(super) fn install_refused() -> Self {
        let text = "What came along from the marketplace is not complete, too old or not genuine, so nothing was begun. Go back there and open the app again.";
        Self::bad("install-refused", "That was not accepted", text)
    }

    pub(super) fn install_over() -> Self {
        let text =
            "This install was used already, or it waited too long. Go back to the marketplace and open the app again.";
        Self::bad("install-over", "Open the app again", text)
    }

    pub(super) fn session_over() -> Self {
        let text = "The time for connecting is over. Go back to where you came from and begin again.";
        Self::bad("session-expired", "Time ran out", text)
    }

    pub(super) fn session_done() -> Self {
        let text = "The account is connected already. You can close this window.";
        Self::bad("session-done", "Already connected", text)
    }

    pub(super) fn not_offered() -> Self {
        let text = "This choice is not offered here any more. Go back and pick another.";
        Self::bad("not-offered", "Not offered", text)
    }

    pub(super) fn fields_wrong(fields: &[(String, String)]) -> Self {
        let said: Vec<String> = fields.iter().map(|(_, what)| what.clone()).collect();
        Self::bad(
            "fields-wrong",
            "Something is missing",
            format!("Go back and check what you filled in: {}.", said.join("; ")),
        )
    }

    /// In a window of its own: tells the opener and closes. Where the browser keeps it open, the text stands on its own.
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// In the same tab: the ways on are the end user's to choose.
    pub(super) fn offering(mut self, again: Option<String>, back: Option<String>) -> Self {
        self.actions.extend(again.map(|url| ("Try again", url)));
        self.actions.extend(back.map(|url| ("Go back", url)));
        self
    }

    fn html(&self) -> String {
        let body = match (&self.next, self.closes) {
            (Some(url), _) => format!(" data-next=\"{}\"", escaped(url)),
            (None, true) => " data-close=\"1\"".to_owned(),
            (None, false) => String::new(),
        };
        let (class, mark) = match self.tone {
            Tone::Waiting => ("card", "<span class=\"spinner\" aria-hidden=\"true\"></span>"),
            Tone::Good => ("card good", ""),
            Tone::Bad => ("card bad", ""),
        };
        let link = |(label, url): &(&str, String)| {
            format!("<a class=\"button\" href=\"{}\" rel=\"noreferrer\">{label}</a>", escaped(url))
        };
        let links: String = self.actions.iter().map(link).collect();
        let actions = if links.is_empty() { links } else { format!("<div class=\"actions\">{links}</div>") };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n\
             <title>{heading}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
             <link rel=\"stylesheet\" href=\"/connect/assets/pages.css\">\n\
             <script src=\"/connect/assets/pages.js\" defer></script>\n</head>\n\
             <body class=\"page\"{body}>\n<main class=\"{class}\" data-screen=\"{screen}\">\n{mark}\n\
             <h1>{heading}</h1>\n<p>{text}</p>\n{actions}\n</main>\n</body>\n</html>\n",
            heading = escaped(&self.heading),
            text = escaped(&self.text),
            screen = self.screen,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_4_nothing_in_a_page_becomes_markup() {
        let html = Page::launch("<b>\"Shop\"", "https://p.example/auth?a=1&b=\"><script>").html();
        assert!(html.contains("data-next=\"https://p.example/auth?a=1&amp;b=&quot;&gt;&lt;script&gt;\""), "{html}");
        assert!(html.contains("<h1>Taking you to &lt;b&gt;&quot;Shop&quot;</h1>"), "{html}");
        assert_eq!(html.matches("<script").count(), 1, "only the server's own file");
    }

    #[test]
    fn b_4_a_window_closes_and_a_tab_offers_ways_on() {
        let popup = Page::consent_denied("Shop").closing().html();
        assert!(popup.contains("data-close=\"1\"") && popup.contains("data-screen=\"consent-denied\""));
        let tab = Page::consent_denied("Shop").offering(Some("/connect/cs_1".into()), None).html();
        assert!(tab.contains("href=\"/connect/cs_1\"") && !tab.contains("data-close"));
        let done = Page::connected("Shop", Some("North"), Display::Popup, Some("/connect/cs_1")).html();
        assert!(done.contains("Shop is connected as North.") && !done.contains("data-next"));
    }
}
