//! Every answer that is not a success: a problem document (RFC 9457), made in this one place.

use std::time::Duration;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use api_types::{Problem, ProblemCode, problem::FieldProblem};

use super::request_log;

/// Where the codes are explained: a reference relative to the server itself, which has the pages (see [`super::problems`]).
const DOCS: &str = "/problems/";

/// When to ask again where a person has to repair something first.
const DENIED: Duration = Duration::from_secs(60);

/// A failed request: what the client reads, and beside it what our log reads.
#[derive(Debug)]
pub struct Fail {
    code: ProblemCode,
    detail: Box<str>,
    fields: Vec<FieldProblem>,
    retry_after: Option<Duration>,
    allow: Option<Box<str>>,
    cause: Option<Box<str>>,
    provider_said: Option<Box<str>>,
    action: Option<Box<(ids::ActionRunId, &'static str)>>,
}

impl Fail {
    /// A failure with what is wrong and what to do, in words for the client's developers.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: cut(detail.into()).into(),
            fields: Vec::new(),
            retry_after: None,
            allow: None,
            cause: None,
            provider_said: None,
            action: None,
        }
    }

    /// It does not exist, or is someone else's, which must look the same.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("There is no such {what} in this environment."))
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![(field.into(), detail.into())])
    }

    /// Some fields are wrong, with what each must be.
    #[must_use]
    pub fn fields(fields: Vec<(String, String)>) -> Self {
        let detail = fields.iter().map(|(field, detail)| format!("{field}: {detail}")).collect::<Vec<_>>().join("; ");
        let fields =
            fields.into_iter().map(|(field, detail)| FieldProblem { field: cut(field), detail: cut(detail) }).collect();
        Self { fields, ..Self::new(ProblemCode::InvalidFields, detail) }
    }

    /// The same, naming a field that it is about.
    #[must_use]
    pub fn naming(mut self, field: &str, detail: String) -> Self {
        self.fields.push(FieldProblem { field: field.to_owned(), detail: cut(detail) });
        self
    }

    /// A defect of ours: the client learns the request's id, the log the cause.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let detail = "This is a defect of ours. Tell us the request id, and we can find it in our log.";
        Self::new(ProblemCode::Internal, detail).caused_by(cause)
    }

    /// What the provider said itself, in its words.
    #[must_use]
    pub fn provider_said(mut self, words: Option<String>) -> Self {
        self.provider_said = words.map(|words| cut(words).into());
        self
    }

    /// A call of an action did not succeed, and who has to do something about it.
    #[must_use]
    pub fn of_action(mut self, run: ids::ActionRunId, blame: &'static str) -> Self {
        self.action = Some(Box::new((run, blame)));
        self
    }

    /// Not before this long from now.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The methods that are offered instead (RFC 9110 section 15.5.6).
    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods.into());
        self
    }

    /// What the log says about it, with the chain of causes.
    #[must_use]
    pub fn caused_by(mut self, cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(error) = next {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            next = error.source();
        }
        self.cause = Some(chain.into());
        self
    }
}

/// Words repeat what was sent, so that it is seen what was wrong; whoever sends a book does not get it back.
fn cut(text: String) -> String {
    const MOST: usize = 600;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => text.get(..at).map_or_else(String::new, |start| format!("{start}…")),
        None => text,
    }
}

impl std::fmt::Display for Fail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Fail {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        request_log::note_failure(self.code, self.cause.as_deref());
        let problem = Problem {
            kind: format!("{DOCS}{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code,
            detail: self.detail.to_string(),
            request_id: request_log::request_id(),
            fields: self.fields.clone(),
            provider_said: self.provider_said.as_deref().map(str::to_owned),
            blame: self.action.as_ref().map(|action| action.1.to_owned()),
            action_run_id: self.action.as_ref().map(|action| action.0),
        };
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type("application/problem+json");
        if let Some(after) = self.retry_after {
            // Rounded up: a client that waits exactly this long is let through.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            answer.insert_header(("retry-after", seconds.max(1).to_string()));
        }
        if let Some(methods) = &self.allow {
            answer.insert_header(("allow", &**methods));
        }
        if self.code == ProblemCode::Unauthenticated {
            answer.insert_header(("www-authenticate", "Bearer"));
        }
        answer.body(serde_json::to_string(&problem).unwrap_or_default())
    }
}

impl From<store::StoreError> for Fail {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError;
        match error {
            StoreError::NotFound => Self::new(ProblemCode::NotFound, "There is no such thing in this environment."),
            StoreError::Unavailable(_) => Self::new(
                ProblemCode::DatabaseUnavailable,
                "The database is not available just now. Try again shortly.",
            )
            .retry_after(Duration::from_secs(2))
            .caused_by(&error),
            StoreError::Conflict { .. }
            | StoreError::Superseded(_)
            | StoreError::Corrupt { .. }
            | StoreError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<vault::KeyError> for Fail {
    fn from(error: vault::KeyError) -> Self {
        let (detail, after) = match (&error, error.retry_after()) {
            (_, Some(after)) => (
                "The key service is sealed or cannot be reached just now, so no secret can be opened. Try again shortly.",
                after,
            ),
            // Nothing is wrong with the request, and nothing with us: an operator gives this server its access back.
            (vault::KeyError::Denied { .. }, None) => (
                "The key service does not let this server use its keys, so no secret can be opened. Whoever runs the \
                 server has to give it access again; try again then.",
                DENIED,
            ),
            _ => return Self::internal(&error),
        };
        Self::new(ProblemCode::KeyServiceUnavailable, detail).retry_after(after).caused_by(&error)
    }
}
