//! `TaskDocument`: a row as offline clients have it.
//!
//! Keys are text, and so are integers of 64 bits and decimals, although some of them are numbers in the rest of
//! the API.

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, FieldFuture, Object, ResolverContext, TypeRef};
use sea_orm::ColumnType;
use serde_json::Value as Json;

use crate::graphql::scalar::json_value;
use crate::service::entity::ColumnInfo;
use crate::service::offline::document::{DELETED, Document, shown};
use crate::service::offline::synced::{Synced, is_wide};

/// Separates the parts of a composite key that clients have as one text. RxDB calls this `separator`.
const KEY_SEPARATOR: &str = "|";

/// The field with a bulk's documents.
pub(super) const FIELD: &str = "documents";
/// The field with the parts of a composite key as one text.
const KEY: &str = "id";

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
    /// What the field with this name shows.
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
    if is_key {
        field.description("The key's parts, joined by `|`.")
    } else {
        field
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
