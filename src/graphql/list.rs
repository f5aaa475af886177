//! The query of one entity, `task(filters, having, orderBy, pagination)`: a page of its rows.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, ResolverContext, TypeRef};
use sea_orm::sea_query::{Asterisk, Expr, Func, Query, SelectStatement};
use sea_orm::{Condition, DatabaseConnection, Order, QueryResult};

use super::arguments::{self, Ordering};
use super::connection::{self, Asked, Connection};
use super::context::{budget, database};
use super::error::Refusal;
use super::fetch::{fetch, rows};
use super::listed::Listed;
use super::pagination::{self, RowRange, Wanted};
use super::relation::Relation;
use crate::service::budget::Budget;

pub(super) fn field(of: &Listed, relations: &Arc<[Arc<Relation>]>) -> Field {
    let (entity, relations) = (of.clone(), Arc::clone(relations));
    let ty = TypeRef::named_nn(connection::name(&of.info));
    let field = Field::new(&of.info.field, ty, move |ctx| {
        let (entity, relations) = (entity.clone(), Arc::clone(&relations));
        FieldFuture::new(async move {
            let connection = resolve(&ctx, &entity, &relations).await?;
            Ok(Some(FieldValue::owned_any(connection)))
        })
    });
    arguments::of_root(field, &of.info)
}

async fn resolve(
    ctx: &ResolverContext<'_>,
    of: &Listed,
    relations: &[Arc<Relation>],
) -> Result<Connection, Refusal> {
    let db = database(ctx)?;
    let backend = db.get_database_backend();
    let mut condition = arguments::having(ctx, relations, backend)?;
    if let Some(predicate) = arguments::predicate(ctx, &of.info, "filters")? {
        condition = condition.add(of.source.condition(&predicate, backend));
    }
    let order = arguments::order_by(ctx, &of.info)?;
    let list = List {
        of,
        db,
        budget: budget(ctx)?,
        condition,
        asked: Asked::of(ctx),
    };
    match pagination::parse(ctx)? {
        Wanted::After { .. } if !order.is_empty() => Err(Refusal::bad_input(
            "cursor pagination is in key order; use page or offset with orderBy",
        )),
        Wanted::After { cursor, limit } => list.after(cursor.as_deref(), limit).await,
        Wanted::Range(pages) => list.by_offset(&order, pages).await,
    }
}

/// The rows of which a page is wanted.
struct List<'a> {
    of: &'a Listed,
    db: &'a DatabaseConnection,
    budget: &'a Budget,
    condition: Condition,
    asked: Asked,
}

impl List<'_> {
    fn select(&self) -> SelectStatement {
        let mut select = self.of.source.select();
        select.cond_where(self.condition.clone());
        select
    }

    /// Orders by the key, so that rows that are otherwise equal keep their places between pages.
    fn in_key_order(&self, mut select: SelectStatement) -> SelectStatement {
        let source = &self.of.source;
        for column in source.key().iter().filter_map(|name| source.column(name)) {
            select.order_by_expr(column, Order::Asc);
        }
        select
    }

    async fn by_offset(&self, order: &Ordering, pages: RowRange) -> Result<Connection, Refusal> {
        let total = if self.asked.total {
            Some(self.count().await?)
        } else {
            None
        };
        let mut select = self.select();
        let backend = self.db.get_database_backend();
        for (name, direction) in order {
            if let Some(by) = self.of.source.order(name, backend) {
                select.order_by_expr(by, direction.clone());
            }
        }
        let mut select = self.in_key_order(select);
        let limit = self.budget.rows_to_fetch(pages.limit);
        select.limit(limit).offset(pages.offset);
        let nodes = rows((self.db, self.budget), self.of, select).await?;
        Ok(Connection::numbered(nodes, pages, total))
    }

    async fn count(&self) -> Result<u64, Refusal> {
        let mut all = self.select();
        all.clear_selects().expr(Expr::val(1));
        let mut count = Query::select();
        count
            .expr_as(Func::count(Expr::col(Asterisk)), "total")
            .from_subquery(all, "counted");
        let found = fetch(self.db, count).await?;
        let total = found
            .first()
            .map(|row: &QueryResult| row.try_get::<i64>("", "total"));
        let total = total.transpose()?.unwrap_or_default();
        Ok(u64::try_from(total).unwrap_or_default())
    }

    async fn after(&self, cursor: Option<&str>, limit: u64) -> Result<Connection, Refusal> {
        let (entity, source) = (&self.of.info, &self.of.source);
        let backend = self.db.get_database_backend();
        let after = cursor
            .map(|cursor| pagination::decode(entity, cursor))
            .transpose()?;
        let mut select = self.in_key_order(self.select());
        if let Some(key) = &after {
            select.cond_where(source.after_key(key, &Order::Asc, backend)?);
        }
        select.limit(self.budget.rows_to_fetch(limit + 1));
        let mut nodes = rows((self.db, self.budget), self.of, select).await?;
        self.budget.check()?;
        let has_next = nodes.len() as u64 > limit;
        nodes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let has_previous = match nodes.first() {
            Some(first) if self.asked.previous => {
                let first = source.after_key(&first.key(entity), &Order::Desc, backend)?;
                let mut before = self.select();
                before
                    .clear_selects()
                    .expr(Expr::val(1))
                    .cond_where(first)
                    .limit(1);
                !fetch(self.db, before).await?.is_empty()
            }
            _ => false,
        };
        Ok(Connection {
            nodes,
            has_previous,
            has_next,
            numbers: None,
        })
    }
}
