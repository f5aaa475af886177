//! Sync with offline clients, for Rust callers.

use sea_orm::EntityTrait;
use serde_json::Value as Json;

use super::Service;
use crate::service::error::ServiceError;
use crate::service::offline::document::Document;
use crate::service::offline::rejection::Rejection;
use crate::service::offline::synced::Synced;
use crate::service::offline::{pull, push};

/// The answer to a pull.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Rows as clients have them. Fewer than asked for mean that there are no more for now.
    pub documents: Vec<Json>,
    /// To be passed back for the changes after these.
    pub checkpoint: String,
}

/// The answer to a push.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushAnswer {
    /// The current rows, where they differ from what was sent.
    pub documents: Vec<Json>,
    /// The reasons, for edits that were not taken.
    pub rejections: Vec<Rejection>,
}

impl Service {
    /// Up to `limit` rows that have changed since a checkpoint, each once, as they are now. Without a
    /// checkpoint, all rows that exist.
    ///
    /// # Errors
    /// `CURSOR_INVALID` if the text is not a checkpoint; `RESYNC_REQUIRED` if it is from another log, or older
    /// than what is kept: begin without one then. `BAD_INPUT` for an entity that is not registered for sync,
    /// `LIMIT_EXCEEDED` for more than [`Limits::pull_rows`](crate::Limits::pull_rows).
    pub async fn pull<E: EntityTrait>(
        &self,
        checkpoint: Option<&str>,
        limit: usize,
    ) -> Result<Pulled, ServiceError> {
        let synced = self.synced::<E>()?;
        let budget = self.budget();
        let bulk = pull::pull(self.call(&budget), synced, checkpoint, limit).await?;
        Ok(Pulled {
            documents: shown(synced, &bulk.documents),
            checkpoint: bulk.checkpoint,
        })
    }

    /// Stores edits of an offline client in one transaction, each as a whole or not at all. Each is an object
    /// with `newDocumentState`, the wanted row, and `assumedMasterState`, the row that the edit was made from,
    /// if there was one. If an edit is not stored as it was sent, its row is in the answer and the edit in the
    /// inbox.
    ///
    /// # Errors
    /// `BAD_INPUT` for an edit without a key and for an entity that is not registered for sync;
    /// `LIMIT_EXCEEDED` for more than [`Limits::batch_rows`](crate::Limits::batch_rows); `UNAVAILABLE` if the
    /// database is not available, or if rows wait for others that may be on their way: nothing is stored then,
    /// and the same edits must be sent again.
    pub async fn push<E: EntityTrait>(&self, edits: Vec<Json>) -> Result<PushAnswer, ServiceError> {
        let synced = self.synced::<E>()?;
        let budget = self.budget();
        let taken = push::push(self.call(&budget), synced, edits).await?;
        let answer = taken.map(|taken| PushAnswer {
            documents: shown(synced, &taken.documents),
            rejections: taken.rejections,
        });
        Ok(answer.unwrap_or_default())
    }
}

fn shown(synced: &Synced, documents: &[Document]) -> Vec<Json> {
    let documents = documents.iter();
    documents.map(|document| document.to_json(synced)).collect()
}
