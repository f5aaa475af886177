//! One statement for the children of many parents: a page for each, numbered by the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, Func, OverStatement, Query, SelectStatement, WindowStatement,
};
use sea_orm::{
    ColumnType, Condition, DatabaseConnection, DbBackend, Order, QueryResult, RelationDef,
};
use serde_json::Value as Json;

use crate::graphql::arguments::Ordering;
use crate::graphql::error::Refusal;
use crate::graphql::fetch::{find, selecting};
use crate::graphql::node::Node;
use crate::graphql::pagination::RowRange;
use crate::graphql::relation::{Relation, columns};
use crate::graphql::source::Source;
use crate::service::budget::Budget;
use crate::service::columns::column_of;
use crate::service::entity::{ColumnInfo, is_integer};
use crate::service::filter::Predicate;
use crate::service::row::Row;

/// How many values in one statement identify parents. It binds up to 32,766 on SQLite, 10,000 of them for a
/// filter.
const VALUES: usize = 20_000;

/// Aliases that no table and no column has.
const PARENT: &str = "__parent";
const BETWEEN: &str = "__between";
const LEVEL: &str = "__level";
const PLACE: &str = "__place";
const TOTAL: &str = "__total";

/// The values that identify a parent, as images have them.
pub(super) type Parent = Vec<Json>;

/// Which children are wanted of each parent.
pub(super) struct ChildrenPage {
    pub(super) filter: Option<Predicate>,
    pub(super) order: Ordering,
    pub(super) pages: RowRange,
    /// Whether the request asks how many there are.
    pub(super) total: bool,
}

impl ChildrenPage {
    /// The first child only.
    pub(super) fn one() -> Self {
        let pages = RowRange {
            offset: 0,
            limit: 1,
        };
        Self {
            filter: None,
            order: Vec::new(),
            pages,
            total: false,
        }
    }
}

/// The places of a parent's page among all rows of a level.
#[derive(Default)]
struct Places {
    rows: Vec<usize>,
    total: Option<u64>,
}

/// A parent's page.
#[derive(Clone, Default)]
pub(super) struct Children {
    pub(super) nodes: Vec<Node>,
    /// How many there are in all, if the request asked for that.
    pub(super) total: Option<u64>,
}

/// The children of one relation.
pub(super) struct Level {
    pub(super) relation: Arc<Relation>,
    /// The columns of the parent whose values identify it.
    named_by: Vec<ColumnInfo>,
    meets: Meets,
    /// Whether a parent has at most one child, because the relation refers to the key of the child's table.
    is_single: bool,
}

/// Which table of the statement has the values that identify the parent.
enum Meets {
    /// In the child itself.
    Child(Vec<ColumnInfo>),
    /// In the key of the table between.
    Between(Vec<ColumnInfo>),
    /// In the key of the parent, which is joined, so that the database decides what is equal: texts by their
    /// collation, numbers of different types, and conditions of the relation beyond its columns.
    Parent,
}

impl Level {
    pub(super) fn of(relation: &Arc<Relation>) -> Self {
        let (named_by, meets) = meets(relation);
        let key = relation.child.source.key();
        let to: Vec<String> = relation
            .def
            .to_col
            .iter()
            .map(ToString::to_string)
            .collect();
        let is_key = to.len() == key.len() && to.iter().all(|name| key.contains(&name.as_str()));
        Self {
            relation: Arc::clone(relation),
            is_single: !relation.is_many && is_key && matches!(meets, Meets::Child(_)),
            named_by,
            meets,
        }
    }

    /// The values that identify the parent; `None` if one of them is null, which equals nothing, or is not a
    /// valid value of its column.
    pub(super) fn parent(&self, row: &Row) -> Option<Parent> {
        let parent = &self.relation.parent.source;
        let values = self.named_by.iter().map(|column| {
            let value = row.value(column);
            let names = !value.is_null() && parent.takes(column.name, value);
            names.then(|| value.clone())
        });
        values.collect()
    }

