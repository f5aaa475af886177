//! How a page of the children of each of many parents is read.

/// What the indexes of a table can do for the pages of rows that refer to a parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParentIndex {
    /// No index begins with the columns that refer to the parent, or it is not known.
    #[default]
    Missing,
    /// An index begins with these columns.
    ByParent,
    /// An index begins with these columns, and the table's key follows: it has the rows of each parent in the
    /// order of their keys.
    ByParentAndKey,
}

/// The form of a statement that reads a page of the children of each of many parents. All forms find the same
/// rows in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagesBy {
    /// All children are numbered, in a window for each parent.
    Rows,
    /// The keys of all children are numbered, in a window for each parent, and the rows of the page are looked
    /// up by their keys.
    Keys,
    /// A subquery for each parent selects the keys on its page, and the rows are looked up by their keys.
    Lookups,
    /// A subquery for each parent selects the rows on its page.
    Laterals,
}
