//! What a server answered.

use api_types::{Problem, ProblemCode};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self} is not JSON: {error}"))
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "expected a success from {self}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts a problem document (RFC 9457) of that status and code, and gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self}: {error}"));
        assert_eq!(problem.code.as_str(), code, "{self}");
        assert_eq!(problem.status, status, "{self}");
        assert!(!problem.detail.is_empty(), "a problem says what is wrong: {self}");
        assert!(ProblemCode::ALL.contains(&problem.code));
        problem
    }

    /// The stable name of the screen that a page shows.
    pub fn screen(&self) -> String {
        let text = self.text();
        let (_, rest) = text.split_once("data-screen=\"").unwrap_or_else(|| panic!("no screen: {self}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Seconds of `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.parse().ok()
    }

    /// Names and values of the cookies that it sets.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let set = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let pairs = set.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} which answered {}: {}", self.asked, self.status, self.text())
    }
}
