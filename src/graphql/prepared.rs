//! A request that has been analysed: what its text says is found out here, once, and nowhere else.
//!
//! Guarantees that the parser sees no text that is too large for it, and that the operation is chosen as
//! async-graphql chooses it when it executes the document. Knows neither the schema nor who asks.

use std::collections::BTreeSet;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, VariableDefinition,
};
use async_graphql::{Name, Positioned, Request, ServerError};

use super::budget::{Names, check_text};
use super::live::start_variables;
use super::operation_kind::OperationKind;

/// A request, analysed and ready to be executed.
pub(crate) struct Prepared {
    request: Request,
    kind: OperationKind,
    analysis: Result<Analysis, ServerError>,
}

/// What a document says.
pub(super) struct Analysis {
    pub(super) document: ExecutableDocument,
    /// How much it names.
    pub(super) names: Names,
    /// The variables that the operation declares.
    pub(super) variables: Vec<Positioned<VariableDefinition>>,
    /// The variables that only say where a subscription begins.
    pub(super) start_variables: BTreeSet<Name>,
}

impl Prepared {
    /// Analyses the request. A fault in its text is the answer when it is executed.
    pub(crate) fn new(request: Request) -> Self {
        let (kind, analysis) = match parse(&request.query) {
            Ok(document) => {
                let (kind, analysis) = analyse(document, request.operation_name.as_deref());
                (kind, Ok(analysis))
            }
            Err(fault) => (OperationKind::Unknown, Err(fault)),
        };
        Self {
            request,
            kind,
            analysis,
        }
    }

    /// The kind of operation that executing it will run.
    pub(crate) fn kind(&self) -> OperationKind {
        self.kind
    }

    /// The request as it was sent.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// The request, and what its document says.
    ///
    /// # Errors
    /// The fault in its text: it is too large for the parser, or not GraphQL.
    pub(super) fn into_parts(self) -> Result<(Request, Analysis), ServerError> {
        Ok((self.request, self.analysis?))
    }
}

fn parse(query: &str) -> Result<ExecutableDocument, ServerError> {
    check_text(query)?;
    Ok(parse_query(query)?)
}

fn analyse(document: ExecutableDocument, name: Option<&str>) -> (OperationKind, Analysis) {
    let names = Names::of(&document);
    let operation = chosen(&document, name);
    let kind = operation.map_or(OperationKind::Unknown, |of| of.ty.into());
    let variables = operation.map(|of| of.variable_definitions.clone());
    let start_variables = match (kind, operation) {
        (OperationKind::Subscription, Some(operation)) => start_variables(&document, operation),
        _ => BTreeSet::new(),
    };
    let analysis = Analysis {
        variables: variables.unwrap_or_default(),
        document,
        names,
        start_variables,
    };
    (kind, analysis)
}

/// The operation that async-graphql executes. A difference would let a mutation pass for a query.
fn chosen<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| all.next().is_none())
        }
    };
    operation.map(|operation| &operation.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        use OperationKind::{Mutation, Query, Subscription, Unknown};
        let two = "query A { a } mutation B { b }";
        for (query, name, kind) in [
            ("{ a }", None, Query),
            ("query A { a }", None, Query),
            ("query A { a }", Some("A"), Query),
            ("{ a }", Some("A"), Unknown),
            ("mutation { a }", None, Mutation),
            ("subscription S { a }", None, Subscription),
            (two, None, Unknown),
            (two, Some("A"), Query),
            (two, Some("B"), Mutation),
            (two, Some("C"), Unknown),
            ("{", None, Unknown),
            ("", None, Unknown),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(Prepared::new(request).kind(), kind, "{query} {name:?}");
        }
    }

    #[test]
    fn nesting_does_not_overflow_the_stack() {
        for piece in ["{a", "[", "{a(b:[", "{a(b:{c:"] {
            let request = Request::new(format!("{{a(b:{}", piece.repeat(100_000)));
            let kind = Prepared::new(request).kind();
            assert_eq!(kind, OperationKind::Unknown, "{piece}");
        }
    }
}
