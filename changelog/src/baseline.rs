//! Baseline: rows from before tracking, recorded as they are.
//!
//! A row without a change gets one: an insert with source `baseline`. It is the row's first change and shows
//! the row as of its place in the log, whatever is written meanwhile: a row is locked first, and then a
//! second statement looks for changes of it in the log. A transaction that held the lock before has committed
//! both row and change by then, and a later one waits.
//!
//! The table is processed in key order, in steps of one transaction each. The progress is not stored
//! anywhere: rows with a change in the log are done.

mod recorded_rows;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, TransactionTrait};

use crate::context::Context;
use crate::database::{self, Begin};
use crate::image::Image;
use crate::log::{Operation, Source};
use crate::reader::sequence;
use crate::tracked::log_insert::{Origin, RowChange, insertions, most_bytes};
use crate::triggers::{CurrentRows, FoundKey, KeyPlace, Wait, require_log};

/// Rows in one transaction, whose locks are held for some tens of milliseconds.
const ROWS: u64 = 200;

/// Records the present state of every row of a tracked table that has no change; returns the number of such
/// rows. For a migration, or an operator:
///
/// ```no_run
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// let recorded = seachange_changelog::baseline(db, "task").await?;
/// println!("{recorded} rows are now in the log");
/// # Ok(())
/// # }
/// ```
///
/// The table may be written meanwhile: no more than 200 rows are locked at a time, and while they are, no
/// other writer is waited for. If it is interrupted, a second call does the rest. Inside a transaction, as in
/// migrations on PostgreSQL, all of it belongs to that transaction, which then holds the locks to its end; on
/// MariaDB it runs outside of transactions only.
///
/// Rows whose changes retention has removed are recorded again, because the log then has no change of them.
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`](crate::SetupRefusal::NoChangeLog);
/// [`SetupRefusal::NoTable`](crate::SetupRefusal::NoTable);
/// [`SetupRefusal::NotTracked`](crate::SetupRefusal::NotTracked), also if hooks track the table and the
/// program has not linked its entity; on MariaDB [`ValueRefusal::NoImage`](crate::ValueRefusal::NoImage) and
/// [`ValueRefusal::TooLarge`](crate::ValueRefusal::TooLarge), which name a row that does not fit into
/// `max_allowed_packet` (rows before its step are recorded); or an error of the database.
pub async fn baseline<C>(db: &C, table: &str) -> Result<u64, DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    let mut recorded = 0;
    let mut baseline = Baseline::of(table);
    while let Some(step) = baseline.step(db).await? {
        recorded += step.recorded;
    }
    Ok(recorded)
}

/// [`baseline`] step by step, for callers that show progress.
#[derive(Clone, Debug)]
pub struct Baseline {
    table: String,
    after: Option<KeyPlace>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BaselineStep {
    /// Rows examined, at most 200.
    pub rows: u64,
    /// The number of these rows that were recorded.
    pub recorded: u64,
}

impl Baseline {
    /// Starts at the first row of a table.
    pub fn of(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            after: None,
        }
    }

    /// Processes up to 200 more rows; `None` at the end of the table. If the future is dropped, whatever is
    /// not yet committed is rolled back.
    ///
    /// # Errors
    /// The same as for [`baseline`]; the next step then begins with the same rows.
    pub async fn step<C>(&mut self, db: &C) -> Result<Option<BaselineStep>, DbErr>
    where
        C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
    {
        require_log(db).await?;
        // Otherwise the rows written here would fill the inbox, which each step scans.
        sequence(db).await?;
        let tx = begin(db).await?;
        let table = CurrentRows::open(&tx, &self.table).await?;
        let found = table.keys(&tx, self.after.as_ref(), ROWS).await?;
        let new = without_change(&tx, &table, &found).await?;
        let mut recorded = record(&tx, &table, &new, Wait::No).await?;
        table.close(&tx).await?;
        tx.commit().await?;
        // These rows are being written by others, so each is waited for singly, with no other row locked.
        let late: Vec<&FoundKey> = new
            .into_iter()
            .filter(|row| !recorded.contains(&row.key))
            .collect();
        for row in late {
            let tx = begin(db).await?;
            let table = CurrentRows::open(&tx, &self.table).await?;
            recorded.extend(record(&tx, &table, &[row], Wait::Yes).await?);
            table.close(&tx).await?;
            tx.commit().await?;
        }
        let Some(last) = found.last() else {
            return Ok(None);
        };
        self.after = Some(last.place.clone());
        Ok(Some(BaselineStep {
            rows: found.len() as u64,
            recorded: recorded.len() as u64,
        }))
    }
}

/// A transaction in which each statement sees what was committed before it.
async fn begin<C>(db: &C) -> Result<DatabaseTransaction, DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    let options = database::of(db).begin(Begin::WriteSeeingCommits);
    db.begin_with_options(options).await
}

/// The rows that have no change in the log.
async fn without_change<'f>(
    tx: &DatabaseTransaction,
    table: &CurrentRows,
    found: &'f [FoundKey],
) -> Result<Vec<&'f FoundKey>, DbErr> {
    let keys = found.iter().map(|row| &row.key);
    let known = recorded_rows::are_recorded(tx, table, keys).await?;
    let is_new = found.iter().zip(known);
    Ok(is_new
        .filter_map(|(row, known)| (!known).then_some(row))
        .collect())
}

/// Locks these rows, looks again, and records those without a change; returns their keys.
async fn record(
    tx: &DatabaseTransaction,
    table: &CurrentRows,
    rows: &[&FoundKey],
    wait: Wait,
) -> Result<Vec<Image>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let locked = table.lock(tx, rows, wait).await?;
    let known = recorded_rows::are_recorded(tx, table, locked.iter().map(|(key, _)| key)).await?;
    let new = locked.into_iter().zip(known);
    let new: Vec<(Image, Image)> = new
        .filter_map(|(row, known)| (!known).then_some(row))
        .collect();
    let keys = new.iter().map(|(key, _)| key.clone()).collect();
    let change = |(key, image)| RowChange {
        key,
        before: None,
        after: Some(image),
    };
    let changes: Vec<RowChange> = new.into_iter().map(change).collect();
    let origin = Origin {
        context: &Context::default(),
        transaction_id: &uuid::Uuid::now_v7().to_string(),
        source: Source::Baseline,
        hidden: table.hidden,
        most: most_bytes(tx, &changes).await?,
    };
    let (entity, version) = (&table.entity, Some(table.version));
    let dialect = database::of(tx);
    for insertion in insertions(origin, entity, Operation::Insert, changes, version, dialect) {
        tx.execute_raw(insertion?).await?;
    }
    Ok(keys)
}
