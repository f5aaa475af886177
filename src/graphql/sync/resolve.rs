//! `resolveSyncConflict`: somebody decides what becomes of an edit in the inbox.
//!
//! What is decided was seen: where that has changed since which is to be written, nothing is, and the
//! conflict is brought up to date instead.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use seachange_changelog::sync::conflict::{Entity, Model, Status};
use seachange_changelog::{Context, Image, RowLock, TrackedTransaction, lock_rows};
use serde_json::{Map, Value as Json, json};

use super::document::Document;
use super::file::is_too_large;
use super::inbox::Conflict;
use super::store::store;
use super::{Synced, pushed};
use crate::graphql::budget::Cost;
use crate::graphql::change;
use crate::graphql::error::{ErrorCode, Refusal};
use crate::graphql::guard::given;
use crate::graphql::mutation::connection;
use crate::graphql::once::{Repeatable, once};
use crate::graphql::transaction::{Failure, Work};
use crate::graphql::unreadable::{is_unreadable, shortened};
use crate::sync::{Edit, State};

/// Entities by table.
pub(super) type ByTable = Arc<HashMap<&'static str, Arc<Synced>>>;

/// What somebody decided.
#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Server,
    Client,
    Data(Map<String, Json>),
}

/// `SyncResolution`.
pub(super) fn choices() -> Enum {
    Enum::new("SyncResolution")
        .item("KEEP_SERVER")
        .item("USE_CLIENT")
        .item("USE_DATA")
}

/// The field.
pub(super) fn field(by_table: &ByTable) -> Field {
    let by_table = Arc::clone(by_table);
    Field::new(
        "resolveSyncConflict",
        TypeRef::named_nn("SyncConflict"),
        move |ctx| {
            let entities = Arc::clone(&by_table);
            FieldFuture::new(async move {
                let conflict = resolve(&ctx, entities).await?;
                Ok(Some(FieldValue::owned_any(conflict)))
            })
        },
    )
    .description(
        "Decides what becomes of an edit in the inbox. USE_CLIENT stores the columns that the edit \
         changed; others stay as they are. CONFLICT if it has been decided, or if what is to be written \
         has changed since: look again, the conflict then has it as it is.",
    )
    .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::STRING)))
    .argument(InputValue::new("use", TypeRef::named_nn("SyncResolution")))
    .argument(
        InputValue::new("data", TypeRef::named("Json"))
            .description("With USE_DATA: the fields that the row shall have; others stay."),
    )
    .argument(InputValue::new("seen", TypeRef::named("Json")).description(
        "The row as it was seen when this was decided: the conflict's `server`. Left out or null: as it was \
         when the conflict was recorded.",
    ))
}

async fn resolve(ctx: &ResolverContext<'_>, entities: ByTable) -> Result<Conflict, Refusal> {
    let work = Resolve {
        id: change::text(ctx, "id")?.unwrap_or_default(),
        choice: choice(ctx)?,
        seen: seen(ctx)?,
        context: connection(ctx)?.context().clone(),
        entities,
    };
    match once(ctx, connection(ctx)?, &work).await? {
        Resolved::Done(conflict) => Conflict::of(&conflict),
        Resolved::Outdated(current) => {
            let message = "the row has changed since; the conflict now has it as it is";
            let refusal = Refusal::new(ErrorCode::Conflict, message);
            let current = current.map_or(Json::Null, |current| current);
            Err(refusal.with("current", crate::graphql::scalar::json_value(current)))
        }
    }
}

fn choice(ctx: &ResolverContext<'_>) -> Result<Choice, Refusal> {
    let word = ctx.args.get("use");
    let word = word.as_ref().and_then(|word| word.enum_name().ok());
    let data = given(ctx, "data").filter(|data| **data != async_graphql::Value::Null);
    let data = data.map(|data| data.into_owned().into_json());
    match (word, data) {
        (Some("KEEP_SERVER"), None) => Ok(Choice::Server),
        (Some("USE_CLIENT"), None) => Ok(Choice::Client),
        (Some("USE_DATA"), Some(Ok(Json::Object(data)))) => Ok(Choice::Data(data)),
        (Some("USE_DATA"), _) => Err(Refusal::bad_input("`data` is an object of fields")),
        _ => Err(Refusal::bad_input("`data` goes with USE_DATA only")),
    }
}

/// The row that somebody saw who decided; `None`: they do not say.
fn seen(ctx: &ResolverContext<'_>) -> Result<Option<Image>, Refusal> {
    let seen = ctx.args.get("seen");
    let seen = seen.map(|seen| seen.as_value().clone().into_json());
    match seen {
        None | Some(Ok(Json::Null)) => Ok(None),
        Some(Ok(Json::Object(seen))) => Ok(Some(seen)),
        Some(_) => Err(Refusal::bad_input("`seen` is a row")),
    }
}

struct Resolve {
    id: String,
    choice: Choice,
    seen: Option<Image>,
    context: Context,
    entities: ByTable,
}

enum Resolved {
    Done(Box<Model>),
    /// The row as it is.
    Outdated(Option<Json>),
}

impl Work for Resolve {
    type Output = Resolved;

    /// Bringing the conflict up to date decides nothing.
    fn is_done(&self, resolved: &Resolved) -> bool {
        matches!(resolved, Resolved::Done(_))
    }

    /// One row, of a size that was stored.
    fn cost(&self, _: &Resolved) -> Cost {
        Cost::default()
    }

