//! The mutations of an entity: each is one transaction, and each row goes through the hooks.

mod create;
mod delete;
mod revert;
mod update;

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldValue, InputValue, ResolverContext, TypeRef};
use sea_orm::{ConnectionTrait, EntityTrait};
use seachange_changelog::Target;
use seachange_changelog::internal::rows::Stored;

use super::arguments::{self, filter_name};
use super::committed::Committed;
use super::context::{call, connection, feed, limits};
use super::error::Refusal;
use super::node::Node;
use super::parameters;
use crate::feed::{Cursor, FeedError};
use crate::service::entity::EntityInfo;
use crate::service::error::ServiceError;
use crate::service::exposure::Action;
use crate::service::filter::condition;
use crate::service::idempotency::{Repeatable, once};
use crate::service::row::Row;
use crate::service::writable::Writable;

pub(super) use revert::{change as revert_change, transaction as revert_transaction};

/// `taskCreateOne`, `taskCreateBatch`, `taskUpdate`, `taskDelete`, as far as they are exposed.
pub(super) fn fields<E: Writable>(entity: &Arc<EntityInfo>) -> Vec<Field> {
    let mut fields = Vec::with_capacity(4);
    if entity.allows(Action::Create) {
        fields.extend([create::one::<E>(entity), create::batch::<E>(entity)]);
    }
    if entity.allows(Action::Update) {
        fields.push(update::field::<E>(entity));
    }
    if entity.allows(Action::Delete) {
        fields.push(delete::field::<E>(entity));
    }
    fields
}

/// Rows that were written, as the list of a field.
fn list(rows: Vec<Row>) -> FieldValue<'static> {
    FieldValue::list(Node::all(rows).into_iter().map(FieldValue::owned_any))
}

/// Rows that were written, for the fields of `TaskBasic`.
fn rows<E: EntityTrait>(
    stored: impl IntoIterator<Item = Stored<E::Model>>,
) -> Result<Vec<Row>, ServiceError> {
    Row::all::<E>(stored).map_err(ServiceError::internal)
}

/// Does a field's work on an entity, at most once under the key of its request.
async fn write<W: Repeatable>(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
    work: &W,
) -> Result<W::Output, Refusal> {
    let output = once(call(ctx)?, work).await;
    // A conflict shows rows as they are.
    let output = output.map_err(|error| error.leaving_out(entity))?;
    Committed::add(ctx);
    Ok(output)
}

fn filter_argument(entity: &EntityInfo) -> InputValue {
    InputValue::new("filter", TypeRef::named(filter_name(entity)))
}

/// The argument that must be given to write every row.
fn all_argument() -> InputValue {
    InputValue::new("all", TypeRef::named(TypeRef::BOOLEAN))
        .description("Write every row: needed when the filter names no condition.")
}

fn since_argument() -> InputValue {
    InputValue::new("ifUnchangedSince", TypeRef::named(TypeRef::STRING)).description(
        "A cursor: CONFLICT, with the rows as they are in `extensions.current`, if one of the rows \
         has been changed after it.",
    )
}

/// The argument `ifUnchangedSince`. A null is refused, because a client that sends it expects to be protected.
fn since(ctx: &ResolverContext<'_>) -> Result<Option<String>, Refusal> {
    match ctx.args.get("ifUnchangedSince") {
        Some(since) if since.is_null() => Err(Refusal::bad_input(
            "`ifUnchangedSince` is null, or its variable has no value: pass a cursor, or leave the argument \
             out to write whatever has been changed",
        )),
        _ => parameters::text(ctx, "ifUnchangedSince"),
    }
}

/// The rows that an update or delete applies to: those of `filter`, or every row if `all` is true. None of them
/// may have changed after the cursor `ifUnchangedSince`.
async fn target<E: EntityTrait>(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
) -> Result<Target, Refusal> {
    let predicate = arguments::predicate(ctx, entity, "filter")?;
    let all = ctx
        .args
        .get("all")
        .is_some_and(|all| all.boolean().unwrap_or(false));
    if predicate.is_none() && !all {
        return Err(Refusal::bad_input(
            "no condition: pass a filter, or `all: true` to write every row",
        ));
    }
    let backend = connection(ctx)?.get_database_backend();
    let target = predicate.map_or_else(Target::all, |predicate| {
        Target::matching(condition::<E>(&predicate, backend))
    });
    let target = target.at_most(limits(ctx)?.write_rows);
    let Some(since) = since(ctx)? else {
        return Ok(target);
    };
    let cursor = Cursor::from_str(&since).map_err(|error| Refusal::from(FeedError::from(error)))?;
    let position = feed(ctx)?.position(&cursor).await;
    Ok(target.unchanged_since(position.map_err(Refusal::from)?))
}
