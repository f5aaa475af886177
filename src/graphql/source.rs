//! The SQL of one entity without its Rust type: the parts of statements on its table, and how their rows are
//! read.
//!
//! Columns are written as SeaORM writes them, with the casts that enumerations need.

use std::marker::PhantomData;
use std::sync::LazyLock;

use async_graphql::dynamic::FieldValue;
use futures_util::{Stream, StreamExt};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoValueTuple, SelectStatement};
use sea_orm::{
    ColumnTrait, ColumnType, Condition, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IdenStatic, Iterable, Order, PrimaryKeyTrait, QueryResult, QueryTrait, RelationDef,
    RelationTrait, StreamTrait, TransactionTrait, TryGetableMany, Value,
};
use seachange_changelog::internal::rows::{Reader, Stored, beyond_key};
use seachange_changelog::internal::{self, image};
use seachange_changelog::{Image, ImageError};
use serde_json::Value as Json;

use super::error::Refusal;
use crate::service::budget::{Budget, Cost};
use crate::service::columns::{column_of, keys, named, types};
use crate::service::filter::{self, Predicate};
use crate::service::row::Row;

/// Makes a statement that also selects the given expressions.
pub(super) type Build<'a> = dyn Fn(&[(Expr, Alias)]) -> SelectStatement + Send + Sync + 'a;

/// Access to the table of an entity.
#[async_trait::async_trait]
pub(crate) trait Source: Send + Sync {
    /// Every column of every row.
    fn select(&self) -> SelectStatement;

    /// The columns of the key, in its order.
    fn key(&self) -> Vec<&'static str>;

    /// A column of the table.
    fn column(&self, name: &str) -> Option<Expr>;

    /// The expression that orders rows by a column.
    fn order(&self, name: &str, backend: DbBackend) -> Option<Expr>;

    /// The condition for the rows that a predicate admits.
    fn condition(&self, predicate: &Predicate, backend: DbBackend) -> Condition;

    /// The condition for the rows after (or, descending, before) a key.
    ///
    /// # Errors
    /// [`ImageError`] if this is not a key of the table.
    fn after_key(
        &self,
        key: &Image,
        order: &Order,
        backend: DbBackend,
    ) -> Result<Condition, ImageError>;

    /// The condition for the rows in which the columns have one of these values. Each value has one part per
    /// column. The columns belong to the table, or to an alias of it.
    ///
    /// # Errors
    /// [`ImageError`] for a value that its column cannot have.
    fn among(
        &self,
        alias: Option<&str>,
        columns: &[&str],
        values: &[Vec<Json>],
        backend: DbBackend,
    ) -> Result<Condition, ImageError>;

    /// The values of columns as they are bound. They must be of columns that are bound as they are compared,
    /// without a cast.
    ///
    /// # Errors
    /// [`ImageError`] for a value that its column cannot have.
    fn bound(
        &self,
        columns: &[&str],
        values: &[Json],
        backend: DbBackend,
    ) -> Result<Vec<Value>, ImageError>;

    /// The rows that a statement finds, each with everything that was selected for it. `build` extends the
    /// statement of [`select`](Self::select) by the expressions it is given. It is called a second time if the
    /// entity cannot hold one of the rows, which are then read value by value.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` for more than the budget has left, and the database's errors.
    async fn find(
        &self,
        from: (&DatabaseConnection, &Budget),
        build: &Build<'_>,
    ) -> Result<Vec<(Row, QueryResult)>, Refusal>;

    /// Whether a column can have a value, given as images have it.
    fn takes(&self, column: &str, value: &Json) -> bool;

    /// The key of a row that a statement has selected under these names.
    fn read_key(&self, found: &QueryResult, names: &[String]) -> Option<Vec<Json>>;

    /// The row of a value that is a model of the entity.
    fn row_of(&self, value: &FieldValue<'_>) -> Option<Row>;

    /// The relations that the entity declares, by name.
    fn relations(&self) -> Vec<(String, RelationDef)>;
}

/// The table of one entity.
pub(super) struct SourceOf<E> {
    /// Kept, because SeaORM builds the types of columns again each time.
    types: LazyLock<Vec<ColumnType>>,
    entity: PhantomData<fn() -> E>,
}

impl<E: EntityTrait> SourceOf<E> {
    pub(super) fn new() -> Self {
        Self {
            types: LazyLock::new(|| types::<E>().collect()),
            entity: PhantomData,
        }
    }

    fn row(&self, model: &E::Model) -> Result<Row, ImageError> {
        Row::of_model(model, E::Column::iter().zip(self.types.iter()))
    }

    /// The rows of an answer, charged to the budget; `None` if the reader cannot read one of them.
    async fn gather(
        &self,
        reader: &Reader<E>,
        budget: &Budget,
        answer: impl Stream<Item = Result<QueryResult, DbErr>>,
    ) -> Result<Option<Vec<(Row, QueryResult)>>, Refusal> {
        let rows = answer.map(|found| {
            let found = found?;
            let row = match reader.read(&found)? {
                Some(Stored::Model(model)) => self.row(&model).ok(),
                Some(Stored::Image(image)) => Some(Row::of_image::<E>(image)),
                None => None,
            };
            Ok(row.map(|row| (row, found)))
        });
        let cost =
            |found: &Option<(Row, QueryResult)>| Cost::of_rows(found.iter().map(|(row, _)| row));
        let gathered = budget.gather(rows, cost).await?;
        if gathered.iter().all(Option::is_some) {
            return Ok(Some(gathered.into_iter().flatten().collect()));
        }
        // The caller reads them once more.
        let rows = gathered.iter().flatten().map(|(row, _)| row);
        budget.give_back(Cost::of_rows(rows));
        Ok(None)
    }
}

#[async_trait::async_trait]
impl<E> Source for SourceOf<E>
where
    E: EntityTrait,
    E::Model: Sync,
{
    fn select(&self) -> SelectStatement {
        E::find().into_query()
    }

    fn key(&self) -> Vec<&'static str> {
        keys::<E>().map(|column| column.as_str()).collect()
    }

