//! `verify`: replays the log against the tables.
//!
//! Reads tables and log in one snapshot, so that writes going on meanwhile are no findings. Keeps
//! the newest state of each logged row as a hash: about 150 bytes a row.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait};
use seachange_changelog::reader::{Place, change_at, history, lasting_columns};
use seachange_changelog::{Image, image, is_redacted, log};
use serde_json::Value as Json;

use super::app::App;
use super::reading;
use super::settings::Settings;
use crate::feed::{Feed, FeedError};
use crate::graphql::Registered;
use crate::graphql::table::{Row, Rows};

/// Rows read at a time.
const PAGE: u64 = 1_000;
/// Findings told one by one; the rest are counted.
const TOLD: usize = 1_000;
/// How much later than the oldest change kept a row must have been written for the log to know it,
/// where retention has been at work: transactions overlap, so what it removed may be younger than
/// what it kept. Longer than any transaction should be open.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// A row where table and log part.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The table.
    pub entity: String,
    /// The row's key as JSON.
    pub key: String,
    /// What is wrong.
    pub fault: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq)]
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
        if self.findings.len() < TOLD {
            self.findings.push(Finding {
                entity: entity.to_owned(),
                key: key.into(),
                fault: fault.into(),
            });
        }
    }
}

/// What the log says of a table.
#[derive(Default)]
struct Logged {
    /// By key.
    latest: HashMap<String, Latest>,
    /// From when on every write must be there.
    began: Option<DateTime<Utc>>,
}

impl Logged {
    /// Whether a row that no change tells of was written after tracking began, going by the times
    /// that the server manages.
    fn should_know(&self, entity: &Registered, image: &Image) -> bool {
        let Some(began) = self.began else {
            return false;
        };
        // Times of one form compare as texts do.
        let began = began.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut managed = entity
            .info
            .columns
            .iter()
            .filter(|column| column.is_managed);
        managed.any(|column| image.get(column.name).and_then(Json::as_str) > Some(&*began))
    }
}

/// The newest logged state of a row.
struct Latest {
    change: Place,
    /// Hash of the image; `None` after a delete.
    image: Option<u64>,
}

impl App {
    /// Verifies every registered entity's table against the log.
    ///
    /// # Errors
    /// If the database cannot be read or has no log.
    pub async fn verify(&self, feed: &Feed) -> Result<Verdict, FeedError> {
        let snapshot = feed.snapshot().await?;
        let mut verdict = Verdict::default();
        // Ids begin at 1 and are not used again.
        let first = log::Entity::find_by_id(1_i64).count(&snapshot.tx).await?;
        let overlap = if first > 0 {
            TimeDelta::zero()
        } else {
            OVERLAP
        };
        for entity in self.entities.registered() {
            let tx = &snapshot.tx;
            let compared = Compared::of(tx, &entity).await?;
            let mut logged = replay(tx, &entity, &compared, &mut verdict).await?;
            logged.began = logged.began.map(|began| began + overlap);
            compare(tx, &entity, logged, &compared, &mut verdict).await?;
        }
        Ok(verdict)
    }
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let feed = reading::open(settings).await?;
    let verdict = app.verify(&feed).await?;
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
    Ok(ExitCode::from(u8::from(!verdict.is_sound())))
}

/// Which columns of an entity can be compared with the log.
struct Compared {
    columns: BTreeSet<&'static str>,
    /// How many cannot.
    others: u64,
}

impl Compared {
    /// Those that the log has values of and that mean the same in every change of the table.
    async fn of(tx: &DatabaseTransaction, entity: &Registered) -> Result<Self, DbErr> {
        let lasting = lasting_columns(tx, entity.info.table).await?;
        let all = &entity.info.columns;
        let shown = all.iter().filter(|column| !column.is_hidden);
        let lasts = |name: &&str| lasting.as_ref().is_none_or(|names| names.contains(*name));
        let columns: BTreeSet<_> = shown.map(|column| column.name).filter(lasts).collect();
        let others = (all.len() - columns.len()) as u64;
        Ok(Self { columns, others })
    }

    /// Of what can be compared.
    fn hash(&self, image: &Json) -> u64 {
        // Keys of a JSON object are sorted, so equal images have equal text.
        let mut hasher = DefaultHasher::new();
        match image.as_object() {
            Some(fields) => {
                let fields = fields
                    .iter()
                    .filter(|(name, _)| self.columns.contains(name.as_str()));
                fields.for_each(|(name, value)| (name, value.to_string()).hash(&mut hasher));
            }
            None => image.to_string().hash(&mut hasher),
        }
        hasher.finish()
    }

