//! Which tables are tracked by hooks: every `track!` line that is linked into the program.
//!
//! Collected at link time, so that no connection can be built that has forgotten a table.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A table named by a `track!` line.
pub struct TrackedTable(fn() -> &'static str);

impl TrackedTable {
    /// The table that `name` tells.
    pub const fn of(name: fn() -> &'static str) -> Self {
        Self(name)
    }
}

inventory::collect!(TrackedTable);

/// The names of all tables tracked by hooks in this program, in lower case, sorted.
pub fn tracked_tables() -> &'static BTreeSet<String> {
    Registry::linked().0
}

/// The set of tracked tables, as connections ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry(&'static BTreeSet<String>);

impl Registry {
    /// All tables of the program.
    pub(crate) fn linked() -> Self {
        static TABLES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
            inventory::iter::<TrackedTable>()
                .map(|table| (table.0)().to_lowercase())
                .collect()
        });
        Self(&TABLES)
    }

    /// Whether writes to the table must be recorded. A schema in front of the name does not
    /// matter: refusing a namesake in another schema is better than missing a write.
    pub(crate) fn is_tracked(self, table: &str) -> bool {
        self.0.contains(table) || self.0.contains(&table.to_lowercase())
    }
}
