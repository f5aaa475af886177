//! Why a call failed: a code, a sentence for people, facts as data, and the database's error.
//!
//! Guarantees that the sentence holds no text of a database. Such text is in the error's source, which is for
//! an operator's log.

mod driver;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sea_orm::DbErr;
use seachange_changelog::{
    BulkRefusal, CaptureError, Cause, ImageError, SetupRefusal, ValueRefusal, cause, is_transient,
};
use serde_json::Value as Json;

use super::code::ErrorCode;
use super::entity::EntityInfo;
use crate::feed::{Cursor, CursorError, FeedError};

/// Why a call failed. Nothing that the call wrote is kept, unless its documentation says so.
#[derive(Clone, Debug)]
pub struct ServiceError {
    code: ErrorCode,
    message: String,
    /// Boxed, because most errors have no fact.
    fact: Option<Box<Fact>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What an error says as data, in addition to its sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// The current state, if it is not what the caller assumed: rows or a document; null for a row that is
    /// gone.
    Current(Json),
    /// The later changes that prevent it.
    Later(Vec<Cursor>),
    /// This idempotency key was used for something else.
    UsedKey(String),
}

impl ServiceError {
    /// An error of the application, with a sentence for the caller.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fact: None,
            source: None,
        }
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadInput, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::LimitExceeded, message)
    }

    /// Other transactions hold the same rows, or there are too many at once.
    pub(crate) fn busy() -> Self {
        Self::new(ErrorCode::Unavailable, "the database is busy; try again")
    }

    /// A fault of the server. The source says what went wrong.
    pub(crate) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source: Box<dyn Error + Send + Sync> = source.into();
        Self::new(ErrorCode::Internal, "internal error").caused_by(source.into())
    }

    /// The same error without the values of columns that the API leaves out.
    pub(crate) fn leaving_out(mut self, entity: &EntityInfo) -> Self {
        if let Some(Fact::Current(Json::Array(rows))) = self.fact.as_deref_mut() {
            for row in rows.iter_mut().filter_map(Json::as_object_mut) {
                entity.leave_out(row);
            }
        }
        self
    }

    /// Attaches a fact, replacing any earlier one.
    pub(crate) fn with_fact(mut self, fact: Fact) -> Self {
        self.fact = Some(Box::new(fact));
        self
    }

    fn caused_by(mut self, source: Arc<dyn Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// What kind of failure it is.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// A sentence for people, without text of the database.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fact that it carries as data, if any.
    pub fn fact(&self) -> Option<&Fact> {
        self.fact.as_deref()
    }

    /// The database's error, if that was the cause.
    pub fn database(&self) -> Option<&DbErr> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Whether the same transaction may succeed if it is simply tried again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.database().is_some_and(is_transient)
    }

    /// Whether the database reports a violated unique value or key.
    pub(crate) fn is_unique(&self) -> bool {
        self.database().and_then(cause) == Some(Cause::Unique)
    }

    /// Whether the database reports a violated foreign key.
    pub(crate) fn is_foreign_key(&self) -> bool {
        self.database().and_then(cause) == Some(Cause::ForeignKey)
    }

    /// The sentence for a client. This also writes what an operator has to know to the program's log. For an
    /// internal error the sentence contains the id of that log entry.
    pub(crate) fn report(&self) -> String {
        let Some(source) = &self.source else {
            return self.message.clone();
        };
        match self.code {
            ErrorCode::Internal => {
                let id = uuid::Uuid::now_v7();
                tracing::error!(%id, error = %source, "request failed");
                return format!("internal error {id}");
            }
            // An operator has to act. Clients keep their edits and try again later.
            ErrorCode::Unavailable if self.needs_operator() => {
                tracing::error!(error = %source, "a write was refused");
            }
            ErrorCode::Unavailable if !self.is_transient() => {
                tracing::warn!(error = %source, "database unavailable");
            }
            _ => tracing::debug!(error = %source, "{}", self.message),
        }
        self.message.clone()
    }

    fn needs_operator(&self) -> bool {
        let capture = self.database().and_then(CaptureError::of);
        matches!(
            capture,
            Some(CaptureError::Setup(SetupRefusal::TriggersGone { .. }))
        )
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}

