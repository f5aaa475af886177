//! Reads what clients push: documents become images, each row independently.

use seachange_changelog::Image;
use seachange_changelog::internal::Facts;
use seachange_changelog::internal::image;
use serde_json::{Map, Value as Json, json};

use super::document::Document;
use super::synced::{Synced, is_wide};
use crate::service::decimal::check_size;
use crate::service::entity::ColumnInfo;
use crate::service::error::ServiceError;
use crate::service::hash::hash_of;
use crate::service::unreadable::{is_unreadable, unmark};
use crate::sync::{Edit, State};

/// Fields that client libraries add to documents.
const CLIENTS_OWN: [&str; 3] = ["_attachments", "_meta", "_rev"];

pub(super) struct Pushed {
    /// The key as images have it, or as it was sent.
    pub(super) key: Image,
    /// Whether a row can have this key.
    pub(super) has_key: bool,
    /// Whether a document can name the row. If not, the client would take a document with its key for another
    /// row.
    pub(super) can_be_named: bool,
    /// What the client wants, or why that cannot be understood.
    pub(super) edit: Result<Edit, ServiceError>,
    /// The assumed row as it was sent.
    pub(super) assumed: Option<Json>,
    pub(super) client: Json,
    /// A hash of what was sent and of its sender.
    pub(super) mutation_id: String,
    /// The document in the answer if nothing is stored.
    pub(super) tombstone: Document,
}

impl Pushed {
    /// Reads a row of a push.
    ///
    /// # Errors
    /// `BAD_INPUT` for a row that cannot be answered, because it has no key.
    pub(super) fn read(
        synced: &Synced,
        (actor, facts): (Option<&str>, &Facts),
        row: Json,
    ) -> Result<Self, ServiceError> {
        let Json::Object(mut row) = row else {
            return Err(ServiceError::bad_input("a pushed row is an object"));
        };
        let unreadable = ["assumedMasterState", "newDocumentState"]
            .into_iter()
            .filter_map(|name| unmark(row.get_mut(name)?.as_object_mut()?))
            .last();
        let mutation_id = hash_of(&json!([synced.info().table, actor, row]));
        let assumed = row
            .remove("assumedMasterState")
            .filter(|row| !row.is_null());
        let client = row.remove("newDocumentState").unwrap_or_default();
        let Some(sent) = client.as_object() else {
            return Err(ServiceError::bad_input("`newDocumentState` is an object"));
        };
        let (key, fault) = key(synced, facts, sent)?;
        let has_key = fault.is_none();
        let can_be_named = !key.values().any(is_unreadable);
        let fault = unreadable.map(ServiceError::bad_input).or(fault);
        let edit = match fault {
            Some(fault) => Err(fault),
            None => edit(synced, &key, assumed.as_ref(), sent),
        };
        let tombstone = Document::tombstone(synced, &legible(synced, &key, sent));
        Ok(Self {
            key,
            has_key,
            can_be_named,
            edit,
            assumed,
            client,
            mutation_id,
            tombstone,
        })
    }
}

/// The row's key. If its values do not have the columns' types, this is what was sent, with the reason.
fn key(
    synced: &Synced,
    facts: &Facts,
    sent: &Map<String, Json>,
) -> Result<(Image, Option<ServiceError>), ServiceError> {
    let (mut key, mut fault) = (Image::new(), None);
    for column in synced.info().key() {
        let field = &column.field;
        let value = match sent.get(field) {
            Some(value @ (Json::String(_) | Json::Number(_))) => value,
            Some(value) if is_unreadable(value) => value,
            _ => {
                return Err(ServiceError::bad_input(format!(
                    "a pushed row needs `{field}`"
                )));
            }
        };
        let read = canonical(column, value).and_then(|key| as_sent(column, key, value));
        let value = match read.and_then(|key| stored(column, facts, key)) {
            Ok(value) => value,
            Err(refusal) => {
                fault = fault.or(Some(refusal));
                value.clone()
            }
        };
        key.insert(column.name.to_owned(), value);
    }
    Ok((key, fault))
}

