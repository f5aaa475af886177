//! One batch of a push in one transaction: each row judged, stored in a savepoint of its own, or filed.
//!
//! Guarantees that the answer has every row whose stored state differs from what was sent, and no
//! other; that an edit which is not stored is in the inbox; that nothing of the batch is committed
//! when it ends with an error.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use sea_orm::{DbErr, IsolationLevel, SqlErr};
use seachange_changelog::image::text_of;
use seachange_changelog::reader::{known_mutations, last_of};
use seachange_changelog::sync::conflict::Status;
use seachange_changelog::sync::orphan;
use seachange_changelog::{Context, Image, TrackedTransaction};
use serde_json::{Value as Json, json};

use super::Synced;
use super::document::Document;
use super::file::file;
use super::known::{Known, is_there};
use super::pushed::Pushed;
use super::rejections::Rejection;
use super::store::store;
use crate::graphql::error::{ErrorCode, Refusal, is_foreign_key};
use crate::graphql::transaction::{Failure, Work};
use crate::sync::{Decision, Edit, Resolution, decide};

/// Attempts of a row whose parent is not there, or whose children are: they may be on their way.
const ATTEMPTS: i32 = 3;

/// Why an edit that may have been made once more is not stored.
const SUPERSEDED: &str = "the same edit was stored before, and the row has been changed since";

/// A batch to be taken.
pub(super) struct Batch<'a> {
    pub(super) synced: &'a Synced,
    pub(super) rows: Vec<Pushed>,
    /// On whose behalf.
    pub(super) context: Context,
    /// Rows that wait for others, found by the last try.
    pub(super) orphans: Mutex<Vec<String>>,
}

/// What a batch is answered.
pub(super) struct Taken {
    pub(super) documents: Vec<Document>,
    pub(super) rejections: Vec<Rejection>,
}

/// What became of a row.
enum Outcome {
    /// It is so.
    Taken,
    /// It was so before.
    Unwritten,
    /// It is not, and the inbox has it.
    Filed(Rejection),
    /// Its parent is not there yet, or its children still are.
    Orphan,
}

impl Work for Batch<'_> {
    type Output = Taken;

    /// Rows that others insert meanwhile are then seen, and a key that is not there is no gap that
    /// MariaDB locks against other batches.
    const ISOLATION: Option<IsolationLevel> = Some(IsolationLevel::ReadCommitted);

    async fn run(&self, tx: &TrackedTransaction) -> Result<Taken, Failure> {
        let mut known = self.known(tx).await?;
        let repeated = self.repeated(tx).await?;
        let mut unwritten = Vec::new();
        let (mut rejections, mut orphans) = (Vec::new(), Vec::new());
        for pushed in &self.rows {
            match self.take(tx, pushed, &mut known, &repeated).await? {
                Outcome::Taken => {}
                Outcome::Unwritten => unwritten.push(text_of(&pushed.key)),
                Outcome::Filed(rejection) => rejections.push(rejection),
                Outcome::Orphan => orphans.push(self.orphan_id(pushed)),
            }
        }
        let are_complete = orphans.is_empty();
        *self.orphans.lock().unwrap_or_else(PoisonError::into_inner) = orphans;
        if !are_complete {
            let message = "a row waits for those that it refers to, or that refer to it; try again";
            return Err(Refusal::new(ErrorCode::Unavailable, message).into());
        }
        Ok(Taken {
            documents: self.differing(&known, &unwritten),
            rejections,
        })
    }
}

