//! A table as the database's catalogue tells it.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult};

use super::{name, statement};

/// A column in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    /// The type in the catalogue's words.
    pub(super) ty: String,
    pub(super) is_key: bool,
}

/// A unique index of SQLite, by which a REPLACE removes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unique {
    /// Columns and their collations.
    pub(super) columns: Vec<(String, String)>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<Found>,
    /// SQLite only.
    pub(super) uniques: Vec<Unique>,
    /// SQLite only: the table has no hidden row number.
    pub(super) without_rowid: bool,
    /// PostgreSQL only: rows can come and go by statements on another table (partitions, children),
    /// or a trigger of someone's may write between a row and the end of its statement.
    pub(super) is_entangled: bool,
}

const POSTGRES: &str = "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS ty,
    EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary
            AND a.attnum = ANY (i.indkey))::int AS is_key
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

// JSON columns are `longtext` with a constraint. Schema and table are given as constants, also in the inner
// query: without them MariaDB opens every table of every database for each column.
const MARIADB: &str = "SELECT c.COLUMN_NAME AS name,
    CASE WHEN EXISTS (SELECT 1 FROM information_schema.CHECK_CONSTRAINTS k
        WHERE k.CONSTRAINT_SCHEMA = DATABASE() AND k.TABLE_NAME = ?
          AND k.CHECK_CLAUSE = CONCAT('json_valid(`', c.COLUMN_NAME, '`)'))
      THEN 'json' ELSE CONVERT(c.COLUMN_TYPE USING utf8mb4) END AS ty,
    CAST(c.COLUMN_KEY = 'PRI' AS SIGNED) AS is_key
    FROM information_schema.COLUMNS c
    WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION";

const SQLITE: &str = "SELECT name, type AS ty, pk AS is_key FROM pragma_table_xinfo(?)
    WHERE hidden <> 1 ORDER BY cid";

impl Table {
    /// Reads it.
    ///
    /// # Errors
    /// If there is no such table, or it has no primary key.
    pub(super) async fn read<C: ConnectionTrait>(db: &C, table: &str) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let columns = columns(db, table).await?;
        if columns.is_empty() {
            return Err(DbErr::Custom(format!("there is no table `{table}`")));
        }
        if !columns.iter().any(|column| column.is_key) {
            let text = format!("table `{table}` has no primary key, so its rows cannot be told");
            return Err(DbErr::Custom(text));
        }
        let mut found = Self {
            columns,
            uniques: Vec::new(),
            without_rowid: false,
            is_entangled: false,
        };
        if backend == DbBackend::Sqlite {
            found.uniques = uniques(db, table).await?;
            found.without_rowid = is_without_rowid(db, table).await?;
        }
        if backend == DbBackend::Postgres {
            found.is_entangled = is_entangled(db, table).await?;
        }
        Ok(found)
    }
}

/// A table's columns; none if it is not there.
pub(super) async fn columns<C: ConnectionTrait>(db: &C, table: &str) -> Result<Vec<Found>, DbErr> {
    let backend = db.get_database_backend();
    let asked = match backend {
        DbBackend::Postgres => statement(backend, POSTGRES, [table.into()]),
        DbBackend::MySql => statement(backend, MARIADB, [table.into(), table.into()]),
        _ => statement(backend, SQLITE, [table.into()]),
    };
    let rows = db.query_all_raw(asked).await?;
    rows.iter().map(|row| found(row, backend)).collect()
}

const POSTGRES_KEY: &str = "SELECT a.attname::text AS name FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace AND i.indisprimary
    ORDER BY k.place";

const MARIADB_KEY: &str = "SELECT COLUMN_NAME AS name FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CONSTRAINT_NAME = 'PRIMARY'
    ORDER BY ORDINAL_POSITION";

const SQLITE_KEY: &str = "SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk";

/// The names of the columns of a table's primary key in the key's own order, which its index has.
pub(super) async fn key_names<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => POSTGRES_KEY,
        DbBackend::MySql => MARIADB_KEY,
        _ => SQLITE_KEY,
    };
    let rows = db
        .query_all_raw(statement(backend, sql, [table.into()]))
        .await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// The names of a table's columns; none if it is not there.
