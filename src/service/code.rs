//! The codes by which whoever asked tells one failure from another.

/// What a caller must be able to tell apart; over GraphQL `extensions.code` of every error.
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
