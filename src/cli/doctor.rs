//! `doctor`: finds what could escape capture or keep the log from being read, each with its cure.
//!
//! It follows no log and begins no epoch, so it also sees what a server would repair at its start.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use sea_orm::{DatabaseConnection, EntityTrait};
use seachange_changelog::internal::image::text_of;
use seachange_changelog::internal::reader::{self, Position, ReadError};
use seachange_changelog::internal::{Expected, epoch, examine};
use seachange_changelog::{Finding, FindingCode, TrackedConnection, consumer, sync_tables};

use crate::app::{App, Settings};
use crate::database;
use crate::feed::{Cursor, FeedError};
use crate::service::registered::Registered;

/// How `doctor` reports.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Print the findings as a JSON array: code, table, message, fix.
    #[arg(long)]
    json: bool,
}

impl App {
    /// Looks for anything that could let a write escape or keep the log from being read: triggers, foreign
    /// keys, the shapes of tables, rights, the epoch, consumers, rows that their entities cannot hold (for
    /// which it reads every registered table). Changes nothing. The list is empty if nothing was found.
    ///
    /// # Errors
    /// If the database cannot be queried.
    pub async fn doctor(&self, db: &TrackedConnection) -> Result<Vec<Finding>, FeedError> {
        let db = db.writer();
        let registered = self.entities.registered();
        let expected = registered.iter().map(Registered::expected);
        let of_sync = sync_tables::shapes().filter(|_| self.entities.are_synced());
        let of_sync = of_sync.map(|(table, columns)| Expected { table, columns });
        let mut findings = examine(db, &expected.chain(of_sync).collect::<Vec<_>>()).await?;
        let is_of_log = |finding: &Finding| {
            use FindingCode::{EpochMissing, LogMissing, LogNewer, LogOutdated};
            matches!(
                finding.code,
                LogMissing | LogNewer | LogOutdated | EpochMissing
            )
        };
        for entity in &registered {
            // A table without the columns that this query needs already has a finding.
            let is_of_table = |finding: &Finding| {
                use FindingCode::{ColumnMissing, TableMissing};
                finding.table == entity.info.table
                    && matches!(finding.code, TableMissing | ColumnMissing)
            };
            if !findings.iter().any(is_of_table) {
                findings.extend(unfit(db, entity).await?);
            }
        }
        if !findings.iter().any(is_of_log) {
            findings.extend(consumers(db).await?);
        }
        Ok(findings)
    }
}

/// The most rows of one table that are named, each with its columns; there may be more.
const UNFIT_ROWS: usize = 100;

/// The rows of a table that have values which its entity cannot hold. It reads the whole table.
async fn unfit(db: &DatabaseConnection, entity: &Registered) -> Result<Vec<Finding>, FeedError> {
    let table = entity.info.table;
    let rows = entity.table.misfits(db, UNFIT_ROWS).await?;
    let findings = rows.iter().flat_map(|row| {
        let key = text_of(&row.key);
        row.columns.iter().map(move |column| {
            let message =
                format!("`{table}` {key}: the entity's field cannot hold what is in `{column}`");
            let cure = "update the column of this row, by the API or by any other program, or give \
                       the field a type that holds the value; until then the row is read by its \
                       values, and code that asks for its model fails";
            Finding::new(FindingCode::ValueUnfit, table, message, cure)
        })
    });
    Ok(findings.collect())
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    args: &DoctorArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let db = database::connect(&settings.database()).await?;
    let findings = app.doctor(&db).await?;
    if args.json {
        println!("{}", serde_json::to_string(&findings)?);
    } else {
        for finding in &findings {
            println!("{finding}");
        }
        match findings.len() {
            0 => println!("sound: nothing found"),
            count => println!("NOT SOUND: {count} findings"),
        }
    }
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}

/// The log to which consumers' checkpoints should belong.
struct Log {
    epoch: String,
    /// `None` if the log has been moved to another server, because it is then not read.
    horizon: Option<Position>,
}

async fn consumers(db: &DatabaseConnection) -> Result<Vec<Finding>, FeedError> {
    let consumers = consumer::consumers(db).await?;
    if consumers.is_empty() {
        return Ok(Vec::new());
    }
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    let epoch = epoch.map_or_else(String::new, |epoch| epoch.epoch);
    let horizon = match reader::open(db.clone(), epoch.clone()).horizon().await {
        Ok(horizon) => Some(horizon),
        Err(ReadError::Database(error)) => return Err(error.into()),
        Err(ReadError::Replaced | ReadError::Expired) => None,
    };
    let log = Log { epoch, horizon };
    let now = Utc::now();
    let findings = consumers.iter().flat_map(|consumer| {
        let findings = [standing(consumer, now), lost(consumer, &log)];
        findings.into_iter().flatten()
    });
    Ok(findings.collect())
}

const CONSUMERS: &str = "change_consumer";

/// Whether no process is running the consumer.
fn standing(consumer: &consumer::Model, now: DateTime<Utc>) -> Option<Finding> {
    let name = &consumer.name;
    if consumer.paused {
        let message = format!("consumer `{name}` is paused");
        let cure = "resume it: changelog::consumer::resume(db, name)";
        return Some(Finding::new(
            FindingCode::ConsumerPaused,
            CONSUMERS,
            message,
            cure,
        ));
    }
    let is_held = consumer.holder.is_some() && consumer.held_until.is_some_and(|until| until > now);
    if is_held {
        return None;
    }
    let message = format!("no process is running consumer `{name}`");
    let cure = "start a server that registers it, or read the log of a running one; delete its row if it \
                is no longer needed";
    Some(Finding::new(
        FindingCode::ConsumerUnheld,
        CONSUMERS,
        message,
        cure,
    ))
}

/// Whether the log cannot be continued from the consumer's checkpoint.
fn lost(consumer: &consumer::Model, log: &Log) -> Option<Finding> {
    let text = consumer.cursor.as_ref()?;
    let name = &consumer.name;
    let cure = "rebuild what it builds, and return from its handler's `restart` the cursor to continue from";
    let finding = |code, message| Some(Finding::new(code, CONSUMERS, message, cure));
    let cursor: Cursor = match text.parse() {
        Ok(cursor) => cursor,
        Err(_) => {
            let message = format!("the checkpoint of consumer `{name}` is not a cursor");
            return finding(FindingCode::ConsumerAstray, message);
        }
    };
    if cursor.epoch.to_string() != log.epoch {
        let message = format!("the checkpoint of consumer `{name}` belongs to another log");
        return finding(FindingCode::ConsumerAstray, message);
    }
    if log.horizon.is_some_and(|horizon| cursor.position < horizon) {
        let message = format!("changes that consumer `{name}` has not handled are no longer kept");
        return finding(FindingCode::ConsumerExpired, message);
    }
    None
}
