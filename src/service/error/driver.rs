//! What an error of a statement means to a caller.

use sea_orm::DbErr;
use seachange_changelog::{Cause, cause, is_transient, is_unavailable};

use super::{ErrorCode, ServiceError, internal};

/// Translates the error of a statement that the database did not run.
pub(super) fn refused(error: &DbErr) -> ServiceError {
    if is_transient(error) {
        return ServiceError::busy();
    }
    if is_unavailable(error) {
        return unavailable();
    }
    match cause(error) {
        Some(Cause::Unique) => ServiceError::conflict("a row with this key or unique value exists"),
        Some(Cause::ForeignKey) => ServiceError::conflict(
            "the row refers to one that does not exist, or others refer to it",
        ),
        Some(Cause::Value) => ServiceError::bad_input("a value does not fit its column"),
        Some(Cause::Type) => ServiceError::bad_input("a column's type does not allow this"),
        Some(Cause::TooLarge) => ServiceError::limit("a row is too large for the database"),
        Some(Cause::Overtime) => {
            ServiceError::limit("the request has taken too long in the database")
        }
        Some(Cause::SnapshotGone) => unavailable(),
        _ => internal(),
    }
}

/// The error for a database that does not answer.
pub(super) fn unavailable() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the database is not available")
}
