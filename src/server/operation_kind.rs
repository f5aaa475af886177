//! The kind of operation in a request.

use async_graphql::Request;
use async_graphql::parser::types::{DocumentOperations, OperationType};

use crate::graphql::is_readable;

/// The kind of operation that a request will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationKind {
    Query,
    Mutation,
    Subscription,
    /// The text is not valid GraphQL, or has no operation of the given name; executing it reports which.
    Unknown,
}

impl OperationKind {
    pub(super) const ALL: [Self; 4] = [
        Self::Query,
        Self::Mutation,
        Self::Subscription,
        Self::Unknown,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
            Self::Unknown => "unknown",
        }
    }

    /// Parses the request, which stores the result, so that executing it does not parse again.
    ///
    /// The operation is chosen as async-graphql does when it executes; a difference would let a mutation pass
    /// for a query.
    pub(super) fn of(request: &mut Request) -> Self {
        // The parser must not see texts that execution refuses anyway.
        if !is_readable(&request.query) {
            return Self::Unknown;
        }
        let name = request.operation_name.clone();
        let Ok(document) = request.parsed_query() else {
            return Self::Unknown;
        };
        let operation = match (&document.operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Single(_), Some(_)) => None,
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.values();
                all.next().filter(|_| all.next().is_none())
            }
        };
        match operation.map(|operation| operation.node.ty) {
            Some(OperationType::Query) => Self::Query,
            Some(OperationType::Mutation) => Self::Mutation,
            Some(OperationType::Subscription) => Self::Subscription,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let two = "query A { a } mutation B { b }";
        for (query, name, kind) in [
            ("{ a }", None, OperationKind::Query),
            ("query A { a }", None, OperationKind::Query),
            ("query A { a }", Some("A"), OperationKind::Query),
            ("{ a }", Some("A"), OperationKind::Unknown),
            ("mutation { a }", None, OperationKind::Mutation),
            ("subscription S { a }", None, OperationKind::Subscription),
            (two, None, OperationKind::Unknown),
            (two, Some("A"), OperationKind::Query),
            (two, Some("B"), OperationKind::Mutation),
            (two, Some("C"), OperationKind::Unknown),
            ("{", None, OperationKind::Unknown),
            ("", None, OperationKind::Unknown),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(OperationKind::of(&mut request), kind, "{query} {name:?}");
        }
    }

    #[test]
    fn nesting_does_not_overflow_the_stack() {
        for piece in ["{a", "[", "{a(b:[", "{a(b:{c:"] {
            let mut request = Request::new(format!("{{a(b:{}", piece.repeat(100_000)));
            assert_eq!(
                OperationKind::of(&mut request),
                OperationKind::Unknown,
                "{piece}"
            );
        }
    }
}
