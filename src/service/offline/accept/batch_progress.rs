//! The progress of a batch: what has been done with its rows so far.

use std::collections::HashMap;

use chrono::Utc;
use sea_orm::DbErr;
use seachange_changelog::Image;
use seachange_changelog::TrackedTransaction;
use seachange_changelog::internal::image::text_of;
use seachange_changelog::sync_tables::conflict::Status;
use seachange_changelog::sync_tables::orphan;

use super::repeats::Repeats;
use super::{ATTEMPTS, PushBatch};
use crate::service::code::ErrorCode;
use crate::service::error::ServiceError;
use crate::service::offline::complete::with_unreceived_columns;
use crate::service::offline::inbox_entry::{Extent, file_in_inbox};
use crate::service::offline::pushed::Pushed;
use crate::service::offline::rejection::Rejection;
use crate::service::offline::server_row::{ServerRow, is_there};
use crate::service::offline::store::store;
use crate::sync::{Decision, Edit, Resolution, State, decide};

/// What is to be written to a row, and how its conflict was resolved.
pub(super) type RowWrite = (State, Option<Resolution>);

/// A row that is to be tried again after others.
#[derive(Clone)]
pub(super) struct HeldRow {
    /// Its place in the batch.
    pub(super) place: usize,
    /// `None` if it follows another held row of its key, and has not been judged yet.
    pub(super) write: Option<RowWrite>,
    /// Why it could not be stored.
    pub(super) error: Option<ServiceError>,
}

impl HeldRow {
    /// A judged row that could not be stored yet.
    fn of(place: usize, write: RowWrite, error: ServiceError) -> Self {
        Self {
            place,
            write: Some(write),
            error: Some(error),
        }
    }
}

/// A batch under way.
pub(super) struct BatchProgress<'a> {
    pub(super) batch: &'a PushBatch<'a>,
    pub(super) tx: &'a TrackedTransaction,
    /// The rows as they are now, by key.
    pub(super) known: HashMap<String, ServerRow>,
    pub(super) repeats: Repeats,
    pub(super) held: Vec<HeldRow>,
    pub(super) rejections: Vec<Rejection>,
    /// Rows whose parents do not exist yet, or whose children still do.
    pub(super) orphans: Vec<String>,
}

