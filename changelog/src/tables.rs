//! Tracked tables without their entities: which ones exist, and their rows in the form of the log.
//!
//! This module knows the catalogue and what migrations have declared, but not what the rows are used for.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::catalogue::table_names;
use crate::error::CaptureError;
use crate::image::Image;
use crate::registry::Registry;
use crate::triggers::{CurrentRows, FoundKey, KeyPlace, tables_by_triggers};

/// The tables in the database that are tracked, by triggers or by the hooks of this program, under their
/// names in the log.
///
/// # Errors
/// Errors of the database.
pub async fn tracked_here<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let mut tables = tables_by_triggers(db).await?;
    let there = table_names(db).await?;
    let by_hooks = Registry::linked().names();
    tables.extend(
        by_hooks
            .filter(|name| there.contains(*name))
            .map(str::to_owned),
    );
    Ok(tables)
}

/// The rows of a tracked table in a snapshot.
pub struct TableRows(CurrentRows);

/// A row.
#[derive(Debug)]
pub struct TableRow {
    /// Its key.
    pub key: Image,
    /// The whole row, as capture would write it.
    pub image: Image,
}

/// The place of a row in the order of keys.
#[derive(Clone, Debug)]
pub struct RowPlace(KeyPlace);

impl TableRows {
    /// Opens a table; the inner `Err` says why its rows cannot be read in the form of the log.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn of(tx: &DatabaseTransaction, table: &str) -> Result<Result<Self, String>, DbErr> {
        match CurrentRows::look(tx, table).await {
            Ok(present) => Ok(Ok(Self(present))),
            Err(error) => match CaptureError::of(&error) {
                Some(refusal) => Ok(Err(refusal.to_string())),
                None => Err(error),
            },
        }
    }

    /// The columns whose every value is in the log.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.whole_columns()
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Up to `limit` rows after a place, in key order, and the place of the last one if there may be more.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn read(
        &self,
        tx: &DatabaseTransaction,
        after: Option<&RowPlace>,
        limit: u64,
    ) -> Result<(Vec<TableRow>, Option<RowPlace>), DbErr> {
        let after = after.map(|RowPlace(place)| place);
        let found = self.0.rows(tx, after, limit).await?;
        let last = found.last().filter(|_| found.len() as u64 == limit);
        let next = last.map(|(FoundKey { place, .. }, _)| RowPlace(place.clone()));
        let rows = found.into_iter();
        let rows = rows.map(|(FoundKey { key, .. }, image)| TableRow { key, image });
        Ok((rows.collect(), next))
    }
}