impl Batch<'_> {
    /// A hash by which attempts are counted.
    fn orphan_id(&self, pushed: &Pushed) -> String {
        super::pushed::hash_of(self.synced.info().table, &Json::Object(pushed.key.clone()))
    }

    /// The hashes of those edits that were stored before.
    async fn repeated(&self, tx: &TrackedTransaction) -> Result<BTreeSet<String>, Failure> {
        let readable = self.rows.iter().filter(|pushed| pushed.edit.is_ok());
        let (keys, ids): (Vec<Image>, Vec<String>) = readable
            .map(|pushed| (pushed.key.clone(), pushed.mutation_id.clone()))
            .unzip();
        Ok(known_mutations(tx, self.synced.info().table, &keys, &ids).await?)
    }

    /// What is known of the batch's rows. They are locked, those that are there.
    async fn known(&self, tx: &TrackedTransaction) -> Result<HashMap<String, Known>, Failure> {
        let readable = self.rows.iter().filter(|pushed| pushed.has_key);
        // In order: two batches then lock the rows that they share one after the other.
        let mut keys: BTreeMap<String, Image> = BTreeMap::new();
        for pushed in readable {
            keys.insert(text_of(&pushed.key), pushed.key.clone());
        }
        let wanted: Vec<Image> = keys.values().cloned().collect();
        let mut known = HashMap::with_capacity(keys.len());
        for row in self.synced.registered.rows.lock(tx, &wanted).await? {
            let name = text_of(&self.synced.key_of(&row));
            keys.remove(&name);
            known.insert(name, Known::present(row));
        }
        let missing: Vec<Image> = keys.into_values().collect();
        let mut last = last_of(tx, self.synced.info().table, &missing).await?;
        for (place, key) in missing.iter().enumerate() {
            let Some(change) = last.remove(&place) else {
                continue;
            };
            // Not deleted: somebody has inserted it since the rows were locked.
            let found = match change.after {
                Some(_) => {
                    let keys = std::slice::from_ref(key);
                    self.synced.registered.rows.lock(tx, keys).await?.pop()
                }
                None => None,
            };
            let known_now = match found {
                Some(row) => Known::present(row),
                None => Known::deleted(self.synced, key, change),
            };
            known.insert(text_of(key), known_now);
        }
        Ok(known)
    }

    /// Whether the same hash means the same edit. One that tells from when the row is that it was made
    /// from cannot be made twice; one that does not may be made once more.
    fn is_certain(&self, pushed: &Pushed) -> bool {
        let info = self.synced.info();
        let stamped = info.stamped.and_then(|name| info.by_name(name));
        match (&pushed.assumed, stamped) {
            (None, _) => true,
            (Some(assumed), Some(column)) => assumed[&column.field].is_string(),
            (Some(_), None) => false,
        }
    }

    async fn take(
        &self,
        tx: &TrackedTransaction,
        pushed: &Pushed,
        known: &mut HashMap<String, Known>,
        repeated: &BTreeSet<String>,
    ) -> Result<Outcome, Failure> {
        let name = text_of(&pushed.key);
        let edit = match &pushed.edit {
            Ok(edit) => &Edit {
                is_repeated: repeated.contains(&pushed.mutation_id),
                ..edit.clone()
            },
            Err(refusal) => {
                let here = known.get(&name).cloned();
                return self.reject(tx, pushed, here.as_ref(), refusal).await;
            }
        };
        let first = self.judge(tx, pushed, edit, known.get(&name)).await;
        let judged = match first {
            // Somebody else has just inserted a row with this very key.
            Err(Failure::Database(error)) if is_unique(&error) && !is_there(known.get(&name)) => {
                let keys = std::slice::from_ref(&pushed.key);
                let found = self.synced.registered.rows.lock(tx, keys).await?.pop();
                match found {
                    Some(row) => {
                        known.insert(name.clone(), Known::present(row));
                        self.judge(tx, pushed, edit, known.get(&name)).await
                    }
                    None => Err(Failure::Database(error)),
                }
            }
            judged => judged,
        };
        match judged {
            Ok(Judged::Kept(outcome)) => Ok(outcome),
            Ok(Judged::Written(row)) => {
                let now = row.map_or_else(
                    || Known::gone(self.synced, &pushed.key, known.get(&name)),
                    Known::present,
                );
                known.insert(name, now);
                Ok(Outcome::Taken)
            }
            Err(failure) => self.failed(tx, pushed, known.get(&name), failure).await,
        }
    }

    /// Decides on an edit and does as decided.
    async fn judge(
        &self,
        tx: &TrackedTransaction,
        pushed: &Pushed,
        edit: &Edit,
        known: Option<&Known>,
    ) -> Result<Judged, Failure> {
        let stored = known.map(|known| known.stored(self.synced));
        let decision = decide(&self.synced.policy, stored.as_ref(), edit, Utc::now());
        let (status, reason) = match decision {
            Decision::Stored => return Ok(Judged::Kept(Outcome::Unwritten)),
            Decision::Superseded if self.is_certain(pushed) => {
                return Ok(Judged::Kept(Outcome::Taken));
            }
            Decision::Superseded => (Status::Resolved, SUPERSEDED.to_owned()),
            Decision::Write { row, resolution } => {
                let here = known.filter(|known| !known.document.is_deleted);
                let here = here.map(|known| &known.document.row);
                let context = self.context_of(pushed, resolution);
                let write = store(tx, self.synced, &pushed.key, here, &row);
                return Ok(Judged::Written(tx.part(context, write).await?));
            }
            Decision::Outdone { reason } => (Status::Resolved, reason),
            Decision::Ask { reason } => (Status::Open, reason),
            Decision::Purged => (Status::Open, "deleted here, edited there".to_owned()),
            Decision::Refused { reason } => return Err(Refusal::bad_input(reason).into()),
        };
        let filed = self.file(tx, pushed, known, ErrorCode::Conflict, (status, reason));
        Ok(Judged::Kept(Outcome::Filed(filed.await?)))
    }

    /// The row could not be stored: for another's fault the batch is tried again, for its own it is
    /// filed.
    async fn failed(
        &self,
        tx: &TrackedTransaction,
        pushed: &Pushed,
        known: Option<&Known>,
        failure: Failure,
    ) -> Result<Outcome, Failure> {
        let refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Database(error) => {
                if is_foreign_key(&error) && self.may_arrive(tx, pushed).await? {
                    return Ok(Outcome::Orphan);
                }
                let refusal = Refusal::from(&error);
                if refusal.code == ErrorCode::Unavailable {
                    return Err(Failure::Database(error));
                }
                refusal
            }
        };
        self.reject(tx, pushed, known, &refusal).await
    }

    async fn may_arrive(&self, tx: &TrackedTransaction, pushed: &Pushed) -> Result<bool, DbErr> {
        let now = Utc::now();
        let tried = orphan::find(tx, &self.orphan_id(pushed), now).await?;
        Ok(tried.is_none_or(|tried| tried.attempts < ATTEMPTS))
    }

    async fn reject(
        &self,
        tx: &TrackedTransaction,
        pushed: &Pushed,
        known: Option<&Known>,
        refusal: &Refusal,
    ) -> Result<Outcome, Failure> {
        let why = (Status::Rejected, refusal.message.clone());
        let filed = self.file(tx, pushed, known, refusal.code, why).await?;
        Ok(Outcome::Filed(filed))
    }

    async fn file(
        &self,
        tx: &TrackedTransaction,
        pushed: &Pushed,
        known: Option<&Known>,
        code: ErrorCode,
        why: (Status, String),
    ) -> Result<Rejection, DbErr> {
        let filing = || {
            let server = known.map(|known| &known.document);
            let actor = self.context.actor.as_deref();
            let filing = file(tx, self.synced, pushed, server, why.clone(), actor);
            tx.part(self.context_of(pushed, None), filing)
        };
        let conflict_id = match filing().await {
            // The same edit, sent twice at once: it has just been filed.
            Err(error) if is_unique(&error) => filing().await?,
            filed => filed?,
        };
        Ok(Rejection {
            key: pushed.key.clone(),
            code,
            conflict_id,
        })
    }

    /// On whose behalf the row is written, and how its conflict was resolved.
    fn context_of(&self, pushed: &Pushed, resolution: Option<Resolution>) -> Context {
        let mut context = self.context.clone();
        context.mutation_id = Some(pushed.mutation_id.clone());
        if let Some(resolution) = resolution {
            let metadata = context.metadata.get_or_insert_default();
            let policy = self.synced.policy.name();
            let told = json!({"policy": policy, "resolution": resolution.as_str()});
            metadata.insert("conflict".to_owned(), told);
        }
        context
    }

    /// The rows that are not as they were sent, each once.
    ///
    /// One that was there already may have been stamped without the client's having heard of it.
    fn differing(&self, known: &HashMap<String, Known>, unwritten: &[String]) -> Vec<Document> {
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
                (Some(here), Some(wanted)) if here.state(self.synced).is_same(wanted) => {
                    let is_news = unwritten.contains(name)
                        && !here.has_stamps_of(self.synced, &pushed.client);
                    is_news.then(|| here.clone())
                }
                (None, Some(wanted)) if wanted.is_deleted => None,
                (Some(here), _) => Some(here.clone()),
                (None, _) => Some(pushed.tombstone.clone()),
            }
        };
        order.iter().filter_map(differs).collect()
    }
}

/// What judging came to.
enum Judged {
    Kept(Outcome),
    /// The row as it is now.
    Written(Option<Image>),
}

fn is_unique(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
