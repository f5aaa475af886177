//! `taskDelete`.

use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, FieldFuture, ResolverContext, TypeRef};
use sea_orm::ModelTrait;
use seachange_changelog::TrackedTransaction;
use seaography::BuilderContext;

use super::retry::{Work, in_transaction};
use super::{
    Chunks, Failure, Writable, all_argument, connection, filter_argument, most_rows, target,
};
use crate::graphql::entity::EntityInfo;
use crate::graphql::error::Refusal;
use crate::graphql::filter::Predicate;

pub(super) fn field<E>(context: &'static BuilderContext, entity: &Arc<EntityInfo>) -> Field
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
    .argument(filter_argument(context, entity))
    .argument(all_argument())
}

async fn delete<E>(ctx: &ResolverContext<'_>, entity: &EntityInfo) -> Result<i64, Refusal>
where
    E: Writable,
{
    let work = Delete::<E> {
        predicate: target(ctx, entity)?,
        most: most_rows(ctx)?,
        entity: PhantomData,
    };
    in_transaction(connection(ctx)?, &work).await
}

struct Delete<E> {
    predicate: Option<Predicate>,
    most: u64,
    entity: PhantomData<fn() -> E>,
}

impl<E: Writable> Work for Delete<E> {
    type Output = i64;

    async fn run(&self, tx: &TrackedTransaction) -> Result<i64, Failure> {
        let mut count = 0;
        let mut chunks = Chunks::<E>::new(self.predicate.as_ref(), self.most);
        loop {
            let rows = chunks.next(tx).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            for row in rows {
                row.delete::<E::ActiveModel, _>(tx).await?;
                count += 1;
            }
        }
    }
}