    fn column(&self, name: &str) -> Option<Expr> {
        Some(Expr::col(named::<E>(name)?.as_column_ref()))
    }

    fn order(&self, name: &str, backend: DbBackend) -> Option<Expr> {
        let column = named::<E>(name)?;
        let key = filter::key::<E>(column, backend);
        Some(key.unwrap_or_else(|| Expr::col(column.as_column_ref())))
    }

    fn condition(&self, predicate: &Predicate, backend: DbBackend) -> Condition {
        filter::condition::<E>(predicate, backend)
    }

    fn after_key(
        &self,
        key: &Image,
        order: &Order,
        backend: DbBackend,
    ) -> Result<Condition, ImageError> {
        beyond_key::<E>(key, order, backend)
    }

    fn among(
        &self,
        alias: Option<&str>,
        columns: &[&str],
        values: &[Vec<Json>],
        backend: DbBackend,
    ) -> Result<Condition, ImageError> {
        let columns: Vec<E::Column> = columns.iter().filter_map(|name| named::<E>(name)).collect();
        let place = |column: &E::Column| -> Expr {
            match alias {
                Some(alias) => column_of(alias, column.as_str()),
                None => Expr::col(column.as_column_ref()),
            }
        };
        let value = |column: &E::Column, json: &Json| {
            let value = internal::operand::<E>(*column, json, backend)?;
            Ok(column.save_as(Expr::val(value)))
        };
        if let [column] = columns.as_slice() {
            let values = values
                .iter()
                .flatten()
                .map(|json| value(column, json))
                .collect::<Result<Vec<Expr>, ImageError>>()?;
            return Ok(Condition::all().add(place(column).is_in(values)));
        }
        let all = values.iter().map(|values| {
            let pairs = columns.iter().zip(values);
            let same = pairs.map(|(column, json)| Ok(place(column).eq(value(column, json)?)));
            let same = same.collect::<Result<Vec<Expr>, ImageError>>()?;
            Ok(same.into_iter().reduce(ExprTrait::and))
        });
        let all = all.collect::<Result<Vec<_>, ImageError>>()?;
        let any = any(all.into_iter().flatten().collect());
        Ok(Condition::all().add(any.unwrap_or_else(|| Expr::val(1).eq(2))))
    }

    fn bound(
        &self,
        columns: &[&str],
        values: &[Json],
        backend: DbBackend,
    ) -> Result<Vec<Value>, ImageError> {
        let columns = columns.iter().filter_map(|name| named::<E>(name));
        let pairs = columns.zip(values);
        pairs
            .map(|(column, json)| internal::operand::<E>(column, json, backend))
            .collect()
    }

    async fn find(
        &self,
        (db, budget): (&DatabaseConnection, &Budget),
        build: &Build<'_>,
    ) -> Result<Vec<(Row, QueryResult)>, Refusal> {
        let models = Reader::of_models(db.get_database_backend());
        let answer = db.stream(&build(&[])).await?;
        if let Some(rows) = self.gather(&models, budget, answer).await? {
            return Ok(rows);
        }
        let tx = db.begin().await?;
        let values = Reader::of_values(&tx).await?;
        let answer = tx.stream(&build(&values.extra())).await?;
        let rows = self.gather(&values, budget, answer).await?;
        values.end(&tx).await?;
        tx.commit().await?;
        rows.ok_or_else(|| Refusal::internal(&"a row has no image"))
    }

    fn takes(&self, column: &str, value: &Json) -> bool {
        named::<E>(column).is_some_and(|column| image::value_of::<E>(column, value).is_ok())
    }

    fn read_key(&self, found: &QueryResult, names: &[String]) -> Option<Vec<Json>> {
        type Key<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;
        let key = Key::<E>::try_get_many(found, "", names).ok()?;
        let values = keys::<E>()
            .zip(key.into_value_tuple())
            .map(|(column, value)| image::encode(column.def().get_column_type(), &value).ok());
        values.collect()
    }

    fn row_of(&self, value: &FieldValue<'_>) -> Option<Row> {
        self.row(value.downcast_ref::<E::Model>()?).ok()
    }

    fn relations(&self) -> Vec<(String, RelationDef)> {
        let relations = E::Relation::iter();
        relations
            .map(|relation| (relation.name(), relation.def()))
            .collect()
    }
}

/// An OR of the conditions. They are halved repeatedly, so that they nest no deeper than SQLite accepts.
fn any(mut conditions: Vec<Expr>) -> Option<Expr> {
    if conditions.len() < 2 {
        return conditions.pop();
    }
    let rest = conditions.split_off(conditions.len() / 2);
    Some(any(conditions)?.or(any(rest)?))
}
