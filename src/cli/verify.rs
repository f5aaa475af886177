//! `verify`: replays the log against the tables.
//!
//! Reads tables and log in one snapshot, so that writes going on meanwhile are no findings. Of each
//! logged row it keeps a hash of the newest state; rows beyond those that memory is given for are left
//! to further passes, each of which reads log and table again.

mod compared;
mod keys;
mod replay;

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use sea_orm::{EntityTrait, PaginatorTrait};
use seachange_changelog::log;
use serde::Serialize;

use super::app::App;
use super::progress::Progress;
use super::reading;
use super::settings::Settings;
use crate::feed::{Feed, FeedError};
use compared::Compared;
use keys::Part;
use replay::Pass;

/// Findings told one by one; the rest are counted.
const TOLD: usize = 1_000;
/// How much later than the oldest change kept a row must have been written for the log to know it,
/// where retention has been at work: transactions overlap, so what it removed may be younger than
/// what it kept. Longer than any transaction should be open.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// Keys that `verify` keeps in memory unless told otherwise: the most that a table of 2²⁰ places takes,
/// which has 60 MB.
const KEYS_IN_MEMORY: u32 = 900_000;

/// How `verify` works and tells.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Rows of one table whose state is kept in memory, 65 to 130 bytes each; for more rows log and
    /// table are read several times.
    #[arg(long, value_name = "N", default_value_t = KEYS_IN_MEMORY, value_parser = clap::value_parser!(u32).range(1..))]
    keys_in_memory: u32,
    /// What was found as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A row where table and log part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The table.
    pub entity: String,
    /// The row's key as JSON.
    pub key: String,
    /// What is wrong.
    pub fault: String,
}

impl Finding {
    fn new(entity: &str, key: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            entity: entity.to_owned(),
            key: key.into(),
            fault: fault.into(),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Changes replayed.
    pub changes: u64,
    /// Rows compared.
    pub rows: u64,
    /// Rows that no change tells of and that may be older than tracking.
    pub without_baseline: u64,
    /// Values that the log does not have, of redacted and excluded columns, or not in today's shape,
    /// of columns that were added or changed their type.
    pub not_compared: u64,
    /// The first faults.
    pub findings: Vec<Finding>,
    /// All faults.
    pub faults: u64,
}

impl Verdict {
    /// Whether every row is what its changes made of it.
    pub fn is_sound(&self) -> bool {
        self.faults == 0
    }

    fn add(&mut self, entity: &str, key: impl Into<String>, fault: impl Into<String>) {
        self.faults += 1;
        self.tell([Finding::new(entity, key, fault)]);
    }

    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) {
        let room = TOLD.saturating_sub(self.findings.len());
        self.findings.extend(findings.into_iter().take(room));
    }
}

impl App {
    /// Verifies every registered entity's table against the log. Keeps no more than 60 MB of it in memory.
    ///
    /// # Errors
    /// If the database cannot be read or has no log.
    pub async fn verify(&self, feed: &Feed) -> Result<Verdict, FeedError> {
        self.verify_within(feed, KEYS_IN_MEMORY).await
    }

    /// The same with the state of at most `keys` rows in memory at a time, 65 to 130 bytes each: log
    /// and table are read as many times as it takes, twice the number of rows by `keys` at worst.
    ///
    /// # Errors
    /// As [`App::verify`].
    pub async fn verify_within(&self, feed: &Feed, keys: u32) -> Result<Verdict, FeedError> {
        self.verify_telling(feed, keys, &mut Progress::silent())
            .await
    }

    async fn verify_telling(
        &self,
        feed: &Feed,
        keys: u32,
        progress: &mut Progress,
    ) -> Result<Verdict, FeedError> {
        let most = usize::try_from(keys.max(1)).unwrap_or(usize::MAX);
        let snapshot = feed.snapshot().await?;
        let tx = &snapshot.tx;
        let mut verdict = Verdict::default();
        // Ids begin at 1 and are not used again.
        let first = log::Entity::find_by_id(1_i64).count(tx).await?;
        let overlap = if first > 0 {
            TimeDelta::zero()
        } else {
            OVERLAP
        };
        for entity in self.entities.registered() {
            let compared = Compared::of(tx, &entity).await?;
            let mut parts = vec![Part::WHOLE];
            while let Some(part) = parts.pop() {
                let mut pass = Pass::new(tx, &entity, &compared, part);
                pass.replay(most, &mut parts, progress).await?;
                pass.compare(overlap, &mut verdict, progress).await?;
            }
        }
        Ok(verdict)
    }
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    args: &VerifyArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let feed = reading::open(settings).await?;
    let mut progress = Progress::on_terminal();
    let verified = app.verify_telling(&feed, args.keys_in_memory, &mut progress);
    let verdict = verified.await?;
    drop(progress);
    if args.json {
        let sound = verdict.is_sound();
        let told = serde_json::to_string(&Told {
            sound,
            verdict: &verdict,
        })?;
        println!("{told}");
    } else {
        tell(&verdict);
    }
    Ok(ExitCode::from(u8::from(!verdict.is_sound())))
}

/// The verdict as JSON.
#[derive(Serialize)]
struct Told<'a> {
    sound: bool,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

fn tell(verdict: &Verdict) {
    for Finding { entity, key, fault } in &verdict.findings {
        println!("{entity} {key}: {fault}");
    }
    let untold = verdict.faults - verdict.findings.len() as u64;
    if untold > 0 {
        println!("… and {untold} more");
    }
    println!(
        "{}: {} changes replayed, {} rows compared, {} without baseline{}, {} faults",
        if verdict.is_sound() {
            "sound"
        } else {
            "NOT SOUND"
        },
        verdict.changes,
        verdict.rows,
        verdict.without_baseline,
        match verdict.not_compared {
            0 => String::new(),
            others => format!(", {others} values not compared"),
        },
        verdict.faults
    );
}
