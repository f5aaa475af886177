//! The one mapping from what went wrong to what a client is told: a stable code and a sentence.
//!
//! Database error text never leaves: it goes to the log under an id, and the client gets the id.

mod driver;

use std::sync::Arc;

use async_graphql::{
    Error, ErrorExtensionValues, Pos, Response, ServerError, Value as GraphqlValue,
};
use sea_orm::{DbErr, SqlErr};
use seachange_changelog::{CaptureError, ImageError};
use serde_json::Value as Json;

use crate::feed::FeedError;
pub(crate) use driver::is_foreign_key;

/// What a client must be able to tell apart; `extensions.code` of every error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request cannot mean anything: unknown names, wrong types, missing arguments.
    BadInput,
    /// The one row or change that was named does not exist.
    NotFound,
    /// The data does not allow it: unique and foreign keys, a change in between.
    Conflict,
    /// Known, and not allowed.
    Forbidden,
    /// A bad or missing token.
    Unauthenticated,
    /// The cursor is no cursor.
    CursorInvalid,
    /// The log no longer reaches back to the cursor.
    CursorExpired,
    /// The cursor belongs to another log: start again from the data.
    ResyncRequired,
    /// More than one request may ask for.
    LimitExceeded,
    /// Nothing wrong with the request; try again later.
    Unavailable,
    /// Our fault; the log has it under the id given.
    Internal,
}

impl ErrorCode {
    /// The code as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "BAD_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Forbidden => "FORBIDDEN",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::CursorInvalid => "CURSOR_INVALID",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::ResyncRequired => "RESYNC_REQUIRED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// An error with this code and a text for the client, for a resolver of your own:
    ///
    /// ```
    /// use seachange::ErrorCode;
    ///
    /// fn checked(title: &str) -> Result<&str, seachange::async_graphql::Error> {
    ///     match title {
    ///         "" => Err(ErrorCode::BadInput.error("a title is needed")),
    ///         title => Ok(title),
    ///     }
    /// }
    /// # assert!(checked("").is_err());
    /// ```
    ///
    /// The text of any other error stays in the server's log, and the client gets `INTERNAL` and the id
    /// under which it is there; but for database errors that have a code of their own.
    pub fn error(self, message: impl Into<String>) -> Error {
        Refusal::new(self, message).into()
    }
}

/// An error of the whole request, with its code.
pub(crate) fn refusal(code: ErrorCode, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions = Some(with_code(code));
    error
}

fn with_code(code: ErrorCode) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    extensions
}

