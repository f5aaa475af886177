//! What each database promises (`changelog/src/database`), capability by capability, on every database.

mod catalogue;
mod log;
mod transactions;
mod triggers;
mod values;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use seachange::changelog::internal::{self, Dialect};
use seachange_testkit::{Case, TestServer};

use crate::triggers::other;

/// All of them.
pub fn cases() -> Vec<Case> {
    let parts = [
        catalogue::cases(),
        log::cases(),
        transactions::cases(),
        triggers::cases(),
        values::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// Another program's connection to the database, and its dialect.
async fn open(server: &TestServer) -> anyhow::Result<(DatabaseConnection, &'static dyn Dialect)> {
    let db = other(server).await?;
    let dialect = internal::of(&db);
    assert_eq!(dialect.backend(), db.get_database_backend());
    Ok((db, dialect))
}

/// Runs these texts, one after the other.
async fn run<C: ConnectionTrait>(db: &C, texts: &[&str]) -> anyhow::Result<()> {
    for sql in texts {
        db.execute_unprepared(sql).await?;
    }
    Ok(())
}

/// The texts in the first column of an answer.
async fn texts<C: ConnectionTrait>(db: &C, sql: &str) -> anyhow::Result<Vec<String>> {
    let ask = internal::of(db).statement(sql, Vec::new());
    let rows = db.query_all_raw(ask).await?;
    let texts = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(texts.collect::<Result<_, _>>()?)
}
