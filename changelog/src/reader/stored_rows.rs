//! A row of the log as it is stored, with images as text, whether hooks or triggers wrote it.
//!
//! Images are read as text, because JSON that a trigger wrote may hold numbers of more digits than a parsed
//! one keeps, bytes that are not UTF-8, and nesting that a parser refuses. Every reader of the log uses this
//! module, so every reader sees the same images.

use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Iterable, QueryResult, QuerySelect,
    Select,
};
use serde_json::Value as Json;

use crate::database::{self, Dialect, ReadAs};
use crate::image::Image;
use crate::log::{Column, Entity, Model, Operation, Source};
use crate::triggers::{Schemas, decode};

/// The columns of the log in the form that [`Rows`] reads.
pub(crate) fn select(dialect: &dyn Dialect) -> Select<Entity> {
    Column::iter().fold(Entity::find().select_only(), |select, column| {
        let expr = as_read(column, Expr::col((Entity, column)), dialect);
        select.column_as(expr, name(column))
    })
}

/// The same columns of another table of that shape.
pub(crate) fn columns(dialect: &dyn Dialect) -> impl Iterator<Item = (Expr, Alias)> {
    Column::iter().map(move |column| {
        let expr = as_read(column, Expr::col(column), dialect);
        (expr, Alias::new(name(column)))
    })
}

fn as_read(column: Column, expr: Expr, dialect: &dyn Dialect) -> Expr {
    let stored = match column {
        Column::RowKey | Column::Before | Column::After | Column::Metadata => ReadAs::Json,
        // Other programs choose these texts freely, and may write the other columns by hand.
        Column::Actor | Column::MutationId | Column::Entity | Column::TransactionId => ReadAs::Free,
        _ => ReadAs::Plain,
    };
    dialect.readable_column(expr, stored)
}

fn name(column: Column) -> &'static str {
    use sea_orm::IdenStatic;
    column.as_str()
}

/// Stored rows that are decoded together.
pub(crate) struct Rows(Vec<StoredRow>);

struct StoredRow {
    rest: PlainColumns,
    entity: String,
    transaction_id: String,
    row_key: Vec<u8>,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    actor: Option<Vec<u8>>,
    mutation_id: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
}

/// The columns that need no decoding.
#[derive(FromQueryResult)]
struct PlainColumns {
    id: i64,
    operation: Operation,
    source: Source,
    schema_version: i32,
    recorded_at: sea_orm::prelude::ChronoDateTimeUtc,
}

impl Rows {
    /// Takes the rows from a query's result.
    pub(crate) fn of(rows: &[QueryResult], dialect: &dyn Dialect) -> Result<Self, DbErr> {
        let bytes = |row: &QueryResult, column: Column| dialect.read_text(row, name(column));
        let text = |row: &QueryResult, column: Column| {
            let text = bytes(row, column)?.map(readable);
            Ok::<_, DbErr>(text.unwrap_or_default())
        };
        let rows = rows.iter().map(|row| {
            Ok(StoredRow {
                rest: PlainColumns::from_query_result(row, "")?,
                entity: text(row, Column::Entity)?,
                transaction_id: text(row, Column::TransactionId)?,
                row_key: bytes(row, Column::RowKey)?.unwrap_or_default(),
                before: bytes(row, Column::Before)?,
                after: bytes(row, Column::After)?,
                actor: bytes(row, Column::Actor)?,
                mutation_id: bytes(row, Column::MutationId)?,
                metadata: bytes(row, Column::Metadata)?,
            })
        });
        rows.collect::<Result<_, DbErr>>().map(Self)
    }

    /// The changes with their decoded images. It reads the tables' shapes from `db` if a trigger wrote one of
    /// them or a table has changed since.
    pub(crate) async fn read<C: ConnectionTrait>(self, db: &C) -> Result<Vec<Model>, DbErr> {
        let schemas = self.schemas(db).await?;
        let dialect = database::of(db);
        let rows = self.0.into_iter();
        rows.map(|row| row.read(&schemas, dialect)).collect()
    }

    async fn schemas<C: ConnectionTrait>(&self, db: &C) -> Result<Schemas, DbErr> {
        if self.0.is_empty() {
            Ok(Schemas::default())
        } else {
            Schemas::read(db).await
        }
    }

    /// Keeps only rows of wanted tables.
    pub(crate) fn of_tables(mut self, is_wanted: &dyn Fn(&str) -> bool) -> Self {
        self.0.retain(|row| is_wanted(&row.entity));
        self
    }

    /// The id of the last row.
    pub(crate) fn last_id(&self) -> Option<i64> {
        self.0.last().map(|row| row.rest.id)
    }
}

impl StoredRow {
    fn read(self, schemas: &Schemas, dialect: &dyn Dialect) -> Result<Model, DbErr> {
        let entity = &self.entity;
        let image = |text: Option<Vec<u8>>| -> Result<Option<Image>, DbErr> {
            let Some(text) = text else {
                return Ok(None);
            };
            let version = self.rest.schema_version;
            if self.rest.source == Source::Trigger {
                return Ok(Some(decode(schemas, entity, version, &text, dialect)));
            }
            let image = serde_json::from_str(&readable(text)).map_err(malformed)?;
            Ok(Some(schemas.in_todays_names(entity, version, image)))
        };
        let (before, after) = (image(self.before)?, image(self.after)?);
        // A key of a text that is not UTF-8 is shown as the image shows it.
        let key: Image = serde_json::from_str(&readable(self.row_key)).map_err(malformed)?;
        let key = schemas.in_todays_names(entity, self.rest.schema_version, key);
        let key = match self.rest.source {
            Source::Trigger => key_in(key, after.as_ref().or(before.as_ref())),
            _ => key,
        };
        Ok(Model {
            id: self.rest.id,
            entity: self.entity,
            row_key: Json::Object(key),
            operation: self.rest.operation,
            before: before.map(Json::Object),
            after: after.map(Json::Object),
            actor: self.actor.map(readable),
            mutation_id: self.mutation_id.map(readable),
            metadata: self.metadata.map(free_json),
            transaction_id: self.transaction_id,
            source: self.rest.source,
            schema_version: self.rest.schema_version,
            recorded_at: self.rest.recorded_at,
        })
    }
}

/// The key as hooks write it: with the image's values, which are decoded by their types.
fn key_in(key: Image, image: Option<&Image>) -> Image {
    key.into_iter()
        .map(|(name, stored)| {
            let value = image.and_then(|image| image.get(&name)).cloned();
            (name, value.unwrap_or(stored))
        })
        .collect()
}

/// The text of these bytes, with U+FFFD in place of those that are not UTF-8.
fn readable(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Metadata as JSON. Another program's metadata may be any text, or JSON that a parser refuses (too deep, a
/// number out of range). It then becomes a JSON string, because one such text must not stop every reader.
fn free_json(bytes: Vec<u8>) -> Json {
    let text = readable(bytes);
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}

fn malformed(error: serde_json::Error) -> DbErr {
    DbErr::Type(format!("change_log: {error}"))
}
