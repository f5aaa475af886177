//! The tables of the change log, for an adopter's migration: one call up, one down.

use sea_orm::sea_query::{Alias, ColumnDef, Table, TableCreateStatement};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, Schema};

use crate::{epoch, log};

/// Creates the change log and its epoch. Call it in a migration, before the first tracked entity
/// writes:
///
/// ```ignore
/// seachange_changelog::create_change_log(manager.get_connection()).await
/// ```
///
/// # Errors
/// What the database says, e.g. if the tables exist.
pub async fn create_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    db.execute(&change_log(backend)).await?;
    db.execute(&Schema::new(backend).create_table_from_entity(epoch::Entity))
        .await?;
    let row = epoch::ActiveModel {
        id: Set(1),
        epoch: Set(random_epoch()),
    };
    row.insert(db).await?;
    Ok(())
}

/// Drops what [`create_change_log`] created, and with it all history.
///
/// # Errors
/// What the database says.
pub async fn drop_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    db.execute(&Table::drop().table(epoch::Entity).take())
        .await?;
    db.execute(&Table::drop().table(log::Entity).take()).await?;
    Ok(())
}

fn random_epoch() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    random.chars().take(16).collect()
}

/// Written out, not derived from the entity, because the derived types lose something: MariaDB's
/// `text` holds 64 KB and its `timestamp` no fraction.
fn change_log(backend: DbBackend) -> TableCreateStatement {
    use log::Column;
    let mut table = Table::create();
    table
        .table(log::Entity)
        // AUTOINCREMENT on SQLite: without it an id is used again after the newest row is pruned.
        .col(
            ColumnDef::new(Column::Id)
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new(Column::Entity).string_len(255).not_null())
        .col(json(Column::RowKey, backend).not_null())
        .col(ColumnDef::new(Column::Operation).string_len(6).not_null())
        .col(json(Column::Before, backend))
        .col(json(Column::After, backend))
        .col(long_text(Column::Actor, backend))
        .col(ColumnDef::new(Column::MutationId).string_len(255))
        .col(json(Column::Metadata, backend))
        .col(
            ColumnDef::new(Column::TransactionId)
                .string_len(64)
                .not_null(),
        )
        .col(ColumnDef::new(Column::Source).string_len(8).not_null())
        .col(ColumnDef::new(Column::SchemaVersion).integer().not_null())
        .col(time(Column::RecordedAt, backend).not_null());
    if backend == DbBackend::MySql {
        // Byte order, trailing spaces significant: the same comparison as on the other databases.
        table.character_set("utf8mb4").collate("utf8mb4_nopad_bin");
    }
    table
}

fn json(column: log::Column, backend: DbBackend) -> ColumnDef {
    let mut def = ColumnDef::new(column);
    match backend {
        DbBackend::MySql => def.custom(Alias::new("longtext")),
        // On PostgreSQL `json`, never `jsonb`: jsonb refuses \u0000 and drops the sign of -0.0.
        _ => def.json(),
    };
    def
}

fn long_text(column: log::Column, backend: DbBackend) -> ColumnDef {
    let mut def = ColumnDef::new(column);
    match backend {
        DbBackend::MySql => def.custom(Alias::new("longtext")),
        _ => def.text(),
    };
    def
}

fn time(column: log::Column, backend: DbBackend) -> ColumnDef {
    let mut def = ColumnDef::new(column);
    match backend {
        DbBackend::MySql => def.custom(Alias::new("datetime(6)")),
        _ => def.timestamp_with_time_zone(),
    };
    def
}
