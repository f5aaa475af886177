//! A table that is verified, and its rows page by page.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::Image;
use seachange_changelog::internal::image::text_of;
use seachange_changelog::internal::{RowPlace, TableRow};
use serde_json::Value as Json;

use super::comparable::Compared;
use super::row_source::RowSource;
use crate::service::table::{KeyedRow, TablePage};

/// Rows read at a time.
const PAGE: u64 = 1_000;

/// A table.
pub(super) struct VerifiedTable {
    /// Its index among the verified tables.
    pub(super) number: u32,
    pub(super) read: RowSource,
    pub(super) compared: Compared,
    /// When its first kept change was recorded.
    pub(super) began: Option<DateTime<Utc>>,
}

impl VerifiedTable {
    pub(super) async fn of(
        tx: &DatabaseTransaction,
        number: usize,
        read: RowSource,
    ) -> Result<Self, DbErr> {
        Ok(Self {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            compared: Compared::of(tx, &read).await?,
            read,
            began: None,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.read.name()
    }

    /// The key of a change, in the form that the table has today.
    pub(super) fn key_text(&self, key: &Json) -> String {
        let today = match (&self.read, key.as_object()) {
            (RowSource::Entity(entity), Some(key)) => entity.info.restated(key),
            (RowSource::Rows(..), Some(key)) => Some(in_one_form(key)),
            (_, None) => None,
        };
        today.map_or_else(|| key.to_string(), |key| text_of(&key))
    }

    /// The time, as images have it, since which the log must know every write: since tracking began, and
    /// since nothing is removed.
    pub(super) fn expected_since(&self, kept_since: Option<DateTime<Utc>>) -> Option<String> {
        let began = self.began?;
        let since = kept_since.map_or(began, |kept| kept.max(began));
        Some(since.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    /// Whether a row was written after that time, according to the times that the server manages.
    pub(super) fn is_expected(&self, image: &Json, since: Option<&str>) -> bool {
        let Some(since) = since else {
            return false;
        };
        let RowSource::Entity(entity) = &self.read else {
            return false;
        };
        // Times of one form compare as texts do.
        let columns = entity.info.all_columns();
        let mut managed = columns.filter(|column| column.is_managed);
        managed.any(|column| image.get(column.name).and_then(Json::as_str) > Some(since))
    }
}

/// A key with numbers as text, because integers of 64 bits are text in images, and a column may have become
/// one.
fn in_one_form(key: &Image) -> Image {
    let fields = key.iter().map(|(name, value)| {
        let value = match value {
            Json::Number(number) => Json::String(number.to_string()),
            value => value.clone(),
        };
        (name.clone(), value)
    });
    fields.collect()
}

/// A row that was read.
pub(super) struct ReadRow {
    /// Its key as JSON text.
    pub(super) key: String,
    /// The key in the form in which it is compared with keys of changes, if that differs.
    compared: Option<String>,
    /// Its image.
    pub(super) image: Json,
}

impl ReadRow {
    fn of(key: &Image, image: Image) -> Self {
        Self {
            key: text_of(key),
            compared: None,
            image: Json::Object(image),
        }
    }

    /// Its key in the form in which [`VerifiedTable::key_text`] gives that of a change.
    pub(super) fn key_text(&self) -> &str {
        self.compared.as_ref().unwrap_or(&self.key)
    }
}

/// A page of rows.
pub(super) struct RowPage {
    /// The ordinal, in the table, of the first row.
    first: u64,
    pub(super) rows: Vec<ReadRow>,
}

impl RowPage {
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &ReadRow)> {
        (self.first..).zip(&self.rows)
    }

    /// The row with this ordinal, if it is on this page.
    pub(super) fn row(&self, ordinal: u64) -> Option<&ReadRow> {
        let index = usize::try_from(ordinal.checked_sub(self.first)?).ok()?;
        self.rows.get(index)
    }

    /// The ordinal of the row after this page.
    pub(super) fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }
}

/// All rows in key order. In one snapshot a row's ordinal does not change.
pub(super) struct RowPages<'a> {
    tx: &'a DatabaseTransaction,
    table: &'a VerifiedTable,
    /// Where the next page begins; `None` at the end.
    next: Option<NextPage>,
}

/// Where a page begins.
#[derive(Default)]
struct NextPage {
    after: After,
    first: u64,
}

/// The row that a page comes after.
#[derive(Default)]
enum After {
    #[default]
    Nothing,
    Key(Image),
    Place(RowPlace),
}

impl<'a> RowPages<'a> {
    pub(super) fn new(tx: &'a DatabaseTransaction, table: &'a VerifiedTable) -> Self {
        let next = Some(NextPage::default());
        Self { tx, table, next }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<RowPage>, DbErr> {
        let Some(NextPage { after, first }) = self.next.take() else {
            return Ok(None);
        };
        let (rows, next): (Vec<ReadRow>, _) = match (&self.table.read, &after) {
            (RowSource::Entity(entity), after) => {
                let after = match after {
                    After::Key(key) => Some(key),
                    _ => None,
                };
                let TablePage { rows, next } =
                    entity.table.read(self.tx, None, after, PAGE).await?;
                let rows = rows
                    .into_iter()
                    .map(|KeyedRow { key, image }| ReadRow::of(&key, image));
                (rows.collect(), next.map(After::Key))
            }
            (RowSource::Rows(_, table), after) => {
                let after = match after {
                    After::Place(place) => Some(place),
                    _ => None,
                };
                let (rows, next) = table.read(self.tx, after, PAGE).await?;
                let rows = rows.into_iter().map(|TableRow { key, image }| ReadRow {
                    compared: Some(text_of(&in_one_form(&key))),
                    ..ReadRow::of(&key, image)
                });
                (rows.collect(), next.map(After::Place))
            }
        };
        let page = RowPage { first, rows };
        self.next = next.map(|after| NextPage {
            after,
            first: page.end(),
        });
        Ok(Some(page))
    }
}
