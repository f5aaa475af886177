//! `taskUpdate`.

use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue, EntityTrait, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn,
};
use seachange_changelog::TrackedTransaction;
use seaography::BuilderContext;

use super::retry::{Work, in_transaction};
use super::{
    Chunks, Failure, Writable, all_argument, basic, connection, filter_argument, most_rows, target,
};
use crate::graphql::entity::EntityInfo;
use crate::graphql::error::Refusal;
use crate::graphql::filter::Predicate;
use crate::graphql::inputs::{self, Purpose};

pub(super) fn field<E>(context: &'static BuilderContext, entity: &Arc<EntityInfo>) -> Field
where
    E: Writable,
{
    let info = Arc::clone(entity);
    let rows = TypeRef::named_nn_list_nn(basic(entity));
    Field::new(format!("{}Update", entity.field), rows, move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let rows = update::<E>(&ctx, &entity).await?;
            Ok(Some(FieldValue::list(
                rows.into_iter().map(FieldValue::owned_any),
            )))
        })
    })
    .argument(InputValue::new(
        "data",
        TypeRef::named_nn(inputs::update_name(entity)),
    ))
    .argument(filter_argument(context, entity))
    .argument(all_argument())
}

async fn update<E>(ctx: &ResolverContext<'_>, entity: &EntityInfo) -> Result<Vec<E::Model>, Refusal>
where
    E: Writable,
{
    let data = ctx.args.get("data");
    let data = data.ok_or_else(|| Refusal::bad_input("`data` is missing"))?;
    let changes = inputs::active_model::<E>(entity, data.as_value(), Purpose::Update)?;
    let work = Update::<E> {
        changes,
        predicate: target(ctx, entity)?,
        most: most_rows(ctx)?,
    };
    in_transaction(connection(ctx)?, &work).await
}

struct Update<E: EntityTrait> {
    changes: E::ActiveModel,
    predicate: Option<Predicate>,
    most: u64,
}

impl<E: Writable> Work for Update<E> {
    type Output = Vec<E::Model>;

    async fn run(&self, tx: &TrackedTransaction) -> Result<Vec<E::Model>, Failure> {
        let mut updated = Vec::new();
        let mut chunks = Chunks::<E>::new(self.predicate.as_ref(), self.most);
        loop {
            let rows = chunks.next(tx).await?;
            if rows.is_empty() {
                return Ok(updated);
            }
            for row in rows {
                let model = apply::<E>(&self.changes, row)?;
                updated.push(model.update(tx).await?);
            }
        }
    }
}

/// The row with the changes set on it.
fn apply<E>(changes: &E::ActiveModel, row: E::Model) -> Result<E::ActiveModel, Failure>
where
    E: Writable,
{
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(|key| key.into_column()).collect();
    for key in keys {
        if let ActiveValue::Set(value) = changes.get(key)
            && value != row.get(key)
        {
            return Err(Refusal::bad_input(
                "a key cannot change: insert the row anew and delete the old one",
            )
            .into());
        }
    }
    let mut model = row.into_active_model();
    for column in E::Column::iter() {
        if let ActiveValue::Set(value) = changes.get(column) {
            model.try_set(column, value)?;
        }
    }
    Ok(model)
}
