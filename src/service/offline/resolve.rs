//! A person decides what is done with an edit in the inbox.
//!
//! The decision applies to the row as it was seen. If a column to be written has changed since, nothing is
//! written, and the conflict is brought up to date instead.

use std::sync::Arc;

use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use seachange_changelog::internal::{RowLock, lock_rows};
use seachange_changelog::sync_tables::conflict::{Entity, Model, Status};
use seachange_changelog::{Context, Image, TrackedTransaction};
use serde_json::{Map, Value as Json, json};

use super::document::Document;
use super::pushed;
use super::store::store;
use super::synced::{Synced, SyncedByTable};
use crate::service::budget::Cost;
use crate::service::call::Call;
use crate::service::code::ErrorCode;
use crate::service::error::{Fact, ServiceError};
use crate::service::idempotency::{Repeatable, once};
use crate::service::transaction::Work;
use crate::service::unreadable::{is_unreadable, shortened};
use crate::sync::{Edit, State};

/// What is done with an edit in the inbox.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InboxChoice {
    /// The row stays as it is.
    KeepServer,
    /// The columns that the edit changed are stored; others stay as they are.
    UseClient,
    /// These fields are stored; others stay as they are.
    UseData(Map<String, Json>),
}

/// A decision on a conflict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    /// The id of the conflict.
    pub(crate) id: String,
    pub(crate) choice: InboxChoice,
    /// The row as the person saw it, as a document; `None` stands for the row as it was when the conflict was
    /// recorded.
    pub(crate) seen: Option<Image>,
}

/// Carries out a decision; returns the conflict as it is afterwards.
///
/// # Errors
/// `NOT_FOUND` if no conflict has this id; a conflict if it has been decided, and, with [`Fact::Current`], if
/// what is to be written has changed since it was seen: the conflict then has the row as it is.
pub(crate) async fn resolve(
    call: Call<'_>,
    entities: &SyncedByTable,
    decided: Decided,
) -> Result<Model, ServiceError> {
    let work = Resolve {
        decided,
        context: call.db.context().clone(),
        entities: Arc::clone(entities),
    };
    match once(call, &work).await? {
        Resolved::Done(conflict) => Ok(*conflict),
        Resolved::Outdated(current) => {
            let message = "the row has changed since; the conflict now has it as it is";
            let current = Fact::Current(current.unwrap_or_default());
            Err(ServiceError::conflict(message).with_fact(current))
        }
    }
}

struct Resolve {
    decided: Decided,
    context: Context,
    entities: SyncedByTable,
}

enum Resolved {
    Done(Box<Model>),
    /// The row as it is now.
    Outdated(Option<Json>),
}

impl Work for Resolve {
    type Output = Resolved;

    /// It is one row, of a size that was stored.
    fn cost(&self, _: &Resolved) -> Cost {
        Cost::default()
    }

    async fn run(&self, tx: &TrackedTransaction) -> Result<Resolved, ServiceError> {
        let conflict = self.find(tx).await?;
        let word = match &self.decided.choice {
            InboxChoice::KeepServer => return close(tx, conflict).await,
            InboxChoice::UseClient => "client",
            InboxChoice::UseData(_) => "data",
        };
        let synced = self.entities.get(conflict.entity.as_str()).ok_or_else(|| {
            ServiceError::bad_input(format!("`{}` is not synced any more", conflict.entity))
        })?;
        let key = object(&conflict.row_key)?;
        let rows = &synced.registered.rows;
        let here = rows.lock(tx, std::slice::from_ref(&key)).await?.pop();
        let wanted = match &self.decided.choice {
            InboxChoice::UseData(data) => pushed::state(synced, data)?,
            _ => edit_of(synced, &conflict)?.onto(here.is_some()),
        };
        let seen = match &self.decided.seen {
            Some(seen) => Some(seen.clone()),
            None => conflict.server.as_deref().map(object).transpose()?,
        };
        if !is_as_seen(synced, seen, here.as_ref(), &wanted) {
            return outdated(tx, synced, (conflict, self.context.clone()), here).await;
        }
        let mut context = self.context.clone();
        let metadata = context.metadata.get_or_insert_default();
        let resolution = json!({"id": conflict.id, "resolution": word});
        metadata.insert("conflict".to_owned(), resolution);
        tx.savepoint_as(context, store(tx, synced, &key, here.as_ref(), &wanted))
            .await?;
        close(tx, conflict).await
    }
}

