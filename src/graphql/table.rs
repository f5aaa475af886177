//! Reading a registered entity's rows without knowing its Rust type.

use std::collections::BTreeMap;

use sea_orm::sea_query::IntoValueTuple;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait, FromQueryResult, IdenStatic, Iterable, Order, PrimaryKeyToColumn, PrimaryKeyTrait,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, TryGetableMany, Value,
};
use seachange_changelog::{Image, ImageError, image};

use super::filter::{self, Predicate};
use super::source::beyond;

/// Keys in one statement: each is a term of its condition, and SQLite takes terms nested up to 1,000
/// deep.
pub(super) const KEYS: usize = 250;

/// A row as an image, or why it has none.
pub(crate) enum Row {
    /// Its key and all of it.
    Image { key: Image, image: Image },
    /// The stored value does not fit the entity.
    Unreadable {
        /// `None` if it is the key that does not.
        key: Option<Image>,
        fault: String,
    },
}

/// Some rows in key order.
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    /// Pass back for the rows after these; `None` at the end.
    pub(crate) next: Option<Vec<Value>>,
}

/// The rows of one table.
#[async_trait::async_trait]
pub(crate) trait Table: Send + Sync {
    /// Up to `limit` rows after a key.
    async fn read(
        &self,
        tx: &DatabaseTransaction,
        predicate: Option<&Predicate>,
        after: Option<&[Value]>,
        limit: u64,
    ) -> Result<Rows, DbErr>;

    /// The row with a key.
    async fn find(&self, db: &DatabaseConnection, key: &Image) -> Result<Option<Row>, DbErr>;

    /// The rows with these keys that are there, in any order.
    async fn among(&self, db: &DatabaseConnection, keys: &[Image]) -> Result<Vec<Row>, DbErr>;

    /// A key as [`read`](Self::read) takes it.
    fn key_values(&self, key: &Image) -> Result<Vec<Value>, ImageError>;

    /// Every column of the entity, those that the API leaves out included.
    fn columns(&self) -> Vec<&'static str>;
}

/// The table of one entity.
pub(super) struct TableOf<E>(pub(super) std::marker::PhantomData<fn() -> E>);

#[async_trait::async_trait]
impl<E> Table for TableOf<E>
where
    E: EntityTrait,
    E::Model: Sync,
{
    async fn read(
        &self,
        tx: &DatabaseTransaction,
        predicate: Option<&Predicate>,
        after: Option<&[Value]>,
        limit: u64,
    ) -> Result<Rows, DbErr> {
        let mut select = E::find();
        if let Some(predicate) = predicate {
            select = select.filter(filter::condition::<E>(predicate, tx.get_database_backend()));
        }
        if let Some(key) = after {
            select = select.filter(beyond::<E>(key, Order::Asc));
        }
        for column in keys::<E>() {
            select = select.order_by_asc(column);
        }
        let mut select = select.limit(limit);
        let found = tx
            .query_all(sea_orm::QueryTrait::query(&mut select))
            .await?;
        let mut rows: Vec<Row> = found.iter().map(read_row::<E>).collect();
        if (found.len() as u64) < limit {
            return Ok(Rows { rows, next: None });
        }
        let last = found.iter().enumerate().rev();
        let mut last = last.filter_map(|(place, row)| Some((place, key_values::<E>(row)?)));
        let Some((place, key)) = last.next() else {
            // To end here would pass over the rows after these.
            return Err(DbErr::Type(format!(
                "{}: {limit} rows in a row have keys that cannot be read",
                E::default().table_name()
            )));
        };
        // What comes after it comes again.
        rows.truncate(place + 1);
        let next = Some(key);
        Ok(Rows { rows, next })
    }

    async fn find(&self, db: &DatabaseConnection, key: &Image) -> Result<Option<Row>, DbErr> {
        let condition = match key_condition::<E>(key) {
            Ok(condition) => condition,
            Err(error) => {
                let (key, fault) = (Some(key.clone()), error.to_string());
                return Ok(Some(Row::Unreadable { key, fault }));
            }
        };
        let select = E::find().filter(condition);
        let found = db.query_one(sea_orm::QueryTrait::as_query(&select)).await?;
        Ok(found.as_ref().map(read_row::<E>))
    }

    async fn among(&self, db: &DatabaseConnection, keys: &[Image]) -> Result<Vec<Row>, DbErr> {
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            // What is none of the key's type is no row's key.
            let keys = keys.iter().filter_map(|key| key_condition::<E>(key).ok());
            let any = keys.fold(Condition::any(), Condition::add);
            if any.is_empty() {
                continue;
            }
            let select = E::find().filter(any);
            let found = db.query_all(sea_orm::QueryTrait::as_query(&select)).await?;
            rows.extend(found.iter().map(read_row::<E>));
        }
        Ok(rows)
    }

    fn key_values(&self, key: &Image) -> Result<Vec<Value>, ImageError> {
        let value = |column: E::Column| {
            let json = key.get(column.as_str()).unwrap_or(&serde_json::Value::Null);
            image::value_of::<E>(column, json)
        };
        keys::<E>().map(value).collect()
    }

    fn columns(&self) -> Vec<&'static str> {
        E::Column::iter().map(|column| column.as_str()).collect()
    }
}

/// The condition that names the row with a key.
pub(super) fn key_condition<E: EntityTrait>(key: &Image) -> Result<Condition, ImageError> {
    let mut condition = Condition::all();
    for column in keys::<E>() {
        let json = key.get(column.as_str()).unwrap_or(&serde_json::Value::Null);
        condition = condition.add(column.eq(image::value_of::<E>(column, json)?));
    }
    Ok(condition)
}

/// The column with a name.
pub(super) fn named<E: EntityTrait>(column: &str) -> Option<E::Column> {
    E::Column::iter().find(|candidate| candidate.as_str() == column)
}

fn read_row<E: EntityTrait>(row: &QueryResult) -> Row {
    let key = || key_image::<E>(&key_values::<E>(row)?).ok();
    let (key, fault) = match E::Model::from_query_result(row, "") {
        Ok(model) => match (image::key_of(&model), image::image_of(&model)) {
            (Ok(key), Ok(image)) => return Row::Image { key, image },
            (key, Err(error)) => (key.ok(), error.to_string()),
            (Err(error), _) => (None, error.to_string()),
        },
        Err(error) => (key(), error.to_string()),
    };
    Row::Unreadable { key, fault }
}

/// The key of a row of which other values may not fit the entity.
fn key_values<E: EntityTrait>(row: &QueryResult) -> Option<Vec<Value>> {
    type Key<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;
    let names: Vec<String> = keys::<E>()
        .map(|column| column.as_str().to_owned())
        .collect();
    let key = Key::<E>::try_get_many(row, "", &names).ok()?;
    Some(key.into_value_tuple().into_iter().collect())
}

fn key_image<E: EntityTrait>(key: &[Value]) -> Result<Image, ImageError> {
    let fields = keys::<E>().zip(key).map(|(column, value)| {
        let json = image::encode(column.def().get_column_type(), value)?;
        Ok((column.as_str().to_owned(), json))
    });
    // Names sorted, as in every image.
    let fields: BTreeMap<_, _> = fields.collect::<Result<_, ImageError>>()?;
    Ok(fields.into_iter().collect())
}

fn keys<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column)
}
