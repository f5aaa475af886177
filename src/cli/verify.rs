//! `verify`: replays the log against the tables.
//!
//! It reads the log once and each table once, in one snapshot, so that concurrent writes are not faults. Of
//! each logged row it keeps a hash of the newest state; records of rows beyond the memory limit wait in
//! temporary files.

mod comparable;
mod doubts;
mod faults;
mod files;
mod keys;
mod partitions;
mod records;
mod replay;
mod row_source;
mod table;

use std::collections::BTreeSet;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait};
use seachange_changelog::FindingCode;
use seachange_changelog::internal::{
    TableRows, epoch, examine_entity, tracked_here, untracked_tables,
};
use serde::Serialize;

use super::open_feed::open_feed;
use super::progress::Progress;
use crate::app::{App, Settings};
use crate::feed::{Feed, FeedError};
use crate::service::registered::Registered;
use faults::Tally;
use partitions::{Partition, RowStates};
use row_source::RowSource;
use table::VerifiedTable;

/// The number of faults that are listed; the rest are only counted.
const LISTED: usize = 1_000;
/// How much later than the end of what retention has removed a row must have been written for the log to know
/// it. The clocks of servers differ, and the time of a batch can differ from that of a row by the duration of
/// its transaction. The margin is longer than any transaction should be open.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// Records that are read from disk before the doubts found in them are settled.
const BATCH: u64 = 10_000;
/// Rows in doubt that are collected before their images are read: 6 MB.
const DOUBTS: usize = 100_000;
/// Keys that `verify` keeps in memory by default: the most that a table of 2²⁰ places takes, which has 60 MB.
const KEYS_IN_MEMORY: u32 = 900_000;

/// How much memory `verify` may use, and how it reports.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Rows whose state is kept in memory, 65 to 130 bytes each. For more rows temporary files are
    /// written, in the directory that TMPDIR names: 45 bytes for each change and each row.
    #[arg(long, value_name = "N", default_value_t = KEYS_IN_MEMORY, value_parser = clap::value_parser!(u32).range(1..))]
    keys_in_memory: u32,
    /// Print the findings as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A row where table and log differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// The table.
    pub entity: String,
    /// The row's key as JSON.
    pub key: String,
    /// What is wrong.
    pub fault: String,
}

impl Fault {
    fn new(entity: &str, key: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            entity: entity.to_owned(),
            key: key.into(),
            fault: fault.into(),
        }
    }
}

/// A table whose changes are in the log, but which was not examined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unverified {
    /// The table.
    pub entity: String,
    /// The reason why it was not examined.
    pub why: String,
}

impl Unverified {
    fn new(entity: String, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { entity, why }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Changes replayed.
    pub changes: u64,
    /// Rows compared.
    pub rows: u64,
    /// Rows that have no change and may be older than tracking.
    pub without_baseline: u64,
    /// Values that the log does not have (of redacted and excluded columns) or does not have in today's shape
    /// (of columns that were added or changed their type).
    pub not_compared: u64,
    /// The first faults; `findings` in JSON.
    #[serde(rename = "findings")]
    pub listed: Vec<Fault>,
    /// The number of all faults.
    pub faults: u64,
    /// The tables that were not examined.
    pub unverified: Vec<Unverified>,
}

/// The reason why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The log cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Data that does not fit in memory could not be written to disk or read back.
    #[error(
        "a temporary file in {} cannot be written or read: {_0}; \
         TMPDIR names another directory, a larger --keys-in-memory needs less",
        std::env::temp_dir().display()
    )]
    Disk(#[from] std::io::Error),
    /// A second read of a table did not find the rows of the first.
    #[error("rows have moved within a snapshot")]
    Moved,
}

impl From<DbErr> for VerifyError {
    fn from(error: DbErr) -> Self {
        Self::Feed(error.into())
    }
}

