//! The query with which a provider sends the end user back (RFC 6749 §4.1.2, RFC 9207).

use std::collections::BTreeMap;

use domain::secret::Secret;

use crate::refused::shown;

/// A callback, read. `Debug` shows neither state nor code.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    /// Finds the pending attempt.
    pub state: Secret,
    /// Who says it is answering (RFC 9207), exactly as written.
    pub iss: Option<String>,
    /// What the provider says.
    pub answer: Answer,
    /// All other parameters, by name.
    pub params: BTreeMap<String, String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("iss", &self.iss).field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl Callback {
    /// The code, under the name that the provider gives it.
    #[must_use]
    pub fn code(&self, param: &str) -> Option<Secret> {
        match &self.answer {
            Answer::Code(code) if param == "code" => Some(code.clone()),
            Answer::Code(_) | Answer::Bare => {
                self.params.get(param).filter(|code| !code.is_empty()).map(|code| Secret::new(code.as_str()))
            }
            Answer::Denied | Answer::Error { .. } => None,
        }
    }
}

/// What the provider says in a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead: the code to exchange (RFC 6749), or the verifier (`oauth_verifier`, RFC 5849 §2.2).
    Code(Secret),
    /// Go ahead, and what matters is among the other parameters.
    Bare,
    /// The end user said no.
    Denied,
    /// Something is wrong.
    Error {
        /// The provider's code, cut short.
        code: String,
        /// Its description, cut short.
        description: Option<String>,
    },
}

/// A query that is no callback. Nothing may be changed because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACallback {
    /// No `state`.
    #[error("the callback has no state")]
    NoState,
    /// Nothing but `state`.
    #[error("the callback has nothing but a state")]
    NoAnswer,
    /// A parameter twice, which RFC 6749 §3.1 forbids and attackers like.
    #[error("the callback has a parameter twice")]
    Repeated,
    /// A parameter longer than any honest one.
    #[error("a parameter of the callback is too long")]
    TooLong,
}

/// Longest parameter that is looked at, in bytes.
const LONGEST: usize = 4_096;
/// Most parameters that are kept.
const MOST: usize = 32;

/// Reads the query of a callback, without the `?`.
///
/// # Errors
/// [`NotACallback`].
pub fn parse(query: &str) -> Result<Callback, NotACallback> {
    let [mut state, mut code, mut error, mut description, mut iss] = [const { None::<String> }; 5];
    let mut params = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "state" => &mut state,
            "code" | "oauth_verifier" => &mut code,
            "error" => &mut error,
            "error_description" => &mut description,
            "iss" => &mut iss,
            // OAuth 1 providers answer a "no" with this.
            "denied" => {
                error = Some("access_denied".into());
                continue;
            }
            _ => {
                if params.len() < MOST && name.len() <= 64 && value.len() <= LONGEST {
                    params.entry(name.into_owned()).or_insert_with(|| value.into_owned());
                }
                continue;
            }
        };
        if value.len() > LONGEST {
            return Err(NotACallback::TooLong);
        }
        if slot.replace(value.into_owned()).is_some() {
            return Err(NotACallback::Repeated);
        }
    }
    let state = Secret::new(state.filter(|s| !s.is_empty()).ok_or(NotACallback::NoState)?);
    let answer = match (error.filter(|e| !e.is_empty()), code.filter(|c| !c.is_empty())) {
        (Some(code), _) if matches!(code.as_str(), "access_denied" | "user_denied" | "consent_required") => {
            Answer::Denied
        }
        (Some(code), _) => Answer::Error { code: shown(&code), description: description.map(|d| shown(&d)) },
        (None, Some(code)) => Answer::Code(Secret::new(code)),
        (None, None) if params.is_empty() => return Err(NotACallback::NoAnswer),
        (None, None) => Answer::Bare,
    };
    Ok(Callback { state, iss, answer, params })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn oa_1_callbacks_are_told_apart() {
        let read = parse("state=s%2B1&code=c%201&iss=https%3A%2F%2Fa.example&other=1").unwrap();
        assert_eq!((read.state.expose(), read.iss.as_deref()), ("s+1", Some("https://a.example")));
        assert_eq!(read.answer, Answer::Code(Secret::new("c 1")));
        assert_eq!(read.params["other"], "1");
        let verifier = parse("state=s&oauth_token=t&oauth_verifier=v").unwrap();
        assert_eq!(verifier.answer, Answer::Code(Secret::new("v")));
        assert_eq!(parse("state=s&denied=t").unwrap().answer, Answer::Denied);
        assert_eq!(parse("state=s&installation_id=7").unwrap().answer, Answer::Bare);
        let own = parse("state=s&code=200&auth_code=c").unwrap();
        assert_eq!((own.code("auth_code"), own.code("code")), (Some(Secret::new("c")), Some(Secret::new("200"))));
        assert_eq!(parse("state=s&auth_code=&x=1").unwrap().code("auth_code"), None);
        assert_eq!(parse("state=s&auth_code=c&error=access_denied").unwrap().code("auth_code"), None);
        assert_eq!(parse("error=access_denied&state=s").unwrap().answer, Answer::Denied);
        let error = parse("error=server_error&error_description=a%0Ab&state=s&code=c").unwrap().answer;
        assert_eq!(error, Answer::Error { code: "server_error".into(), description: Some("a b".into()) });
        for (query, expected) in [
            ("", NotACallback::NoState),
            ("code=c", NotACallback::NoState),
            ("state=&code=c", NotACallback::NoState),
            ("state=s", NotACallback::NoAnswer),
            ("state=s&code=", NotACallback::NoAnswer),
            ("state=s&state=t&code=c", NotACallback::Repeated),
            ("state=s&code=c&code=c", NotACallback::Repeated),
            ("state=s&code=c&iss=a&iss=b", NotACallback::Repeated),
        ] {
            assert_eq!(parse(query), Err(expected), "{query}");
        }
        assert_eq!(parse(&format!("state=s&code={}", "x".repeat(5000))), Err(NotACallback::TooLong));
        assert!(!format!("{:?}", parse("state=canary&code=canary")).contains("canary"));
    }

    proptest! {
        #[test]
        fn sv_7_no_query_panics(query in ".{0,200}") {
            let _ = parse(&query);
        }
    }
}
