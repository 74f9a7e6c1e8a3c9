//! What can go wrong with a call, as a person has to be told.

use api_types::{Problem, ProblemCode};

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiError {
    /// No answer: offline, cut off, or not within the deadline.
    Network,
    /// An answer that is no success, with its problem document.
    Problem(Box<Problem>),
    /// An answer that cannot be read, such as a proxy's own error page. Holds the HTTP status.
    Unreadable(u16),
}

impl ApiError {
    /// Reads an answer that is no success. `body` is a problem document if our server sent it.
    #[must_use]
    pub fn from_answer(status: u16, body: &str) -> Self {
        serde_json::from_str(body).map_or(Self::Unreadable(status), |problem| Self::Problem(Box::new(problem)))
    }

    /// The problem's code, if there was one.
    #[must_use]
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Network | Self::Unreadable(_) => None,
        }
    }

    /// Whether the same call may go well later without anyone doing anything: no answer, 429 or 5xx.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Network => true,
            Self::Problem(problem) => problem.status == 429 || problem.status >= 500,
            Self::Unreadable(status) => *status == 429 || *status >= 500,
        }
    }

    /// The request's id as the server's logs name it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.request_id),
            Self::Network | Self::Unreadable(_) => None,
        }
    }

    /// What the server says is wrong with the field of that dotted path.
    #[must_use]
    pub fn of_field(&self, path: &str) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.fields.iter().find(|f| f.field == path).map(|f| f.detail.as_str()),
            Self::Network | Self::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_is_read_with_its_fields() {
        let body = r#"{"type":"x","title":"t","status":422,"code":"invalid_fields","detail":"d","request_id":"req_1",
            "fields":[{"field":"variables.shop","detail":"must be a name"}]}"#;
        let error = ApiError::from_answer(422, body);
        assert_eq!(error.code(), Some(ProblemCode::InvalidFields));
        assert_eq!(error.of_field("variables.shop"), Some("must be a name"));
        assert_eq!(error.of_field("slug"), None);
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(!error.is_passing());
    }

    #[test]
    fn a_foreign_error_page_is_told_by_its_status() {
        let error = ApiError::from_answer(502, "<html>bad gateway</html>");
        assert_eq!(error, ApiError::Unreadable(502));
        assert!(error.is_passing());
        assert!(!ApiError::Unreadable(404).is_passing());
        assert!(ApiError::Network.is_passing());
    }
}