/// Why an entity cannot read its table, going by the catalogue: after a failed statement PostgreSQL would answer
/// nothing more in the snapshot.
async fn unreadable(
    tx: &DatabaseTransaction,
    entity: &Registered,
) -> Result<Option<String>, DbErr> {
    let findings = examine_entity(tx, &entity.expected()).await?;
    let mut missing = findings.into_iter().filter(|finding| {
        use FindingCode::{ColumnMissing, TableMissing};
        matches!(finding.code, TableMissing | ColumnMissing)
    });
    Ok(missing.next().map(|finding| finding.message))
}

impl Verdict {
    /// Whether every table with changes in the log was examined, and every row is what its changes made of
    /// it.
    pub fn is_sound(&self) -> bool {
        self.faults == 0 && self.unverified.is_empty()
    }
}

impl App {
    /// Verifies every tracked table against the log, whether its entity is registered or not. It keeps at
    /// most 60 MB of state in memory; see [`App::verify_within`] for what it writes to disk.
    ///
    /// # Errors
    /// If the database cannot be read or has no log, or if the disk is full.
    pub async fn verify(&self, feed: &Feed) -> Result<Verdict, VerifyError> {
        self.verify_within(feed, KEYS_IN_MEMORY).await
    }

    /// The same with the state of at most `keys` rows in memory, 65 to 130 bytes each. Records of further
    /// rows wait in temporary files, which are gone when it ends: 45 bytes for each change and each row, in
    /// the directory that `TMPDIR` names.
    ///
    /// # Errors
    /// The same as for [`App::verify`].
    pub async fn verify_within(&self, feed: &Feed, keys: u32) -> Result<Verdict, VerifyError> {
        self.verify_showing(feed, keys, &Progress::silent()).await
    }

    async fn verify_showing(
        &self,
        feed: &Feed,
        keys: u32,
        progress: &Progress,
    ) -> Result<Verdict, VerifyError> {
        let most = usize::try_from(keys).unwrap_or(usize::MAX);
        let snapshot = feed.snapshot().await?;
        let tx = &snapshot.tx;
        let kept_since = kept_since(tx).await?;
        let mut verdict = Verdict::default();
        let mut tables = self.tables(tx, &mut verdict.unverified).await?;
        let mut tally = Tally::default();
        let mut rows = RowStates::new(most);
        let (changes, others) =
            replay::log(tx, &mut tables, &mut rows, &mut tally, progress).await?;
        verdict.changes = changes;
        let ended = untracked_tables(tx).await?;
        for entity in others.into_iter().filter(|entity| !ended.contains(entity)) {
            if !verdict
                .unverified
                .iter()
                .any(|known| known.entity == entity)
            {
                let why = "its changes are in the log; it is not in the database, or this program does not \
                           know it and no triggers record it";
                verdict.unverified.push(Unverified::new(entity, why));
            }
        }
        for table in &tables {
            verdict.rows +=
                replay::table(tx, table, kept_since, &mut rows, &mut tally, progress).await?;
        }
        let parts = rows.finish(&mut tally);
        settle(tx, &tables, parts, most, &mut tally, progress).await?;
        for table in &tables {
            let known = tally.known.get(&table.number).copied();
            verdict.not_compared += table.compared.others * known.unwrap_or_default();
        }
        verdict.not_compared += tally.not_logged;
        verdict.without_baseline = tally.without_baseline;
        verdict.faults = tally.faults;
        verdict.listed = tally.into_listed();
        Ok(verdict)
    }

    /// Every table that is registered or tracked, except those that cannot be read.
    async fn tables(
        &self,
        tx: &DatabaseTransaction,
        unverified: &mut Vec<Unverified>,
    ) -> Result<Vec<VerifiedTable>, DbErr> {
        let mut tables = Vec::new();
        let mut seen = BTreeSet::new();
        for entity in self.entities.registered() {
            seen.insert(entity.info.table.to_owned());
            match unreadable(tx, &entity).await? {
                None => tables
                    .push(VerifiedTable::of(tx, tables.len(), RowSource::Entity(entity)).await?),
                Some(why) => unverified.push(Unverified::new(entity.info.table.to_owned(), why)),
            }
        }
        for name in tracked_here(tx).await? {
            if seen.contains(&name) {
                continue;
            }
            match TableRows::of(tx, &name).await? {
                Ok(rows) => {
                    let read = RowSource::Rows(name, Box::new(rows));
                    tables.push(VerifiedTable::of(tx, tables.len(), read).await?);
                }
                Err(why) => unverified.push(Unverified::new(name, why)),
            }
        }
        Ok(tables)
    }
}

