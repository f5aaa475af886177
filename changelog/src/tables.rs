//! Tracked tables without their entities: which there are, and their rows as the log would have them.
//!
//! Knows the catalogue and what migrations have said. What becomes of the rows is not its business.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::catalogue::table_names;
use crate::error::CaptureError;
use crate::image::Image;
use crate::registry::Registry;
use crate::triggers::{Found, Place, Present, tables_by_triggers};

/// The tables in the database that are tracked, by triggers or by the hooks of this program, called as the
/// log calls them.
///
/// # Errors
/// What the database says.
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
pub struct TableRows(Present);

/// A row.
#[derive(Debug)]
pub struct TableRow {
    /// Its key.
    pub key: Image,
    /// All of it, as capture would write it.
    pub image: Image,
}

/// Where a row is in the order of keys.
#[derive(Clone, Debug)]
pub struct RowPlace(Place);

impl TableRows {
    /// Looks at a table; `Err` in `Ok` says why its rows cannot be read as the log has them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(tx: &DatabaseTransaction, table: &str) -> Result<Result<Self, String>, DbErr> {
        match Present::look(tx, table).await {
            Ok(present) => Ok(Ok(Self(present))),
            Err(error) => match (CaptureError::of(&error), &error) {
                (Some(refusal), _) => Ok(Err(refusal.to_string())),
                (None, DbErr::Custom(why)) => Ok(Err(why.clone())),
                (None, _) => Err(error),
            },
        }
    }

    /// The columns of which the log has every value.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.whole_columns()
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Up to `limit` rows after a place, in key order, and the place of the last of them if there may be
    /// more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(
        &self,
        tx: &DatabaseTransaction,
        after: Option<&RowPlace>,
        limit: u64,
    ) -> Result<(Vec<TableRow>, Option<RowPlace>), DbErr> {
        let after = after.map(|RowPlace(place)| place);
        let found = self.0.rows(tx, after, limit).await?;
        let last = found.last().filter(|_| found.len() as u64 == limit);
        let next = last.map(|(Found { place, .. }, _)| RowPlace(place.clone()));
        let rows = found.into_iter();
        let rows = rows.map(|(Found { key, .. }, image)| TableRow { key, image });
        Ok((rows.collect(), next))
    }
}
