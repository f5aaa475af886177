//! The one mapping from what went wrong to what a client is told: a stable code and a sentence.
//!
//! Database error text never leaves: it goes to the log under an id, and the client gets the id.

use std::sync::Arc;

use async_graphql::{
    Error, ErrorExtensionValues, Pos, Response, ServerError, Value as GraphqlValue,
};
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use seachange_changelog::{CaptureError, ImageError};
use seaography::SeaographyError;

use crate::feed::FeedError;

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
#[derive(Debug)]
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

impl From<SeaographyError> for Refusal {
    fn from(error: SeaographyError) -> Self {
        (&error).into()
    }
}

impl From<&SeaographyError> for Refusal {
    fn from(error: &SeaographyError) -> Self {
        match error {
            // Our own reading of a filter, with our own words.
            SeaographyError::CustomFilterError(text) => Self::bad_input(text.clone()),
            _ => Self::bad_input("a value does not have the type of its field"),
        }
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
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => return foreign_key(),
            _ => {}
        }
        match error {
            // An adopter's own hook speaks to the client.
            DbErr::Custom(text) => Self::bad_input(text.clone()),
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => {
                tracing::warn!(%error, "database unavailable");
                Self::new(ErrorCode::Unavailable, "the database is not available")
            }
            DbErr::RecordNotUpdated | DbErr::RecordNotFound(_) => {
                Self::new(ErrorCode::NotFound, "no such row")
            }
            DbErr::Query(source) | DbErr::Exec(source) => from_driver(source, error),
            _ => Self::internal(error),
        }
    }
}

fn foreign_key() -> Refusal {
    Refusal::new(
        ErrorCode::Conflict,
        "the row refers to one that does not exist, or others refer to it",
    )
}

/// Classes of driver errors beyond SeaORM's two; codes from the databases' manuals.
fn from_driver(source: &RuntimeErr, error: &DbErr) -> Refusal {
    let RuntimeErr::SqlxError(driver) = source else {
        return Refusal::internal(error);
    };
    if is_transient(error) {
        return Refusal::new(ErrorCode::Unavailable, "the database is busy; try again");
    }
    let Some(database) = driver.as_database_error() else {
        tracing::warn!(%error, "database unavailable");
        return Refusal::new(ErrorCode::Unavailable, "the database is not available");
    };
    if is_unavailable(driver) {
        tracing::warn!(%error, "database unavailable");
        return Refusal::new(ErrorCode::Unavailable, "the database is not available");
    }
    if database.is_foreign_key_violation() {
        return foreign_key();
    }
    let code = database.code();
    match code.as_deref() {
        // SQLite reports a restricting foreign key as a trigger's doing (1811).
        Some("1811") => foreign_key(),
        // Not null, check, wrong type: SQLite.
        Some("1299" | "275" | "3091") => bad_value(error),
        // Not null, check, too long for an index: PostgreSQL.
        Some("23502" | "23514" | "54000") => bad_value(error),
        // PostgreSQL: a snapshot that was to be shared is gone, because its transaction was ended.
        Some("22023") => {
            tracing::warn!(%error, "database unavailable");
            Refusal::new(ErrorCode::Unavailable, "the database is not available")
        }
        // The SQL standard's data exceptions: too long, out of range, NUL, a pattern that ends in
        // its escape character.
        Some(code) if code.len() == 5 && code.starts_with("22") => bad_value(error),
        // PostgreSQL: no such operator, e.g. ordering by a `json` column inside a relation.
        Some("42883") => Refusal::bad_input("a column's type does not allow this"),
        _ if is_mariadb_bad_value(driver.as_ref()) => bad_value(error),
        _ => Refusal::internal(error),
    }
}

fn bad_value(error: &DbErr) -> Refusal {
    tracing::debug!(%error, "value refused by the database");
    Refusal::bad_input("a value does not fit its column")
}

