//! What the server stores for offline clients in addition to the log: conflicts that wait for a decision, and
//! rows that wait for other rows.
//!
//! Conflicts are a tracked table like any other, so that a conflict commits with the push that found it, has
//! a history, and reaches subscribers by the feed. This module does not know how conflicts arise.

pub mod conflict;
pub mod orphan;

use sea_orm::sea_query::{Alias, ColumnDef, Index, Table, TableCreateStatement};
use sea_orm::{ConnectionTrait, DbErr, IdenStatic, Iterable};

use crate::database::{self, Dialect};
use crate::migration::{long_text, time};

/// Creates the tables that sync needs. Call it in a migration, before the first entity is registered
/// for sync:
///
/// ```no_run
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// seachange_changelog::create_sync_tables(db).await
/// # }
/// ```
///
/// In a migration the connection is `manager.get_connection()`.
///
/// # Errors
/// Errors of the database, e.g. if the tables exist.
pub async fn create_sync_tables<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let dialect = database::of(db);
    db.execute(&conflicts(dialect)).await?;
    let once = Index::create()
        .name("idx_sync_conflict_mutation_id")
        .table(conflict::Entity)
        .col(conflict::Column::MutationId)
        .unique()
        .take();
    db.execute(&once).await?;
    db.execute(&orphans(dialect)).await?;
    Ok(())
}

/// The tables of this module and their columns, as this version creates them.
pub fn shapes() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    fn columns<C: Iterable + IdenStatic>() -> Vec<&'static str> {
        C::iter().map(|column| column.as_str()).collect()
    }
    [
        ("sync_conflict", columns::<conflict::Column>()),
        ("sync_orphan", columns::<orphan::Column>()),
    ]
    .into_iter()
}

/// Drops what [`create_sync_tables`] created, open conflicts included.
///
/// # Errors
/// Errors of the database.
pub async fn drop_sync_tables<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    for table in ["sync_conflict", "sync_orphan"] {
        db.execute(&Table::drop().table(Alias::new(table)).take())
            .await?;
    }
    Ok(())
}

fn conflicts(dialect: &dyn Dialect) -> TableCreateStatement {
    use conflict::Column as C;
    let word = |column: C, length| ColumnDef::new(column).string_len(length).not_null().take();
    let text = |column: C| long_text(column, dialect);
    let mut table = Table::create();
    table
        .table(conflict::Entity)
        .col(word(C::Id, 36).primary_key())
        .col(word(C::Entity, 255))
        .col(text(C::RowKey).not_null())
        .col(word(C::Status, 8))
        .col(text(C::Reason).not_null())
        .col(text(C::Assumed))
        .col(text(C::Server))
        .col(text(C::Client).not_null())
        .col(text(C::Actor))
        .col(word(C::MutationId, 64))
        .col(time(C::RecordedAt, dialect).not_null())
        .col(time(C::ResolvedAt, dialect));
    dialect.compare_bytes(&mut table);
    table
}

fn orphans(dialect: &dyn Dialect) -> TableCreateStatement {
    use orphan::Column as C;
    let mut table = Table::create();
    table
        .table(orphan::Entity)
        .col(
            ColumnDef::new(C::Id)
                .string_len(64)
                .not_null()
                .primary_key(),
        )
        .col(ColumnDef::new(C::Attempts).integer().not_null())
        .col(time(C::FirstAt, dialect).not_null());
    dialect.compare_bytes(&mut table);
    table
}