///
/// # Errors
/// What the database says.
pub(crate) async fn column_names<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let columns = columns(db, table).await?;
    Ok(columns.into_iter().map(|column| column.name).collect())
}

const POSTGRES_COMPUTED: &str = "SELECT a.attname::text AS name
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped AND (a.attgenerated <> '' OR a.attidentity = 'a')
    ORDER BY a.attnum";

const MARIADB_COMPUTED: &str = "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND IS_GENERATED = 'ALWAYS'
    ORDER BY ORDINAL_POSITION";

const SQLITE_COMPUTED: &str = "SELECT name FROM pragma_table_xinfo(?)
    WHERE hidden IN (2, 3) ORDER BY cid";

/// The columns of a table that the database lets nobody write: generated ones, and identities that it
/// always counts itself. What a trigger fills is not among them: no catalogue knows it.
///
/// # Errors
/// What the database says.
pub(crate) async fn computed_columns<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => POSTGRES_COMPUTED,
        DbBackend::MySql => MARIADB_COMPUTED,
        _ => SQLITE_COMPUTED,
    };
    let rows = db
        .query_all_raw(statement(backend, sql, [table.into()]))
        .await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

fn found(row: &QueryResult, backend: DbBackend) -> Result<Found, DbErr> {
    let is_key = match backend {
        DbBackend::Postgres => row.try_get::<i32>("", "is_key")? != 0,
        _ => row.try_get::<i64>("", "is_key")? != 0,
    };
    Ok(Found {
        name: row.try_get("", "name")?,
        ty: row.try_get::<String>("", "ty")?.to_lowercase(),
        is_key,
    })
}

async fn is_without_rowid<C: ConnectionTrait>(db: &C, table: &str) -> Result<bool, DbErr> {
    let sql = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?";
    let row = db
        .query_one_raw(statement(DbBackend::Sqlite, sql, [table.into()]))
        .await?;
    row.map_or(Ok(false), |row| Ok(row.try_get::<i64>("", "wr")? != 0))
}

async fn is_entangled<C: ConnectionTrait>(db: &C, table: &str) -> Result<bool, DbErr> {
    // Of a trigger's type, 1 is "each row" and 2 is "before".
    let sql = "SELECT (c.relkind <> 'r' OR c.relispartition
          OR EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
          OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
            AND t.tgtype & 1 = 1 AND t.tgtype & 2 = 0
            AND t.tgname NOT LIKE 'change\\_capture\\_%'))::int AS is_entangled
        FROM pg_class c
        WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace";
    let row = db
        .query_one_raw(statement(DbBackend::Postgres, sql, [table.into()]))
        .await?;
    row.map_or(Ok(false), |row| {
        Ok(row.try_get::<i32>("", "is_entangled")? != 0)
    })
}

async fn uniques<C: ConnectionTrait>(db: &C, table: &str) -> Result<Vec<Unique>, DbErr> {
    let sql = "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 AND origin <> 'pk'";
    let indexes = db
        .query_all_raw(statement(DbBackend::Sqlite, sql, [table.into()]))
        .await?;
    let mut uniques = Vec::new();
    for index in indexes {
        let index: String = index.try_get("", "name")?;
        let sql =
            "SELECT COALESCE(name, '') AS name, coll FROM pragma_index_xinfo(?) WHERE key = 1";
        let rows = db
            .query_all_raw(statement(DbBackend::Sqlite, sql, [index.as_str().into()]))
            .await?;
        let columns: Vec<(String, String)> = rows
            .iter()
            .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "coll")?)))
            .collect::<Result<_, DbErr>>()?;
        if columns.iter().any(|(column, _)| column.is_empty()) {
            let index = name(&index, DbBackend::Sqlite);
            let text = format!(
                "unique index {index} is on an expression: what a REPLACE removes by it cannot be told"
            );
            return Err(DbErr::Custom(text));
        }
        uniques.push(Unique { columns });
    }
    Ok(uniques)
}
