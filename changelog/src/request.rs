//! Completed requests and their responses, so that a retried request is not executed twice.
//!
//! A **claim** is the row of a request, an **answer** that of one of its fields. Both are written in the
//! transaction that does what the field requests, so either all of it exists or none. A second claim of the
//! same request waits for the transaction that holds the first, and then sees its answers. A row counts for a
//! set time from its claim on; after that it is ignored, whether or not it has been removed.
//!
//! This module knows hashes and texts, but not keys, callers or the content of answers.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, DatabaseConnection, EntityTrait, IntoActiveModel,
    QueryOrder, QuerySelect,
};

/// Rows removed in one statement.
pub const STEP: u64 = 500;

/// A row of `change_request`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_request")]
pub struct Model {
    /// A hash: for a claim of the caller and the key, for an answer also of the field.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// A hash of the request.
    pub request: String,
    /// The answer of the field; null in a claim.
    #[sea_orm(column_type = "Text", nullable)]
    pub result: Option<String>,
    /// When the request was claimed.
    pub created_at: ChronoDateTimeUtc,
}

/// The entity has no relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// One field of a request, by hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The hash that identifies the claim's row.
    pub id: String,
    /// The hash that identifies the answer's row.
    pub answer_id: String,
    /// The hash of the request.
    pub request: String,
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The field must be executed, under a claim of this time.
    New(DateTime<Utc>),
    /// The field was executed, with this answer.
    Done(String),
    /// A different request has claimed the same key.
    Other,
}

/// Claims a field's request; rows older than `expired` do not count. The claim is held until the transaction
/// ends.
///
/// The transaction must be READ COMMITTED: a snapshot from before the wait for another's claim would hide the
/// answer that the other has written.
///
/// # Errors
/// Errors of the database.
pub async fn claim<C: ConnectionTrait>(
    tx: &C,
    wanted: &Claim,
    expired: DateTime<Utc>,
) -> Result<Claimed, DbErr> {
    let now = Utc::now();
    // An existing claim's id is set to itself, which waits for its holder and locks it. After a statement
    // that does nothing, the row could be removed before it is read.
    let again = OnConflict::column(Column::Id)
        .update_column(Column::Id)
        .to_owned();
    put(tx, row(&wanted.id, wanted, None, now), again).await?;
    let ids = [wanted.id.as_str(), wanted.answer_id.as_str()];
    let found = Entity::find().filter(Column::Id.is_in(ids)).all(tx).await?;
    let (claims, answers): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|row| row.id == wanted.id);
    let Some(claim) = claims.into_iter().next() else {
        return Err(DbErr::RecordNotFound("a claim".to_owned()));
    };
    if claim.created_at <= expired {
        let mut claim = claim.into_active_model();
        claim.request = Set(wanted.request.clone());
        claim.created_at = Set(now);
        claim.update(tx).await?;
        return Ok(Claimed::New(now));
    }
    if claim.request != wanted.request {
        return Ok(Claimed::Other);
    }
    let answer = answers.into_iter().find(|row| row.created_at > expired);
    Ok(match answer.and_then(|answer| answer.result) {
        Some(result) => Claimed::Done(result),
        None => Claimed::New(claim.created_at),
    })
}

/// Stores a field's answer, which is valid as long as its claim of that time.
///
/// # Errors
/// Errors of the database.
pub async fn answer<C: ConnectionTrait>(
    tx: &C,
    claim: &Claim,
    claimed_at: DateTime<Utc>,
    result: String,
) -> Result<(), DbErr> {
    // An expired answer may still exist.
    let instead = OnConflict::column(Column::Id)
        .update_columns([Column::Request, Column::Result, Column::CreatedAt])
        .to_owned();
    let row = row(&claim.answer_id, claim, Some(result), claimed_at);
    put(tx, row, instead).await
}

/// Removes up to [`STEP`] rows from before a time, and returns their number.
///
/// # Errors
/// Errors of the database.
#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
pub async fn forget(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let is_old = || Column::CreatedAt.lte(before);
    let old: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(is_old())
        .order_by_asc(Column::CreatedAt)
        .limit(STEP)
        .into_tuple()
        .all(db)
        .await?;
    // Rows are deleted by their keys, because a range of times would also lock rows in between on MariaDB. A
    // row that was claimed again meanwhile is no longer old.
    if !old.is_empty() {
        let these = Column::Id.is_in(old.iter().map(String::as_str));
        Entity::delete_many()
            .filter(these)
            .filter(is_old())
            .exec(db)
            .await?;
    }
    Ok(old.len() as u64)
}

fn row(id: &str, claim: &Claim, result: Option<String>, at: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: Set(id.to_owned()),
        request: Set(claim.request.clone()),
        result: Set(result),
        created_at: Set(at),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
async fn put<C: ConnectionTrait>(tx: &C, row: ActiveModel, again: OnConflict) -> Result<(), DbErr> {
    let insert = Entity::insert(row).on_conflict(again);
    insert.exec_without_returning(tx).await?;
    Ok(())
}
