//! Takes a table from its triggers, for hooks or for good.

use sea_orm::{ConnectionTrait, DbErr, TransactionSession, TransactionTrait};

use super::install::drop_triggers;
use super::switch::{Recorder, begin, lock, recording, set_recorder, want, wanting};
use super::tables;
use crate::catalogue;
use crate::database;

/// Lets the entity's hooks write the log of a table again, and drops its triggers. Writes of other programs
/// are then no longer recorded.
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`](crate::SetupRefusal::NoChangeLog), or an error of the database.
pub async fn track_by_hooks<C>(db: &C, entity: &str) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    tables::require_log(db).await?;
    tables::create(db).await?;
    take_from_triggers(db, entity, Recorder::Hook).await
}

/// Ends the recording of a table: drops its triggers, and notes that no entity tracks it any more, which `doctor`
/// and `verify` would otherwise report as a loss. Its history stays. The table may have been dropped before. For use
/// in a migration:
///
/// ```no_run
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// seachange_changelog::untrack(db, "draft").await
/// # }
/// ```
///
/// It does not stop hooks: as long as a program's entity tracks the table, its writes are recorded. To record the
/// table again, track its entity and call [`track_by_hooks`], or call [`track_by_triggers`](super::track_by_triggers).
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`](crate::SetupRefusal::NoChangeLog), or an error of the database.
pub async fn untrack<C>(db: &C, entity: &str) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    tables::require_log(db).await?;
    tables::create(db).await?;
    if catalogue::is_there(db, entity).await? {
        return take_from_triggers(db, entity, Recorder::Nothing).await;
    }
    // Nothing writes a table that is gone, so there is nothing to wait for, and on MariaDB nothing to lock.
    let nothing = Recorder::Nothing;
    for sql in [wanting(db, entity, nothing), recording(db, entity, nothing)] {
        db.execute_unprepared(&sql).await?;
    }
    database::of(db).tidy(db, entity, None).await
}

/// Gives the table to another recorder, and drops its triggers.
async fn take_from_triggers<C>(db: &C, entity: &str, recorder: Recorder) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    if !database::of(db).facts().transactional_ddl {
        want(db, entity, recorder).await?;
        set_recorder(db, entity, recorder).await?;
        return drop_triggers(db, entity).await;
    }
    let tx = begin(db).await?;
    lock(&tx, entity).await?;
    want(&tx, entity, recorder).await?;
    set_recorder(&tx, entity, recorder).await?;
    drop_triggers(&tx, entity).await?;
    tx.commit().await
}
