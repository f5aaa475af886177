//! A transaction whose beginning was cut off leaves a clean connection: what is written next is stored
//! (invariant 1).
//!
//! The beginning is cut off at each of its waits in turn: the driver may then not know that the database has
//! begun a transaction.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use sea_orm::{
    ConnectionTrait, Database as SeaDatabase, DatabaseConnection, Statement, TransactionTrait,
};
use seachange::DatabaseSettings;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![a_transaction_whose_beginning_is_cut_off];

/// More waits than any beginning has.
const WAITS: usize = 12;

/// How often it is tried until a beginning has waited.
const ROUNDS: usize = 100;

/// A future that is given up at one of its waits.
struct Cut<F> {
    inner: Pin<Box<F>>,
    /// Waits that it goes through before that.
    waits: usize,
}

impl<F: Future> Future for Cut<F> {
    /// `None` if it was given up.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.inner.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits -= 1;
                Poll::Pending
            }
        }
    }
}

/// Cuts a beginning off and writes on the only connection; whether it was cut off.
async fn cut<F, T>(
    begin: F,
    waits: usize,
    writer: &DatabaseConnection,
    other: &DatabaseConnection,
) -> anyhow::Result<bool>
where
    F: Future<Output = T>,
{
    let inner = Box::pin(begin);
    let begun = Cut { inner, waits }.await;
    let was_cut = begun.is_none();
    drop(begun);
    let count = Statement::from_string(
        writer.get_database_backend(),
        "SELECT COUNT(*) AS rows_there FROM beside",
    );
    let before: i64 = match other.query_one_raw(count.clone()).await? {
        Some(row) => row.try_get("", "rows_there")?,
        None => 0,
    };
    writer
        .execute_unprepared("INSERT INTO beside VALUES (1)")
        .await?;
    let after: i64 = match other.query_one_raw(count).await? {
        Some(row) => row.try_get("", "rows_there")?,
        None => 0,
    };
    anyhow::ensure!(after == before + 1, "not stored after {waits} waits");
    Ok(was_cut)
}

async fn a_transaction_whose_beginning_is_cut_off(server: &TestServer) -> Outcome {
    let mut settings = DatabaseSettings::new(&server.settings.database_url);
    settings.connections = 1;
    let db = seachange::connect(&settings).await?;
    let other = SeaDatabase::connect(&server.settings.database_url).await?;
    other
        .execute_unprepared("CREATE TABLE beside (number integer)")
        .await?;
    let mut were_cut = 0;
    // A database in memory may answer before anybody looks whether it has.
    for _ in 0..ROUNDS {
        for waits in 0..WAITS {
            were_cut += usize::from(cut(db.begin(), waits, db.writer(), &other).await?);
            were_cut += usize::from(cut(db.writer().begin(), waits, db.writer(), &other).await?);
        }
        if were_cut > 0 {
            break;
        }
    }
    assert!(were_cut > 0, "no beginning has waited");
    other.execute_unprepared("DROP TABLE beside").await?;
    other.close().await?;
    Ok(())
}