impl BatchProgress<'_> {
    /// Stores, files or rejects a row of the batch, or holds it back.
    pub(super) async fn take(&mut self, place: usize) -> Result<(), ServiceError> {
        if self.is_held(&self.batch.rows[place].key) {
            let (write, error) = (None, None);
            self.held.push(HeldRow {
                place,
                write,
                error,
            });
            return Ok(());
        }
        let pushed = &self.batch.rows[place];
        if let Some(error) = self.batch.ended_by(pushed) {
            return self.reject(pushed, &error).await;
        }
        let edit = match &pushed.edit {
            Ok(edit) => edit,
            Err(error) => return self.reject(pushed, error).await,
        };
        let known = self.known.get(&text_of(&pushed.key));
        let repeat = self.repeats.of(self.batch.synced, pushed, edit, known);
        let edit = Edit {
            repeat,
            ..edit.clone()
        };
        let here = known
            .filter(|known| !known.document.is_deleted)
            .map(|known| &known.document.row);
        let edit =
            with_unreceived_columns(self.batch.synced, self.tx, &pushed.key, here, edit).await?;
        let Some(write) = self.judge(pushed, &edit).await? else {
            return Ok(());
        };
        match self.write(pushed, &write).await {
            // Another transaction has just inserted a row with this key, so the edit is judged against that
            // row.
            Err(error) if error.is_unique() && self.has_come(pushed).await? => {
                match self.judge(pushed, &edit).await? {
                    None => Ok(()),
                    Some(write) => self.wrote(place, write).await,
                }
            }
            done => self.stored_or_held(place, write, done).await,
        }
    }

    /// Tries a held row again.
    pub(super) async fn retry(&mut self, held: HeldRow) -> Result<(), ServiceError> {
        match held.write {
            Some(write) => self.wrote(held.place, write).await,
            None => self.take(held.place).await,
        }
    }

    /// Whether a row with this key is held.
    pub(super) fn is_held(&self, key: &Image) -> bool {
        let mut held = self.held.iter();
        held.any(|held| self.batch.rows[held.place].key == *key)
    }

    /// Ends a row that is held to the end. If others are at fault, the batch is tried again; if the row itself
    /// is, it is filed.
    pub(super) async fn give_up(&mut self, held: HeldRow) -> Result<(), ServiceError> {
        let pushed = &self.batch.rows[held.place];
        match held.error {
            Some(error) if error.is_foreign_key() && self.may_arrive(pushed).await? => {
                self.orphans.push(self.batch.orphan_id(pushed));
                Ok(())
            }
            Some(error) => self.reject(pushed, &error).await,
            // The row that it follows has been given up, so it is judged by the row as it is.
            None => self.take(held.place).await,
        }
    }

    /// Decides on an edit. Returns what is to be written, if anything.
    async fn judge(
        &mut self,
        pushed: &Pushed,
        edit: &Edit,
    ) -> Result<Option<RowWrite>, ServiceError> {
        let synced = self.batch.synced;
        let known = self.known.get(&text_of(&pushed.key));
        let stored = known.map(|known| known.stored(synced));
        let decision = decide(&synced.policy, stored.as_ref(), edit, Utc::now());
        let (status, reason) = match decision {
            Decision::Stored | Decision::Superseded { reason: None } => return Ok(None),
            Decision::Superseded {
                reason: Some(reason),
            } => {
                // It was stored before, so no person has to decide; it is filed in case it was another client's
                // edit.
                let why = (Status::Resolved, reason.to_owned());
                self.file(pushed, ErrorCode::Conflict, why).await?;
                return Ok(None);
            }
            Decision::Write { row, resolution } => return Ok(Some((row, resolution))),
            Decision::Outdone { reason } => (Status::Resolved, reason),
            Decision::Ask { reason } => (Status::Open, reason),
            Decision::Purged => (
                Status::Open,
                "deleted on the server, edited by the client".to_owned(),
            ),
            Decision::Refused { reason } => {
                self.reject(pushed, &ServiceError::bad_input(reason))
                    .await?;
                return Ok(None);
            }
        };
        let filed = self
            .file(pushed, ErrorCode::Conflict, (status, reason))
            .await?;
        self.rejections.push(filed);
        Ok(None)
    }

    /// Writes a row, and holds it if others are in its way.
    async fn wrote(&mut self, place: usize, write: RowWrite) -> Result<(), ServiceError> {
        let done = self.write(&self.batch.rows[place], &write).await;
        self.stored_or_held(place, write, done).await
    }

    async fn stored_or_held(
        &mut self,
        place: usize,
        write: RowWrite,
        done: Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        let pushed = &self.batch.rows[place];
        match done {
            Ok(()) => Ok(()),
            Err(error) if error.is_unique() || error.is_foreign_key() => {
                self.held.push(HeldRow::of(place, write, error));
                Ok(())
            }
            Err(error) if is_for_later(&error) => Err(error),
            Err(error) => self.reject(pushed, &error).await,
        }
    }

    /// Writes a row, as a whole or not at all.
    async fn write(
        &mut self,
        pushed: &Pushed,
        (row, resolution): &RowWrite,
    ) -> Result<(), ServiceError> {
        let (tx, synced) = (self.tx, self.batch.synced);
        let name = text_of(&pushed.key);
        let here = self.known.get(&name);
        let here = here
            .filter(|known| !known.document.is_deleted)
            .map(|known| &known.document.row);
        let context = self.batch.context_of(pushed, *resolution);
        let write = store(tx, synced, &pushed.key, here, row);
        let written = tx.savepoint_as(context, write).await;
        let written = written.map_err(|error| self.batch.failed_at(pushed, tx, error))?;
        let now = written.map_or_else(
            || ServerRow::gone(synced, &pushed.key, self.known.get(&name)),
            ServerRow::present,
        );
        self.repeats
            .written(name.clone(), now.document.state(synced));
        self.known.insert(name, now);
        Ok(())
    }

    /// Whether the row exists now and did not when the batch began.
    async fn has_come(&mut self, pushed: &Pushed) -> Result<bool, ServiceError> {
        let name = text_of(&pushed.key);
        if is_there(self.known.get(&name)) {
            return Ok(false);
        }
        let keys = std::slice::from_ref(&pushed.key);
        let rows = &self.batch.synced.registered.rows;
        let found = rows.lock(self.tx, keys).await?.pop();
        let has_come = found.is_some();
        self.known
            .extend(found.map(|row| (name, ServerRow::present(row))));
        Ok(has_come)
    }

    async fn may_arrive(&self, pushed: &Pushed) -> Result<bool, DbErr> {
        let id = self.batch.orphan_id(pushed);
        let tried = orphan::find(self.tx, &id, Utc::now()).await?;
        Ok(tried.is_none_or(|tried| tried.attempts < ATTEMPTS))
    }

    async fn reject(&mut self, pushed: &Pushed, error: &ServiceError) -> Result<(), ServiceError> {
        let why = (Status::Rejected, error.report());
        let filed = self.file(pushed, error.code(), why).await?;
        self.rejections.push(filed);
        Ok(())
    }

    /// Puts the edit into the inbox.
    async fn file(
        &self,
        pushed: &Pushed,
        code: ErrorCode,
        (status, reason): (Status, String),
    ) -> Result<Rejection, ServiceError> {
        let (batch, tx) = (self.batch, self.tx);
        let reason = without_nul(reason);
        let known = self.known.get(&text_of(&pushed.key));
        let server = known.map(|known| &known.document);
        let filing = |extent| {
            let why = (status, reason.clone());
            let how = (batch.context.actor.as_deref(), extent);
            let filing = file_in_inbox(tx, batch.synced, pushed, server, why, how);
            tx.savepoint_as(batch.context_of(pushed, None), filing)
        };
        let mut extent = Extent::Whole;
        let conflict_id = loop {
            let filed = match filing(extent).await {
                // The same edit was sent twice at once, and has just been filed.
                Err(error) if error.is_unique() => filing(extent).await,
                filed => filed,
            };
            match (filed, extent.less()) {
                (Err(error), Some(less)) if error.code() == ErrorCode::LimitExceeded => {
                    extent = less
                }
                (filed, _) => break filed?,
            }
        };
        Ok(Rejection {
            key: pushed.key.clone(),
            code,
            reason,
            conflict_id,
        })
    }
}

/// A reason as each database can store it. It may quote what a client has sent, and a text of PostgreSQL
/// has no NUL character: one is written as JSON writes it.
fn without_nul(reason: String) -> String {
    if reason.contains('\0') {
        reason.replace('\0', "\\u0000")
    } else {
        reason
    }
}

/// Whether the error is not the row's fault, so that the whole batch is to be tried again.
pub(super) fn is_for_later(error: &ServiceError) -> bool {
    error.database().is_some() && error.code() == ErrorCode::Unavailable
}
