//! What the database's catalogue says of the tables of registered entities. It is asked once, when a server
//! starts.

use std::collections::{BTreeMap, HashMap};

use seachange_changelog::internal::{Equality, ParentIndex};

/// The facts of each table, by its name. A table without an entry compares texts character by character, and has
/// no index.
pub(crate) type FactsByTable = HashMap<&'static str, TableFacts>;

/// The facts of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableFacts {
    /// The columns whose texts are not compared character by character.
    pub(super) equalities: BTreeMap<String, Equality>,
    pub(super) indexes: Indexes,
}

/// The columns of each index, in the index's order. Empty if rows cannot be found by their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexes(pub(super) Vec<Vec<String>>);

impl Indexes {
    /// What they do for rows that refer to a parent by these columns, in a table with this key.
    pub(super) fn of_parent(&self, columns: &[&str], key: &[&str]) -> ParentIndex {
        let begins = |index: &Vec<String>| {
            let first = index.get(..columns.len());
            first.is_some_and(|first| first.iter().all(|name| columns.contains(&name.as_str())))
        };
        let goes_on = |index: &Vec<String>| {
            let mut rest = index.iter().skip(columns.len());
            key.iter()
                .all(|key| rest.next().is_some_and(|name| name == key))
        };
        let mut by_parent = self.0.iter().filter(|index| begins(index)).peekable();
        if by_parent.peek().is_none() {
            ParentIndex::Missing
        } else if by_parent.any(goes_on) {
            ParentIndex::ByParentAndKey
        } else {
            ParentIndex::ByParent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_serves_the_columns_that_it_begins_with() {
        let indexes = |all: &[&[&str]]| {
            let names = |index: &&[&str]| index.iter().map(ToString::to_string).collect();
            Indexes(all.iter().map(names).collect())
        };
        let of = |all: &[&[&str]]| indexes(all).of_parent(&["a", "b"], &["id"]);
        assert_eq!(of(&[]), ParentIndex::Missing);
        assert_eq!(of(&[&["a"], &["id"], &[]]), ParentIndex::Missing);
        assert_eq!(of(&[&["a", "id", "b"]]), ParentIndex::Missing);
        assert_eq!(of(&[&["b", "a"]]), ParentIndex::ByParent);
        assert_eq!(of(&[&["a", "b", "x", "id"]]), ParentIndex::ByParent);
        assert_eq!(
            of(&[&["a", "b"], &["b", "a", "id"]]),
            ParentIndex::ByParentAndKey
        );
    }
}
