//! The tables of the change log, for an adopter's migration: one call up, one down.

use sea_orm::sea_query::{Alias, ColumnDef, Table, TableCreateStatement};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, Schema};

use crate::{epoch, log};

/// Creates the change log and what its order needs. Call it in a migration, before the first tracked
/// entity writes:
///
/// ```ignore
/// seachange_changelog::create_change_log(manager.get_connection()).await
/// ```
///
/// # Errors
/// What the database says, e.g. if the tables exist.
pub async fn create_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    db.execute(&Schema::new(backend).create_table_from_entity(epoch::Entity))
        .await?;
    db.execute(&log_columns("change_log", backend)).await?;
    match backend {
        DbBackend::Postgres => {
            for sql in TICKS {
                db.execute_unprepared(sql).await?;
            }
        }
        DbBackend::MySql => {
            db.execute(&log_columns(INBOX, backend)).await?;
            for sql in SEQUENCER {
                db.execute_unprepared(sql).await?;
            }
        }
        _ => {}
    }
    let row = epoch::ActiveModel {
        id: Set(epoch::ONLY),
        epoch: Set(epoch::random()),
        identity: Set(None),
        horizon: Set(0),
    };
    row.insert(db).await?;
    Ok(())
}

/// Drops what [`create_change_log`] created, and with it all history.
///
/// # Errors
/// What the database says.
pub async fn drop_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let own = match db.get_database_backend() {
        DbBackend::Postgres => Some("change_tick"),
        DbBackend::MySql => Some(INBOX),
        _ => None,
    };
    for table in ["change_epoch", "change_log"].into_iter().chain(own) {
        db.execute(&Table::drop().table(Alias::new(table)).take())
            .await?;
    }
    Ok(())
}

/// Where capture writes on MariaDB; see [`reader`](crate::reader).
pub(crate) const INBOX: &str = "change_inbox";

/// PostgreSQL: which transaction wrote a row, and the ticks, of which the first sees nothing.
const TICKS: [&str; 5] = [
    "ALTER TABLE change_log ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX idx_change_log_xid ON change_log (xid, id)",
    // A cached range of ids would be handed out against the order of commits.
    "ALTER SEQUENCE change_log_id_seq CACHE 1",
    "CREATE TABLE change_tick (tick_id bigint PRIMARY KEY, snapshot pg_snapshot NOT NULL,
        last_id bigint NOT NULL, changes bigint NOT NULL, at timestamptz NOT NULL)",
    "INSERT INTO change_tick VALUES (1, pg_current_snapshot(), 0, 0, now())",
];

/// MariaDB: where in the inbox a row came from, so that none is moved twice.
const SEQUENCER: [&str; 2] = [
    "ALTER TABLE change_log ADD COLUMN inbox_id bigint NULL",
    "CREATE UNIQUE INDEX idx_change_log_inbox_id ON change_log (inbox_id)",
];

/// Written out, not derived from the entity, because the derived types lose something: MariaDB's
/// `text` holds 64 KB and its `timestamp` no fraction.
fn log_columns(table_name: &str, backend: DbBackend) -> TableCreateStatement {
    use log::Column;
    let mut table = Table::create();
    table
        .table(Alias::new(table_name))
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
