//! The refusals of capture, in groups by what a caller can do about them.
//!
//! Each refusal has a message, a code that never changes its meaning and, where there is one, a cure.

mod bulk;
mod carried;
mod commit;
mod retry;
mod setup;
mod value;
mod write;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use sea_orm::DbErr;

pub use self::bulk::BulkRefusal;
pub use self::commit::CommitRefusal;
pub use self::retry::Retry;
pub use self::setup::SetupRefusal;
pub use self::value::ValueRefusal;
pub use self::write::WriteRefusal;
use crate::image::ImageError;

/// What capture refuses, and why.
///
/// SeaORM's calls return it as a `DbErr`, out of which [`CaptureError::of`] takes it:
///
/// ```
/// use sea_orm::DbErr;
/// use seachange_changelog::{BulkRefusal, CaptureError};
///
/// fn status(error: &DbErr) -> u16 {
///     match CaptureError::of(error) {
///         Some(CaptureError::Bulk(BulkRefusal::ChangedSince { .. })) => 409,
///         Some(CaptureError::Bulk(_) | CaptureError::Value(_)) => 400,
///         Some(CaptureError::Retry(_)) => 503,
///         _ => 500,
///     }
/// }
/// # let table = "task".to_owned();
/// # assert_eq!(status(&BulkRefusal::KeyChanged { table }.into()), 400);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// A write was refused before it ran, because it would not have been recorded. The program has to write
    /// in another way.
    Write(WriteRefusal),
    /// A commit was refused and the transaction rolled back, because the program had left something in it
    /// unfinished.
    Commit(CommitRefusal),
    /// Another transaction was in the way. A retry of the whole transaction may succeed, see
    /// [`is_transient`](crate::is_transient).
    Retry(Retry),
    /// A call that writes many rows cannot do what it was asked.
    Bulk(BulkRefusal),
    /// A value cannot be stored, or a row with it not be recorded.
    Value(ValueRefusal),
    /// The database or an entity is not set up for what was asked. A migration or an operator has to act.
    Setup(SetupRefusal),
    /// The change could not be written to the log. The transaction does not commit.
    Log {
        /// The tracked table.
        table: String,
        /// The error of the database.
        source: DbErr,
    },
}

impl CaptureError {
    /// What is wrong, without the cure.
    pub fn message(&self) -> String {
        match self {
            Self::Write(refusal) => refusal.to_string(),
            Self::Commit(refusal) => refusal.to_string(),
            Self::Retry(refusal) => refusal.to_string(),
            Self::Bulk(refusal) => refusal.to_string(),
            Self::Value(refusal) => refusal.to_string(),
            Self::Setup(refusal) => refusal.to_string(),
            Self::Log { table, source } => {
                format!("the change of `{table}` could not be recorded: {source}")
            }
        }
    }

    /// What to do about it, if the message alone does not say so.
    pub fn cure(&self) -> Option<Cow<'static, str>> {
        let cure = match self {
            Self::Write(refusal) => return Some(refusal.cure()),
            Self::Commit(refusal) => Some(refusal.cure()),
            Self::Retry(refusal) => refusal.cure(),
            Self::Bulk(refusal) => refusal.cure(),
            Self::Value(refusal) => refusal.cure(),
            Self::Setup(refusal) => refusal.cure(),
            Self::Log { .. } => None,
        };
        cure.map(Cow::Borrowed)
    }

    /// A word for the refusal, which begins with `SEACHANGE_` and never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write(refusal) => refusal.code(),
            Self::Commit(refusal) => refusal.code(),
            Self::Retry(refusal) => refusal.code(),
            Self::Bulk(refusal) => refusal.code(),
            Self::Value(refusal) => refusal.code(),
            Self::Setup(refusal) => refusal.code(),
            Self::Log { .. } => "SEACHANGE_LOG",
        }
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match self.cure() {
            Some(cure) => write!(f, "; cure: {cure}"),
            None => Ok(()),
        }
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Log { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Makes a group of refusals convert into the error that has it as a variant, and into SeaORM's.
macro_rules! group {
    ($variant:ident, $group:ty) => {
        impl From<$group> for CaptureError {
            fn from(refusal: $group) -> Self {
                Self::$variant(refusal)
            }
        }

        impl From<$group> for DbErr {
            fn from(refusal: $group) -> Self {
                CaptureError::from(refusal).into()
            }
        }
    };
}

group!(Write, WriteRefusal);
group!(Commit, CommitRefusal);
group!(Retry, Retry);
group!(Bulk, BulkRefusal);
group!(Value, ValueRefusal);
group!(Setup, SetupRefusal);

impl From<ImageError> for CaptureError {
    fn from(error: ImageError) -> Self {
        ValueRefusal::Image(error).into()
    }
}
