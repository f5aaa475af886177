//! The codes by which a caller distinguishes failures.

/// Declares the codes together with the list of all of them, so that none can be missing from it.
macro_rules! error_codes {
    ($($(#[$meaning:meta])* $name:ident = $text:literal,)+) => {
        /// The kinds of failure that a caller must be able to distinguish. Over GraphQL this is
        /// `extensions.code` of every error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$meaning])* $name,)+
        }

        impl ErrorCode {
            /// All codes, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as clients read it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

error_codes! {
    /// The request cannot mean anything: unknown names, wrong types, missing arguments.
    BadInput = "BAD_INPUT",
    /// The one row or change that was named does not exist.
    NotFound = "NOT_FOUND",
    /// The data does not allow it: a unique or foreign key, or a change made in between.
    Conflict = "CONFLICT",
    /// The caller is known but not allowed to do this.
    Forbidden = "FORBIDDEN",
    /// A bad or missing token.
    Unauthenticated = "UNAUTHENTICATED",
    /// The text is not a cursor.
    CursorInvalid = "CURSOR_INVALID",
    /// The log no longer reaches back to the cursor.
    CursorExpired = "CURSOR_EXPIRED",
    /// The cursor belongs to another log: start again from the data.
    ResyncRequired = "RESYNC_REQUIRED",
    /// It is more than one request may ask for.
    LimitExceeded = "LIMIT_EXCEEDED",
    /// Nothing is wrong with the request; try again later.
    Unavailable = "UNAVAILABLE",
    /// A fault of the server; the program's log has it under the id given.
    Internal = "INTERNAL",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_the_same_codes_in_the_same_order() {
        let documentation = include_str!("../../docs/reference/error-codes.md");
        let (_, section) = documentation
            .split_once("\n## The codes\n")
            .expect("section");
        let section = section.split("\n## ").next().expect("section");
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
        assert_eq!(documented, codes.collect::<Vec<_>>());
    }
}
