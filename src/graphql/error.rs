//! The one mapping from a failure to what a client receives: a stable code and a sentence.
//!
//! Database error text never leaves the server: it goes to the log under an id, and the client gets the id.

use std::sync::Arc;

use async_graphql::{
    Error, ErrorExtensionValues, Pos, Response, ServerError, Value as GraphqlValue,
};
use sea_orm::DbErr;
use seachange_changelog::ImageError;

use super::scalar::json_value;
use crate::feed::FeedError;
use crate::service::{ErrorCode, Fact, ServiceError};

impl ErrorCode {
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
    /// The text of any other error stays in the server's log, and the client gets `INTERNAL` and the id of the
    /// log entry. Database errors that have a code of the contract are the exception.
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

/// What a resolver of ours reports to the client. Everything that can fail converts into it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// More values for `extensions`, in addition to the code.
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

    /// Adds a fact for the client, in `extensions`.
    fn with_fact(mut self, name: &'static str, fact: GraphqlValue) -> Self {
        self.details.push((name, fact));
        self
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadInput, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::LimitExceeded, message)
    }

    /// A fault of the server: the details stay in its log, under an id.
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
        ServiceError::from(error).into()
    }
}

impl From<DbErr> for Refusal {
    fn from(error: DbErr) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        (&error).into()
    }
}

impl From<&ServiceError> for Refusal {
    fn from(error: &ServiceError) -> Self {
        let refusal = Self::new(error.code(), error.report());
        match error.fact() {
            Some(Fact::Current(rows)) => refusal.with_fact("current", json_value(rows.clone())),
            Some(Fact::Later(cursors)) => {
                let cursors = cursors.iter().map(|cursor| cursor.to_string().into());
                refusal.with_fact("later", GraphqlValue::List(cursors.collect()))
            }
            Some(Fact::UsedKey(key)) => refusal.with_fact("idempotencyKey", key.as_str().into()),
            None => refusal,
        }
    }
}

/// Most errors in one response: a document can have as many faults as words, and each has a sentence.
const ERRORS: usize = 100;

/// Longest message, in bytes: validation repeats names, and these may be as long as a request.
const MESSAGE: usize = 2_000;

/// Gives every error of a response its code, and removes database text from it. Bounds the number of errors and
/// the length of each.
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
    let refusal = if let Some(source) = error.source::<ServiceError>() {
        Refusal::from(source)
    } else if let Some(source) = error.source::<DbErr>() {
        Refusal::from(source.clone())
    } else if let Some(source) = error.source::<Arc<DbErr>>() {
        Refusal::from(source.as_ref().clone())
    } else if is_depth(&error.message) {
        Refusal::limit(error.message.clone())
    } else if error.path.is_empty() {
        // This comes from parsing or validation.
        Refusal::bad_input(error.message.clone())
    } else {
        // An adopter's resolver failed. An error meant for the client has a code, see `ErrorCode::error`. Any
        // other text may come from a database or another service.
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
    for (name, fact) in refusal.details {
        extensions.set(name, fact);
    }
}

/// Whether it reports one of async-graphql's bounds, whose errors have no code.
fn is_depth(message: &str) -> bool {
    message.starts_with("Query is nested too deep")
        || message.starts_with("The recursion depth of the query")
        || message.starts_with("Query is too complex")
        || message.starts_with("recursion limit exceeded")
}
