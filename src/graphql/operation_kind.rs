//! The kind of operation in a request.

use async_graphql::parser::types::OperationType;

/// The kind of operation that a request will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Query,
    Mutation,
    Subscription,
    /// The text is not valid GraphQL, or has no operation of the given name; executing it reports which.
    Unknown,
}

impl OperationKind {
    pub(crate) const ALL: [Self; 4] = [
        Self::Query,
        Self::Mutation,
        Self::Subscription,
        Self::Unknown,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
            Self::Unknown => "unknown",
        }
    }
}

impl From<OperationType> for OperationKind {
    fn from(of: OperationType) -> Self {
        match of {
            OperationType::Query => Self::Query,
            OperationType::Mutation => Self::Mutation,
            OperationType::Subscription => Self::Subscription,
        }
    }
}
