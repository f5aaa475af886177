//! The statement that reads a page of the children of each of many parents, in the form that is fastest on its
//! database. All forms find the same rows, and those of each parent in the same order.

use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, Func, JoinType, OrderedStatement, OverStatement, Query,
    SelectStatement, ValueTuple, WindowStatement,
};
use sea_orm::{Condition, DbBackend, Order, RelationDef};
use seachange_changelog::internal::{self, PagesBy, ParentIndex};

use super::aliases::{BETWEEN, PARENT, TOTAL, key_alias};
use super::level::{ChildrenPage, Level, Meets, Parent};
use crate::graphql::arguments::Ordering;
use crate::graphql::error::Refusal;
use crate::graphql::fetch::selecting;
use crate::service::columns::column_of;

/// Aliases that no table and no column has, beside those of [`aliases`](super::aliases).
const PARENTS: &str = "__parents";
const LEVEL: &str = "__level";
const PLACE: &str = "__place";
const KEY: &str = "__key";

/// Makes the statement, which also selects the given expressions.
pub(super) type Build = Box<dyn Fn(&[(Expr, Alias)]) -> SelectStatement + Send + Sync>;

impl Level {
    /// The statement for the pages of these parents, of which it finds no more rows than `most`.
    pub(super) fn statement(
        &self,
        backend: DbBackend,
        page: &ChildrenPage,
        (parents, most): (&[&Parent], u64),
    ) -> Result<Build, Refusal> {
        if self.is_single {
            let mut children = self.relation.child.source.select();
            self.narrow(&mut children, backend, (page, parents))?;
            children.limit(most);
            return Ok(Box::new(move |extra| selecting(children.clone(), extra)));
        }
        match self.form(backend, page) {
            PagesBy::Rows => self.numbered_rows(backend, page, (parents, most)),
            PagesBy::Keys => self.numbered_keys(backend, page, (parents, most)),
            PagesBy::Lookups => self.looked_up(backend, page, (parents, most)),
            PagesBy::Laterals => self.joined_laterally(backend, page, (parents, most)),
        }
    }

    fn form(&self, backend: DbBackend, page: &ChildrenPage) -> PagesBy {
        // All children are counted for a total, so all are read anyway.
        let index = match page.total {
            true => ParentIndex::Missing,
            false => self.index,
        };
        let has_key = !self.relation.child.indexes.0.is_empty();
        match internal::on(backend).pages(index, page.order.is_empty()) {
            PagesBy::Keys if !has_key => PagesBy::Rows,
            form => form,
        }
    }

    /// Numbers all children, and takes those on a page.
    fn numbered_rows(
        &self,
        backend: DbBackend,
        page: &ChildrenPage,
        (parents, most): (&[&Parent], u64),
    ) -> Result<Build, Refusal> {
        let mut children = self.relation.child.source.select();
        self.narrow(&mut children, backend, (page, parents))?;
        self.number(&mut children, backend, page);
        let pages = on_pages(page);
        Ok(Box::new(move |extra| {
            let mut level = Query::select();
            level
                .column(Asterisk)
                .from_subquery(selecting(children.clone(), extra), Alias::new(LEVEL))
                .cond_where(pages.clone())
                .order_by(Alias::new(PLACE), Order::Asc)
                .limit(most);
            level
        }))
    }

    /// Numbers the keys of all children, and joins the rows whose keys are on a page.
    fn numbered_keys(
        &self,
        backend: DbBackend,
        page: &ChildrenPage,
        (parents, most): (&[&Parent], u64),
    ) -> Result<Build, Refusal> {
        let child = &self.relation.child.source;
        let mut keys = child.select();
        keys.clear_selects();
        let mut is_same = Condition::all();
        for (number, name) in child.key().into_iter().enumerate() {
            let alias = format!("{KEY}{number}");
            if let Some(column) = child.column(name) {
                is_same = is_same.add(column.clone().eq(column_of(LEVEL, &alias)));
                keys.expr_as(column, alias);
            }
        }
        self.narrow(&mut keys, backend, (page, parents))?;
        self.number(&mut keys, backend, page);
        let mut rows = child.select();
        rows.from_clear()
            .from_subquery(keys, Alias::new(LEVEL))
            .join(
                JoinType::StraightJoin,
                self.relation.def.to_tbl.clone(),
                is_same,
            )
            .cond_where(on_pages(page))
            .order_by(Alias::new(PLACE), Order::Asc)
            .limit(most);
        if let (of, Some(_)) = self.named() {
            for number in 0..of.key().len() {
                let alias = key_alias(number);
                rows.expr_as(column_of(LEVEL, &alias), alias);
            }
        }
        if page.total {
            rows.expr_as(column_of(LEVEL, TOTAL), TOTAL);
        }
        Ok(Box::new(move |extra| selecting(rows.clone(), extra)))
    }

    /// Looks up the rows whose keys a subquery for each parent selects.
    fn looked_up(
        &self,
        backend: DbBackend,
        page: &ChildrenPage,
        (parents, most): (&[&Parent], u64),
    ) -> Result<Build, Refusal> {
        let child = &self.relation.child.source;
        let key = || {
            let names = child.key().into_iter();
            names.filter_map(|name| child.column(name))
        };
        let mut keys = self.page_of_one(backend, page);
        keys.exprs(key());
        let mut rows = child.select();
        rows.from_clear()
            .from_values(self.values(backend, parents)?, Alias::new(PARENTS))
            .cross_join(self.relation.def.to_tbl.clone())
            .and_where(Expr::tuple(key()).in_subquery(keys))
            .limit(most);
        self.order(&mut rows, &page.order, backend);
        Ok(Box::new(move |extra| selecting(rows.clone(), extra)))
    }

