//! How a refusal travels through SeaORM's error type.
//!
//! Hooks and connections can only return `DbErr`. Of its variants only an error of a driver keeps a value of
//! another crate and displays it without words about something else, so a refusal travels as one: with a
//! message and a code, as errors of a database have them. Its code is none of any database's, so no
//! classification takes it for one.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use super::CaptureError;
use crate::database::database_error;

/// A refusal in the form of a database's error.
#[derive(Debug)]
struct Carried {
    refusal: CaptureError,
    /// [`DatabaseError::message`] borrows it.
    message: String,
}

impl CaptureError {
    /// The capture error inside a database error, if there is one.
    pub fn of(error: &DbErr) -> Option<&Self> {
        let carried: &Carried = database_error(error)?.try_downcast_ref()?;
        Some(&carried.refusal)
    }
}

impl From<CaptureError> for DbErr {
    fn from(refusal: CaptureError) -> Self {
        let message = refusal.to_string();
        let carried = Carried { refusal, message };
        let driver = SqlxError::Database(Box::new(carried));
        DbErr::Exec(RuntimeErr::SqlxError(Arc::new(driver)))
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.refusal.code(), self.message)
    }
}

impl Error for Carried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.refusal.source()
    }
}

impl DatabaseError for Carried {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.refusal.code()))
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    /// No violated constraint of a database, whatever else it is.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Retry;
    use crate::{is_transient, is_unavailable};

    fn raced() -> DbErr {
        let table = "task".to_owned();
        Retry::Raced { table }.into()
    }

    #[test]
    fn a_refusal_keeps_its_type_and_reads_as_an_error_of_its_own() {
        let error = raced();
        assert!(matches!(
            CaptureError::of(&error),
            Some(CaptureError::Retry(Retry::Raced { table })) if table == "task"
        ));
        assert_eq!(
            error.to_string(),
            "Execution Error: error returned from database: (code: SEACHANGE_RACED) row of `task` was \
             changed by another transaction at the same moment"
        );
    }

    #[test]
    fn a_refusal_is_never_taken_for_an_error_of_a_database() {
        let error = raced();
        assert_eq!(error.sql_err(), None);
        assert!(is_transient(&error) && !is_unavailable(&error));
        let unique = database_error(&error).map(DatabaseError::is_unique_violation);
        assert_eq!(unique, Some(false));
    }
}