impl From<ImageError> for ServiceError {
    fn from(error: ImageError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<CursorError> for ServiceError {
    fn from(error: CursorError) -> Self {
        FeedError::from(error).into()
    }
}

impl From<FeedError> for ServiceError {
    fn from(error: FeedError) -> Self {
        let code = match error {
            FeedError::CursorInvalid => ErrorCode::CursorInvalid,
            FeedError::CursorExpired => ErrorCode::CursorExpired,
            FeedError::ResyncRequired => ErrorCode::ResyncRequired,
            FeedError::Busy | FeedError::Ended => ErrorCode::Unavailable,
            FeedError::Unknown(_) | FeedError::Hidden { .. } => ErrorCode::BadInput,
            FeedError::Database(error) => return error.into(),
            FeedError::Refused(_) | FeedError::Unreadable { .. } => return Self::internal(error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<DbErr> for ServiceError {
    fn from(error: DbErr) -> Self {
        let translated = of_database(&error);
        translated.caused_by(Arc::new(error))
    }
}

/// Translates a database's error, without attaching it as the source.
fn of_database(error: &DbErr) -> ServiceError {
    if let Some(error) = CaptureError::of(error) {
        return of_capture(error);
    }
    match error {
        // A hook of the application's speaks to the client this way.
        DbErr::Custom(text) => ServiceError::bad_input(text.clone()),
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => driver::unavailable(),
        DbErr::RecordNotUpdated | DbErr::RecordNotFound(_) => {
            ServiceError::new(ErrorCode::NotFound, "no such row")
        }
        DbErr::Query(_) | DbErr::Exec(_) => driver::refused(error),
        _ => internal(),
    }
}

/// An internal error whose source is attached later.
fn internal() -> ServiceError {
    ServiceError::new(ErrorCode::Internal, "internal error")
}

fn of_capture(error: &CaptureError) -> ServiceError {
    match error {
        CaptureError::Value(
            ValueRefusal::IntegerTooLarge { .. }
            | ValueRefusal::OutOfRange { .. }
            | ValueRefusal::Image(_),
        ) => ServiceError::bad_input(error.to_string()),
        CaptureError::Bulk(BulkRefusal::KeyChanged { .. }) => {
            ServiceError::bad_input("a key cannot change: insert a new row and delete the old one")
        }
        CaptureError::Bulk(BulkRefusal::ChangedSince { current, .. }) => {
            let current = current.iter().map(|row| Json::Object(row.clone()));
            ServiceError::conflict("rows have been changed since")
                .with_fact(Fact::Current(current.collect()))
        }
        CaptureError::Bulk(BulkRefusal::TooMany { most, .. }) => {
            ServiceError::limit(format!("more than {most} rows in one mutation"))
        }
        CaptureError::Value(ValueRefusal::TooLarge { most, .. }) => ServiceError::limit(format!(
            "the row is too large: a change of it, as it was and as it is, would not fit into {most} bytes"
        )),
        CaptureError::Value(ValueRefusal::StatementTooLarge { most, .. }) => ServiceError::limit(
            format!("the row is too large: the database takes {most} bytes"),
        ),
        CaptureError::Retry(_) => ServiceError::busy(),
        CaptureError::Setup(SetupRefusal::TriggersGone { .. }) => ServiceError::new(
            ErrorCode::Unavailable,
            "the database does not record changes of this table now",
        ),
        CaptureError::Log { source, .. } => match of_database(source) {
            // The input is bad: the actor or the reason is text that the database does not accept.
            cause
                if matches!(
                    cause.code,
                    ErrorCode::Unavailable | ErrorCode::BadInput | ErrorCode::LimitExceeded
                ) =>
            {
                cause
            }
            _ => internal(),
        },
        // This is a programming error. Its text, which goes to the log, names the cure.
        _ => internal(),
    }
}
