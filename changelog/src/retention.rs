//! Keeps the log from growing without end, and gives it a new epoch.
//!
//! The horizon moves first and rows are deleted afterwards, so that a late reader gets an error and never
//! passes over removed changes. Steps are small, so that no transaction waits for a long delete.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};

use crate::database::{self, Dialect, LogOrder, Postgres};
use crate::reader::{self, ReadError, TICK_LOCK};
use crate::{epoch, log};

/// Rows deleted in one statement.
const STEP: u64 = 1_000;

/// Removes changes older than `before`, whole batches from the oldest on, and returns their number. The order
/// is that of the feed: one younger change keeps everything after it. A replay of the log then has no
/// baseline for each row's present state.
///
/// # Errors
/// Errors of the database; a second call continues.
pub async fn prune(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<u64, DbErr> {
    remember(db, before).await?;
    let passed = match database::of(db).facts().ordering {
        LogOrder::Ticks => pass_ticks(db, before).await?,
        LogOrder::ById | LogOrder::Inbox => pass_ids(db, before).await?,
    };
    let mut removed = 0;
    loop {
        let step = db.execute(&step(passed.clone())).await?.rows_affected();
        removed += step;
        if step < STEP {
            return Ok(removed);
        }
    }
}

/// How many changes [`prune`] would remove now. Changes nothing.
///
/// # Errors
/// Errors of the database.
pub async fn prunable(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let passed = match database::of(db).facts().ordering {
        LogOrder::Ticks => Expr::cust_with_values(
            "EXISTS (SELECT 1 FROM change_tick t
                WHERE t.tick_id = (SELECT max(tick_id) FROM change_tick WHERE at < $1)
                AND xid < pg_snapshot_xmax(t.snapshot) AND pg_visible_in_snapshot(xid, t.snapshot))",
            [before],
        ),
        LogOrder::ById | LogOrder::Inbox => {
            Expr::col(log::Column::Id).lte(last_passed(db, before).await?)
        }
    };
    log::Entity::find().filter(passed).count(db).await
}

