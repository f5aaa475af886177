//! Seaography's query of one entity, `task(filters, having, orderBy, pagination)`, under its names
//! and types but with our own reading: filters by [`Predicate`](super::filter), bounded pages, and
//! cursors that hold any key.
//!
//! Seaography's own resolver is not used because its cursors panic on keys of some types.

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use sea_orm::{
    ColumnTrait, ColumnType, Condition, DatabaseConnection, EntityTrait, IdenStatic, Iterable,
    ModelTrait, Order, PaginatorTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect,
    Select, Value,
};
use seachange_changelog::image;
use seaography::{
    BuilderContext, Connection, ConnectionObjectBuilder, Edge, FilterInputBuilder,
    HavingInputBuilder, OrderInputBuilder, PageInfo, PaginationInfo, PaginationInputBuilder,
    get_having_conditions,
};

use std::sync::Arc;

use super::budget::Budget;
use super::entity::EntityInfo;
use super::error::Refusal;
use super::filter;
use super::pagination::{self, Pages, Wanted};

/// The query field of an entity.
pub(super) fn field<E>(context: &'static BuilderContext, entity: Arc<EntityInfo>) -> Field
where
    E: EntityTrait,
    E::Model: Sync,
{
    let object = entity.object.clone();
    let connection = ConnectionObjectBuilder { context }.type_name(&object);
    let name = entity.field.clone();
    Field::new(name, TypeRef::named_nn(connection), move |ctx| {
        let entity = Arc::clone(&entity);
        FieldFuture::new(async move {
            let connection = resolve::<E>(context, &entity, &ctx).await?;
            Ok(Some(FieldValue::owned_any(connection)))
        })
    })
    .argument(InputValue::new(
        "filters",
        TypeRef::named(FilterInputBuilder { context }.type_name(&object)),
    ))
    .argument(InputValue::new(
        "having",
        TypeRef::named(HavingInputBuilder { context }.type_name(&object)),
    ))
    .argument(InputValue::new(
        "orderBy",
        TypeRef::named(OrderInputBuilder { context }.type_name(&object)),
    ))
    .argument(InputValue::new(
        "pagination",
        TypeRef::named(PaginationInputBuilder { context }.type_name()),
    ))
}

async fn resolve<E>(
    context: &'static BuilderContext,
    entity: &EntityInfo,
    ctx: &ResolverContext<'_>,
) -> Result<Connection<E>, Refusal>
where
    E: EntityTrait,
    E::Model: Sync,
{
    let db = ctx
        .data::<DatabaseConnection>()
        .map_err(|error| Refusal::internal(&error.message))?;
    let mut condition = Condition::all();
    if let Some(filters) = ctx.args.get("filters")
        && let Some(predicate) = filter::parse(entity, filters.as_value())?
    {
        condition = condition.add(filter::condition::<E>(
            &predicate,
            db.get_database_backend(),
        ));
    }
    let having = ctx.args.get("having").filter(|value| !value.is_null());
    let condition = get_having_conditions::<E>(context, ctx, condition, having)?;
    let order = order::<E>(entity, ctx)?;
    let wanted = pagination::parse(ctx)?;
    let budget = Budget::of(ctx)?;
    let select = E::find().filter(condition);
    match wanted {
        Wanted::After { cursor, limit } => {
            if !order.is_empty() {
                return Err(Refusal::bad_input(
                    "cursor pagination is in key order; use page or offset with orderBy",
                ));
            }
            after_key::<E>(entity, select, cursor, limit, (db, budget)).await
        }
        Wanted::Pages(pages) => by_offset::<E>(entity, select, order, pages, (db, budget)).await,
    }
}

/// The argument `orderBy`, in the order of the entity's columns, as Seaography has it.
fn order<E: EntityTrait>(
    entity: &EntityInfo,
    ctx: &ResolverContext<'_>,
) -> Result<Vec<(E::Column, Order)>, Refusal> {
    let malformed = |_| Refusal::bad_input("`orderBy` is an object of ASC and DESC");
    let Some(wanted) = ctx.args.get("orderBy").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let wanted = wanted.object().map_err(malformed)?;
    let mut order = Vec::new();
    for column in E::Column::iter() {
        let Some(info) = entity.by_name(column.as_str()) else {
            continue;
        };
        let Some(direction) = wanted.get(&info.field).filter(|value| !value.is_null()) else {
            continue;
        };
        if matches!(info.ty, ColumnType::Json | ColumnType::JsonBinary) {
            let field = &info.field;
            return Err(Refusal::bad_input(format!("JSON has no order: `{field}`")));
        }
        let direction = match direction.enum_name().map_err(malformed)? {
            "DESC" => Order::Desc,
            _ => Order::Asc,
        };
        order.push((column, direction));
    }
    Ok(order)
}

fn key_columns<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column)
}

