//! The arguments that say which rows a list has and in which order: `filters`, `having`, `orderBy` and
//! `pagination`, their types and how they are read.
//!
//! Lists at the root and in relations read them alike.

mod types;

use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, InputValue, ResolverContext, TypeRef};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoIden, Query};
use sea_orm::{ColumnType, Condition, DbBackend, Order};

use super::context::database;
use super::error::Refusal;
use super::filter;
use super::relation::Relation;
use crate::service::columns::column_of;
use crate::service::entity::EntityInfo;
use crate::service::filter::Predicate;

pub(super) use types::{enum_filter, filter_name, inputs, shared};

/// The columns by which rows are ordered. The key is not listed; it always comes last.
pub(super) type Ordering = Vec<(&'static str, Order)>;

/// The field with the arguments that lists have everywhere.
pub(super) fn of_list(field: Field, entity: &EntityInfo) -> Field {
    let argument = |name: &str, ty: String| InputValue::new(name, TypeRef::named(ty));
    field
        .argument(argument("filters", filter_name(entity)))
        .argument(argument("orderBy", types::order_name(entity)))
        .argument(argument("pagination", types::PAGINATION.to_owned()))
}

/// The field with the arguments that lists have at the root.
pub(super) fn of_root(field: Field, entity: &EntityInfo) -> Field {
    let argument = |name: &str, ty: String| InputValue::new(name, TypeRef::named(ty));
    field
        .argument(argument("filters", filter_name(entity)))
        .argument(argument("having", types::having_name(entity)))
        .argument(argument("orderBy", types::order_name(entity)))
        .argument(argument("pagination", types::PAGINATION.to_owned()))
}

/// The argument of this name that filters rows of the entity.
///
/// # Errors
/// The same as for [`filter::parse`].
pub(super) fn predicate(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
    name: &str,
) -> Result<Option<Predicate>, Refusal> {
    match ctx.args.get(name) {
        Some(value) => {
            let backend = database(ctx)?.get_database_backend();
            filter::parse(entity, value.as_value(), backend)
        }
        None => Ok(None),
    }
}

/// The argument `orderBy`, in the order of the entity's columns.
///
/// # Errors
/// `BAD_INPUT` for a column that has no order.
pub(super) fn order_by(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
) -> Result<Ordering, Refusal> {
    let malformed = |_| Refusal::bad_input("`orderBy` is an object of ASC and DESC");
    let Some(wanted) = ctx.args.get("orderBy").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let wanted = wanted.object().map_err(malformed)?;
    let mut order = Vec::new();
    for column in &entity.columns {
        let Some(direction) = wanted.get(&column.field).filter(|value| !value.is_null()) else {
            continue;
        };
        if matches!(column.ty, ColumnType::Json | ColumnType::JsonBinary) {
            let field = &column.field;
            return Err(Refusal::bad_input(format!("JSON has no order: `{field}`")));
        }
        let direction = match direction.enum_name().map_err(malformed)? {
            "DESC" => Order::Desc,
            _ => Order::Asc,
        };
        order.push((column.name, direction));
    }
    Ok(order)
}

/// The argument `having`: rows that have children which pass these filters.
///
/// # Errors
/// The same as for [`filter::parse`].
pub(super) fn having(
    ctx: &ResolverContext<'_>,
    relations: &[Arc<Relation>],
    backend: DbBackend,
) -> Result<Condition, Refusal> {
    let mut condition = Condition::all();
    let Some(having) = ctx.args.get("having").filter(|value| !value.is_null()) else {
        return Ok(condition);
    };
    filter::check_size(having.as_value())?;
    filter::check_having(having.as_value())?;
    let GraphqlValue::Object(wanted) = having.as_value() else {
        return Err(Refusal::bad_input("`having` is an object of filters"));
    };
    for relation in relations {
        let Some(filter) = wanted.get(relation.field.as_str()) else {
            continue;
        };
        let predicate = filter::parse(&relation.child.info, filter, backend)?;
        condition = condition.add(has_child(relation, predicate.as_ref(), backend));
    }
    Ok(condition)
}

/// An alias that no table has.
const CHILD: &str = "__child";
const BETWEEN: &str = "__between";

/// Whether a row of the parent's table has a child that the predicate admits, or any child if there is no
/// predicate.
fn has_child(relation: &Relation, predicate: Option<&Predicate>, backend: DbBackend) -> Condition {
    let child = &relation.child;
    // Children are selected under their table's name, and joined under an alias, because their table may be the
    // parent's.
    let mut found = Query::select();
    let key = child.source.key();
    found
        .exprs(key.iter().filter_map(|name| child.source.column(name)))
        .from(relation.def.to_tbl.clone());
    if let Some(predicate) = predicate {
        found.cond_where(child.source.condition(predicate, backend));
    }
    let alias = |name: &str| Alias::new(name).into_iden();
    let mut def = relation.def.clone();
    def.to_tbl = def.to_tbl.alias(alias(CHILD));
    let mut met = Query::select();
    met.expr(Expr::val(1)).from(def.to_tbl.clone());
    match &relation.via {
        Some(via) => {
            let mut near = via.def.clone();
            near.to_tbl = near.to_tbl.alias(alias(BETWEEN));
            def = def.from_alias(alias(BETWEEN));
            met.inner_join(near.to_tbl.clone(), Condition::from(def));
            met.cond_where(Condition::from(near));
        }
        None => {
            met.cond_where(Condition::from(def));
        }
    }
    let child_key = key.iter().map(|name| column_of(CHILD, name));
    met.and_where(Expr::tuple(child_key).in_subquery(found));
    Condition::all().add(Expr::exists(met))
}