    async fn run(&self, tx: &TrackedTransaction) -> Result<Resolved, Failure> {
        let conflict = self.find(tx).await?;
        let word = match &self.choice {
            Choice::Server => return close(tx, conflict).await,
            Choice::Client => "client",
            Choice::Data(_) => "data",
        };
        let synced = self.entities.get(conflict.entity.as_str());
        let synced = synced.ok_or_else(|| {
            Refusal::bad_input(format!("`{}` is not synced any more", conflict.entity))
        })?;
        let key = object(&conflict.row_key)?;
        let rows = &synced.registered.rows;
        let here = rows.lock(tx, std::slice::from_ref(&key)).await?.pop();
        let wanted = match &self.choice {
            Choice::Data(data) => pushed::state(synced, data)?,
            _ => edit_of(synced, &conflict)?.onto(here.is_some()),
        };
        let seen = match &self.seen {
            Some(seen) => Some(seen.clone()),
            None => conflict.server.as_deref().map(object).transpose()?,
        };
        if !is_as_seen(synced, seen, here.as_ref(), &wanted) {
            return outdated(tx, synced, (conflict, self.context.clone()), here).await;
        }
        let mut context = self.context.clone();
        let metadata = context.metadata.get_or_insert_default();
        let told = json!({"id": conflict.id, "resolution": word});
        metadata.insert("conflict".to_owned(), told);
        tx.part(context, store(tx, synced, &key, here.as_ref(), &wanted))
            .await?;
        close(tx, conflict).await
    }
}

impl Repeatable for Resolve {
    fn remember(&self, resolved: &Resolved) -> Result<Option<Json>, Refusal> {
        Ok(matches!(resolved, Resolved::Done(_)).then_some(Json::Bool(true)))
    }

    /// What is decided does not change.
    async fn recall(&self, tx: &TrackedTransaction, _: Json) -> Result<Resolved, Failure> {
        let conflict = Entity::find_by_id(self.id.as_str()).one(tx).await?;
        let gone = || Refusal::new(ErrorCode::NotFound, "no such conflict");
        Ok(Resolved::Done(Box::new(conflict.ok_or_else(gone)?)))
    }
}

impl Resolve {
    /// The conflict, locked, if it is still to be decided.
    async fn find(&self, tx: &TrackedTransaction) -> Result<Model, Failure> {
        let select = Entity::find_by_id(self.id.as_str());
        let select = lock_rows(select, RowLock::Update, tx.get_database_backend());
        match select.one(tx).await? {
            None => Err(Refusal::new(ErrorCode::NotFound, "no such conflict").into()),
            Some(conflict) if conflict.status == Status::Resolved => {
                Err(Refusal::new(ErrorCode::Conflict, "it has been resolved").into())
            }
            Some(conflict) => Ok(conflict),
        }
    }
}

/// A stored document or key.
fn object(text: &str) -> Result<Image, Refusal> {
    let read = serde_json::from_str::<Image>(text);
    read.map_err(|_| Refusal::bad_input("what was sent cannot be stored as it is: use USE_DATA"))
}

/// The edit that the conflict is about.
fn edit_of(synced: &Synced, conflict: &Model) -> Result<Edit, Refusal> {
    let assumed = conflict.assumed.as_deref().map(object).transpose()?;
    let assumed = assumed.map(|row| pushed::state(synced, &row)).transpose()?;
    let client = object(&conflict.client)?;
    if let Some((field, _)) = client.iter().find(|(_, value)| is_unreadable(value)) {
        return Err(Refusal::bad_input(format!(
            "the inbox has not all of `{field}` as it was sent: use USE_DATA"
        )));
    }
    let client = pushed::state(synced, &client)?;
    Ok(Edit::new(assumed, client))
}

/// Whether the row is as it was seen, in what is to be written of it.
fn is_as_seen(synced: &Synced, seen: Option<Image>, here: Option<&Image>, wanted: &State) -> bool {
    let seen = seen.and_then(|seen| pushed::state(synced, &seen).ok());
    let seen = seen.filter(|seen| !seen.is_deleted);
    match (seen, here) {
        (None, None) => true,
        (Some(seen), Some(here)) => {
            let here = State::present(synced.edited(here));
            match wanted.is_deleted {
                true => here.is_same_in(&seen, |column| seen.row.contains_key(column)),
                false => {
                    let mut written = wanted.row.keys();
                    // A column that came since tells nothing of a change.
                    written.all(|column| {
                        !seen.row.contains_key(column) || here.value(column) == seen.value(column)
                    })
                }
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
) -> Result<Resolved, Failure> {
    let current = here.map(|row| Document::present(row).to_json(synced));
    let update = |server: Option<String>| {
        let mut conflict = conflict.clone().into_active_model();
        conflict.server = Set(server);
        tx.part(context.clone(), conflict.update(tx))
    };
    match update(current.as_ref().map(Json::to_string)).await {
        Err(error) if is_too_large(&error) => {
            let short = current.as_ref().map(|row| shortened(row).to_string());
            update(short).await?;
        }
        done => {
            done?;
        }
    }
    Ok(Resolved::Outdated(current))
}

async fn close(tx: &TrackedTransaction, conflict: Model) -> Result<Resolved, Failure> {
    let mut conflict = conflict.into_active_model();
    conflict.status = Set(Status::Resolved);
    conflict.resolved_at = Set(Some(Utc::now()));
    let conflict = conflict.update(tx).await?;
    Ok(Resolved::Done(Box::new(conflict)))
}
