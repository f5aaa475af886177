//! The settings on which the text of a value depends, pinned as in triggers. Only PostgreSQL has them.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::database;

/// The original settings.
pub(crate) struct Settings(Vec<String>);

/// Pins the settings for this transaction.
pub(crate) async fn pin<C: ConnectionTrait>(tx: &C) -> Result<Settings, DbErr> {
    let pinned = database::of(tx).facts().value_settings;
    if pinned.is_empty() {
        return Ok(Settings(Vec::new()));
    }
    let present = pinned.iter().enumerate();
    let present = present.map(|(n, (setting, _))| format!("current_setting('{setting}') AS s{n}"));
    let row = query(tx, present.collect()).await?;
    let value = |n: usize| {
        let row = row.as_ref().ok_or(DbErr::RecordNotInserted)?;
        row.try_get("", &format!("s{n}"))
    };
    let settings = (0..pinned.len()).map(value).collect::<Result<_, _>>()?;
    set(tx, pinned.iter().map(|(_, value)| *value)).await?;
    Ok(Settings(settings))
}

impl Settings {
    /// Restores the settings, because the transaction may be a migration's, which continues.
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
    let dialect = database::of(tx);
    let settings = dialect.facts().value_settings.iter().zip(values);
    let settings = settings.map(|((setting, _), value)| {
        let value = dialect.literal(value);
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
    tx.query_one_raw(database::of(tx).own_statement(&sql, Vec::new()))
        .await
}
