//! A table that is verified, and its rows page by page.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::Image;
use seachange_changelog::image::text_of;
use serde_json::Value as Json;

use super::compared::Compared;
use crate::graphql::Registered;
use crate::graphql::table::{Row, Rows};

/// Rows read at a time.
const PAGE: u64 = 1_000;

/// A table.
pub(super) struct Table {
    /// Its place among those that are verified.
    pub(super) number: u32,
    pub(super) entity: Registered,
    pub(super) compared: Compared,
    /// When the first change of it that is kept was recorded.
    pub(super) began: Option<DateTime<Utc>>,
}

impl Table {
    pub(super) fn name(&self) -> &'static str {
        self.entity.info.table
    }

    /// The key of a change, as the table has it today.
    pub(super) fn key_text(&self, key: &Json) -> String {
        let today = key
            .as_object()
            .and_then(|key| self.entity.info.restated(key));
        today.map_or_else(|| key.to_string(), |key| text_of(&key))
    }

    /// From when on the log must know of every write, as images have it: since tracking began, and since
    /// nothing is removed.
    pub(super) fn expected_since(&self, kept_since: Option<DateTime<Utc>>) -> Option<String> {
        let began = self.began?;
        let since = kept_since.map_or(began, |kept| kept.max(began));
        Some(since.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    /// Whether a row was written after that, going by the times that the server manages.
    pub(super) fn is_expected(&self, image: &Json, since: Option<&str>) -> bool {
        let Some(since) = since else {
            return false;
        };
        // Times of one form compare as texts do.
        let columns = self.entity.info.columns.iter();
        let mut managed = columns.filter(|column| column.is_managed);
        managed.any(|column| image.get(column.name).and_then(Json::as_str) > Some(since))
    }
}

/// A row that was read.
pub(super) struct Seen {
    /// Its key as JSON text.
    pub(super) key: String,
    /// Its image.
    pub(super) image: Json,
}

/// Some rows.
pub(super) struct Page {
    /// The how manieth row of the table the first is.
    first: u64,
    pub(super) rows: Vec<Seen>,
}

impl Page {
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &Seen)> {
        (self.first..).zip(&self.rows)
    }

    /// The row, if it is one of these.
    pub(super) fn row(&self, ordinal: u64) -> Option<&Seen> {
        let index = usize::try_from(ordinal.checked_sub(self.first)?).ok()?;
        self.rows.get(index)
    }

    /// The how manieth row comes after these.
    pub(super) fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }
}

/// All rows in key order: in one snapshot the how manieth a row is does not change.
pub(super) struct Pages<'a> {
    tx: &'a DatabaseTransaction,
    table: &'a Table,
    /// Where to go on; `None` at the end.
    next: Option<Next>,
}

/// Where a page begins.
#[derive(Default)]
struct Next {
    after: Option<Image>,
    first: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(tx: &'a DatabaseTransaction, table: &'a Table) -> Self {
        let next = Some(Next::default());
        Self { tx, table, next }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, DbErr> {
        let Some(Next { after, first }) = self.next.take() else {
            return Ok(None);
        };
        let read = &self.table.entity.table;
        let Rows { rows, next } = read.read(self.tx, None, after.as_ref(), PAGE).await?;
        let seen = |Row { key, image }| Seen {
            key: text_of(&key),
            image: Json::Object(image),
        };
        let rows = rows.into_iter().map(seen).collect();
        let page = Page { first, rows };
        self.next = next.map(|after| Next {
            after: Some(after),
            first: page.end(),
        });
        Ok(Some(page))
    }
}
