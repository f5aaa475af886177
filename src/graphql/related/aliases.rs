//! Aliases in the statements of relations, which no table and no column has.

/// The table of the parents, where it is read.
pub(super) const PARENT: &str = "__parent";
/// The table between parents and children.
pub(super) const BETWEEN: &str = "__between";
/// The number of a parent's children.
pub(super) const TOTAL: &str = "__total";

/// The alias of a column of the key of the table that has the values which identify the parents.
pub(super) fn key_alias(number: usize) -> String {
    format!("{PARENT}{number}")
}