    /// The children of these parents, for each parent that has any.
    pub(super) async fn read(
        &self,
        from: (&DatabaseConnection, &Budget),
        page: &ChildrenPage,
        parents: &[Row],
    ) -> Result<HashMap<Parent, Children>, Refusal> {
        let parents: HashSet<Parent> = parents.iter().filter_map(|row| self.parent(row)).collect();
        let parents: Vec<&Parent> = parents.iter().collect();
        let most = (VALUES / self.named_by.len().max(1)).max(1);
        let (mut all, mut rows) = (HashMap::with_capacity(parents.len()), Vec::new());
        for parents in parents.chunks(most) {
            for (row, found) in self.find(from, page, parents).await? {
                let parent = self.parent_of(&found, &row)?;
                let places: &mut Places = all.entry(parent).or_default();
                if page.total {
                    places.total = Some(number(&found, TOTAL)?);
                }
                places.rows.push(rows.len());
                rows.push(row);
            }
            if page.total && page.pages.offset > 0 {
                self.count_empty(from, page, parents, &mut all).await?;
            }
        }
        let nodes = Node::all(rows);
        let children = |places: Places| Children {
            nodes: places
                .rows
                .into_iter()
                .map(|place| nodes[place].clone())
                .collect(),
            total: places.total,
        };
        let all = all.into_iter();
        Ok(all
            .map(|(parent, places)| (parent, children(places)))
            .collect())
    }

    /// The totals for parents that have no child on this page.
    async fn count_empty(
        &self,
        from: (&DatabaseConnection, &Budget),
        page: &ChildrenPage,
        parents: &[&Parent],
        all: &mut HashMap<Parent, Places>,
    ) -> Result<(), Refusal> {
        let empty = parents.iter().filter(|parent| !all.contains_key(**parent));
        let empty: Vec<&Parent> = empty.copied().collect();
        if empty.is_empty() {
            return Ok(());
        }
        let first = ChildrenPage {
            filter: page.filter.clone(),
            pages: ChildrenPage::one().pages,
            order: Vec::new(),
            total: true,
        };
        for (row, found) in self.find(from, &first, &empty).await? {
            let places = all.entry(self.parent_of(&found, &row)?).or_default();
            places.total = Some(number(&found, TOTAL)?);
        }
        Ok(())
    }

    async fn find(
        &self,
        from: (&DatabaseConnection, &Budget),
        page: &ChildrenPage,
        parents: &[&Parent],
    ) -> Result<Vec<(Row, QueryResult)>, Refusal> {
        let (db, budget) = from;
        let mut children = self.children(db, page, parents)?;
        let most = budget.rows_to_fetch(u64::MAX);
        if self.is_single {
            children.limit(most);
            return find(from, &self.relation.child, move |extra| {
                selecting(children.clone(), extra)
            })
            .await;
        }
        let last = page.pages.last().unwrap_or(i64::MAX);
        let first = i64::try_from(page.pages.offset).unwrap_or(i64::MAX);
        let build = move |extra: &[(Expr, Alias)]| {
            let place = || Expr::col(Alias::new(PLACE));
            let mut level = Query::select();
            level
                .column(Asterisk)
                .from_subquery(selecting(children.clone(), extra), Alias::new(LEVEL))
                .and_where(place().gt(first))
                .and_where(place().lte(last))
                .order_by(Alias::new(PLACE), Order::Asc)
                .limit(most);
            level
        };
        find(from, &self.relation.child, build).await
    }

    /// All children of these parents that the page's filter admits, numbered.
    fn children(
        &self,
        db: &DatabaseConnection,
        page: &ChildrenPage,
        parents: &[&Parent],
    ) -> Result<SelectStatement, Refusal> {
        let backend = db.get_database_backend();
        let child = &self.relation.child.source;
        let mut select = child.select();
        self.join(&mut select);
        let values: Vec<Parent> = parents.iter().map(|parent| (*parent).clone()).collect();
        let (of, alias) = self.named();
        select.cond_where(of.among(alias, &self.names(), &values, backend)?);
        if let Some(filter) = &page.filter {
            select.cond_where(child.condition(filter, backend));
        }
        if let Some(alias) = alias {
            for (number, name) in of.key().into_iter().enumerate() {
                select.expr_as(column_of(alias, name), key_alias(number));
            }
        }
        if self.is_single {
            return Ok(select);
        }
        select.expr_window_as(
            Func::cust(Alias::new("ROW_NUMBER")),
            self.window(Some((&page.order, backend))),
            PLACE,
        );
        if page.total {
            let count = Func::count(Expr::col(Asterisk));
            select.expr_window_as(count, self.window(None), TOTAL);
        }
        Ok(select)
    }

