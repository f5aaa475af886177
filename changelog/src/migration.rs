//! The tables of the change log, for an adopter's migration: one call up, one down.

mod column_types;

use sea_orm::sea_query::{Alias, ColumnDef, Index, Table, TableCreateStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, IdenStatic, Iterable, Schema,
};

use crate::database::{self, Dialect};
use crate::format::{self, upgrade_change_log};
use crate::{consumer, epoch, log, request, triggers};
pub use column_types::ColumnTypes;

/// Creates the change log and what its order needs. Call it in a migration, before the first write of a
/// tracked entity:
///
/// ```no_run
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// seachange_changelog::create_change_log(db).await
/// # }
/// ```
///
/// In a migration the connection is `manager.get_connection()`. How a migration writes rows of tracked tables is said at
/// [`track_by_triggers`](crate::track_by_triggers).
///
/// # Errors
/// Errors of the database, e.g. if the tables exist.
pub async fn create_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let dialect = database::of(db);
    let facts = dialect.facts();
    database::check(db.get_database_backend())?;
    db.execute(&Schema::new(dialect.backend()).create_table_from_entity(epoch::Entity))
        .await?;
    db.execute(&log_columns("change_log", dialect)).await?;
    db.execute_unprepared(facts.key_index).await?;
    db.execute_unprepared(TRANSACTION_INDEX).await?;
    db.execute(&consumers(dialect)).await?;
    db.execute(&requests(dialect)).await?;
    let by_age = Index::create()
        .name("idx_change_request_created_at")
        .table(request::Entity)
        .col(request::Column::CreatedAt)
        .take();
    db.execute(&by_age).await?;
    triggers::create(db).await?;
    if let Some(inbox) = facts.inbox {
        db.execute(&log_columns(inbox, dialect)).await?;
    }
    for sql in facts.order_schema {
        db.execute_unprepared(sql).await?;
    }
    let row = epoch::ActiveModel {
        id: Set(epoch::ONLY),
        epoch: Set(epoch::random()),
        identity: Set(None),
        horizon: Set(0),
        pruned_before: Set(None),
    };
    row.insert(db).await?;
    upgrade_change_log(db).await
}

/// Drops what [`create_change_log`] created, and with it all history.
///
/// # Errors
/// Errors of the database.
pub async fn drop_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let facts = database::of(db).facts();
    let own = facts.inbox.or(facts.order_table.map(|(table, _)| table));
    let tables = [
        "change_consumer",
        "change_request",
        "change_epoch",
        "change_log",
    ];
    for table in tables.into_iter().chain(own) {
        db.execute(&Table::drop().table(Alias::new(table)).take())
            .await?;
    }
    triggers::drop(db).await
}

/// The tables of the log and their columns, as this version creates them.
pub(crate) fn shapes(dialect: &dyn Dialect) -> Vec<(&'static str, Vec<&'static str>)> {
    fn columns<C: Iterable + IdenStatic>() -> Vec<&'static str> {
        C::iter().map(|column| column.as_str()).collect()
    }
    let mut log = columns::<log::Column>();
    let mut shapes = vec![
        ("change_epoch", {
            let mut columns = columns::<epoch::Column>();
            columns.push(format::COLUMN);
            columns
        }),
        ("change_consumer", columns::<consumer::Column>()),
        ("change_request", columns::<request::Column>()),
    ];
    let facts = dialect.facts();
    shapes.extend(facts.inbox.map(|inbox| (inbox, log.clone())));
    let order = facts.order_table.into_iter();
    shapes.extend(order.map(|(table, columns)| (table, columns.to_vec())));
    log.extend(facts.order_column);
    shapes.push(("change_log", log));
    shapes.extend(triggers::shapes(dialect));
    shapes
}

/// The index by which a transaction's changes are found. Our transaction ids increase, so entries are added
/// at the end of the index.
const TRANSACTION_INDEX: &str =
    "CREATE INDEX idx_change_log_transaction_id ON change_log (transaction_id)";

/// The columns are written out instead of derived from the entity, because the derived types lose something.
fn log_columns(table_name: &str, dialect: &dyn Dialect) -> TableCreateStatement {
    use log::Column;
    let mut table = Table::create();
    table
        .table(Alias::new(table_name))
        // SQLite needs AUTOINCREMENT, without which an id is reused after the newest row is pruned.
        .col(
            ColumnDef::new(Column::Id)
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new(Column::Entity).string_len(255).not_null())
        .col(json(Column::RowKey, dialect).not_null())
        .col(ColumnDef::new(Column::Operation).string_len(6).not_null())
        .col(json(Column::Before, dialect))
        .col(json(Column::After, dialect))
        .col(long_text(Column::Actor, dialect))
        .col(ColumnDef::new(Column::MutationId).string_len(255))
        .col(json(Column::Metadata, dialect))
        .col(
            ColumnDef::new(Column::TransactionId)
                .string_len(64)
                .not_null(),
        )
        .col(ColumnDef::new(Column::Source).string_len(8).not_null())
        .col(ColumnDef::new(Column::SchemaVersion).integer().not_null())
        .col(time(Column::RecordedAt, dialect).not_null());
    dialect.compare_bytes(&mut table);
    table
}

/// One row for each named consumer.
fn consumers(dialect: &dyn Dialect) -> TableCreateStatement {
    use consumer::Column;
    let mut table = Table::create();
    table
        .table(consumer::Entity)
        .col(
            ColumnDef::new(Column::Name)
                .string_len(255)
                .not_null()
                .primary_key(),
        )
        .col(ColumnDef::new(Column::Cursor).string_len(255))
        .col(ColumnDef::new(Column::Paused).boolean().not_null())
        .col(ColumnDef::new(Column::Holder).string_len(64))
        .col(time(Column::HeldUntil, dialect));
    dialect.compare_bytes(&mut table);
    table
}

/// Claims of requests and their answers.
fn requests(dialect: &dyn Dialect) -> TableCreateStatement {
    use request::Column;
    let hash = |column: Column| ColumnDef::new(column).string_len(64).not_null().take();
    let mut table = Table::create();
    table
        .table(request::Entity)
        .col(hash(Column::Id).primary_key())
        .col(hash(Column::Request))
        .col(long_text(Column::Result, dialect))
        .col(time(Column::CreatedAt, dialect).not_null());
    dialect.compare_bytes(&mut table);
    table
}

fn json(column: log::Column, dialect: &dyn Dialect) -> ColumnDef {
    ColumnDef::new_with_type(column, dialect.json_type())
}

pub(crate) fn long_text(column: impl sea_orm::Iden, dialect: &dyn Dialect) -> ColumnDef {
    ColumnDef::new_with_type(column, dialect.long_text_type())
}

pub(crate) fn time(column: impl sea_orm::Iden, dialect: &dyn Dialect) -> ColumnDef {
    ColumnDef::new_with_type(column, dialect.time_type())
}
