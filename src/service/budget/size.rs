//! About how many bytes a row that was read takes.

use sea_orm::{EntityTrait, Iterable, ModelTrait, Value as Stored};
use seachange_changelog::Image;

/// What a value counts in addition to its text. Without this, a great many short values would take twenty times
/// their counted bytes in memory.
pub(crate) const PLACE: u64 = 16;

pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The size of a row: its values that may be long, and a constant for each value.
pub(super) fn of_model<M: ModelTrait>(model: &M) -> u64 {
    let columns = <M::Entity as EntityTrait>::Column::iter();
    columns.fold(0, |sum, column| sum + of_stored(&model.get(column)))
}

fn of_stored(value: &Stored) -> u64 {
    let long = match value {
        Stored::String(Some(text)) => length(text.len()),
        Stored::Bytes(Some(bytes)) => length(bytes.len()),
        Stored::Json(Some(json)) => of_json(json),
        _ => 0,
    };
    PLACE + long
}

pub(super) fn of_image(image: &Image) -> u64 {
    let fields = image.iter();
    fields.fold(PLACE, |sum, (name, value)| {
        sum + length(name.len()) + of_json(value)
    })
}

/// The recursion is bounded by the depth to which JSON is read.
pub(super) fn of_json(json: &serde_json::Value) -> u64 {
    use serde_json::Value as Json;
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => PLACE,
        Json::String(text) => PLACE + length(text.len()),
        Json::Array(items) => items.iter().fold(PLACE, |sum, item| sum + of_json(item)),
        Json::Object(fields) => of_image(fields),
    }
}
