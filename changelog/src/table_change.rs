//! Changing captured tables: the log continues across the change, and old changes are read in today's shape.

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
    /// A change in which columns are added, removed, or change their types.
    pub fn of(entity: impl Into<String>) -> Self {
        Self {
            entity: entity.into(),
            new_name: None,
            renames: Vec::new(),
        }
    }

    /// Renames a column. Without this call it is taken for a removed column and an added one, and older
    /// changes do not show its values under the new name.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.renames.push((from.into(), to.into()));
        self
    }

    /// Renames the table. Its changes, versions and conflicts get the new name, too, so that history, cursors
    /// and checkpoints continue. All changes of the table are updated for that.
    ///
    /// First stop servers that know the old name: they would answer clients without what has the new name,
    /// and checkpoints would skip it.
    #[must_use]
    pub fn rename_table(mut self, to: impl Into<String>) -> Self {
        self.new_name = Some(to.into());
        self
    }

    /// The name of the table after the change.
    fn todays_name(&self) -> &str {
        self.new_name.as_deref().unwrap_or(&self.entity)
    }

    fn renames(&self) -> Renames {
        Renames(self.renames.clone())
    }
}

/// The future that [`change_tables`] runs. It is boxed because it borrows the connection.
type Running<'c> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'c>>;

/// Changes tables that are tracked by triggers or by hooks: recreates triggers, and stores the shapes that
/// the tables have had, so that older changes are read in today's names.
///
/// ```no_run
/// use sea_orm::ConnectionTrait;
/// use seachange_changelog::{TableChange, change_tables};
///
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// let changes = [TableChange::of("comment").rename("body", "text")];
/// change_tables(db, &changes, |db| {
///     Box::pin(async move {
///         db.execute_unprepared("ALTER TABLE comment RENAME COLUMN body TO text").await?;
///         Ok(())
///     })
/// })
/// .await
/// # }
/// ```
///
/// A table of hooks whose columns are only added and removed need not be listed, because an image names its
/// columns. If a column or table was renamed without this call, it can be declared later, with a `change`
/// that does nothing.
///
/// On PostgreSQL and SQLite all of it is one transaction. MariaDB commits each statement by itself: there
/// hooks write while the tables change, and writes of other programs meanwhile are not recorded; if `change`
/// fails half-way, the triggers are adapted to the tables as they are, and the error is returned.
///
/// # Errors
/// If the new name of a table is already that of another one in the log; or an error of `change` or the
/// database.
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
            // The change may have failed before the rename.
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

/// Whether triggers write for the table, or a migration aims at that.
async fn is_captured<C: ConnectionTrait>(db: &C, entity: &str) -> Result<bool, DbErr> {
    let sql = "SELECT wanted FROM change_capture WHERE entity = ?";
    let row = db
        .query_one_raw(database::of(db).statement(sql, vec![entity.into()]))
        .await?;
    let wanted: Option<String> = row.map(|row| row.try_get("", "wanted")).transpose()?;
    Ok(wanted.as_deref() == Some("trigger") && Schemas::read(db).await?.newest(entity).is_some())
}
