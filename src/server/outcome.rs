//! What a GraphQL response says about its request: the code, and whether it ran at all.

use async_graphql::{Response, ServerError, Value};

use crate::graphql::{ErrorCode, OperationKind};

/// The code a client reads in an error.
pub(super) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// Whether the request failed before it yielded anything, so that there is no `data`: because of its text or,
/// for a subscription, because its source could not be opened.
///
/// A response does not say whether execution had begun, and fields of a dynamic schema report errors without
/// a path. So errors without a path count as refusals of the text only if they have one of the codes of such
/// refusals.
pub(super) fn has_not_run(kind: OperationKind, response: &Response) -> bool {
    let is_refusal = |error: &ServerError| match kind {
        OperationKind::Subscription => error.path.len() <= 1,
        OperationKind::Query | OperationKind::Mutation | OperationKind::Unknown => {
            error.path.is_empty() && is_of_text(code_of(error))
        }
    };
    response.data == Value::Null && !response.is_ok() && response.errors.iter().all(is_refusal)
}

/// The codes of errors from parsing, validation and the bounds on both.
fn is_of_text(code: Option<&str>) -> bool {
    let codes = [ErrorCode::BadInput, ErrorCode::LimitExceeded];
    codes.iter().any(|known| Some(known.as_str()) == code)
}

#[cfg(test)]
mod tests {
    use async_graphql::PathSegment;

    use super::*;
    use crate::graphql::refusal;

    #[test]
    fn table() {
        use ErrorCode::{BadInput, Conflict, CursorExpired, LimitExceeded};
        use OperationKind::{Mutation, Query, Subscription, Unknown};
        for (kind, code, depth, expected) in [
            (Unknown, BadInput, 0, true),
            (Query, BadInput, 0, true),
            (Query, LimitExceeded, 0, true),
            (Query, BadInput, 1, false),
            (Mutation, Conflict, 0, false),
            (Mutation, Conflict, 1, false),
            (Subscription, BadInput, 0, true),
            (Subscription, CursorExpired, 1, true),
            (Subscription, Conflict, 2, false),
        ] {
            let mut error = refusal(code, "");
            error.path = vec![PathSegment::Index(0); depth];
            let response = Response::from_errors(vec![error.clone()]);
            assert_eq!(
                has_not_run(kind, &response),
                expected,
                "{kind:?} {code:?} {depth}"
            );
            let mut response = Response::new(Value::from(1));
            assert!(!has_not_run(kind, &response));
            response.errors.push(error);
            assert!(!has_not_run(kind, &response));
        }
        assert!(!has_not_run(Query, &Response::default()));
    }
}
