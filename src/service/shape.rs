//! Images of an older shape: recorded before a column was added, or while it had another type.
//!
//! An image has every column that its table had. A column that it lacks may still have a value, in the table. A
//! value in a form that today's column does not write is read by today's type if possible. Knows columns and
//! images; nothing of tables or of the log.

use std::borrow::Cow;

use sea_orm::ColumnType;
use seachange_changelog::Image;
use seachange_changelog::internal::{image, is_redacted};
use serde_json::Value as Json;

use super::entity::{ColumnInfo, EntityInfo};

impl ColumnInfo {
    /// Whether images write the column's values as this kind of JSON. Null is always possible, and so is the
    /// placeholder for a value that does not fit its column.
    fn writes(&self, json: &Json) -> bool {
        use ColumnType as T;
        match &self.ty {
            _ if json.is_null() || json.is_object() || is_redacted(json) => true,
            T::Boolean => json.is_boolean(),
            T::Float | T::Double => json.is_number() || json.is_string(),
            T::BigInteger | T::BigUnsigned | T::Year => json.is_string(),
            T::Array(_) => json.is_array(),
            ty if self.is_integer(ty) => json.is_number(),
            T::Char(_)
            | T::String(_)
            | T::Text
            | T::Decimal(_)
            | T::Money(_)
            | T::Uuid
            | T::Date
            | T::Time
            | T::DateTime
            | T::Timestamp
            | T::TimestampWithTimeZone
            | T::Enum { .. } => json.is_string(),
            _ => true,
        }
    }

    /// A value of an image in today's form; `None` if the column's type has changed so that the value has no
    /// equivalent in today's type.
    pub(crate) fn restated<'j>(&self, json: &'j Json) -> Option<Cow<'j, Json>> {
        if self.writes(json) {
            return Some(Cow::Borrowed(json));
        }
        let read = |json: &Json| image::decode(&self.ty, &self.rust, json).ok();
        // A column of integers may have become narrower; its values were texts before.
        let digits = json.as_str().and_then(|text| text.parse::<i64>().ok());
        let value = read(json).or_else(|| read(&digits?.into()))?;
        let value = image::canonical(&self.ty, value);
        image::encode(&self.ty, &value).ok().map(Cow::Owned)
    }

    /// Whether two images have the same value for the column, whatever its form was when they were recorded.
    pub(crate) fn is_same(&self, one: &Json, other: &Json) -> bool {
        let canonical = |json: &Json| {
            let json = self.restated(json)?;
            let value = image::decode(&self.ty, &self.rust, &json).ok()?;
            let value = image::canonical(&self.ty, value);
            image::encode(&self.ty, &value).ok()
        };
        if image::same(one, other) {
            return true;
        }
        match (canonical(one), canonical(other)) {
            (Some(one), Some(other)) => image::same(&one, &other),
            _ => false,
        }
    }
}

impl EntityInfo {
    /// Whether an image has every column that the log shows, in today's form. If not, the table may have more
    /// of the row.
    pub(crate) fn has_todays_shape(&self, image: &Image) -> bool {
        let mut shown = self.columns.iter().filter(|column| !column.is_hidden);
        shown.all(|column| {
            image
                .get(column.name)
                .is_some_and(|json| column.writes(json))
        })
    }

    /// The image with its values in today's form; `None` if they already have it.
    pub(crate) fn restated(&self, image: &Image) -> Option<Image> {
        let of = |name: &str| self.stored(name);
        let mut fields = image.iter();
        if fields.all(|(name, json)| of(name).is_none_or(|column| column.writes(json))) {
            return None;
        }
        let restated = image.iter().map(|(name, json)| {
            let today = of(name).and_then(|column| column.restated(json));
            (
                name.clone(),
                today.map_or_else(|| json.clone(), Cow::into_owned),
            )
        });
        Some(restated.collect())
    }
}
