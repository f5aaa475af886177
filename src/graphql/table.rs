//! Reading a registered entity's rows without knowing its Rust type.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait, Order,
    PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect, Value,
};
use seachange_changelog::{Image, ImageError, image};
use seaography::{
    ActiveEnumFilterInputBuilder, BuilderContext, EntityColumnId, FilterType, FilterTypesMapHelper,
};

use super::connection::beyond;
use super::filter::{self, Predicate};

/// A row as an image, or why it has none.
pub(crate) enum Row {
    /// Its key and all of it.
    Image { key: Image, image: Image },
    /// The stored value does not fit the entity.
    Unreadable(String),
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

    /// A key as [`read`](Self::read) takes it.
    fn key_values(&self, key: &Image) -> Result<Vec<Value>, ImageError>;

    /// Every column of the entity, those that the API leaves out included.
    fn columns(&self) -> Vec<&'static str>;

    /// Seaography's name for a column.
    fn column_id(&self, column: &str) -> Option<EntityColumnId>;

    /// Seaography's name for the type of a column's filter; `None` for a column without one.
    fn filter_type(&self, context: &'static BuilderContext, column: &str) -> Option<String>;

    /// The SQL of a predicate on this table.
    fn condition(&self, predicate: &Predicate, backend: DbBackend) -> Condition;
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
        let keys: Vec<E::Column> = E::PrimaryKey::iter()
            .map(PrimaryKeyToColumn::into_column)
            .collect();
        for column in &keys {
            select = select.order_by_asc(*column);
        }
        let mut select = select.limit(limit);
        let found = tx
            .query_all(sea_orm::QueryTrait::query(&mut select))
            .await?;
        let is_last = (found.len() as u64) < limit;
        let mut next = None;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push(match E::Model::from_query_result(row, "") {
                Ok(model) => {
                    next = Some(keys.iter().map(|column| model.get(*column)).collect());
                    image_row(&model)
                }
                Err(error) => Row::Unreadable(error.to_string()),
            });
        }
        Ok(Rows {
            rows,
            next: next.filter(|_| !is_last),
        })
    }

    async fn find(&self, db: &DatabaseConnection, key: &Image) -> Result<Option<Row>, DbErr> {
        let condition = match key_condition::<E>(key) {
            Ok(condition) => condition,
            Err(error) => return Ok(Some(Row::Unreadable(error.to_string()))),
        };
        let select = E::find().filter(condition);
        let found = db.query_one(sea_orm::QueryTrait::as_query(&select)).await?;
        let read = |row| match E::Model::from_query_result(&row, "") {
            Ok(model) => image_row(&model),
            Err(error) => Row::Unreadable(error.to_string()),
        };
        Ok(found.map(read))
    }

    fn key_values(&self, key: &Image) -> Result<Vec<Value>, ImageError> {
        let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
        let value = |column: E::Column| {
            let json = key.get(column.as_str()).unwrap_or(&serde_json::Value::Null);
            image::value_of::<E>(column, json)
        };
        columns.map(value).collect()
    }

    fn columns(&self) -> Vec<&'static str> {
        E::Column::iter().map(|column| column.as_str()).collect()
    }

    fn column_id(&self, column: &str) -> Option<EntityColumnId> {
        Some(EntityColumnId::of::<E>(&named::<E>(column)?))
    }

    fn filter_type(&self, context: &'static BuilderContext, column: &str) -> Option<String> {
        let types = &context.filter_types;
        let types_map = FilterTypesMapHelper { context };
        let info = match types_map.get_column_filter_type::<E>(&named::<E>(column)?)? {
            FilterType::Text => &types.text_filter_info,
            FilterType::String => &types.string_filter_info,
            FilterType::Integer => &types.integer_filter_info,
            FilterType::Float => &types.float_filter_info,
            FilterType::Boolean => &types.boolean_filter_info,
            FilterType::Id => &types.id_filter_info,
            FilterType::Enumeration(name) => {
                let enumerations = ActiveEnumFilterInputBuilder { context };
                return Some(enumerations.type_name_from_string(&name));
            }
            FilterType::Json | FilterType::Custom(_) | FilterType::Array(_) => return None,
        };
        Some(info.type_name.clone())
    }

    fn condition(&self, predicate: &Predicate, backend: DbBackend) -> Condition {
        filter::condition::<E>(predicate, backend)
    }
}

/// The condition that names the row with a key.
pub(super) fn key_condition<E: EntityTrait>(key: &Image) -> Result<Condition, ImageError> {
    let mut condition = Condition::all();
    for column in E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column) {
        let json = key.get(column.as_str()).unwrap_or(&serde_json::Value::Null);
        condition = condition.add(column.eq(image::value_of::<E>(column, json)?));
    }
    Ok(condition)
}

/// The column with a name.
pub(super) fn named<E: EntityTrait>(column: &str) -> Option<E::Column> {
    E::Column::iter().find(|candidate| candidate.as_str() == column)
}

fn image_row<M: ModelTrait>(model: &M) -> Row {
    match (image::key_of(model), image::image_of(model)) {
        (Ok(key), Ok(image)) => Row::Image { key, image },
        (Err(error), _) | (_, Err(error)) => Row::Unreadable(error.to_string()),
    }
}
