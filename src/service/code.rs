//! The codes by which a caller distinguishes failures.

/// The kinds of failure that a caller must be able to distinguish. Over GraphQL this is
/// `extensions.code` of every error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request cannot mean anything: unknown names, wrong types, missing arguments.
    BadInput,
    /// The one row or change that was named does not exist.
    NotFound,
    /// The data does not allow it: a unique or foreign key, or a change made in between.
    Conflict,
    /// The caller is known but not allowed to do this.
    Forbidden,
    /// A bad or missing token.
    Unauthenticated,
    /// The text is not a cursor.
    CursorInvalid,
    /// The log no longer reaches back to the cursor.
    CursorExpired,
    /// The cursor belongs to another log: start again from the data.
    ResyncRequired,
    /// It is more than one request may ask for.
    LimitExceeded,
    /// Nothing is wrong with the request; try again later.
    Unavailable,
    /// A fault of the server; the program's log has it under the id given.
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
