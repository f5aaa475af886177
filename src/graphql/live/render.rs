//! Executes a subscription's document on one item.

use std::collections::BTreeSet;

use async_graphql::dynamic::Schema;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Request, ServerError, Variables};
use futures_util::StreamExt;

use super::plan::Role;
use super::watched::Item;
use crate::feed::{Cursor, Position};
use crate::graphql::budget::AnswerBudget;
use crate::graphql::error::{Refusal, finish};
use crate::graphql::prerendered::Prerendered;

/// An item as bytes, as it is sent to every subscriber of a group.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The position of its change; initial rows have the position of their snapshot.
    pub(super) position: Position,
    /// The cursor of that position, if the subscription can be continued exactly from there. That is not the
    /// case while initial rows are still to come.
    pub(crate) cursor: Option<String>,
    /// The response as JSON.
    pub(crate) json: Box<str>,
    /// The errors in the response.
    pub(crate) errors: Vec<ServerError>,
}

impl Payload {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let cursor = self.cursor.as_ref().map_or(0, String::len);
        size_of::<Self>() + cursor + self.json.len()
    }
}

/// What the subscriptions of a group have in common.
#[derive(Clone)]
pub(crate) struct Rendering {
    query: String,
    document: ExecutableDocument,
    operation_name: Option<String>,
    variables: Variables,
    /// The variables that only say where to begin, which may differ within a group.
    start_variables: BTreeSet<Name>,
    /// What rendering one item may cost.
    budget: AnswerBudget,
}

/// What distinguishes groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    query: String,
    operation_name: Option<String>,
    /// The variables as JSON, without those that only say where to begin.
    variables: String,
}

impl Rendering {
    /// For a request whose variables have been filled.
    pub(crate) fn of(
        request: &Request,
        document: ExecutableDocument,
        start_variables: BTreeSet<Name>,
        budget: AnswerBudget,
    ) -> Self {
        Self {
            query: request.query.clone(),
            document,
            operation_name: request.operation_name.clone(),
            variables: request.variables.clone(),
            start_variables,
            budget,
        }
    }

    pub(super) fn key(&self) -> GroupKey {
        let variables: serde_json::Map<_, _> = self
            .variables
            .iter()
            .filter(|(name, _)| !self.start_variables.contains(*name))
            .filter_map(|(name, value)| Some((name.to_string(), value.clone().into_json().ok()?)))
            .collect();
        GroupKey {
            query: self.query.clone(),
            operation_name: self.operation_name.clone(),
            variables: serde_json::Value::Object(variables).to_string(),
        }
    }

    /// Renders the item's response.
    pub(super) async fn render(&self, schema: &Schema, item: Item, at: &Cursor) -> Payload {
        let cursor = (!item.is_initial).then(|| at.to_string());
        let mut request = Request::new(&self.query).variables(self.variables.clone());
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(self.document.clone());
        let request = request
            .data(Role::item(item))
            .data(Prerendered::default())
            .data(self.budget.renewed());
        let mut responses = schema.execute_stream(request);
        let response = match responses.next().await {
            Some(response) => finish(response),
            None => Refusal::internal(&"an item was not rendered").into(),
        };
        let json = serde_json::to_string(&response).unwrap_or_else(|error| {
            tracing::error!(%error, "a response does not serialise");
            r#"{"data":null}"#.to_owned()
        });
        Payload {
            position: at.position,
            cursor,
            json: json.into(),
            errors: response.errors,
        }
    }
}
