//! Why a database did not do what a statement asked, whichever database it is.

use sea_orm::{DbErr, SqlErr};

use super::errors::{database_error, of_error};

/// Why a database did not do what a statement asked, where it is the statement's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A key or a unique value exists already.
    Unique,
    /// A row refers to one that does not exist, or others refer to it.
    ForeignKey,
    /// A value does not fit its column: it is null, too long, out of range, or a check forbids it.
    Value,
    /// A column's type does not have the operation.
    Type,
    /// A row or a statement is larger than the database takes.
    TooLarge,
    /// The statement ran longer than the session allows.
    Overtime,
    /// The snapshot that the transaction was to read does not exist any more.
    SnapshotGone,
    /// There is no table of that name.
    NoTable,
}

/// Why the database did not do what a statement asked; `None` if the error is not from a database, or has
/// another cause. See [`is_transient`](crate::is_transient) for whether a retry may help.
#[must_use]
pub fn cause(error: &DbErr) -> Option<Cause> {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => return Some(Cause::Unique),
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => return Some(Cause::ForeignKey),
        _ => {}
    }
    let reported = database_error(error)?;
    if reported.is_foreign_key_violation() {
        return Some(Cause::ForeignKey);
    }
    of_error(reported)?.cause(reported)
}
