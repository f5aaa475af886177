//! Which columns of two images can be compared: not every column has the same meaning in every change, or
//! exists in every one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::Image;
use seachange_changelog::internal::reader::lasting_columns;
use seachange_changelog::internal::{image, is_redacted};
use serde_json::Value as Json;

use super::records::Digest;
use super::row_source::RowSource;
use crate::service::entity::ColumnInfo;
use crate::service::registered::Registered;

/// The columns of a table that can be compared with the log.
pub(super) struct Compared {
    /// The columns, with what the API knows about them if their entity is registered.
    columns: BTreeMap<String, Option<ColumnInfo>>,
    /// The number of columns that cannot be compared.
    pub(super) others: u64,
}

impl Compared {
    /// The columns that have values in the log and mean the same in every change of the table.
    pub(super) async fn of(tx: &DatabaseTransaction, read: &RowSource) -> Result<Self, DbErr> {
        let lasting = lasting_columns(tx, read.name()).await?;
        let (width, mut columns): (_, BTreeMap<String, _>) = match read {
            RowSource::Entity(Registered { info, .. }) => {
                let shown = info.all_columns().filter(|column| !column.is_hidden);
                let shown = shown.map(|column| (column.name.to_owned(), Some(column.clone())));
                (info.all_columns().count(), shown.collect())
            }
            RowSource::Rows(_, rows) => {
                let shown = rows.columns().map(|name| (name.to_owned(), None));
                (rows.width(), shown.collect())
            }
        };
        if let Some(lasting) = lasting {
            columns.retain(|name, _| lasting.contains(name));
        }
        let others = (width - columns.len()) as u64;
        Ok(Self { columns, others })
    }

    /// The digest of an image, from the values that can be compared.
    pub(super) fn digest(&self, image: &Json) -> Digest {
        // Keys of a JSON object are sorted, so equal images have equal text.
        let mut hasher = DefaultHasher::new();
        match image.as_object() {
            Some(fields) => {
                let fields = fields
                    .iter()
                    .filter(|(name, _)| self.columns.contains_key(name.as_str()));
                for (name, value) in fields {
                    (name, value.to_string()).hash(&mut hasher);
                }
            }
            None => image.to_string().hash(&mut hasher),
        }
        Digest(hasher.finish())
    }

    /// The columns in which two images of the log contradict each other: both images have them, and neither
    /// hides them.
    pub(super) fn parting(&self, one: Option<&Json>, other: Option<&Json>) -> Option<Vec<String>> {
        let mut names = self.parting_row(one, other)?;
        let other = other?.as_object()?;
        names.retain(|name| !was_hidden(other, name));
        Some(names)
    }

    /// The columns in which a row contradicts its image in the log, where the image has them and does not
    /// hide them. A row hides nothing: a value in it that looks hidden was written so.
    pub(super) fn parting_row(
        &self,
        logged: Option<&Json>,
        row: Option<&Json>,
    ) -> Option<Vec<String>> {
        let (logged, row) = (logged?.as_object()?, row?.as_object()?);
        let mut names = image::differing(logged, row);
        names.retain(|name| {
            let (Some(column), Some(then), Some(now)) = (
                self.columns.get(name.as_str()),
                logged.get(name.as_str()),
                row.get(name.as_str()),
            ) else {
                return false;
            };
            if was_hidden(logged, name) {
                return false;
            }
            let Some(column) = column else {
                return !image::same(then, now) && !is_same_number(then, now);
            };
            let is_of_today = column.restated(then).is_some() && column.restated(now).is_some();
            is_of_today && !column.is_same(then, now)
        });
        Some(names)
    }

    /// The number of a row's columns for which its image in the log has no value, because they were added
    /// later or had another type.
    pub(super) fn not_logged(&self, logged: Option<&Json>) -> u64 {
        let logged = logged.and_then(Json::as_object);
        let is_logged = |(name, column): &(&String, &Option<ColumnInfo>)| {
            let then = logged.and_then(|logged| logged.get(name.as_str()));
            let restated = |column: &ColumnInfo| column.restated(then?).map(|_| ());
            then.is_some()
                && column
                    .as_ref()
                    .is_none_or(|column| restated(column).is_some())
        };
        let missing = self.columns.iter().filter(|column| !is_logged(column));
        missing.count() as u64
    }
}

/// Whether two values are the same number, once as a number and once as text: integers of 64 bits are text in
/// images, and a column may have become one.
fn is_same_number(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(number), Json::String(text)) | (Json::String(text), Json::Number(number)) => {
            number.to_string() == *text
        }
        _ => false,
    }
}

fn was_hidden(image: &Image, name: &str) -> bool {
    image.get(name).is_some_and(is_redacted)
}
