//! The children of many parents: a page for each, read by one statement.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::{ColumnType, DatabaseConnection, QueryResult};
use seachange_changelog::internal::ParentIndex;
use serde_json::Value as Json;

use super::aliases::{BETWEEN, PARENT, TOTAL, key_alias};
use crate::graphql::arguments::Ordering;
use crate::graphql::error::Refusal;
use crate::graphql::fetch::find;
use crate::graphql::node::Node;
use crate::graphql::pagination::RowRange;
use crate::graphql::relation::{Relation, columns};
use crate::graphql::source::Source;
use crate::service::budget::Budget;
use crate::service::entity::{ColumnInfo, is_integer};
use crate::service::filter::Predicate;
use crate::service::row::Row;

/// How many values in one statement identify parents. It binds up to 32,766 on SQLite, 10,000 of them for a
/// filter.
const VALUES: usize = 20_000;

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
    pub(super) meets: Meets,
    /// Whether a parent has at most one child, because the relation refers to the key of the child's table.
    pub(super) is_single: bool,
    /// What the indexes of the child's table do for the columns that refer to the parent.
    pub(super) index: ParentIndex,
}

/// Which table of the statement has the values that identify the parent.
pub(super) enum Meets {
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
            index: match &meets {
                Meets::Child(columns) => {
                    let columns: Vec<&str> = columns.iter().map(|column| column.name).collect();
                    relation.child.indexes.of_parent(&columns, &key)
                }
                Meets::Between(_) | Meets::Parent => ParentIndex::Missing,
            },
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
        (db, budget): (&DatabaseConnection, &Budget),
        page: &ChildrenPage,
        parents: &[&Parent],
    ) -> Result<Vec<(Row, QueryResult)>, Refusal> {
        let most = budget.rows_to_fetch(u64::MAX);
        let build = self.statement(db.get_database_backend(), page, (parents, most))?;
        find((db, budget), &self.relation.child, build).await
    }

    /// The table that has the values which identify the parents, and the alias under which it is joined.
    pub(super) fn named(&self) -> (&dyn Source, Option<&'static str>) {
        match (&self.meets, &self.relation.via) {
            (Meets::Between(_), Some(via)) => (via.between.source.as_ref(), Some(BETWEEN)),
            (Meets::Parent, _) => (self.relation.parent.source.as_ref(), Some(PARENT)),
            _ => (self.relation.child.source.as_ref(), None),
        }
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
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
