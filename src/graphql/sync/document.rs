//! Documents: rows as offline clients have them.
//!
//! A document's values are those of images, with three differences: fields have their GraphQL names,
//! keys are always text, and integers of 64 bits and decimals are text as in images though the rest of
//! the API has `Int` for the former.

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, FieldFuture, Object, ResolverContext, TypeRef};
use sea_orm::ColumnType;
use seachange_changelog::Image;
use serde_json::{Map, Value as Json};

use super::{KEY_SEPARATOR, Synced, is_wide};
use crate::graphql::entity::ColumnInfo;
use crate::graphql::scalar::json_value;
use crate::sync::State;

/// The field that has a bulk's documents.
pub(super) const FIELD: &str = "documents";
/// The field that tells of a deleted row.
const DELETED: &str = "_deleted";
/// The field that has the parts of a composite key as one text.
const KEY: &str = "id";

/// A row as a client has it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::graphql) struct Document {
    /// Values by column; of a row that could not be read, whatever was sent.
    pub(super) row: Image,
    pub(super) is_deleted: bool,
}

impl Document {
    pub(super) fn present(row: Image) -> Self {
        let is_deleted = false;
        Self { row, is_deleted }
    }

    /// A tombstone with the values that the row had last. What a client must have and nobody knows is
    /// its type's default: a client checks tombstones against its schema, too.
    pub(super) fn tombstone(synced: &Synced, row: &Image) -> Self {
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

    /// The row, less what clients do not write.
    pub(super) fn state(&self, synced: &Synced) -> State {
        let row = synced.edited(&self.row);
        if self.is_deleted {
            State::deleted(row)
        } else {
            State::present(row)
        }
    }

    /// As JSON, as clients send it.
    pub(super) fn to_json(&self, synced: &Synced) -> Json {
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

/// A value as documents have it.
fn shown(column: &ColumnInfo, value: Json) -> Json {
    match value {
        Json::Number(number) if column.is_key => Json::String(number.to_string()),
        // Not what the column holds: shown as it is in the image.
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

/// The type of the document's field.
fn field_type(column: &ColumnInfo) -> TypeRef {
    if column.is_key {
        return TypeRef::named_nn(TypeRef::STRING);
    }
    of_values(column, &column.ty)
}

fn of_values(column: &ColumnInfo, ty: &ColumnType) -> TypeRef {
    if let ColumnType::Array(inner) = ty {
        return TypeRef::List(Box::new(of_values(column, inner)));
    }
    if column.values.is_some() || is_wide(ty) {
        return TypeRef::named(TypeRef::STRING);
    }
    column.type_of(ty)
}

/// What a field of a document shows.
pub(super) enum Shows {
    Column(ColumnInfo),
    /// The key's parts as one text.
    Key(Vec<ColumnInfo>),
    IsDeleted,
}

impl Shows {
    /// By the field's name.
    pub(super) fn of(synced: &Synced, field: &str) -> Option<Self> {
        if let Some(column) = synced.column(field) {
            return Some(Self::Column(column.clone()));
        }
        match field {
            DELETED => Some(Self::IsDeleted),
            KEY if synced.has_joined_key() => {
                Some(Self::Key(synced.info().key().cloned().collect()))
            }
            _ => None,
        }
    }

    pub(super) fn ty(&self) -> TypeRef {
        match self {
            Self::Column(column) => field_type(column),
            Self::Key(_) => TypeRef::named_nn(TypeRef::STRING),
            Self::IsDeleted => TypeRef::named_nn(TypeRef::BOOLEAN),
        }
    }

    /// `None` for a column that the document does not have.
    pub(super) fn value(&self, document: &Document) -> Option<GraphqlValue> {
        Some(match self {
            Self::Column(column) => {
                let value = document.row.get(column.name)?;
                json_value(shown(column, value.clone()))
            }
            Self::Key(key) => joined(key, document),
            Self::IsDeleted => document.is_deleted.into(),
        })
    }
}

/// `TaskDocument`.
pub(super) fn object(synced: &Synced) -> Object {
    let object = Object::new(name(synced)).description(
        "A row as offline clients have it. A deleted one has the values that it had last.",
    );
    let columns = synced.columns().map(|column| column.field.as_str());
    let key = synced.has_joined_key().then_some(KEY);
    let names = columns.chain(key).chain([DELETED]);
    let fields = names.filter_map(|name| Some((name, Shows::of(synced, name)?)));
    fields.fold(object, |object, (name, shows)| {
        object.field(field(name, shows))
    })
}

fn field(name: &str, shows: Shows) -> Field {
    let is_key = matches!(shows, Shows::Key(_));
    let field = Field::new(name, shows.ty(), move |ctx| {
        FieldFuture::from_value(document(&ctx).and_then(|document| shows.value(document)))
    });
    match is_key {
        true => field.description("The key's parts, joined by `|`."),
        false => field,
    }
}

pub(super) fn name(synced: &Synced) -> String {
    format!("{}Document", synced.info().object)
}

fn document<'a>(ctx: &ResolverContext<'a>) -> Option<&'a Document> {
    ctx.parent_value.try_downcast_ref::<Document>().ok()
}

fn joined(key: &[ColumnInfo], document: &Document) -> GraphqlValue {
    let parts = key.iter().map(|column| {
        let value = document.row.get(column.name).cloned();
        match shown(column, value.unwrap_or_default()) {
            Json::String(text) => text,
            other => other.to_string(),
        }
    });
    parts.collect::<Vec<_>>().join(KEY_SEPARATOR).into()
}
