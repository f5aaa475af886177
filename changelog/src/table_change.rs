//! Changing tables that are captured: the log goes on over it, and old changes are read as of today.

mod rename;

use std::future::Future;
use std::pin::Pin;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, TransactionTrait};

use crate::catalogue::column_names;
use crate::database;
use crate::triggers::{
    self, Recorder, Renames, Schemas, begin, drop_triggers, install, lock, remember, reshape,
    set_recorder,
};
use rename::{check_name, move_log, move_rows};

/// A table that a migration changes.
#[derive(Clone, Debug)]
pub struct TableChange {
    entity: String,
    new_name: Option<String>,
    renames: Vec<(String, String)>,
}

impl TableChange {
    /// Columns come, go, or change their types.
    pub fn of(entity: impl Into<String>) -> Self {
        Self {
            entity: entity.into(),
            new_name: None,
            renames: Vec::new(),
        }
    }

    /// A column gets another name. If this is left out, it is taken for one that goes and another that
    /// comes, and older changes do not show its values under the new name.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.renames.push((from.into(), to.into()));
        self
    }

    /// The table gets another name. Its changes, versions and conflicts get it, too, so that history,
    /// cursors and checkpoints go on. All changes of the table are updated for that.
    ///
    /// Stop servers that know the old name before: they would answer clients without what is under the
    /// new one, and checkpoints would pass it by.
    #[must_use]
    pub fn rename_table(mut self, to: impl Into<String>) -> Self {
        self.new_name = Some(to.into());
        self
    }

    /// The name that the table has afterwards.
    fn todays_name(&self) -> &str {
        self.new_name.as_deref().unwrap_or(&self.entity)
    }

    fn renames(&self) -> Renames {
        Renames(self.renames.clone())
    }
}

/// What [`change_tables`] runs: boxed, because it borrows the connection.
type Running<'c> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'c>>;

/// Changes tables that are tracked, by triggers or by hooks: makes triggers anew, and keeps the shapes
/// that tables have had, so that older changes are read in today's names.
///
/// ```ignore
/// change_tables(db, &[TableChange::of("comment").rename("body", "text")], |db| {
///     Box::pin(async move {
///         db.execute_unprepared("ALTER TABLE comment RENAME COLUMN body TO text").await?;
///         Ok(())
///     })
/// })
/// .await
/// ```
///
/// A table of hooks whose columns only come and go need not be among them: an image tells which columns
/// it has. One whose column or table was renamed without it can be named later, with a `change` that
/// does nothing.
///
/// On PostgreSQL and SQLite all of it is one transaction. MariaDB commits each statement by itself:
/// there hooks write while the tables change, and what other programs write meanwhile is not
/// recorded; if `change` fails half-way, the triggers are made to fit what there is, and the error is
/// returned.
///
/// # Errors
/// If a table gets a name under which the log has another; what `change` or the database says.
pub async fn change_tables<C, F>(db: &C, tables: &[TableChange], change: F) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
    F: for<'c> FnOnce(&'c DatabaseTransaction) -> Running<'c> + Send,
{
    triggers::create(db).await?;
    let is_one = database::of(db).facts().transactional_ddl;
    let tx = begin(db).await?;
    let mut prepared = Vec::new();
    for table in tables {
        if let Some(new) = &table.new_name {
            check_name(&tx, &table.entity, new).await?;
        }
        let by_triggers = is_captured(&tx, &table.entity).await?;
        prepared.push((table, by_triggers));
    }
    for (table, by_triggers) in &prepared {
        if !by_triggers {
            remember(&tx, &table.entity, &table.renames()).await?;
            continue;
        }
        lock(&tx, &table.entity).await?;
        if !is_one {
            set_recorder(&tx, &table.entity, Recorder::Hook).await?;
        }
        drop_triggers(&tx, &table.entity).await?;
    }
    let changed = change(&tx).await;
    if changed.is_err() && is_one {
        tx.rollback().await?;
        return changed;
    }
    for (table, by_triggers) in prepared {
        let name = match &table.new_name {
            // It may not have come to that.
            Some(new) if column_names(&tx, new).await?.is_empty() => &table.entity,
            Some(new) => {
                move_rows(&tx, &table.entity, new).await?;
                new
            }
            None => table.todays_name(),
        };
        if by_triggers {
            install(&tx, name, &table.renames(), None).await?;
            set_recorder(&tx, name, Recorder::Trigger).await?;
        } else {
            reshape(&tx, name, &table.renames()).await?;
        }
    }
    tx.commit().await?;
    if !is_one {
        for table in tables {
            if let Some(new) = &table.new_name {
                move_log(db, &table.entity, new).await?;
            }
        }
    }
    changed
}

/// Whether triggers write for the table, or shall.
async fn is_captured<C: ConnectionTrait>(db: &C, entity: &str) -> Result<bool, DbErr> {
    let sql = "SELECT wanted FROM change_capture WHERE entity = ?";
    let row = db
        .query_one_raw(database::of(db).statement(sql, vec![entity.into()]))
        .await?;
    let wanted: Option<String> = row.map(|row| row.try_get("", "wanted")).transpose()?;
    Ok(wanted.as_deref() == Some("trigger") && Schemas::read(db).await?.newest(entity).is_some())
}
