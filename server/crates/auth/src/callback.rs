//! The query with which a provider sends the end user back (RFC 6749 §4.1.2, RFC 9207).

use domain::secret::Secret;

use crate::refused::shown;

/// A callback, read. `Debug` shows neither state nor code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Finds the pending attempt.
    pub state: Secret,
    /// Who says it is answering (RFC 9207), exactly as written.
    pub iss: Option<String>,
    /// What the provider says.
    pub answer: Answer,
}

/// What the provider says in a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead: the code to exchange.
    Code(Secret),
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
    /// Neither `code` nor `error`.
    #[error("the callback has neither a code nor an error")]
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

/// Reads the query of a callback, without the `?`. Parameters it does not know are left to the caller.
///
/// # Errors
/// [`NotACallback`].
pub fn parse(query: &str) -> Result<Callback, NotACallback> {
    let [mut state, mut code, mut error, mut description, mut iss] = [const { None::<String> }; 5];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            "error_description" => &mut description,
            "iss" => &mut iss,
            _ => continue,
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
        (None, None) => return Err(NotACallback::NoAnswer),
    };
    Ok(Callback { state, iss, answer })
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
