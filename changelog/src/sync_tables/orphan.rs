//! Pushed rows that wait for others, a parent to be inserted or children to be deleted: how often each was
//! tried, and since when. The others may be on their way in another batch.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect};

/// A first attempt longer ago than this no longer counts.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// The number of rows whose attempts one statement removes. Each is a variable of the statement.
const IDS: usize = 500;

/// A row of `sync_orphan`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_orphan")]
pub struct Model {
    /// A hash of the row's table and key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The number of failed attempts.
    pub attempts: i32,
    /// The time of the first one.
    pub first_at: ChronoDateTimeUtc,
}

/// The entity has no relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The record of a row's earlier attempts.
///
/// # Errors
/// Errors of the database.
pub async fn find<C: ConnectionTrait>(
    db: &C,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Model>, DbErr> {
    let found = Entity::find_by_id(id).one(db).await?;
    Ok(found.filter(|orphan| orphan.first_at > now - FORGOTTEN_AFTER))
}

/// Counts an attempt for each of these rows, and removes attempts that no longer count.
///
/// # Errors
/// Errors of the database.
#[expect(clippy::disallowed_methods, reason = "attempts are not tracked")]
pub async fn count<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = String>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let old = Column::FirstAt.lte(now - FORGOTTEN_AFTER);
    Entity::delete_many().filter(old).exec(db).await?;
    let attempts = ids.into_iter().map(|id| ActiveModel {
        id: Set(id),
        attempts: Set(1),
        first_at: Set(now),
    });
    let again = Expr::col((Entity, Column::Attempts)).add(1);
    let once_more = OnConflict::column(Column::Id)
        .value(Column::Attempts, again)
        .to_owned();
    Entity::insert_many(attempts)
        .on_conflict(once_more)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Removes the attempts of these rows, which no longer wait.
///
/// # Errors
/// Errors of the database.
#[expect(clippy::disallowed_methods, reason = "attempts are not tracked")]
pub async fn forget<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = String>,
) -> Result<(), DbErr> {
    // Attempts are rare, and a batch has many rows.
    if Entity::find().limit(1).one(db).await?.is_none() {
        return Ok(());
    }
    let ids: Vec<String> = ids.into_iter().collect();
    for some in ids.chunks(IDS) {
        let of_them = Column::Id.is_in(some.iter().map(String::as_str));
        Entity::delete_many().filter(of_them).exec(db).await?;
    }
    Ok(())
}
