//! Accepts edits of offline clients: a push is one transaction, and one more for each row that ends it.

use chrono::Utc;
use parking_lot::Mutex;
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal;
use seachange_changelog::sync_tables::orphan;
use serde_json::Value as Json;

use super::accept::{BatchAnswer, PushBatch};
use super::pushed::Pushed;
use super::synced::Synced;
use crate::service::call::Call;
use crate::service::error::ServiceError;
use crate::service::transaction::transact;

/// Stores edits, each as a whole or not at all. A row is an object with `newDocumentState` and, unless it is
/// new, `assumedMasterState`. If an edit is not stored as it was sent, its row is in the answer and the edit in
/// the inbox.
///
/// # Errors
/// `LIMIT_EXCEEDED` for more rows than a push may have; `BAD_INPUT` for a row without a key, which cannot be
/// answered; `UNAVAILABLE` if the database is not available, or if rows wait for others that may be on their
/// way. Nothing is stored then, and the push must be sent again.
pub(crate) async fn push(
    call: Call<'_>,
    synced: &Synced,
    rows: Vec<Json>,
) -> Result<Option<BatchAnswer>, ServiceError> {
    let most = call.limits.batch_rows;
    if rows.len() > most {
        return Err(ServiceError::limit(format!(
            "a push has at most {most} rows"
        )));
    }
    let actor = call.db.context().actor.as_deref();
    let facts = internal::of(call.db).facts();
    let rows: Vec<Pushed> = rows
        .into_iter()
        .map(|row| Pushed::read(synced, (actor, facts), row))
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Ok(None);
    }
    let batch = PushBatch {
        synced,
        rows,
        context: call.db.context().clone(),
        orphans: Mutex::default(),
        ending: Mutex::default(),
    };
    loop {
        let known = batch.known_to_end();
        match transact(call, &batch).await {
            Ok(taken) => return Ok(Some(taken)),
            // A row ended the transaction for all: the others get a new one, once for each such row.
            Err(_) if batch.known_to_end() > known => {}
            Err(error) => {
                count_orphans(call.db, batch.orphans).await?;
                return Err(error);
            }
        }
    }
}

/// Counts the attempt outside of the batch's transaction, which was rolled back.
async fn count_orphans(
    db: &TrackedConnection,
    orphans: Mutex<Vec<String>>,
) -> Result<(), ServiceError> {
    let orphans = orphans.into_inner();
    if !orphans.is_empty() {
        orphan::count(db, orphans, Utc::now()).await?;
    }
    Ok(())
}
