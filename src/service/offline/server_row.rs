//! What the server knows of a pushed row.

use chrono::{DateTime, Utc};
use seachange_changelog::Image;
use seachange_changelog::log::Model;
use serde_json::Value as Json;

use super::document::Document;
use super::synced::Synced;
use crate::service::time::time;
use crate::sync::{State, Stored};

/// A row of the table, or what the log knows of one that has existed.
#[derive(Clone)]
pub(super) struct ServerRow {
    pub(super) document: Document,
    deleted_at: Option<String>,
}

impl ServerRow {
    pub(super) fn present(row: Image) -> Self {
        Self {
            document: Document::present(row),
            deleted_at: None,
        }
    }

    /// The tombstone of a row that does not exist, from its last change.
    pub(super) fn deleted(synced: &Synced, key: &Image, change: Model) -> Self {
        let mut row = match change.after.or(change.before) {
            Some(Json::Object(row)) => row,
            _ => Image::new(),
        };
        row.extend(key.clone());
        Self {
            document: Document::tombstone(synced, &row),
            deleted_at: Some(time(change.recorded_at)),
        }
    }

    /// The tombstone of a row that has just been deleted, or has never existed.
    pub(super) fn gone(synced: &Synced, key: &Image, before: Option<&Self>) -> Self {
        let mut row = before.map_or_else(Image::new, |before| before.document.row.clone());
        row.extend(key.clone());
        let now: DateTime<Utc> = Utc::now();
        Self {
            document: Document::tombstone(synced, &row),
            deleted_at: Some(time(now)),
        }
    }

    pub(super) fn stored(&self, synced: &Synced) -> Stored {
        let state: State = self.document.state(synced);
        Stored {
            state,
            deleted_at: self.deleted_at.clone(),
        }
    }
}

pub(super) fn is_there(known: Option<&ServerRow>) -> bool {
    known.is_some_and(|known| !known.document.is_deleted)
}
