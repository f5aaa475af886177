//! PostgreSQL: the settings on which the text of a value depends, as the triggers' function has them.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::super::literal;

const PINNED: [(&str, &str); 6] = [
    ("timezone", "UTC"),
    ("bytea_output", "hex"),
    ("intervalstyle", "postgres"),
    ("datestyle", "ISO, MDY"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
];

/// The settings as they were.
pub(crate) struct Settings(Vec<String>);

/// Pins them for this transaction.
pub(crate) async fn pin<C: ConnectionTrait>(tx: &C) -> Result<Settings, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(Settings(Vec::new()));
    }
    let present = PINNED.iter().enumerate();
    let present = present.map(|(n, (setting, _))| format!("current_setting('{setting}') AS s{n}"));
    let row = query(tx, present.collect()).await?;
    let value = |n: usize| {
        let row = row.as_ref().ok_or(DbErr::RecordNotInserted)?;
        row.try_get("", &format!("s{n}"))
    };
    let settings = (0..PINNED.len()).map(value).collect::<Result<_, _>>()?;
    set(tx, PINNED.iter().map(|(_, value)| *value)).await?;
    Ok(Settings(settings))
}

impl Settings {
    /// Gives them back: the transaction may be a migration's, which goes on.
    pub(crate) async fn restore<C: ConnectionTrait>(&self, tx: &C) -> Result<(), DbErr> {
        if self.0.is_empty() {
            return Ok(());
        }
        set(tx, self.0.iter().map(String::as_str)).await
    }
}

async fn set<'v, C: ConnectionTrait>(
    tx: &C,
    values: impl Iterator<Item = &'v str>,
) -> Result<(), DbErr> {
    let settings = PINNED.iter().zip(values);
    let settings = settings.map(|((setting, _), value)| {
        let value = literal(value, DbBackend::Postgres);
        format!("set_config('{setting}', {value}, true)")
    });
    let settings = settings.collect();
    query(tx, settings).await.map(|_| ())
}

async fn query<C: ConnectionTrait>(
    tx: &C,
    columns: Vec<String>,
) -> Result<Option<QueryResult>, DbErr> {
    let sql = format!("SELECT {}", columns.join(", "));
    tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
}