/// What a resolver of ours tells the client. Everything that can fail converts into it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// More for `extensions`, beside the code.
    details: Vec<(&'static str, GraphqlValue)>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// The same with one more fact for the client, in `extensions`.
    pub(crate) fn with(mut self, name: &'static str, fact: GraphqlValue) -> Self {
        self.details.push((name, fact));
        self
    }

    /// Whether it has this fact.
    pub(super) fn tells(&self, name: &str) -> bool {
        self.details.iter().any(|(known, _)| *known == name)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadInput, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::LimitExceeded, message)
    }

    /// Our fault: the details stay here, under an id.
    pub(crate) fn internal(details: &dyn std::fmt::Display) -> Self {
        let id = uuid::Uuid::now_v7();
        tracing::error!(%id, error = %details, "request failed");
        Self::new(ErrorCode::Internal, format!("internal error {id}"))
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        Self::from_errors(vec![Error::from(refusal).into_server_error(Pos::default())])
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let mut extensions = with_code(refusal.code);
        for (name, fact) in refusal.details {
            extensions.set(name, fact);
        }
        Self {
            message: refusal.message,
            source: None,
            extensions: Some(extensions),
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        let code = match &error {
            FeedError::CursorInvalid => ErrorCode::CursorInvalid,
            FeedError::CursorExpired => ErrorCode::CursorExpired,
            FeedError::ResyncRequired => ErrorCode::ResyncRequired,
            FeedError::Busy | FeedError::Ended => ErrorCode::Unavailable,
            FeedError::Database(error) => return error.into(),
            FeedError::Refused(_) => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<DbErr> for Refusal {
    fn from(error: DbErr) -> Self {
        (&error).into()
    }
}

impl From<&DbErr> for Refusal {
    fn from(error: &DbErr) -> Self {
        if let Some(error) = CaptureError::of(error) {
            return error.into();
        }
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                return Self::new(
                    ErrorCode::Conflict,
                    "a row with this key or unique value exists",
                );
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => return driver::foreign_key(),
            _ => {}
        }
        match error {
            // An adopter's own hook speaks to the client.
            DbErr::Custom(text) => Self::bad_input(text.clone()),
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => driver::unavailable(error),
            DbErr::RecordNotUpdated | DbErr::RecordNotFound(_) => {
                Self::new(ErrorCode::NotFound, "no such row")
            }
            DbErr::Query(source) | DbErr::Exec(source) => driver::refused(source, error),
            _ => Self::internal(error),
        }
    }
}

impl From<&CaptureError> for Refusal {
    fn from(error: &CaptureError) -> Self {
        match error {
            CaptureError::IntegerTooLarge { .. }
            | CaptureError::OutOfRange { .. }
            | CaptureError::Image(_) => Self::bad_input(error.to_string()),
            CaptureError::KeyChanged { .. } => {
                Self::bad_input("a key cannot change: insert the row anew and delete the old one")
            }
            CaptureError::ChangedSince { current, .. } => {
                let current = current.iter().map(|row| Json::Object(row.clone()));
                Self::new(ErrorCode::Conflict, "rows have been changed since").with(
                    "current",
                    GraphqlValue::from_json(current.collect()).unwrap_or_default(),
                )
            }
            CaptureError::TooMany { most, .. } => {
                Self::limit(format!("more than {most} rows in one mutation"))
            }
            CaptureError::TooLarge { most, .. } => Self::limit(format!(
                "the row is too large: a change of it, as it was and as it is, would not fit into {most} bytes"
            )),
            CaptureError::StatementTooLarge { most, .. } => Self::limit(format!(
                "the row is too large: the database takes {most} bytes"
            )),
            CaptureError::Raced { .. } | CaptureError::Switched { .. } | CaptureError::Ended => {
                Self::new(ErrorCode::Unavailable, "the database is busy; try again")
            }
            CaptureError::TriggersGone { .. } => {
                // An operator has to act: clients keep their edits and try again later.
                tracing::error!(%error, "a write was refused");
                let text = "the database does not record changes of this table now";
                Self::new(ErrorCode::Unavailable, text)
            }
            CaptureError::Log { source, .. } => match Self::from(source) {
                // Bad input: who acted or why is text that the database does not take.
                told if matches!(
                    told.code,
                    ErrorCode::Unavailable | ErrorCode::BadInput | ErrorCode::LimitExceeded
                ) =>
                {
                    told
                }
                _ => Self::internal(error),
            },
            // A programmer's mistake: its text names the cure, for the log.
            _ => Self::internal(error),
        }
    }
}

/// Errors of one response: a document can have as many faults as words, and each has a sentence.
const ERRORS: usize = 100;

/// Longest message, in bytes: validation repeats names, and they may be as long as a request.
const MESSAGE: usize = 2_000;

/// Gives every error of a response its code, and takes database text out of it. There are no more of them
/// than anyone reads, and none is long.
pub(crate) fn finish(mut response: Response) -> Response {
    if response.errors.len() > ERRORS {
        response.errors.truncate(ERRORS);
        let message = format!("there are more errors than these {ERRORS}");
        response.errors.push(ServerError::new(message, None));
    }
    for error in &mut response.errors {
        classify(error);
    }
    response
}

fn classify(error: &mut ServerError) {
    let has_code = error
        .extensions
        .as_ref()
        .is_some_and(|extensions| extensions.get("code").is_some());
    if has_code {
        return;
    }
    let refusal = if let Some(source) = error.source::<DbErr>() {
        Refusal::from(source)
    } else if let Some(source) = error.source::<Arc<DbErr>>() {
        Refusal::from(source.as_ref())
    } else if is_depth(&error.message) {
        Refusal::limit(error.message.clone())
    } else if error.path.is_empty() {
        // Parsing and validation.
        Refusal::bad_input(error.message.clone())
    } else {
        // An adopter's resolver failed. What it meant for the client has a code, see
        // `ErrorCode::error`; any other text may be of a database or of another service.
        Refusal::internal(&error.message)
    };
    error.message = refusal.message;
    if error.message.len() > MESSAGE {
        let end = error.message.floor_char_boundary(MESSAGE);
        error.message.truncate(end);
        error.message.push('…');
    }
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", refusal.code.as_str());
}

/// async-graphql's own bounds carry no code.
fn is_depth(message: &str) -> bool {
    message.starts_with("Query is nested too deep")
        || message.starts_with("The recursion depth of the query")
        || message.starts_with("Query is too complex")
        || message.starts_with("recursion limit exceeded")
}
