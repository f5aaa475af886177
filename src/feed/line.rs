//! Changes as JSON for a program.

use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::Value as Json;

use seachange_changelog::internal::reader::Change;

use super::cursor::{Cursor, Epoch};

/// A change as JSON, under the names of GraphQL's `Change`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeLine<'a> {
    cursor: String,
    entity: &'a str,
    key: &'a Json,
    operation: seachange_changelog::Operation,
    before: &'a Option<Json>,
    after: &'a Option<Json>,
    changed_fields: Vec<String>,
    actor: &'a Option<String>,
    mutation_id: &'a Option<String>,
    metadata: &'a Option<Json>,
    transaction_id: &'a str,
    source: seachange_changelog::Source,
    recorded_at: String,
}

impl<'a> ChangeLine<'a> {
    /// The change at its place in the log of this epoch.
    pub fn new(change: &'a Change, epoch: &Epoch) -> Self {
        let row = &change.row;
        Self {
            cursor: Cursor::at(epoch, change.position).to_string(),
            entity: &row.entity,
            key: &row.row_key,
            operation: row.operation,
            before: &row.before,
            after: &row.after,
            changed_fields: change.changed_fields(),
            actor: &row.actor,
            mutation_id: &row.mutation_id,
            metadata: &row.metadata,
            transaction_id: &row.transaction_id,
            source: row.source,
            recorded_at: row.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        }
    }
}
