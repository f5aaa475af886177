//! Renames a table in the log's tables.
//!
//! This is the only case in which rows of the log are rewritten. They keep their places, so cursors and
//! checkpoints stay valid. Conflicts in the inbox are rows of a tracked table, so their changes are recorded.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, TransactionTrait,
};

use crate::catalogue::{column_names, is_there};
use crate::context::Context;
use crate::database;
use crate::error::{CaptureError, SetupRefusal};
use crate::image;
use crate::log::{self, Operation, Source};
use crate::reader::sequence;
use crate::sync_tables::conflict;
use crate::tracked::log_insert::{Origin, RowChange, insertions};
use crate::triggers::Schemas;

/// Conflicts read at a time.
const CONFLICTS: u64 = 500;
/// On MariaDB, the number of the log's ids in one statement, whose rows are locked while it runs.
const IDS: i64 = 10_000;
/// On MariaDB, how often the inbox is checked; each check may wait 2 s for another process that empties it.
const LOOKS: u32 = 30;

/// Refuses a name under which the log knows another table. If the table itself has the name already, the
/// rename was done before, or was not finished.
pub(super) async fn check_name<C: ConnectionTrait>(
    db: &C,
    old: &str,
    new: &str,
) -> Result<(), DbErr> {
    let dialect = database::of(db);
    let is_there = async |table: &str| Ok::<_, DbErr>(!column_names(db, table).await?.is_empty());
    if is_there(new).await? && !is_there(old).await? {
        return Ok(());
    }
    let mut is_known = Schemas::read(db).await?.newest(new).is_some();
    // On MariaDB the first changes of a table may still be on their way into the log.
    for table in dialect.facts().logs() {
        let logged = format!("SELECT 1 AS one FROM {table} WHERE entity = ? LIMIT 1");
        let logged = dialect.statement(&logged, vec![new.into()]);
        is_known |= db.query_one_raw(logged).await?.is_some();
    }
    if !is_known || old == new {
        return Ok(());
    }
    let (old, new) = (old.to_owned(), new.to_owned());
    Err(SetupRefusal::NameTaken { old, new }.into())
}

/// Gives the table's rows in the log's tables its new name. On MariaDB those of the log itself follow later,
/// by [`move_log`].
pub(super) async fn move_rows<C: ConnectionTrait>(
    tx: &C,
    old: &str,
    new: &str,
) -> Result<(), DbErr> {
    let dialect = database::of(tx);
    let known = "SELECT 1 AS one FROM change_capture WHERE entity = ?";
    let known = tx
        .query_one_raw(dialect.statement(known, vec![old.into()]))
        .await?;
    if known.is_some() {
        // This entry belongs to an earlier table of that name, of which nothing is logged.
        let gone = "DELETE FROM change_capture WHERE entity = ?";
        tx.execute_raw(dialect.statement(gone, vec![new.into()]))
            .await?;
    }
    let mut tables = vec!["change_capture", "change_schema"];
    if dialect.facts().transactional_ddl {
        tables.push("change_log");
    }
    for table in tables {
        let sql = format!("UPDATE {table} SET entity = ? WHERE entity = ?");
        tx.execute_raw(dialect.statement(&sql, vec![new.into(), old.into()]))
            .await?;
    }
    move_conflicts(tx, old, new).await
}

async fn move_conflicts<C: ConnectionTrait>(tx: &C, old: &str, new: &str) -> Result<(), DbErr> {
    const TABLE: &str = "sync_conflict";
    if !is_there(tx, TABLE).await? {
        return Ok(());
    }
    let transaction_id = uuid::Uuid::now_v7().to_string();
    loop {
        let of_table = conflict::Entity::find().filter(conflict::Column::Entity.eq(old));
        let found = of_table.limit(CONFLICTS).all(tx).await?;
        if found.is_empty() {
            return Ok(());
        }
        for before in found {
            let mut after = before.clone();
            new.clone_into(&mut after.entity);
            let dialect = database::of(tx);
            let rename = "UPDATE sync_conflict SET entity = ? WHERE id = ?";
            let values = vec![new.into(), before.id.as_str().into()];
            tx.execute_raw(dialect.statement(rename, values)).await?;
            let change = RowChange {
                key: image::key_of(&before).map_err(CaptureError::from)?,
                before: Some(image::image_of(&before).map_err(CaptureError::from)?),
                after: Some(image::image_of(&after).map_err(CaptureError::from)?),
            };
            let origin = Origin {
                context: &Context::default(),
                transaction_id: &transaction_id,
                source: Source::Hook,
                hidden: None,
                // The row already exists, and only its table's name changes.
                most: None,
            };
            let changes = vec![change];
            // No version is given, because triggers may write this table's log.
            let rows = insertions(origin, TABLE, Operation::Update, changes, None, dialect);
            for insertion in rows {
                tx.execute_raw(insertion?).await?;
            }
        }
    }
}

/// On MariaDB, gives the table's changes its new name, some at a time. No more changes are written under the
/// old name: the table's rename has waited for each transaction that had written it.
pub(super) async fn move_log<C>(db: &C, old: &str, new: &str) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    let dialect = database::of(db);
    let written = dialect.facts().written();
    let waits = format!("SELECT 1 AS one FROM {written} WHERE entity = ? LIMIT 1");
    let mut looks = 0;
    while db
        .query_one_raw(dialect.statement(&waits, vec![old.into()]))
        .await?
        .is_some()
    {
        sequence(db).await?;
        looks += 1;
        if looks == LOOKS {
            let table = old.to_owned();
            return Err(SetupRefusal::NotPlaced { table }.into());
        }
    }
    let ends = log::Entity::find()
        .select_only()
        .column_as(log::Column::Id.min(), "first")
        .column_as(log::Column::Id.max(), "last")
        .into_tuple::<(Option<i64>, Option<i64>)>()
        .one(db)
        .await?;
    let Some((Some(first), Some(last))) = ends else {
        return Ok(());
    };
    let mut from = first;
    while from <= last {
        let to = from.saturating_add(IDS);
        let sql = "UPDATE change_log SET entity = ? WHERE id >= ? AND id < ? AND entity = ?";
        let values = vec![new.into(), from.into(), to.into(), old.into()];
        db.execute_raw(dialect.statement(sql, values)).await?;
        from = to;
    }
    Ok(())
}