/// 1048 null, 1264 out of range, 1292 bad time, 1364 no default, 1366 bad encoding, 1406 too long,
/// 4025 check.
fn is_mariadb_bad_value(driver: &sea_orm::sqlx::Error) -> bool {
    mariadb_number(driver)
        .is_some_and(|number| matches!(number, 1048 | 1264 | 1292 | 1364 | 1366 | 1406 | 4025))
}

fn mariadb_number(driver: &sea_orm::sqlx::Error) -> Option<u16> {
    driver
        .as_database_error()?
        .try_downcast_ref::<sea_orm::sqlx::mysql::MySqlDatabaseError>()
        .map(sea_orm::sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether another try may succeed as it is: deadlock, serialisation failure, lock wait, busy.
pub(crate) fn is_transient(error: &DbErr) -> bool {
    match CaptureError::of(error) {
        Some(CaptureError::Raced { .. } | CaptureError::Switched { .. } | CaptureError::Ended) => {
            return true;
        }
        Some(CaptureError::Log { source, .. }) => return is_transient(source),
        Some(_) => return false,
        None => {}
    }
    let (DbErr::Query(RuntimeErr::SqlxError(driver)) | DbErr::Exec(RuntimeErr::SqlxError(driver))) =
        error
    else {
        return false;
    };
    // MariaDB: 1205 lock wait, 1213 deadlock, 1020 row changed since the snapshot.
    if let Some(number) = mariadb_number(driver) {
        return matches!(number, 1205 | 1213 | 1020);
    }
    let code = driver
        .as_database_error()
        .and_then(|database| database.code());
    match code.as_deref() {
        // PostgreSQL: serialisation failure, deadlock, lock not available.
        Some("40001" | "40P01" | "55P03") => true,
        // SQLite: BUSY and LOCKED with their extended codes in the upper bytes.
        Some(code) => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 5 | 6) && code < 4096),
        None => false,
    }
}

/// Whether the database says that it cannot work now: it shuts down, ends connections, takes no
/// more, has no room, or may not be written. Another try may succeed later.
fn is_unavailable(driver: &sea_orm::sqlx::Error) -> bool {
    // 1040 and 1203 too many connections, 1053 shutdown, 1290 and 1836 read-only, 1317 interrupted,
    // 1927 connection killed, 3 and 1021 no room on the disk.
    if let Some(number) = mariadb_number(driver) {
        return matches!(
            number,
            3 | 1021 | 1040 | 1053 | 1203 | 1290 | 1317 | 1836 | 1927
        );
    }
    let code = driver
        .as_database_error()
        .and_then(|database| database.code());
    match code.as_deref() {
        // PostgreSQL: an idle transaction ended, a replica or read-only; connections, resources,
        // operators' doings.
        Some("25P03" | "25006") => true,
        Some(code) if code.len() == 5 => ["08", "53", "57P"]
            .iter()
            .any(|class| code.starts_with(class)),
        // SQLite: read-only, an I/O error, no room, a file that is not there.
        Some(code) => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 8 | 10 | 13 | 14)),
        None => false,
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
            CaptureError::TooMany { most, .. } => {
                Self::limit(format!("more than {most} rows in one mutation"))
            }
            CaptureError::Raced { .. } | CaptureError::Switched { .. } | CaptureError::Ended => {
                Self::new(ErrorCode::Unavailable, "the database is busy; try again")
            }
            CaptureError::Log { source, .. } => match Self::from(source) {
                // Bad input: who acted or why is text that the database does not take.
                told if matches!(told.code, ErrorCode::Unavailable | ErrorCode::BadInput) => told,
                _ => Self::internal(error),
            },
            // A programmer's mistake: its text names the cure, for the log.
            _ => Self::internal(error),
        }
    }
}

/// Gives every error of a response its code, and takes database text out of it.
pub(crate) fn finish(mut response: Response) -> Response {
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
    } else if let Some(source) = error.source::<SeaographyError>() {
        Refusal::from(source)
    } else if is_depth(&error.message) {
        Refusal::limit(error.message.clone())
    } else {
        // Parsing, validation, and an adopter's own resolver speaking to the client.
        Refusal::bad_input(error.message.clone())
    };
    error.message = refusal.message;
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
