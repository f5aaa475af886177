//! The checkpoints of named consumers: how far each has got, and which process holds it.
//!
//! A lease lets one process at a time run the consumer of a name. Times come from the processes' own clocks:
//! if these differ by more than the lease, two processes run at once, which delivers changes twice. A
//! checkpoint is saved only by the holder, so it never goes back and nothing is skipped.
//!
//! This module knows neither feeds nor handlers, nor what a cursor means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict, UpdateStatement};
use sea_orm::{
    ActiveValue::Set, Condition, DatabaseConnection, EntityName, IdenStatic, QueryOrder,
    QueryResult, QuerySelect, QueryTrait,
};

use crate::database::{self, ReadAs};

/// A row of `change_consumer`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_consumer")]
pub struct Model {
    /// The consumer's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Everything up to this cursor has been handled; null before the first start.
    pub cursor: Option<String>,
    /// Whether an operator has paused it, on every process.
    pub paused: bool,
    /// The process that runs it.
    pub holder: Option<String>,
    /// The time until which it is held, unless renewed.
    pub held_until: Option<ChronoDateTimeUtc>,
}

/// The entity has no relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All consumers that have ever started, by name. Bytes of their texts that are not UTF-8, which only another
/// program can have written, are U+FFFD.
///
/// # Errors
/// Errors of the database.
pub async fn consumers(db: &DatabaseConnection) -> Result<Vec<Model>, DbErr> {
    let dialect = database::of(db);
    let rest = [Column::Paused, Column::HeldUntil];
    let select = [Column::Name, Column::Cursor, Column::Holder]
        .into_iter()
        .fold(
            Entity::find().select_only().columns(rest),
            |select, text| {
                let readable = dialect.readable_column(Expr::col((Entity, text)), ReadAs::Free);
                select.column_as(readable, text.as_str())
            },
        );
    let select = select.order_by_asc(Column::Name).into_query();
    let found = db.query_all(&select).await?;
    let consumer = |row: &QueryResult| {
        let text = |column: Column| {
            let bytes = dialect.read_text(row, column.as_str())?;
            Ok::<_, DbErr>(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Model {
            name: text(Column::Name)?.unwrap_or_default(),
            cursor: text(Column::Cursor)?,
            paused: row.try_get("", Column::Paused.as_str())?,
            holder: text(Column::Holder)?,
            held_until: row.try_get("", Column::HeldUntil.as_str())?,
        })
    };
    found.iter().map(consumer).collect()
}

/// Stops a consumer after its current batch, on every process and through restarts, until it is
/// [resumed](resume). Returns whether there is a consumer of this name.
///
/// # Errors
/// Errors of the database.
pub async fn pause(db: &DatabaseConnection, name: &str) -> Result<bool, DbErr> {
    set_paused(db, name, true).await
}

/// Lets a consumer run again, on every process. Returns whether there is a consumer of this name.
///
/// # Errors
/// Errors of the database.
pub async fn resume(db: &DatabaseConnection, name: &str) -> Result<bool, DbErr> {
    set_paused(db, name, false).await
}

async fn set_paused(db: &DatabaseConnection, name: &str, paused: bool) -> Result<bool, DbErr> {
    let update = named(name).value(Column::Paused, paused).take();
    affects_one(db, &update).await
}

/// Takes the lease for `holder`. Returns the checkpoint, or `None` while the consumer is paused or another
/// process holds it.
///
/// # Errors
/// Errors of the database.
#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
pub async fn claim(
    db: &DatabaseConnection,
    name: &str,
    holder: &str,
    lease: Duration,
) -> Result<Option<Model>, DbErr> {
    let new = ActiveModel {
        name: Set(name.to_owned()),
        cursor: Set(None),
        paused: Set(false),
        holder: Set(None),
        held_until: Set(None),
    };
    if Entity::find_by_id(name).one(db).await?.is_none() {
        // MariaDB has no DO NOTHING, so there the name is set to itself.
        let known = OnConflict::column(Column::Name)
            .do_nothing_on([Column::Name])
            .to_owned();
        Entity::insert(new)
            .on_conflict(known)
            .exec_without_returning(db)
            .await?;
    }
    let now = Utc::now();
    let is_free = Condition::any()
        .add(Column::Holder.is_null())
        .add(Column::Holder.eq(holder))
        .add(Column::HeldUntil.lt(now));
    let update = named(name)
        .value(Column::Holder, holder)
        .value(Column::HeldUntil, now + lease)
        .cond_where(is_free)
        .and_where(Column::Paused.eq(false))
        .take();
    if !affects_one(db, &update).await? {
        return Ok(None);
    }
    Entity::find_by_id(name).one(db).await
}

/// Renews the lease; returns whether it still belongs to `holder` and the consumer is not paused.
///
/// # Errors
/// Errors of the database.
pub async fn renew(
    db: &DatabaseConnection,
    name: &str,
    holder: &str,
    lease: Duration,
) -> Result<bool, DbErr> {
    let update = held(name, holder, Utc::now() + lease)
        .and_where(Column::Paused.eq(false))
        .take();
    affects_one(db, &update).await
}

/// Saves the checkpoint and renews the lease; returns whether the lease still belonged to `holder`. If not,
/// nothing is saved.
///
/// # Errors
/// Errors of the database.
pub async fn save(
    db: &DatabaseConnection,
    name: &str,
    holder: &str,
    cursor: &str,
    lease: Duration,
) -> Result<bool, DbErr> {
    let update = held(name, holder, Utc::now() + lease)
        .value(Column::Cursor, cursor)
        .take();
    affects_one(db, &update).await
}

/// Releases the lease.
///
/// # Errors
/// Errors of the database; the lease then expires by itself.
pub async fn release(db: &DatabaseConnection, name: &str, holder: &str) -> Result<(), DbErr> {
    let update = named(name)
        .value(Column::Holder, None::<String>)
        .and_where(Column::Holder.eq(holder))
        .take();
    affects_one(db, &update).await?;
    Ok(())
}

fn named(name: &str) -> UpdateStatement {
    let mut update = UpdateStatement::new();
    update
        .table(Entity.table_ref())
        .and_where(Column::Name.eq(name));
    update
}

fn held(name: &str, holder: &str, until: DateTime<Utc>) -> UpdateStatement {
    let mut update = named(name);
    update
        .value(Column::HeldUntil, until)
        .and_where(Column::Holder.eq(holder));
    update
}

async fn affects_one(db: &DatabaseConnection, update: &UpdateStatement) -> Result<bool, DbErr> {
    // This counts matched rows on every database: the driver requests that of MariaDB.
    Ok(db.execute(update).await?.rows_affected() == 1)
}