impl Repeatable for Resolve {
    fn remember(&self, resolved: &Resolved) -> Result<Option<Json>, ServiceError> {
        Ok(matches!(resolved, Resolved::Done(_)).then_some(Json::Bool(true)))
    }

    /// A decided conflict does not change.
    async fn recall(&self, tx: &TrackedTransaction, _: Json) -> Result<Resolved, ServiceError> {
        let conflict = Entity::find_by_id(self.decided.id.as_str()).one(tx).await?;
        let gone = || ServiceError::new(ErrorCode::NotFound, "no such conflict");
        Ok(Resolved::Done(Box::new(conflict.ok_or_else(gone)?)))
    }
}

impl Resolve {
    /// Locks and returns the conflict, if it is still to be decided.
    async fn find(&self, tx: &TrackedTransaction) -> Result<Model, ServiceError> {
        let select = Entity::find_by_id(self.decided.id.as_str());
        let select = lock_rows(select, RowLock::Update, tx.get_database_backend());
        match select.one(tx).await? {
            None => Err(ServiceError::new(ErrorCode::NotFound, "no such conflict")),
            Some(conflict) if conflict.status == Status::Resolved => {
                Err(ServiceError::conflict("it has been resolved"))
            }
            Some(conflict) => Ok(conflict),
        }
    }
}

/// Parses a stored document or key.
fn object(text: &str) -> Result<Image, ServiceError> {
    let read = serde_json::from_str::<Image>(text);
    read.map_err(|_| {
        ServiceError::bad_input("what was sent cannot be stored as it is: use USE_DATA")
    })
}

/// The edit that the conflict is about.
fn edit_of(synced: &Synced, conflict: &Model) -> Result<Edit, ServiceError> {
    let assumed = conflict
        .assumed
        .as_deref()
        .map(object)
        .transpose()?
        .map(|row| pushed::state(synced, &row))
        .transpose()?;
    let client = object(&conflict.client)?;
    if let Some((field, _)) = client.iter().find(|(_, value)| is_unreadable(value)) {
        return Err(ServiceError::bad_input(format!(
            "the inbox has not all of `{field}` as it was sent: use USE_DATA"
        )));
    }
    let client = pushed::state(synced, &client)?;
    Ok(Edit::new(assumed, client))
}

/// Whether the columns that are to be written are as they were seen.
fn is_as_seen(synced: &Synced, seen: Option<Image>, here: Option<&Image>, wanted: &State) -> bool {
    let seen = seen
        .and_then(|seen| pushed::state(synced, &seen).ok())
        .filter(|seen| !seen.is_deleted);
    match (seen, here) {
        (None, None) => true,
        (Some(seen), Some(here)) => {
            let here = State::present(synced.edited(here));
            if wanted.is_deleted {
                here.is_same_in(&seen, |column| seen.row.contains_key(column))
            } else {
                let mut written = wanted.row.keys();
                // A column that was added since does not indicate a change.
                written.all(|column| {
                    !seen.row.contains_key(column) || here.value(column) == seen.value(column)
                })
            }
        }
        _ => false,
    }
}

async fn outdated(
    tx: &TrackedTransaction,
    synced: &Synced,
    (conflict, context): (Model, Context),
    here: Option<Image>,
) -> Result<Resolved, ServiceError> {
    let current = here.map(|row| Document::present(row).to_json(synced));
    let update = |server: Option<String>| {
        let mut conflict = conflict.clone().into_active_model();
        conflict.server = Set(server);
        let update = async move { Ok::<_, ServiceError>(conflict.update(tx).await?) };
        tx.savepoint_as(context.clone(), update)
    };
    match update(current.as_ref().map(Json::to_string)).await {
        Err(error) if error.code() == ErrorCode::LimitExceeded => {
            let short = current.as_ref().map(|row| shortened(row).to_string());
            update(short).await?;
        }
        done => {
            done?;
        }
    }
    Ok(Resolved::Outdated(current))
}

async fn close(tx: &TrackedTransaction, conflict: Model) -> Result<Resolved, ServiceError> {
    let mut conflict = conflict.into_active_model();
    conflict.status = Set(Status::Resolved);
    conflict.resolved_at = Set(Some(Utc::now()));
    let conflict = conflict.update(tx).await?;
    Ok(Resolved::Done(Box::new(conflict)))
}
