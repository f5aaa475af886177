//! `taskUpdate`.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, InputValue, ResolverContext, TypeRef};
use sea_orm::EntityTrait;
use seachange_changelog::{Target, TrackedTransaction, Written};
use serde_json::Value as Json;

use super::{all_argument, filter_argument, list, rows, since_argument, target, write};
use crate::graphql::error::Refusal;
use crate::graphql::guard::given;
use crate::graphql::inputs::{self, Purpose};
use crate::graphql::objects::basic_name;
use crate::service::budget::Cost;
use crate::service::entity::EntityInfo;
use crate::service::error::ServiceError;
use crate::service::idempotency::{Repeatable, recall_rows, remember_rows};
use crate::service::row::Row;
use crate::service::transaction::Work;
use crate::service::writable::Writable;

pub(super) fn field<E>(entity: &Arc<EntityInfo>) -> Field
where
    E: Writable,
{
    let info = Arc::clone(entity);
    let rows = TypeRef::named_nn_list_nn(basic_name(entity));
    Field::new(format!("{}Update", entity.field), rows, move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let rows = update::<E>(&ctx, &entity).await?;
            Ok(Some(list(rows)))
        })
    })
    .argument(InputValue::new(
        "data",
        TypeRef::named_nn(inputs::update_name(entity)),
    ))
    .argument(filter_argument(entity))
    .argument(all_argument())
    .argument(since_argument())
}

async fn update<E>(ctx: &ResolverContext<'_>, entity: &EntityInfo) -> Result<Vec<Row>, Refusal>
where
    E: Writable,
{
    let data = given(ctx, "data").ok_or_else(|| Refusal::bad_input("`data` is missing"))?;
    let changes = inputs::active_model::<E>(entity, &data, Purpose::Update)?;
    let work = Update::<E> {
        changes,
        target: target::<E>(ctx, entity).await?,
    };
    write(ctx, entity, &work).await
}

struct Update<E: EntityTrait> {
    changes: E::ActiveModel,
    target: Target,
}

impl<E: Writable> Work for Update<E> {
    type Output = Vec<Row>;

    async fn run(&self, tx: &TrackedTransaction) -> Result<Vec<Row>, ServiceError> {
        let (target, changes) = (self.target.clone(), self.changes.clone());
        let written = tx.update_rows::<E>(target, changes).await?;
        rows::<E>(written.into_iter().map(Written::into_row))
    }

    fn cost(&self, rows: &Vec<Row>) -> Cost {
        Cost::of_rows(rows)
    }
}

impl<E: Writable> Repeatable for Update<E> {
    fn remember(&self, rows: &Vec<Row>) -> Result<Option<Json>, ServiceError> {
        Ok(Some(remember_rows::<E>(rows)))
    }

    async fn recall(&self, tx: &TrackedTransaction, kept: Json) -> Result<Vec<Row>, ServiceError> {
        recall_rows::<E>(tx, kept).await
    }
}
