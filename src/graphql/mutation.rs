//! Our mutations under Seaography's names: each one transaction, each row through the hooks.

mod create;
mod delete;
mod retry;
mod update;

use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dynamic::{Field, InputValue, ResolverContext, TypeRef};
use sea_orm::{
    ActiveModelBehavior, Condition, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel,
    Iterable, ModelTrait, Order, PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect, Value,
};
use seachange_changelog::{Tracked, TrackedConnection, TrackedTransaction};
use seaography::{BuilderContext, FilterInputBuilder};

use super::connection::beyond;
use super::entity::EntityInfo;
use super::error::Refusal;
use super::filter::{self, Predicate};
use super::pagination::limits;

/// An entity that the API can write: every tracked one whose derives are SeaORM's.
pub trait Writable:
    Tracked<
        Model: Sync + IntoActiveModel<Self::ActiveModel>,
        ActiveModel: ActiveModelBehavior + Send + Sync + 'static,
    >
{
}

impl<E> Writable for E where
    E: Tracked<
            Model: Sync + IntoActiveModel<E::ActiveModel>,
            ActiveModel: ActiveModelBehavior + Send + Sync + 'static,
        >
{
}

/// `taskCreateOne`, `taskCreateBatch`, `taskUpdate`, `taskDelete`.
pub(super) fn fields<E>(context: &'static BuilderContext, entity: &Arc<EntityInfo>) -> Vec<Field>
where
    E: Writable,
{
    vec![
        create::one::<E>(entity),
        create::batch::<E>(entity),
        update::field::<E>(context, entity),
        delete::field::<E>(context, entity),
    ]
}

/// The GraphQL type of a row that a mutation returns.
fn basic(entity: &EntityInfo) -> String {
    format!("{}Basic", entity.object)
}

fn filter_argument(context: &'static BuilderContext, entity: &EntityInfo) -> InputValue {
    let filter = FilterInputBuilder { context }.type_name(&entity.object);
    InputValue::new("filter", TypeRef::named(filter))
}

/// A write to every row must be asked for.
fn all_argument() -> InputValue {
    InputValue::new("all", TypeRef::named(TypeRef::BOOLEAN))
        .description("Write every row: needed when the filter names no condition.")
}

fn connection<'a>(ctx: &ResolverContext<'a>) -> Result<&'a TrackedConnection, Refusal> {
    ctx.data::<TrackedConnection>()
        .map_err(|error| Refusal::internal(&error.message))
}

/// The rows that an update or delete means: `filter`, or every row if `all` says so.
fn target(ctx: &ResolverContext<'_>, entity: &EntityInfo) -> Result<Option<Predicate>, Refusal> {
    let predicate = match ctx.args.get("filter") {
        Some(value) => filter::parse(entity, value.as_value())?,
        None => None,
    };
    let all = ctx
        .args
        .get("all")
        .is_some_and(|all| all.boolean().unwrap_or(false));
    if predicate.is_none() && !all {
        return Err(Refusal::bad_input(
            "no condition: pass a filter, or `all: true` to write every row",
        ));
    }
    Ok(predicate)
}

/// Rows read and written at a time.
const CHUNK: u64 = 500;

/// The rows that a predicate admits, in key order, locked, chunk by chunk. A row is judged and
/// locked in one statement; one that another transaction makes match later is not touched.
struct Chunks<'a, E: EntityTrait> {
    predicate: Option<&'a Predicate>,
    after: Option<Vec<Value>>,
    found: u64,
    /// Most rows in all.
    most: u64,
    is_last: bool,
    _entity: PhantomData<fn() -> E>,
}

impl<'a, E: EntityTrait> Chunks<'a, E> {
    fn new(predicate: Option<&'a Predicate>, most: u64) -> Self {
        Self {
            predicate,
            after: None,
            found: 0,
            most,
            is_last: false,
            _entity: PhantomData,
        }
    }

    /// The next rows; empty at the end.
    async fn next(&mut self, tx: &TrackedTransaction) -> Result<Vec<E::Model>, Failure> {
        if self.is_last {
            return Ok(Vec::new());
        }
        let keys = || E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
        let backend = tx.get_database_backend();
        let condition = self
            .predicate
            .map(|predicate| filter::condition::<E>(predicate, backend));
        let mut select = E::find().filter(condition.unwrap_or_else(Condition::all));
        if let Some(key) = &self.after {
            select = select.filter(beyond::<E>(key, Order::Asc));
        }
        for column in keys() {
            select = select.order_by_asc(column);
        }
        // SQLite has no row locks: a write transaction has the database to itself.
        if backend != DbBackend::Sqlite {
            select = select.lock_exclusive();
        }
        let rows = select.limit(CHUNK).all(tx).await?;
        self.found += rows.len() as u64;
        if self.found > self.most {
            let most = self.most;
            return Err(Refusal::limit(format!("more than {most} rows in one mutation")).into());
        }
        self.is_last = (rows.len() as u64) < CHUNK;
        self.after = rows
            .last()
            .map(|row| keys().map(|key| row.get(key)).collect());
        Ok(rows)
    }
}

/// Why a mutation's transaction ended: the database, which another try may help, or the request.
#[derive(Debug)]
enum Failure {
    Database(sea_orm::DbErr),
    Refused(Refusal),
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => error.into(),
            Failure::Refused(refusal) => refusal,
        }
    }
}

/// Write limits of the request.
fn most_rows(ctx: &ResolverContext<'_>) -> Result<u64, Refusal> {
    Ok(limits(ctx)?.write_rows)
}
