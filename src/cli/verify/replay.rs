//! Reads the log once, then each table once.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::DatabaseTransaction;
use seachange_changelog::internal::reader::{Extent, ReplayPlace, history};

use super::VerifyError;
use super::doubts;
use super::faults::Tally;
use super::keys::RowHash;
use super::partitions::RowStates;
use super::records::{Record, RecordKind};
use super::table::{RowPages, VerifiedTable};
use crate::cli::progress::Progress;

/// Changes read at a time.
const PAGE: u64 = 1_000;

/// Reads all changes of these tables in order, and returns their number and the names of tables whose changes
/// were skipped.
pub(super) async fn log(
    tx: &DatabaseTransaction,
    tables: &mut [VerifiedTable],
    rows: &mut RowStates,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<(u64, BTreeSet<String>), VerifyError> {
    let names = tables.iter().map(|table| table.name().to_owned());
    let numbers: HashMap<String, usize> = names.zip(0..).collect();
    let others = Mutex::new(BTreeSet::new());
    let is_wanted = |table: &str| {
        let is_wanted = numbers.contains_key(table);
        if !is_wanted {
            let mut others = others.lock();
            if !others.contains(table) {
                others.insert(table.to_owned());
            }
        }
        is_wanted
    };
    let extent = Extent::of(tx).await?;
    progress.begin("log", Some(100));
    let mut count = 0;
    let mut place = Some(ReplayPlace::default());
    while let Some(after) = place {
        let page = history(tx, after, PAGE, &is_wanted).await?;
        for change in &page.changes {
            let index = numbers.get(&*change.entity);
            let Some(table) = index.and_then(|index| tables.get_mut(*index)) else {
                continue;
            };
            table.began.get_or_insert(change.recorded_at);
            let digest = |image| table.compared.digest(image);
            let record = Record {
                key: RowHash::of(table.number, &table.key_text(&change.row_key)),
                table: table.number,
                what: RecordKind::Change {
                    place: after.at(change),
                    before: change.before.as_ref().map(digest),
                    after: change.after.as_ref().map(digest),
                },
            };
            rows.take(record, tally)?;
        }
        doubts::settle_gaps(tx, tables, tally).await?;
        count += page.changes.len() as u64;
        let percent = u64::try_from(extent.percent(after)).unwrap_or_default();
        progress.show(percent, || format!("{count} changes read"));
        place = page.next;
    }
    let others = others.into_inner();
    Ok((count, others))
}

/// Reads all rows of a table, and returns their number.
pub(super) async fn table(
    tx: &DatabaseTransaction,
    table: &VerifiedTable,
    kept_since: Option<DateTime<Utc>>,
    rows: &mut RowStates,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<u64, VerifyError> {
    let since = table.expected_since(kept_since);
    progress.begin_table(table.name());
    let mut count = 0;
    let mut pages = RowPages::new(tx, table);
    while let Some(page) = pages.next().await? {
        for (ordinal, seen) in page.rows() {
            let what = RecordKind::Row {
                ordinal,
                image: table.compared.digest(&seen.image),
                is_expected: table.is_expected(&seen.image, since.as_deref()),
            };
            let (key, table) = (RowHash::of(table.number, seen.key_text()), table.number);
            rows.take(Record { key, table, what }, tally)?;
        }
        doubts::settle_rows(tx, table, &page, tally).await?;
        count = page.end();
        progress.show(count, || format!("{count} rows read"));
    }
    Ok(count)
}