    /// Joins what a subquery for each parent selects.
    fn joined_laterally(
        &self,
        backend: DbBackend,
        page: &ChildrenPage,
        (parents, most): (&[&Parent], u64),
    ) -> Result<Build, Refusal> {
        let child = &self.relation.child;
        let mut on_page = self.page_of_one(backend, page);
        on_page.column((Alias::new(child.info.table), Asterisk));
        let mut rows = child.source.select();
        rows.from_clear()
            .from_values(self.values(backend, parents)?, Alias::new(PARENTS))
            .join_lateral(
                JoinType::InnerJoin,
                on_page,
                Alias::new(child.info.table),
                Condition::all().add(Expr::cust("TRUE")),
            )
            .limit(most);
        self.order(&mut rows, &page.order, backend);
        Ok(Box::new(move |extra| selecting(rows.clone(), extra)))
    }

    /// The page of one parent, whose values are in a row of [`PARENTS`]. It selects nothing yet.
    fn page_of_one(&self, backend: DbBackend, page: &ChildrenPage) -> SelectStatement {
        let child = &self.relation.child.source;
        let mut select = child.select();
        select
            .clear_selects()
            .limit(page.pages.limit)
            .offset(page.pages.offset);
        for (number, name) in (1..).zip(self.names()) {
            if let Some(column) = child.column(name) {
                select.and_where(column.eq(column_of(PARENTS, &format!("column{number}"))));
            }
        }
        if let Some(filter) = &page.filter {
            select.cond_where(child.condition(filter, backend));
        }
        self.order(&mut select, &page.order, backend);
        select
    }

    /// The values that identify the parents, as they are bound.
    fn values(&self, backend: DbBackend, parents: &[&Parent]) -> Result<Vec<ValueTuple>, Refusal> {
        let (child, names) = (&self.relation.child.source, self.names());
        let values = parents.iter().map(|parent| {
            let values = child.bound(&names, parent, backend)?;
            Ok(ValueTuple::Many(values))
        });
        values.collect()
    }

    /// Restricts a selection of children to those of these parents that the page's filter admits, and adds the
    /// values that identify the parents if the children do not have them.
    fn narrow(
        &self,
        select: &mut SelectStatement,
        backend: DbBackend,
        (page, parents): (&ChildrenPage, &[&Parent]),
    ) -> Result<(), Refusal> {
        self.join(select);
        let values: Vec<Parent> = parents.iter().map(|parent| (*parent).clone()).collect();
        let (of, alias) = self.named();
        select.cond_where(of.among(alias, &self.names(), &values, backend)?);
        if let Some(filter) = &page.filter {
            select.cond_where(self.relation.child.source.condition(filter, backend));
        }
        if let Some(alias) = alias {
            for (number, name) in of.key().into_iter().enumerate() {
                select.expr_as(column_of(alias, name), key_alias(number));
            }
        }
        Ok(())
    }

    /// Numbers the children of each parent, and counts them if the page asks for that.
    fn number(&self, select: &mut SelectStatement, backend: DbBackend, page: &ChildrenPage) {
        let mut numbers = self.window();
        self.order(&mut numbers, &page.order, backend);
        select.expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), numbers, PLACE);
        if page.total {
            let count = Func::count(Expr::col(Asterisk));
            select.expr_window_as(count, self.window(), TOTAL);
        }
    }

    /// One partition per parent.
    fn window(&self) -> WindowStatement {
        let alias = self.named().1.unwrap_or(self.relation.child.info.table);
        let mut window = WindowStatement::new();
        for name in self.names() {
            window.add_partition_by(column_of(alias, name));
        }
        window
    }

    /// Orders children as the page wants it and then by key, so that equal rows keep their places.
    fn order(&self, children: &mut impl OrderedStatement, order: &Ordering, backend: DbBackend) {
        let child = &self.relation.child.source;
        for (name, direction) in order {
            if let Some(by) = child.order(name, backend) {
                children.order_by_expr(by, direction.clone());
            }
        }
        for name in child.key() {
            if let Some(column) = child.column(name) {
                children.order_by_expr(column, Order::Asc);
            }
        }
    }

    /// Joins the table that has the values which identify the parents.
    fn join(&self, select: &mut SelectStatement) {
        let parent = match self.meets {
            Meets::Child(_) => return,
            Meets::Between(_) => None,
            Meets::Parent => Some(PARENT),
        };
        let near = match &self.relation.via {
            Some(via) => {
                join(select, &self.relation.def, BETWEEN);
                let mut near = via.def.clone();
                near.to_tbl = near.to_tbl.alias(Alias::new(BETWEEN));
                near
            }
            None => self.relation.def.clone(),
        };
        if let Some(parent) = parent {
            join(select, &near, parent);
        }
    }
}

/// The condition for the numbers of children on a page.
fn on_pages(page: &ChildrenPage) -> Condition {
    let last = page.pages.last().unwrap_or(i64::MAX);
    let first = i64::try_from(page.pages.offset).unwrap_or(i64::MAX);
    let place = || Expr::col(Alias::new(PLACE));
    Condition::all()
        .add(place().gt(first))
        .add(place().lte(last))
}

fn join(select: &mut SelectStatement, def: &RelationDef, alias: &str) {
    let def = def.clone().from_alias(Alias::new(alias));
    select.inner_join(def.from_tbl.clone(), Condition::from(def));
}
