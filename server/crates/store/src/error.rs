//! What a caller can do about a failed query.

use std::sync::Arc;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a query failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The row does not exist in this scope. Another tenant's row is not found either.
    #[error("not found")]
    NotFound,
    /// A unique or foreign-key constraint refused it.
    #[error("refused by {constraint}")]
    Conflict {
        /// The constraint's name, or the table's where Postgres gives none.
        constraint: String,
    },
    /// Someone else moved first: a fencing number, a generation or a state was not the expected one.
    #[error("superseded: {0}")]
    Superseded(&'static str),
    /// Postgres cannot be reached, is restarting, or every pooled connection stayed in use.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row says what no code writes.
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else: a defect of ours.
    #[error("query failed")]
    Internal(#[source] Arc<DieselError>),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(
                DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation,
                info,
            ) => Self::Conflict {
                constraint: info.constraint_name().or_else(|| info.table_name()).unwrap_or("a constraint").to_owned(),
            },
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                info,
            ) => Self::Unavailable(info.message().to_owned()),
            DieselError::DatabaseError(_, ref info) if shutting_down(info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            DieselError::BrokenTransactionManager => Self::Unavailable("the connection broke".into()),
            other => Self::Internal(Arc::new(other)),
        }
    }
}

/// The answers of a Postgres that is going down or coming up (SQLSTATE 57P01 to 57P03), and of a cut connection,
/// reach us as text.
fn shutting_down(message: &str) -> bool {
    [
        "terminating connection",
        "shutting down",
        "starting up",
        "connection closed",
        "in recovery mode",
        "error communicating with the server",
    ]
    .iter()
    .any(|known| message.contains(known))
}