fn edges<E>(entity: &EntityInfo, models: Vec<E::Model>) -> Result<Vec<Edge<E>>, Refusal>
where
    E: EntityTrait,
    E::Model: Sync,
{
    models
        .into_iter()
        .map(|node| {
            let key = image::key_of(&node).map_err(|error| Refusal::internal(&error))?;
            Ok(Edge {
                cursor: pagination::encode(entity, &key),
                node,
            })
        })
        .collect()
}

fn page_info<E>(edges: &[Edge<E>], has_previous_page: bool, has_next_page: bool) -> PageInfo
where
    E: EntityTrait,
    E::Model: Sync,
{
    PageInfo {
        has_previous_page,
        has_next_page,
        start_cursor: edges.first().map(|edge| edge.cursor.clone()),
        end_cursor: edges.last().map(|edge| edge.cursor.clone()),
    }
}

async fn by_offset<E>(
    entity: &EntityInfo,
    select: Select<E>,
    order: Vec<(E::Column, Order)>,
    pages: Pages,
    (db, budget): (&DatabaseConnection, &Budget),
) -> Result<Connection<E>, Refusal>
where
    E: EntityTrait,
    E::Model: Sync,
{
    let total = select.clone().count(db).await?;
    let ordered = order.into_iter().fold(select, |select, (column, order)| {
        select.order_by(column, order)
    });
    // The key last, so that rows that are otherwise equal keep their places between pages.
    let ordered = key_columns::<E>().fold(ordered, |select, column| select.order_by_asc(column));
    let Pages { offset, limit } = pages;
    budget.check()?;
    let fetched = budget.rows_to_fetch(limit);
    let rows = ordered.offset(offset).limit(fetched).stream(db).await?;
    let models = budget.gather(rows).await?;
    let edges = edges::<E>(entity, models)?;
    Ok(Connection {
        page_info: page_info(&edges, offset > 0, offset.saturating_add(limit) < total),
        pagination_info: Some(PaginationInfo {
            pages: total.div_ceil(limit),
            current: offset / limit,
            offset,
            total,
        }),
        edges,
    })
}

async fn after_key<E>(
    entity: &EntityInfo,
    select: Select<E>,
    cursor: Option<String>,
    limit: u64,
    (db, budget): (&DatabaseConnection, &Budget),
) -> Result<Connection<E>, Refusal>
where
    E: EntityTrait,
    E::Model: Sync,
{
    let after = cursor
        .map(|cursor| pagination::decode(entity, &cursor))
        .transpose()?;
    let forward = match &after {
        Some(key) => select.clone().filter(beyond::<E>(key, Order::Asc)),
        None => select.clone(),
    };
    let rows = key_columns::<E>()
        .fold(forward, |select, column| select.order_by_asc(column))
        .limit(budget.rows_to_fetch(limit + 1))
        .stream(db)
        .await?;
    let mut models = budget.gather(rows).await?;
    budget.check()?;
    let has_next = models.len() as u64 > limit;
    models.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let has_previous = match models.first() {
        Some(first) => {
            let key: Vec<Value> = key_columns::<E>().map(|column| first.get(column)).collect();
            let before = select.filter(beyond::<E>(&key, Order::Desc));
            before.limit(1).one(db).await?.is_some()
        }
        None => false,
    };
    let edges = edges::<E>(entity, models)?;
    Ok(Connection {
        page_info: page_info(&edges, has_previous, has_next),
        pagination_info: None,
        edges,
    })
}

/// Rows whose key comes after (or, descending, before) this one: (a > x) or (a = x and b > y) …
pub(super) fn beyond<E: EntityTrait>(key: &[Value], order: Order) -> Condition {
    let columns: Vec<E::Column> = key_columns::<E>().collect();
    let steps = columns.iter().zip(key).enumerate();
    steps.fold(Condition::any(), |any, (index, (column, value))| {
        let same = columns.iter().zip(key).take(index);
        let prefix = same.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value.clone()))
        });
        let step = match order {
            Order::Desc => column.lt(value.clone()),
            _ => column.gt(value.clone()),
        };
        any.add(prefix.add(step))
    })
}