    /// One partition per parent, in the page's order and then by key, so that equal rows keep their places.
    fn window(&self, order: Option<(&Ordering, DbBackend)>) -> WindowStatement {
        let child = &self.relation.child;
        let alias = self.named().1.unwrap_or(child.info.table);
        let mut window = WindowStatement::new();
        for name in self.names() {
            window.add_partition_by(column_of(alias, name));
        }
        let Some((order, backend)) = order else {
            return window;
        };
        for (name, direction) in order {
            if let Some(by) = child.source.order(name, backend) {
                window.order_by_expr(by, direction.clone());
            }
        }
        for name in child.source.key() {
            if let Some(column) = child.source.column(name) {
                window.order_by_expr(column, Order::Asc);
            }
        }
        window
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

    /// The table that has the values which identify the parents, and the alias under which it is joined.
    fn named(&self) -> (&dyn Source, Option<&'static str>) {
        match (&self.meets, &self.relation.via) {
            (Meets::Between(_), Some(via)) => (via.between.source.as_ref(), Some(BETWEEN)),
            (Meets::Parent, _) => (self.relation.parent.source.as_ref(), Some(PARENT)),
            _ => (self.relation.child.source.as_ref(), None),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        let columns = match &self.meets {
            Meets::Child(columns) | Meets::Between(columns) => columns,
            Meets::Parent => &self.named_by,
        };
        columns.iter().map(|column| column.name).collect()
    }

    /// The values that identify the parent of a row that was found.
    fn parent_of(&self, found: &QueryResult, row: &Row) -> Result<Parent, Refusal> {
        if let Meets::Child(columns) = &self.meets {
            let values = columns.iter().map(|column| row.value(column).clone());
            return Ok(values.collect());
        }
        let (of, _) = self.named();
        let key = of.key();
        let aliases: Vec<String> = (0..key.len()).map(key_alias).collect();
        let unread = || Refusal::internal(&"the key of a parent cannot be read");
        let values = of.read_key(found, &aliases).ok_or_else(unread)?;
        let names = self.names().into_iter();
        let values = names.map(|name| {
            let place = key.iter().position(|key| *key == name)?;
            values.get(place).cloned()
        });
        values.collect::<Option<Parent>>().ok_or_else(unread)
    }
}

fn join(select: &mut SelectStatement, def: &RelationDef, alias: &str) {
    let def = def.clone().from_alias(Alias::new(alias));
    select.inner_join(def.from_tbl.clone(), Condition::from(def));
}

fn key_alias(number: usize) -> String {
    format!("{PARENT}{number}")
}

fn number(found: &QueryResult, name: &str) -> Result<u64, Refusal> {
    let number: i64 = found.try_get("", name)?;
    Ok(u64::try_from(number).unwrap_or_default())
}

/// The columns that identify the parents of a relation, and which table has their values.
fn meets(relation: &Relation) -> (Vec<ColumnInfo>, Meets) {
    let (parent, child) = (&relation.parent, &relation.child);
    let key = || {
        let key = parent.source.key();
        let columns = key.iter().filter_map(|name| parent.info.stored(name));
        (columns.cloned().collect(), Meets::Parent)
    };
    let (def, to) = match &relation.via {
        Some(via) => (&via.def, &via.between.info),
        None => (&relation.def, &child.info),
    };
    let (Ok(from), Ok(to)) = (
        columns(&parent.info, &def.from_col),
        columns(to, &def.to_col),
    ) else {
        return key();
    };
    let is_plain = def.on_condition.is_none()
        && from.len() == to.len()
        && from.iter().zip(&to).all(|(from, to)| is_same(from, to));
    let of_key = to.iter().all(|column| column.is_key);
    let owned =
        |columns: Vec<&ColumnInfo>| -> Vec<ColumnInfo> { columns.into_iter().cloned().collect() };
    match relation.via {
        None if is_plain => (owned(from), Meets::Child(owned(to))),
        Some(_) if is_plain && of_key => (owned(from), Meets::Between(owned(to))),
        _ => key(),
    }
}

/// Whether values of the two columns are equal exactly if their images are.
fn is_same(one: &ColumnInfo, other: &ColumnInfo) -> bool {
    let is_exact = is_integer(&one.ty) || matches!(one.ty, ColumnType::Uuid);
    is_exact && one.ty == other.ty && one.rust == other.rust
}