/// The time since which nothing of the log is removed; `None` if nothing ever was.
async fn kept_since(tx: &DatabaseTransaction) -> Result<Option<DateTime<Utc>>, DbErr> {
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(tx).await?;
    let Some(pruned) = epoch.and_then(|epoch| epoch.pruned_before) else {
        return Ok(None);
    };
    let pruned = DateTime::parse_from_rfc3339(&pruned)
        .map_err(|error| DbErr::Type(format!("change_epoch: {error}")))?;
    Ok(Some(pruned.to_utc() + OVERLAP))
}

/// Folds the parts that wait on disk, and settles what is left open.
async fn settle(
    tx: &DatabaseTransaction,
    tables: &[VerifiedTable],
    mut parts: Vec<Partition>,
    most: usize,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<(), VerifyError> {
    let whole: u64 = parts.iter().map(Partition::len).sum();
    if whole > 0 {
        progress.begin("records on disk", Some(whole));
    }
    while let Some(part) = parts.pop() {
        let left: u64 = parts.iter().map(Partition::len).sum();
        let mut waits = part.len();
        let (mut rows, mut records) = part.open(most)?;
        while let Some(record) = records.next()? {
            rows.take(record, tally)?;
            waits -= 1;
            if waits % BATCH == 0 {
                doubts::settle_gaps(tx, tables, tally).await?;
                if tally.doubts.len() >= DOUBTS {
                    doubts::settle_left(tx, tables, tally).await?;
                }
                let left = left + waits;
                progress.show(whole.saturating_sub(left), || format!("{left} left"));
                tokio::task::yield_now().await;
            }
        }
        parts.extend(rows.finish(tally));
    }
    doubts::settle_left(tx, tables, tally).await?;
    Ok(doubts::describe_changes(tx, tables, tally).await?)
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    args: &VerifyArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let feed = open_feed(settings).await?;
    let mut progress = Progress::on_terminal();
    let tables = app.entities.registered();
    let tables: Vec<String> = tables.iter().map(|of| of.info.table.to_owned()).collect();
    progress.count_rows(&feed.database(), &tables).await;
    let verified = app.verify_showing(&feed, args.keys_in_memory, &progress);
    let verdict = verified.await?;
    drop(progress);
    if args.json {
        let sound = verdict.is_sound();
        let json = serde_json::to_string(&Report {
            sound,
            verdict: &verdict,
        })?;
        println!("{json}");
    } else {
        print(&verdict);
    }
    Ok(ExitCode::from(u8::from(!verdict.is_sound())))
}

/// The verdict as JSON.
#[derive(Serialize)]
struct Report<'a> {
    sound: bool,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

fn print(verdict: &Verdict) {
    for Fault { entity, key, fault } in &verdict.listed {
        println!("{entity} {key}: {fault}");
    }
    let unlisted = verdict.faults - verdict.listed.len() as u64;
    if unlisted > 0 {
        println!("… and {unlisted} more");
    }
    for Unverified { entity, why } in &verdict.unverified {
        println!("{entity}: not verified: {why}");
    }
    println!(
        "{}: {} changes replayed, {} rows compared, {} without baseline{}, {} faults{}",
        match verdict.faults {
            0 if verdict.is_sound() => "sound",
            0 => "NOT COMPLETE",
            _ => "NOT SOUND",
        },
        verdict.changes,
        verdict.rows,
        verdict.without_baseline,
        match verdict.not_compared {
            0 => String::new(),
            others => format!(", {others} values not compared"),
        },
        verdict.faults,
        match verdict.unverified.len() {
            0 => String::new(),
            tables => format!(", {tables} tables not verified"),
        },
    );
}
