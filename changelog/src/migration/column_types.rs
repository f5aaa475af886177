//! Column types for an adopter's migrations.

use sea_orm::sea_query::TableCreateStatement;
use sea_orm::{ColumnType, DbBackend};

use crate::database::{self, Dialect};

/// Column types that mean the same on every database and keep each value as it was written, where SeaORM's
/// own differ: on MariaDB its text has at most 64 KB, and its times have whole seconds.
///
/// ```
/// use sea_orm::DbBackend;
/// use sea_orm::sea_query::{Alias, ColumnDef, Table};
/// use seachange_changelog::ColumnTypes;
///
/// let types = ColumnTypes::on(DbBackend::MySql);
/// let mut note = Table::create();
/// note.table(Alias::new("note"))
///     .col(ColumnDef::new_with_type(Alias::new("body"), types.text()))
///     .col(ColumnDef::new_with_type(Alias::new("written_at"), types.time()));
/// types.compare_bytes(&mut note);
/// # assert!(format!("{note:?}").contains("written_at"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ColumnTypes(&'static dyn Dialect);

impl ColumnTypes {
    /// Those of a database.
    pub fn on(backend: DbBackend) -> Self {
        Self(database::on(backend))
    }

    /// Text of any length.
    pub fn text(self) -> ColumnType {
        self.0.long_text_type()
    }

    /// Text that is short enough for an index: on MariaDB up to 255 characters, elsewhere any.
    pub fn short_text(self) -> ColumnType {
        self.0.short_text_type()
    }

    /// A time in UTC to the microsecond.
    pub fn time(self) -> ColumnType {
        self.0.time_type()
    }

    /// Makes a new table compare its texts byte by byte, trailing spaces included, which is what PostgreSQL and
    /// SQLite do by default.
    pub fn compare_bytes(self, table: &mut TableCreateStatement) {
        self.0.compare_bytes(table);
    }
}
