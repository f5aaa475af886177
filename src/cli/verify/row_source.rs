//! How the rows of a table that is verified are read.

use seachange_changelog::internal::TableRows;

use crate::service::registered::Registered;

/// How the rows of a table are read.
pub(super) enum RowSource {
    /// By a registered entity.
    Entity(Registered),
    /// In the form in which capture would write them: the table, of this name, has no registered entity.
    Rows(String, Box<TableRows>),
}

impl RowSource {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Entity(entity) => entity.info.table,
            Self::Rows(name, _) => name,
        }
    }
}