    /// The columns in which two images part, but for those that were hidden in one of them.
    fn parting(&self, one: Option<&Json>, other: Option<&Json>) -> Option<Vec<String>> {
        let (one, other) = (one?.as_object()?, other?.as_object()?);
        let mut names = image::differing(one, other);
        let was_hidden = |image: &Image, name: &str| image.get(name).is_some_and(is_redacted);
        names.retain(|name| {
            self.columns.contains(name.as_str())
                && !was_hidden(one, name)
                && !was_hidden(other, name)
        });
        Some(names)
    }
}

/// Reads the entity's changes in order; each must begin where the one before ended.
async fn replay(
    tx: &DatabaseTransaction,
    entity: &Registered,
    compared: &Compared,
    verdict: &mut Verdict,
) -> Result<Logged, DbErr> {
    let table = entity.info.table;
    let mut logged = Logged::default();
    let mut place = Some(Place::default());
    while let Some(after) = place {
        let (page, next) = history(tx, table, after, PAGE).await?;
        place = next;
        for change in &page {
            verdict.changes += 1;
            logged.began.get_or_insert(change.recorded_at);
            let key = change.row_key.to_string();
            let of = |image: &Option<Json>| image.as_ref().map(|image| compared.hash(image));
            if let Some(latest) = logged.latest.get(&key)
                && latest.image != of(&change.before)
                && !is_hiding(tx, latest, change.before.as_ref(), compared).await?
            {
                let fault = format!(
                    "change {} does not begin where change {} ended",
                    change.id, latest.change
                );
                verdict.add(table, &*key, fault);
            }
            let state = Latest {
                change: after.at(change),
                image: of(&change.after),
            };
            logged.latest.insert(key, state);
        }
    }
    Ok(logged)
}

/// Whether a change's image before differs from the one that was left only in values that one of them
/// hides: the entity has begun or ceased to redact a column.
async fn is_hiding(
    tx: &DatabaseTransaction,
    latest: &Latest,
    before: Option<&Json>,
    compared: &Compared,
) -> Result<bool, DbErr> {
    let left = change_at(tx, latest.change).await?;
    let left = left.and_then(|change| change.after);
    let parting = compared.parting(left.as_ref(), before);
    Ok(parting.is_some_and(|names| names.is_empty()))
}

async fn compare(
    tx: &DatabaseTransaction,
    entity: &Registered,
    mut logged: Logged,
    compared: &Compared,
    verdict: &mut Verdict,
) -> Result<(), DbErr> {
    let table = entity.info.table;
    let mut after = None;
    loop {
        let page = entity.table.read(tx, None, after.as_deref(), PAGE).await?;
        let Rows { rows, next } = page;
        for row in rows {
            verdict.rows += 1;
            match row {
                Row::Image { key, image } => {
                    let key = Json::Object(key).to_string();
                    match logged.latest.remove(&key) {
                        Some(latest) => {
                            verdict.not_compared += compared.others;
                            let row = Json::Object(image);
                            if let Some(fault) = fault_of(tx, &row, &latest, compared).await? {
                                verdict.add(table, key, fault);
                            }
                        }
                        None if logged.should_know(entity, &image) => {
                            let fault =
                                "in the table, written after tracking began, not in the log";
                            verdict.add(table, key, fault);
                        }
                        None => verdict.without_baseline += 1,
                    }
                }
                Row::Unreadable(fault) => verdict.add(table, "unknown key", fault),
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    let mut gone: Vec<(String, Latest)> = logged.latest.into_iter().collect();
    gone.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (key, logged) in gone {
        if logged.image.is_some() {
            let fault = format!("in the log (change {}), not in the table", logged.change);
            verdict.add(table, key, fault);
        }
    }
    Ok(())
}

/// What is wrong with a row that the log knows.
async fn fault_of(
    tx: &DatabaseTransaction,
    row: &Json,
    logged: &Latest,
    compared: &Compared,
) -> Result<Option<String>, DbErr> {
    let place = logged.change;
    let Some(image) = logged.image else {
        let fault = format!("in the table, deleted in the log (change {place})");
        return Ok(Some(fault));
    };
    if image == compared.hash(row) {
        return Ok(None);
    }
    let change = change_at(tx, place).await?;
    let after = change.and_then(|change| change.after);
    let names = compared.parting(after.as_ref(), Some(row));
    Ok(match names {
        Some(names) if names.is_empty() => None,
        names => {
            let names = names.unwrap_or_default().join(", ");
            Some(format!("differs from change {place} in {names}"))
        }
    })
}
