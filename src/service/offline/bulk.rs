//! Changed rows, as pull and stream return them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::document::Document;
use super::synced::Synced;
use crate::feed::{Change, Cursor, Epoch};

/// Rows, and the checkpoint after them.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    pub(crate) documents: Vec<Document>,
    /// Whether each document has every column that its table has now.
    pub(crate) is_complete: bool,
    pub(crate) checkpoint: String,
}

/// The document of the row that a change left.
pub(super) fn document_left_by(synced: &Synced, change: &Change) -> Document {
    let row = |json: &Option<Json>| json.as_ref().and_then(Json::as_object).cloned();
    match (row(&change.row.after), row(&change.row.before)) {
        (Some(after), _) => Document::present(after),
        (None, before) => {
            let mut row = before.unwrap_or_default();
            row.extend(change.row.row_key.as_object().cloned().unwrap_or_default());
            Document::tombstone(synced, &row)
        }
    }
}

impl Synced {
    /// The changes of one transaction as one event, with each row once.
    pub(crate) fn bulk(&self, epoch: &Epoch, changes: &[Arc<Change>]) -> Option<Bulk> {
        let last = changes.last()?;
        let mut seen = HashSet::with_capacity(changes.len());
        let newest = changes.iter().rev();
        let newest = newest.filter(|change| seen.insert(change.row.row_key.to_string()));
        let mut documents: Vec<Document> = newest
            .map(|change| document_left_by(self, change))
            .collect();
        documents.reverse();
        Some(Bulk {
            documents,
            is_complete: false,
            checkpoint: Cursor::at(epoch, last.position).to_string(),
        })
    }
}
