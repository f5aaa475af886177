//! One batch of a push in one transaction: each row is judged, and stored in its own savepoint or filed.
//!
//! Guarantees that the answer has exactly the rows whose stored state differs from what was sent, except rows
//! whose keys JSON cannot express; that an edit which is not stored is in the inbox; and that nothing of the
//! batch is committed when it ends with an error.

mod batch_progress;
mod held;
mod order;
mod repeats;
mod similar_values;

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use sea_orm::{DbErr, IsolationLevel};
use seachange_changelog::internal::image::text_of;
use seachange_changelog::internal::reader::last_of;
use seachange_changelog::sync_tables::orphan;
use seachange_changelog::{Context, Image, Retry, TrackedTransaction};
use serde_json::json;

use self::batch_progress::BatchProgress;
use self::repeats::Repeats;
use super::document::Document;
use super::pushed::Pushed;
use super::rejection::Rejection;
use super::server_row::ServerRow;
use super::synced::Synced;
use crate::service::budget::Cost;
use crate::service::code::ErrorCode;
use crate::service::error::ServiceError;
use crate::service::hash::hash_of;
use crate::service::transaction::Work;
use crate::sync::Resolution;

/// How often a row is attempted whose parent is missing or whose children still exist, because these may be on
/// their way.
const ATTEMPTS: i32 = 3;

pub(super) struct PushBatch<'a> {
    pub(super) synced: &'a Synced,
    pub(super) rows: Vec<Pushed>,
    /// On whose behalf it is written.
    pub(super) context: Context,
    /// The rows that wait for others, as the last attempt found them.
    pub(super) orphans: Mutex<Vec<String>>,
    /// The errors of edits at which the database ended the transaction, by mutation id. These edits are left
    /// out of the next attempt, which stores the others.
    pub(super) ending: Mutex<HashMap<String, ServiceError>>,
}

/// The answer to a batch.
pub(crate) struct BatchAnswer {
    pub(crate) documents: Vec<Document>,
    pub(crate) rejections: Vec<Rejection>,
}

impl Work for PushBatch<'_> {
    type Output = BatchAnswer;

    /// This makes rows visible that others insert meanwhile, and keeps MariaDB from locking the gap of a
    /// missing key against other batches.
    const ISOLATION: Option<IsolationLevel> = Some(IsolationLevel::ReadCommitted);

    async fn run(&self, tx: &TrackedTransaction) -> Result<BatchAnswer, ServiceError> {
        let mut course = BatchProgress {
            batch: self,
            tx,
            known: self.server_rows(tx).await?,
            repeats: Repeats::read(self, tx).await?,
            held: Vec::new(),
            rejections: Vec::new(),
            orphans: Vec::new(),
        };
        for place in self.unstored(&course) {
            course.take(place).await?;
        }
        course.settle().await?;
        // This runs twice at most: a row that followed another of its key may be held itself.
        while !course.held.is_empty() {
            let mut left = std::mem::take(&mut course.held);
            left.sort_by_key(|held| held.place);
            for held in left {
                course.give_up(held).await?;
            }
        }
        let orphans = course.orphans;
        let are_complete = orphans.is_empty();
        *self.orphans.lock() = orphans;
        if !are_complete {
            let message = "a row waits for those that it refers to, or that refer to it; try again";
            return Err(ServiceError::new(ErrorCode::Unavailable, message));
        }
        let keys = self.rows.iter().map(|pushed| self.orphan_id(pushed));
        orphan::forget(tx, keys).await?;
        let mut rejections = course.rejections;
        // In the order of the rows, because rows that were held were refused last.
        let place = |refused: &Rejection| self.rows.iter().position(|row| row.key == refused.key);
        rejections.sort_by_cached_key(place);
        Ok(BatchAnswer {
            documents: self.differing(&course.known),
            rejections,
        })
    }

    fn cost(&self, taken: &BatchAnswer) -> Cost {
        Cost::of_images(taken.documents.iter().map(|document| &document.row))
    }
}

