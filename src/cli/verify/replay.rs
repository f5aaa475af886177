//! One pass through a table's log and the table, for the rows of one part.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::Image;
use seachange_changelog::reader::{Place, change_at, history};
use serde_json::Value as Json;

use super::compared::Compared;
use super::keys::{Key, Part};
use super::{Finding, TOLD, Verdict};
use crate::cli::progress::Progress;
use crate::graphql::Registered;
use crate::graphql::table::{Row, Rows};

/// Rows read at a time.
const PAGE: u64 = 1_000;

/// The newest logged state of a row.
struct Latest {
    change: Place,
    /// Hash of the image; `None` after a delete.
    image: Option<u64>,
    /// So far: both go with the key when it is left to another pass.
    changes: u32,
    faults: u32,
}

/// A pass.
pub(super) struct Pass<'a> {
    pub(super) tx: &'a DatabaseTransaction,
    pub(super) entity: &'a Registered,
    pub(super) compared: &'a Compared,
    /// The rows it looks at.
    part: Part,
    latest: HashMap<Key, Latest>,
    /// The first faults of the log itself.
    told: Vec<(Key, Finding)>,
    /// From when on every write must be there.
    began: Option<DateTime<Utc>>,
    /// Changes and rows read, those of other parts included.
    read: u64,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        tx: &'a DatabaseTransaction,
        entity: &'a Registered,
        compared: &'a Compared,
        part: Part,
    ) -> Self {
        Self {
            tx,
            entity,
            compared,
            part,
            latest: HashMap::new(),
            told: Vec::new(),
            began: None,
            read: 0,
        }
    }

    fn table(&self) -> &'static str {
        self.entity.info.table
    }

    fn tell(&mut self, progress: &mut Progress, what: &str, count: usize) {
        self.read += count as u64;
        let (table, read) = (self.table(), self.read);
        progress.tell(|| format!("{table}: {read} {what} read"));
    }

    /// Reads the entity's changes in order; each must begin where the one before ended. Keys beyond
    /// `most` are left out, in parts that go to `rest`.
    pub(super) async fn replay(
        &mut self,
        most: usize,
        rest: &mut Vec<Part>,
        progress: &mut Progress,
    ) -> Result<(), DbErr> {
        let mut place = Some(Place::default());
        while let Some(after) = place {
            let part = self.part;
            let is_wanted = |key: &str| part.has(Key::of(key));
            let page = history(self.tx, self.table(), after, PAGE, &is_wanted).await?;
            place = page.next;
            self.began = self.began.or(page.first);
            for (text, change) in &page.changes {
                let key = Key::of(text);
                // The part may have become smaller since.
                if !self.part.has(key) {
                    continue;
                }
                let of = |image: &Option<Json>| image.as_ref().map(|i| self.compared.hash(i));
                let (before, image) = (of(&change.before), of(&change.after));
                let known = self.latest.get(&key);
                let (changes, mut faults) = known.map_or((0, 0), |l| (l.changes, l.faults));
                if let Some(latest) = known
                    && latest.image != before
                    && !self.is_hiding(latest, change.before.as_ref()).await?
                {
                    faults += 1;
                    if self.told.len() < TOLD {
                        let fault = format!(
                            "change {} does not begin where change {} ended",
                            change.id, latest.change
                        );
                        let finding = Finding::new(self.table(), text.as_str(), fault);
                        self.told.push((key, finding));
                    }
                }
                let latest = Latest {
                    change: after.at(change),
                    image,
                    changes: changes.saturating_add(1),
                    faults,
                };
                self.latest.insert(key, latest);
                self.bound(most, rest);
            }
            self.tell(progress, "changes", page.read);
        }
        self.read = 0;
        Ok(())
    }

    /// Leaves keys to other passes until there are no more than `most`.
    fn bound(&mut self, most: usize, rest: &mut Vec<Part>) {
        while self.latest.len() > most {
            let Some(other) = self.part.split() else {
                return;
            };
            rest.push(other);
            let part = self.part;
            self.latest.retain(|key, _| part.has(*key));
            self.told.retain(|(key, _)| part.has(*key));
        }
    }

    /// Whether a change's image before differs from the one that was left only in values that one of
    /// them hides: the entity has begun or ceased to redact a column.
    async fn is_hiding(&self, latest: &Latest, before: Option<&Json>) -> Result<bool, DbErr> {
        let left = change_at(self.tx, latest.change).await?;
        let left = left.and_then(|change| change.after);
        let parting = self.compared.parting(left.as_ref(), before);
        Ok(parting.is_some_and(|names| names.is_empty()))
    }

    /// Compares what the log has left with the table. `overlap` is how much later than the oldest
    /// change a row must have been written for the log to know it.
    pub(super) async fn compare(
        mut self,
        overlap: TimeDelta,
        verdict: &mut Verdict,
        progress: &mut Progress,
    ) -> Result<(), DbErr> {
        self.began = self.began.map(|began| began + overlap);
        for latest in self.latest.values() {
            verdict.changes += u64::from(latest.changes);
            verdict.faults += u64::from(latest.faults);
        }
        let told = std::mem::take(&mut self.told);
        verdict.tell(told.into_iter().map(|(_, finding)| finding));
        let mut after = None;
        loop {
            let page = self
                .entity
                .table
                .read(self.tx, None, after.as_deref(), PAGE);
            let Rows { rows, next } = page.await?;
            let count = rows.len();
            for row in rows {
                match row {
                    Row::Image { key, image } => self.compare_row(key, image, verdict).await?,
                    // Without a key it is of no part.
                    Row::Unreadable(_) if !self.part.is_first() => {}
                    Row::Unreadable(fault) => {
                        verdict.rows += 1;
                        verdict.add(self.table(), "unknown key", fault);
                    }
                }
            }
            self.tell(progress, "rows", count);
            after = next;
            if after.is_none() {
                break;
            }
        }
        self.gone(verdict).await
    }

    async fn compare_row(
        &mut self,
        key: Image,
        image: Image,
        verdict: &mut Verdict,
    ) -> Result<(), DbErr> {
        let text = Json::Object(key).to_string();
        let key = Key::of(&text);
        if !self.part.has(key) {
            return Ok(());
        }
        verdict.rows += 1;
        match self.latest.remove(&key) {
            Some(latest) => {
                verdict.not_compared += self.compared.others;
                let row = Json::Object(image);
                if let Some(fault) = self.fault_of(&row, &latest).await? {
                    verdict.add(self.table(), text, fault);
                }
            }
            None if self.should_know(&image) => {
                let fault = "in the table, written after tracking began, not in the log";
                verdict.add(self.table(), text, fault);
            }
            None => verdict.without_baseline += 1,
        }
        Ok(())
    }

    /// Rows that the log knows and the table has not.
    async fn gone(self, verdict: &mut Verdict) -> Result<(), DbErr> {
        let gone = self.latest.values().filter(|latest| latest.image.is_some());
        let mut gone: Vec<Place> = gone.map(|latest| latest.change).collect();
        gone.sort_unstable();
        for place in gone {
            let fault = format!("in the log (change {place}), not in the table");
            if verdict.findings.len() >= TOLD {
                verdict.faults += 1;
                continue;
            }
            let change = change_at(self.tx, place).await?;
            let key = change.map_or_else(String::new, |change| change.row_key.to_string());
            verdict.add(self.table(), key, fault);
        }
        Ok(())
    }

    /// Whether a row that no change tells of was written after tracking began, going by the times
    /// that the server manages.
    fn should_know(&self, image: &Image) -> bool {
        let Some(began) = self.began else {
            return false;
        };
        // Times of one form compare as texts do.
        let began = began.to_rfc3339_opts(SecondsFormat::Micros, true);
        let columns = self.entity.info.columns.iter();
        let mut managed = columns.filter(|column| column.is_managed);
        managed.any(|column| image.get(column.name).and_then(Json::as_str) > Some(&*began))
    }

    /// What is wrong with a row that the log knows.
    async fn fault_of(&self, row: &Json, logged: &Latest) -> Result<Option<String>, DbErr> {
        let place = logged.change;
        let Some(image) = logged.image else {
            let fault = format!("in the table, deleted in the log (change {place})");
            return Ok(Some(fault));
        };
        if image == self.compared.hash(row) {
            return Ok(None);
        }
        let change = change_at(self.tx, place).await?;
        let after = change.and_then(|change| change.after);
        let names = self.compared.parting(after.as_ref(), Some(row));
        Ok(match names {
            Some(names) if names.is_empty() => None,
            names => {
                let names = names.unwrap_or_default().join(", ");
                Some(format!("differs from change {place} in {names}"))
            }
        })
    }
}
