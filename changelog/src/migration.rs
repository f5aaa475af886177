//! The tables of the change log, for an adopter's migration: one call up, one down.

use sea_orm::sea_query::{Alias, ColumnDef, Index, Table, TableCreateStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, IdenStatic, Iterable,
    Schema,
};

use crate::{consumer, epoch, log, request, triggers};

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
    db.execute_unprepared(key_index(backend)).await?;
    db.execute_unprepared(TRANSACTION_INDEX).await?;
    db.execute(&consumers(backend)).await?;
    db.execute(&requests(backend)).await?;
    let by_age = Index::create()
        .name("idx_change_request_created_at")
        .table(request::Entity)
        .col(request::Column::CreatedAt)
        .take();
    db.execute(&by_age).await?;
    triggers::create(db).await?;
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
        pruned_before: Set(None),
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

/// The tables of the log and their columns, as this version makes them.
pub(crate) fn shapes(backend: DbBackend) -> Vec<(&'static str, Vec<&'static str>)> {
    fn columns<C: Iterable + IdenStatic>() -> Vec<&'static str> {
        C::iter().map(|column| column.as_str()).collect()
    }
    let mut log = columns::<log::Column>();
    let mut shapes = vec![
        ("change_epoch", columns::<epoch::Column>()),
        ("change_consumer", columns::<consumer::Column>()),
        ("change_request", columns::<request::Column>()),
    ];
    match backend {
        DbBackend::Postgres => {
            log.push("xid");
            let tick = ["tick_id", "snapshot", "last_id", "changes", "at"];
            shapes.push(("change_tick", tick.to_vec()));
        }
        DbBackend::MySql => {
            shapes.push((INBOX, log.clone()));
            log.push("inbox_id");
        }
        _ => {}
    }
    shapes.push(("change_log", log));
    shapes.extend(triggers::shapes(backend));
    shapes
}

/// Where capture writes on MariaDB; see [`reader`](crate::reader).
pub(crate) const INBOX: &str = "change_inbox";

/// Characters of a key in PostgreSQL's index, which holds no more than 2,704 bytes an entry: a longer
/// key would make the user's write fail.
pub(crate) const KEY_START: usize = 200;
/// What that index is on.
pub(crate) const KEY_INDEXED: &str = "left(row_key::text, 200)";

/// For the changes of one row. Prefixes, not hashes: keys made in order then go to the same pages.
/// MariaDB's inbox has none, so no user's transaction pays for it there.
fn key_index(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "CREATE INDEX idx_change_log_row_key ON change_log (left(row_key::text, 200), id)"
        }
        DbBackend::MySql => "CREATE INDEX idx_change_log_row_key ON change_log (row_key(200))",
        _ => "CREATE INDEX idx_change_log_row_key ON change_log (row_key)",
    }
}

/// For the changes of one transaction. Ours have ids that grow, so entries go to the index's end.
const TRANSACTION_INDEX: &str =
    "CREATE INDEX idx_change_log_transaction_id ON change_log (transaction_id)";

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
    byte_order(&mut table, backend);
    table
}

/// One row for each named consumer.
fn consumers(backend: DbBackend) -> TableCreateStatement {
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
        .col(time(Column::HeldUntil, backend));
    byte_order(&mut table, backend);
    table
}

/// Claims of requests and their answers.
fn requests(backend: DbBackend) -> TableCreateStatement {
    use request::Column;
    let hash = |column: Column| ColumnDef::new(column).string_len(64).not_null().take();
    let mut table = Table::create();
    table
        .table(request::Entity)
        .col(hash(Column::Id).primary_key())
        .col(hash(Column::Request))
        .col(long_text(Column::Result, backend))
        .col(time(Column::CreatedAt, backend).not_null());
    byte_order(&mut table, backend);
    table
}

/// Text compared byte by byte, trailing spaces significant: as on the other databases.
pub(crate) fn byte_order(table: &mut TableCreateStatement, backend: DbBackend) {
    if backend == DbBackend::MySql {
        table.character_set("utf8mb4").collate("utf8mb4_nopad_bin");
    }
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

pub(crate) fn long_text(column: impl sea_orm::Iden, backend: DbBackend) -> ColumnDef {
    let mut def = ColumnDef::new(column);
    match backend {
        DbBackend::MySql => def.custom(Alias::new("longtext")),
        _ => def.text(),
    };
    def
}

pub(crate) fn time(column: impl sea_orm::Iden, backend: DbBackend) -> ColumnDef {
    let mut def = ColumnDef::new(column);
    match backend {
        DbBackend::MySql => def.custom(Alias::new("datetime(6)")),
        _ => def.timestamp_with_time_zone(),
    };
    def
}
