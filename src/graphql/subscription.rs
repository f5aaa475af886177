//! The subscriptions: `changes`, and `taskChanges` for each entity. Their resolvers say what is wanted;
//! [`live`](super::live) does the rest.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, ResolverContext, SubscriptionField, TypeRef};

use super::arguments::filter_name;
use super::change;
use super::entity::EntityInfo;
use super::error::Refusal;
use super::filter;
use super::live::{Begin, Plan, Role, Watch};
use super::record::change_name;
use super::table::Table;

/// `changes(after, entities, operations)`.
pub(super) fn changes() -> SubscriptionField {
    SubscriptionField::new("changes", TypeRef::named_nn("Change"), |ctx| {
        Role::answer(&ctx, |ctx| {
            Ok(Plan {
                begin: change::start(ctx)?.map_or(Begin::Now, Begin::From),
                watch: Watch::Changes(change::selection(ctx)?),
            })
        })
    })
    .description("Every change, in order, once; from a cursor or from now.")
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "entities",
        TypeRef::named_nn_list(TypeRef::STRING),
    ))
    .argument(InputValue::new(
        "operations",
        TypeRef::named_nn_list("ChangeOperation"),
    ))
}

/// `taskChanges(after, filters, includeInitial)`.
pub(super) fn records(entity: &Arc<EntityInfo>, table: &Arc<dyn Table>) -> SubscriptionField {
    let (info, rows) = (Arc::clone(entity), Arc::clone(table));
    let name = format!("{}Changes", entity.field);
    SubscriptionField::new(name, TypeRef::named_nn(change_name(entity)), move |ctx| {
        Role::answer(&ctx, |ctx| plan(ctx, &info, &rows))
    })
    .description("The rows that match, as they come, change and go.")
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "filters",
        TypeRef::named(filter_name(entity)),
    ))
    .argument(
        InputValue::new("includeInitial", TypeRef::named(TypeRef::BOOLEAN)).default_value(false),
    )
}

/// What the arguments of `taskChanges` mean.
fn plan(
    ctx: &ResolverContext<'_>,
    entity: &Arc<EntityInfo>,
    table: &Arc<dyn Table>,
) -> Result<Plan, Refusal> {
    let predicate = match ctx.args.get("filters") {
        Some(value) => filter::parse(entity, value.as_value())?,
        None => None,
    };
    if let Some(predicate) = &predicate {
        predicate.check_streamable(entity)?;
    }
    let initial = ctx.args.get("includeInitial");
    let initial = initial.filter(|value| !value.is_null());
    let initial = initial.is_some_and(|value| value.boolean().unwrap_or(false));
    let begin = match (change::start(ctx)?, initial) {
        (Some(_), true) => {
            return Err(Refusal::bad_input(
                "`after` continues, `includeInitial` starts anew: pass one of them",
            ));
        }
        (None, true) => Begin::WithRows,
        (Some(start), false) => Begin::From(start),
        (None, false) => Begin::Now,
    };
    Ok(Plan {
        begin,
        watch: Watch::Records {
            entity: Arc::clone(entity),
            table: Arc::clone(table),
            predicate,
        },
    })
}
