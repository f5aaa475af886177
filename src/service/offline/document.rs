//! Documents: rows as offline clients have them.
//!
//! A document's values are those of images, with three differences: fields have their API names, keys are
//! always text, and an object in a column that is not JSON is text.

use sea_orm::ColumnType;
use seachange_changelog::Image;
use serde_json::{Map, Value as Json};

use super::synced::{Synced, is_wide};
use crate::service::entity::ColumnInfo;
use crate::sync::State;

/// The field that marks a deleted row.
pub(crate) const DELETED: &str = "_deleted";

/// A row as a client has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// The values by column. For a row that could not be read, this is what was sent.
    pub(crate) row: Image,
    pub(crate) is_deleted: bool,
}

impl Document {
    pub(crate) fn present(row: Image) -> Self {
        let is_deleted = false;
        Self { row, is_deleted }
    }

    /// A tombstone with the values that the row had last. A required value that is unknown is the default of
    /// its type, because a client checks tombstones against its schema, too.
    pub(crate) fn tombstone(synced: &Synced, row: &Image) -> Self {
        let value = |column: &ColumnInfo| match row.get(column.name) {
            Some(value) if !value.is_null() => value.clone(),
            _ if column.nullable => Json::Null,
            _ => default_of(column),
        };
        let columns = synced.columns();
        Self {
            row: columns
                .map(|column| (column.name.to_owned(), value(column)))
                .collect(),
            is_deleted: true,
        }
    }

    /// The row without the columns that clients do not write.
    pub(crate) fn state(&self, synced: &Synced) -> State {
        let row = synced.edited(&self.row);
        if self.is_deleted {
            State::deleted(row)
        } else {
            State::present(row)
        }
    }

    /// The document as JSON, in the form in which clients send it.
    pub(crate) fn to_json(&self, synced: &Synced) -> Json {
        let mut fields: Map<String, Json> = synced
            .columns()
            .filter_map(|column| {
                let value = self.row.get(column.name)?;
                Some((column.field.clone(), shown(column, value.clone())))
            })
            .collect();
        fields.insert(DELETED.to_owned(), self.is_deleted.into());
        Json::Object(fields)
    }
}

/// A value in the form that documents have.
pub(crate) fn shown(column: &ColumnInfo, value: Json) -> Json {
    match value {
        Json::Number(number) if column.is_key => Json::String(number.to_string()),
        // The value does not fit its column, and is shown as it is in the image.
        Json::Object(_) if !is_json(&column.ty) => Json::String(value.to_string()),
        value => value,
    }
}

fn is_json(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Json | ColumnType::JsonBinary)
}

fn default_of(column: &ColumnInfo) -> Json {
    use ColumnType as T;
    match &column.ty {
        T::Boolean => false.into(),
        T::Json | T::JsonBinary => Json::Object(Map::new()),
        T::Array(_) => Json::Array(Vec::new()),
        T::Date => "1970-01-01".into(),
        T::Time => "00:00:00.000000".into(),
        T::DateTime => "1970-01-01T00:00:00.000000".into(),
        T::Timestamp | T::TimestampWithTimeZone => "1970-01-01T00:00:00.000000Z".into(),
        T::Uuid => uuid::Uuid::nil().to_string().into(),
        T::Float | T::Double => 0.0.into(),
        T::Decimal(_) | T::Money(_) => "0".into(),
        ty if is_wide(ty) => "0".into(),
        ty if column.is_integer(ty) => 0.into(),
        _ => "".into(),
    }
}