/// Notes that changes from before this time may be gone, before any is removed.
async fn remember(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<(), DbErr> {
    let column = Expr::col(epoch::Column::PrunedBefore);
    // Times in the same form compare as texts do.
    let before = before.to_rfc3339_opts(SecondsFormat::Micros, true);
    let raise = Query::update()
        .table(epoch::Entity)
        .value(epoch::Column::PrunedBefore, before.clone())
        .and_where(column.clone().is_null().or(column.lt(before)))
        .take();
    db.execute(&raise).await?;
    Ok(())
}

/// Deletes some of the rows. The inner select is named, because otherwise MariaDB does not let a delete read
/// its own table.
fn step(passed: Expr) -> sea_orm::sea_query::DeleteStatement {
    let some = Query::select()
        .column(log::Column::Id)
        .from(log::Entity)
        .and_where(passed)
        .order_by(log::Column::Id, sea_orm::Order::Asc)
        .limit(STEP)
        .take();
    let named = Query::select()
        .column(log::Column::Id)
        .from_subquery(some, "some_rows")
        .take();
    Query::delete()
        .from_table(log::Entity)
        .and_where(Expr::col(log::Column::Id).in_subquery(named))
        .take()
}

/// On PostgreSQL the last tick before the time becomes the base of the remaining ones. Everything that it
/// sees is passed.
async fn pass_ticks(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<Expr, DbErr> {
    let tx = db.begin().await?;
    tx.execute_unprepared(TICK_LOCK).await?;
    let drop = Postgres.own_statement(
        "DELETE FROM change_tick WHERE tick_id < (SELECT max(tick_id) FROM change_tick WHERE at < $1)",
        vec![before.into()],
    );
    tx.execute_raw(drop).await?;
    tx.commit().await?;
    Ok(Expr::cust_with_values(
        "EXISTS (SELECT 1 FROM change_tick t WHERE t.tick_id = (SELECT min(tick_id) FROM change_tick)
            AND t.at < $1 AND xid < pg_snapshot_xmax(t.snapshot)
            AND pg_visible_in_snapshot(xid, t.snapshot))",
        [before],
    ))
}

/// On other databases the id is the order: everything before the first change that is young enough is passed.
async fn pass_ids(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<Expr, DbErr> {
    let horizon = last_passed(db, before).await?;
    let raise = Query::update()
        .table(epoch::Entity)
        .value(epoch::Column::Horizon, horizon)
        .and_where(Expr::col(epoch::Column::Horizon).lt(horizon))
        .take();
    db.execute(&raise).await?;
    Ok(Expr::col(log::Column::Id).lte(horizon))
}

/// The last id before the first change that is young enough.
async fn last_passed(db: &DatabaseConnection, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let first_young = log::Entity::find()
        .filter(log::Column::RecordedAt.gte(before))
        .order_by_asc(log::Column::Id)
        .one(db)
        .await?;
    // That change's whole transaction stays, so that a transaction is never removed in part.
    let first_kept: Option<i64> = match first_young {
        Some(young) => log::Entity::find()
            .select_only()
            .column_as(log::Column::Id.min(), "first")
            .filter(log::Column::TransactionId.eq(young.transaction_id))
            .into_tuple()
            .one(db)
            .await?
            .flatten(),
        None => None,
    };
    let newest: Option<i64> = log::Entity::find()
        .select_only()
        .column_as(log::Column::Id.max(), "newest")
        .into_tuple()
        .one(db)
        .await?
        .flatten();
    Ok(first_kept.map_or(newest.unwrap_or(0), |first| first - 1))
}

/// Gives the log a new epoch: every cursor of the old one is refused from now on, and its changes are
/// history. This is for a database that was restored from a copy. Running servers notice it.
///
/// # Errors
/// Errors of the database; nothing has changed then.
pub async fn new_epoch(db: &DatabaseConnection) -> Result<String, DbErr> {
    let ordering = database::of(db).facts().ordering;
    if ordering == LogOrder::Inbox {
        // Changes that wait in the inbox were committed before the new epoch, so they are history too.
        let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
        let epoch = epoch.map_or_else(String::new, |epoch| epoch.epoch);
        match reader::open(db.clone(), epoch).advance().await {
            Err(ReadError::Database(error)) => return Err(error),
            // Another process has just begun a new epoch, and this one begins the next.
            Err(ReadError::Replaced | ReadError::Expired) | Ok(_) => {}
        }
    }
    let tx = db.begin().await?;
    if ordering == LogOrder::Ticks {
        tx.execute_unprepared(TICK_LOCK).await?;
    }
    let name = renew(&tx).await?;
    tx.commit().await?;
    Ok(name)
}

/// [`new_epoch`] in a transaction; on PostgreSQL the transaction must hold the lock of the ticks.
pub(crate) async fn renew(tx: &DatabaseTransaction) -> Result<String, DbErr> {
    let is_by_ticks = database::of(tx).facts().ordering == LogOrder::Ticks;
    if is_by_ticks {
        // A row whose xid this server has not assigned yet, or has not seen commit, was written on another
        // server. All other rows are seen by the new base, or are still in progress and will be in the first
        // batch.
        for sql in [
            "UPDATE change_epoch SET horizon = GREATEST(horizon, (SELECT COALESCE(max(id), 0)
                FROM change_log WHERE NOT pg_visible_in_snapshot(xid, pg_current_snapshot())))",
            "DELETE FROM change_tick",
            "INSERT INTO change_tick SELECT 1, pg_current_snapshot(),
                COALESCE((SELECT max(id) FROM change_log), 0), 0, clock_timestamp()",
        ] {
            tx.execute_unprepared(sql).await?;
        }
    }
    let name = epoch::random();
    let mut rename = Query::update()
        .table(epoch::Entity)
        .value(epoch::Column::Epoch, name.clone())
        .take();
    if !is_by_ticks {
        let newest = log::Entity::find()
            .select_only()
            .column_as(log::Column::Id.max(), "newest")
            .into_tuple()
            .one(tx)
            .await?;
        let newest: Option<i64> = newest.flatten();
        rename.value(epoch::Column::Horizon, newest.unwrap_or(0));
    }
    tx.execute(&rename).await?;
    Ok(name)
}
