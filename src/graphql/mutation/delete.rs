//! `taskDelete`.

use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, FieldFuture, ResolverContext, TypeRef};
use seachange_changelog::{Target, TrackedTransaction};
use serde_json::Value as Json;

use super::{all_argument, filter_argument, since_argument, target, write};
use crate::graphql::error::Refusal;
use crate::service::budget::Cost;
use crate::service::entity::EntityInfo;
use crate::service::error::ServiceError;
use crate::service::idempotency::Repeatable;
use crate::service::transaction::Work;
use crate::service::writable::Writable;

pub(super) fn field<E>(entity: &Arc<EntityInfo>) -> Field
where
    E: Writable,
{
    let info = Arc::clone(entity);
    let count = TypeRef::named_nn(TypeRef::INT);
    Field::new(format!("{}Delete", entity.field), count, move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let count = delete::<E>(&ctx, &entity).await?;
            Ok(Some(GraphqlValue::from(count)))
        })
    })
    .argument(filter_argument(entity))
    .argument(all_argument())
    .argument(since_argument())
}

async fn delete<E>(ctx: &ResolverContext<'_>, entity: &EntityInfo) -> Result<i64, Refusal>
where
    E: Writable,
{
    let work = Delete::<E> {
        target: target::<E>(ctx, entity).await?,
        entity: PhantomData,
    };
    write(ctx, entity, &work).await
}

struct Delete<E> {
    target: Target,
    entity: PhantomData<fn() -> E>,
}

impl<E: Writable> Work for Delete<E> {
    type Output = i64;

    async fn run(&self, tx: &TrackedTransaction) -> Result<i64, ServiceError> {
        let deleted = tx.delete_many::<E>(self.target.clone()).await?;
        Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
    }

    fn cost(&self, _: &i64) -> Cost {
        Cost::default()
    }
}

impl<E: Writable> Repeatable for Delete<E> {
    fn remember(&self, count: &i64) -> Result<Option<Json>, ServiceError> {
        Ok(Some((*count).into()))
    }

    async fn recall(&self, _: &TrackedTransaction, kept: Json) -> Result<i64, ServiceError> {
        let count = kept.as_i64();
        count.ok_or_else(|| ServiceError::internal(format!("no count: {kept}")))
    }
}
