//! Sync with offline clients, for Rust callers.

use sea_orm::EntityTrait;
use serde_json::Value as Json;

use super::Service;
use crate::service::error::ServiceError;
use crate::service::offline::document::Document;
use crate::service::offline::rejection::Rejection;
use crate::service::offline::synced::Synced;
use crate::service::offline::{pull, push};

/// What a pull answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Rows as clients have them; fewer than asked for mean that there are no more for now.
    pub documents: Vec<Json>,
    /// Pass back for what changes after these.
    pub checkpoint: String,
}

/// What a push answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushAnswer {
    /// The rows that are not as they were sent, as they are.
    pub documents: Vec<Json>,
    /// Why, for those that were not taken.
    pub rejections: Vec<Rejection>,
}

impl Service {
    /// Up to `limit` rows that have changed since a checkpoint, each once, as they are; without one, the rows
    /// that there are.
    ///
    /// # Errors
    /// `CURSOR_INVALID` for what is no checkpoint; `RESYNC_REQUIRED` for one of another log, or from before what
    /// is kept: begin without one then. `BAD_INPUT` for an entity that is not registered for sync,
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

    /// Stores edits of an offline client, each whole or not at all, in one transaction. Each is an object with
    /// `newDocumentState`, the row as it shall be, and `assumedMasterState`, the row that the edit was made
    /// from, if there was one. What is not stored as it was sent is in the answer, and its edit in the inbox.
    ///
    /// # Errors
    /// `BAD_INPUT` for an edit without a key and for an entity that is not registered for sync;
    /// `LIMIT_EXCEEDED` for more than [`Limits::batch_rows`](crate::Limits::batch_rows); `UNAVAILABLE` where the
    /// database is, or rows wait for others that may be on their way: nothing is stored then, and the same is to
    /// be sent again.
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
