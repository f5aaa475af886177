//! Changing the tables that triggers capture.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, TransactionSession, TransactionTrait};

use super::install::drop_triggers;
use super::schema::Schemas;
use super::switch::{Renames, Writer, begin, install, lock, set_writer};
use super::{statement, tables};

/// A table whose columns a migration changes.
#[derive(Clone, Debug)]
pub struct TableChange {
    entity: String,
    renames: Vec<(String, String)>,
}

impl TableChange {
    /// Columns come, go, or change their types.
    pub fn of(entity: impl Into<String>) -> Self {
        Self {
            entity: entity.into(),
            renames: Vec::new(),
        }
    }

    /// A column gets another name: without being told, it would be taken for one that goes and
    /// another that comes, and older changes would not show its values under the new name.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.renames.push((from.into(), to.into()));
        self
    }
}

/// What [`change_tables`] runs: boxed, because it borrows the connection.
type Running<'c> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'c>>;

/// Changes tables that triggers capture, and makes the triggers anew. Tables that hooks capture may
/// be among them.
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
/// On PostgreSQL and SQLite all of it is one transaction. MariaDB commits each statement by itself:
/// there hooks write while the tables change, and what other programs write meanwhile is not
/// recorded; if `change` fails half-way, the triggers are made to fit what there is, and the error is
/// returned.
///
/// # Errors
/// What `change` or the database says.
pub async fn change_tables<C, F>(db: &C, tables: &[TableChange], change: F) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
    F: for<'c> FnOnce(&'c C::Transaction) -> Running<'c> + Send,
    C::Transaction: Send + Sync,
{
    tables::create(db).await?;
    let backend = db.get_database_backend();
    let tx = begin(db).await?;
    let mut captured = Vec::new();
    for table in tables {
        if is_captured(&tx, &table.entity).await? {
            captured.push(table);
        }
    }
    for table in &captured {
        lock(&tx, &table.entity).await?;
        if backend == DbBackend::MySql {
            set_writer(&tx, &table.entity, Writer::Hook).await?;
        }
        drop_triggers(&tx, &table.entity).await?;
    }
    let changed = change(&tx).await;
    if changed.is_err() && backend != DbBackend::MySql {
        tx.rollback().await?;
        return changed;
    }
    for table in captured {
        let renames = Renames(table.renames.clone());
        install(&tx, &table.entity, &renames, None).await?;
        set_writer(&tx, &table.entity, Writer::Trigger).await?;
    }
    tx.commit().await?;
    changed
}

/// Whether triggers write for the table, or shall.
pub(super) async fn is_captured<C: ConnectionTrait>(db: &C, entity: &str) -> Result<bool, DbErr> {
    let sql = "SELECT wanted FROM change_capture WHERE entity = ?";
    let row = db
        .query_one_raw(statement(db.get_database_backend(), sql, [entity.into()]))
        .await?;
    let wanted: Option<String> = row.map(|row| row.try_get("", "wanted")).transpose()?;
    Ok(wanted.as_deref() == Some("trigger") && Schemas::read(db).await?.newest(entity).is_some())
}