/// The key, if it was sent in the form in which it will come back: a client knows its rows by their keys'
/// texts.
fn as_sent(column: &ColumnInfo, key: Json, sent: &Json) -> Result<Json, ServiceError> {
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text(&key) == text(sent) {
        return Ok(key);
    }
    let field = &column.field;
    let message = format!("`{field}` must be written as `{}`", text(&key));
    Err(ServiceError::bad_input(message))
}

/// The key, if a text of the database can hold it. One that it cannot hold must not even be looked for:
/// the question would fail, and with it the whole batch.
fn stored(column: &ColumnInfo, facts: &Facts, key: Json) -> Result<Json, ServiceError> {
    if can_hold(facts, &key) {
        return Ok(key);
    }
    let field = &column.field;
    let message = format!("`{field}` cannot be stored: it has a NUL character");
    Err(ServiceError::bad_input(message))
}

/// Whether a database can compare a text column with this part of a key.
pub(super) fn can_hold(facts: &Facts, part: &Json) -> bool {
    facts.takes_nul || !part.as_str().is_some_and(|text| text.contains('\0'))
}

fn edit(
    synced: &Synced,
    key: &Image,
    assumed: Option<&Json>,
    sent: &Map<String, Json>,
) -> Result<Edit, ServiceError> {
    let client = state(synced, sent)?;
    let assumed = match assumed {
        None => None,
        Some(Json::Object(assumed)) => Some(state(synced, assumed)?),
        Some(_) => return Err(ServiceError::bad_input("`assumedMasterState` is an object")),
    };
    if let Some(assumed) = &assumed
        && synced.key_of(&assumed.row) != *key
    {
        return Err(ServiceError::bad_input(
            "a key cannot change: insert a new row and delete the old one",
        ));
    }
    Ok(Edit::new(assumed, client))
}

/// A document as the server's row, without the columns that clients do not write.
///
/// # Errors
/// `BAD_INPUT` for an unknown field, and for a value that does not have its column's type.
pub(super) fn state(synced: &Synced, sent: &Map<String, Json>) -> Result<State, ServiceError> {
    let mut state = State::default();
    for (field, value) in sent {
        if field == "_deleted" {
            state.is_deleted = match value {
                Json::Null => false,
                Json::Bool(is_deleted) => *is_deleted,
                _ => return Err(ServiceError::bad_input("`_deleted` is true or false")),
            };
            continue;
        }
        let Some(column) = synced.column(field) else {
            if CLIENTS_OWN.contains(&&**field) || synced.has_joined_key() && field == "id" {
                continue;
            }
            return Err(ServiceError::bad_input(format!("unknown field `{field}`")));
        };
        if !column.is_filled() {
            let value = canonical(column, value)?;
            state.row.insert(column.name.to_owned(), value);
        }
    }
    Ok(state)
}

/// The value in the form that images have.
fn canonical(column: &ColumnInfo, value: &Json) -> Result<Json, ServiceError> {
    let number = |text: &str| text.parse::<i64>().map(Json::from);
    let value = match value {
        Json::Null => return Ok(Json::Null),
        // Keys are text in documents, whatever their type.
        Json::String(text) if column.is_integer(&column.ty) && !is_wide(&column.ty) => {
            number(text).unwrap_or_else(|_| value.clone())
        }
        Json::Number(number) if is_wide(&column.ty) => Json::String(number.to_string()),
        value => value.clone(),
    };
    let decoded = image::decode(&column.ty, &column.rust, &value)
        .map_err(|error| ServiceError::bad_input(format!("`{}`: {error}", column.field)))?;
    let decoded = image::canonical(&column.ty, decoded);
    check_size(column, &decoded)?;
    Ok(image::encode(&column.ty, &decoded)?)
}

/// The part of a document that can be understood.
fn legible(synced: &Synced, key: &Image, sent: &Map<String, Json>) -> Image {
    let mut row: Image = synced
        .columns()
        .filter_map(|column| {
            let value = canonical(column, sent.get(&column.field)?).ok()?;
            Some((column.name.to_owned(), value))
        })
        .collect();
    row.extend(key.clone());
    row
}
