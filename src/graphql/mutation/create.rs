//! `taskCreateOne` and `taskCreateBatch`.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, ConnectionTrait, EntityTrait, Iterable,
    PrimaryKeyToColumn, Value,
};
use seachange_changelog::TrackedTransaction;
use serde_json::Value as Json;

use super::{list, rows, write};
use crate::graphql::context::{connection, limits};
use crate::graphql::error::Refusal;
use crate::graphql::guard::given;
use crate::graphql::inputs::{self, Purpose};
use crate::graphql::node::Node;
use crate::graphql::objects::basic_name;
use crate::service::budget::Cost;
use crate::service::entity::EntityInfo;
use crate::service::error::ServiceError;
use crate::service::idempotency::{Repeatable, recall_rows, remember_rows};
use crate::service::row::Row;
use crate::service::rows::check_counted_key;
use crate::service::transaction::Work;
use crate::service::writable::Writable;

pub(super) fn one<E>(entity: &Arc<EntityInfo>) -> Field
where
    E: Writable,
{
    let info = Arc::clone(entity);
    let row = TypeRef::named_nn(basic_name(entity));
    Field::new(format!("{}CreateOne", entity.field), row, move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let data = argument(&ctx)?;
            let rows = insert_all::<E>(&ctx, &entity, std::slice::from_ref(&*data)).await?;
            Ok(rows
                .into_iter()
                .next()
                .map(Node::alone)
                .map(FieldValue::owned_any))
        })
    })
    .argument(InputValue::new(
        "data",
        TypeRef::named_nn(inputs::insert_name(entity)),
    ))
}

pub(super) fn batch<E>(entity: &Arc<EntityInfo>) -> Field
where
    E: Writable,
{
    let info = Arc::clone(entity);
    let rows = TypeRef::named_nn_list_nn(basic_name(entity));
    Field::new(format!("{}CreateBatch", entity.field), rows, move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let data = argument(&ctx)?;
            let data = match &*data {
                GraphqlValue::List(list) => list.as_slice(),
                single => std::slice::from_ref(single),
            };
            let rows = insert_all::<E>(&ctx, &entity, data).await?;
            Ok(Some(list(rows)))
        })
    })
    .argument(InputValue::new(
        "data",
        TypeRef::named_nn_list_nn(inputs::insert_name(entity)),
    ))
}

fn argument<'a>(ctx: &'a ResolverContext<'_>) -> Result<Cow<'a, GraphqlValue>, Refusal> {
    given(ctx, "data").ok_or_else(|| Refusal::bad_input("`data` is missing"))
}

async fn insert_all<E>(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
    data: &[GraphqlValue],
) -> Result<Vec<Row>, Refusal>
where
    E: Writable,
{
    let most = limits(ctx)?.batch_rows;
    if data.len() > most {
        return Err(Refusal::limit(format!("a batch has at most {most} rows")));
    }
    let backend = connection(ctx)?.get_database_backend();
    let models: Vec<E::ActiveModel> = data
        .iter()
        .map(|row| {
            let mut model = inputs::active_model::<E>(entity, row, Purpose::Insert)?;
            make_key::<E>(&mut model)?;
            check_counted_key::<E>(&model, backend)?;
            Ok(model)
        })
        .collect::<Result<_, Refusal>>()?;
    write(ctx, entity, &Insert::<E> { models }).await
}

struct Insert<E: EntityTrait> {
    models: Vec<E::ActiveModel>,
}

impl<E: Writable> Work for Insert<E> {
    type Output = Vec<Row>;

    async fn run(&self, tx: &TrackedTransaction) -> Result<Vec<Row>, ServiceError> {
        let inserted = tx.insert_rows::<E>(self.models.clone()).await?;
        rows::<E>(inserted)
    }

    fn cost(&self, rows: &Vec<Row>) -> Cost {
        Cost::of_rows(rows)
    }
}

impl<E: Writable> Repeatable for Insert<E> {
    fn remember(&self, rows: &Vec<Row>) -> Result<Option<Json>, ServiceError> {
        Ok(Some(remember_rows::<E>(rows)))
    }

    async fn recall(&self, tx: &TrackedTransaction, kept: Json) -> Result<Vec<Row>, ServiceError> {
        recall_rows::<E>(tx, kept).await
    }
}

/// Generates a UUID for a row that has no key: version 7, so that later keys sort later.
fn make_key<E: EntityTrait>(model: &mut E::ActiveModel) -> Result<(), Refusal> {
    let mut keys = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let (Some(column), None) = (keys.next(), keys.next()) else {
        return Ok(());
    };
    let is_uuid = matches!(column.def().get_column_type(), ColumnType::Uuid);
    if is_uuid && model.is_not_set(column) {
        let key = Value::Uuid(Some(uuid::Uuid::now_v7()));
        model
            .try_set(column, key)
            .map_err(|error| Refusal::internal(&error))?;
    }
    Ok(())
}