impl PushBatch<'_> {
    /// How many edits are known to end the transaction.
    pub(super) fn known_to_end(&self) -> usize {
        self.with_ending(|ending| ending.len())
    }

    /// Why an edit is left out, if it is known to end the transaction.
    fn ended_by(&self, pushed: &Pushed) -> Option<ServiceError> {
        self.with_ending(|ending| ending.get(&pushed.mutation_id).cloned())
    }

    /// The error of a row's write. If the row's own fault ended the whole transaction, the error is remembered,
    /// and the transaction is to be tried again.
    fn failed_at(
        &self,
        pushed: &Pushed,
        tx: &TrackedTransaction,
        error: ServiceError,
    ) -> ServiceError {
        let is_of_database = error.database().is_some();
        if !is_of_database || !tx.has_ended() || error.code() == ErrorCode::Unavailable {
            return error;
        }
        self.with_ending(|ending| ending.insert(pushed.mutation_id.clone(), error));
        DbErr::from(Retry::Ended).into()
    }

    fn with_ending<T>(&self, act: impl FnOnce(&mut HashMap<String, ServiceError>) -> T) -> T {
        act(&mut self.ending.lock())
    }

    /// The hash under which a row's attempts are counted.
    fn orphan_id(&self, pushed: &Pushed) -> String {
        hash_of(&json!([self.synced.info().table, pushed.key]))
    }

    /// The places of the rows, except for keys of which all rows were stored when they were sent before.
    ///
    /// Applied again one after the other, those would take the row back to where the first of them began.
    fn unstored(&self, course: &BatchProgress<'_>) -> Vec<usize> {
        let mut of_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, pushed) in self.rows.iter().enumerate() {
            of_key.entry(text_of(&pushed.key)).or_default().push(place);
        }
        let is_stored = |name: &String, places: &Vec<usize>| {
            let of_row: Vec<&Pushed> = places.iter().map(|place| &self.rows[*place]).collect();
            let last = of_row.last().and_then(|last| last.edit.as_ref().ok());
            let here = course.known.get(name).zip(last);
            of_row.len() > 1
                && here.is_some_and(|(known, edit)| {
                    known.stored(self.synced).state.is_same(&edit.client)
                })
                && course.repeats.have_all(&of_row)
        };
        let unstored = of_key
            .iter()
            .filter(|(name, places)| !is_stored(name, places));
        let mut unstored: Vec<usize> = unstored.flat_map(|(_, places)| places.clone()).collect();
        unstored.sort_unstable();
        unstored
    }

    /// What is known of the batch's rows. Those that exist are locked.
    async fn server_rows(
        &self,
        tx: &TrackedTransaction,
    ) -> Result<HashMap<String, ServerRow>, ServiceError> {
        let readable = self.rows.iter().filter(|pushed| pushed.has_key);
        // Sorted, so that two batches lock the rows that they share in the same order.
        let mut keys: BTreeMap<String, Image> = BTreeMap::new();
        for pushed in readable {
            keys.insert(text_of(&pushed.key), pushed.key.clone());
        }
        let wanted: Vec<Image> = keys.values().cloned().collect();
        let mut known = HashMap::with_capacity(keys.len());
        for row in self.synced.registered.rows.lock(tx, &wanted).await? {
            let name = text_of(&self.synced.key_of(&row));
            keys.remove(&name);
            known.insert(name, ServerRow::present(row));
        }
        let missing: Vec<Image> = keys.into_values().collect();
        let mut last = last_of(tx, self.synced.info().table, &missing).await?;
        for (place, key) in missing.iter().enumerate() {
            let Some(change) = last.remove(&place) else {
                continue;
            };
            // The row is not deleted: another transaction has inserted it since the rows were locked.
            let found = match change.after {
                Some(_) => {
                    let keys = std::slice::from_ref(key);
                    self.synced.registered.rows.lock(tx, keys).await?.pop()
                }
                None => None,
            };
            let known_now = match found {
                Some(row) => ServerRow::present(row),
                None => ServerRow::deleted(self.synced, key, change),
            };
            known.insert(text_of(key), known_now);
        }
        Ok(known)
    }

    /// The context in which the row is written, with how its conflict was resolved.
    fn context_of(&self, pushed: &Pushed, resolution: Option<Resolution>) -> Context {
        let mut context = self.context.clone();
        context.mutation_id = Some(pushed.mutation_id.clone());
        if let Some(resolution) = resolution {
            let metadata = context.metadata.get_or_insert_default();
            let policy = self.synced.policy.name();
            let outcome = json!({"policy": policy, "resolution": resolution.as_str()});
            metadata.insert("conflict".to_owned(), outcome);
        }
        context
    }

    /// The rows that are not as they were sent, each once.
    ///
    /// Columns that the server stamps do not count: a client may take each row of the answer for another
    /// client's edit, and put it over what was edited meanwhile. Stamps reach clients by the stream and the
    /// pull.
    fn differing(&self, known: &HashMap<String, ServerRow>) -> Vec<Document> {
        let mut last: HashMap<String, &Pushed> = HashMap::new();
        let mut order = Vec::new();
        for pushed in &self.rows {
            let name = text_of(&pushed.key);
            if last.insert(name.clone(), pushed).is_none() {
                order.push(name);
            }
        }
        let differs = |name: &String| {
            let pushed = last.get(name)?;
            let here = known.get(name).map(|known| &known.document);
            let wanted = pushed.edit.as_ref().ok().map(|edit| &edit.client);
            match (here, wanted) {
                (Some(here), Some(wanted)) if here.state(self.synced).is_same(wanted) => None,
                (None, Some(wanted)) if wanted.is_deleted => None,
                (Some(here), _) => Some(here.clone()),
                // Under another key it would be a row that the client did not send.
                (None, _) if !pushed.can_be_named => None,
                (None, _) => Some(pushed.tombstone.clone()),
            }
        };
        order.iter().filter_map(differs).collect()
    }
}
