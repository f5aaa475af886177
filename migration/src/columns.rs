//! Column types that SeaORM's own helpers write differently, or lossily, on MariaDB.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The column types of one database.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(crate) DbBackend);

impl Columns {
    /// Text of any length: MariaDB's `text` ends at 64 KB.
    pub(crate) fn text(self, name: &str) -> ColumnDef {
        self.choose(name, "longtext", |def| def.text())
    }

    /// Text that an index can hold.
    pub(crate) fn short_text(self, name: &str) -> ColumnDef {
        self.choose(name, "varchar(255)", |def| def.text())
    }

    /// A time in UTC to the microsecond: MariaDB's `timestamp` and `datetime` have no fraction.
    pub(crate) fn time(self, name: &str) -> ColumnDef {
        self.choose(name, "datetime(6)", |def| def.timestamp_with_time_zone())
    }

    /// A UUID key or reference.
    pub(crate) fn uuid(name: &str) -> ColumnDef {
        let mut def = ColumnDef::new(Alias::new(name));
        def.uuid().not_null();
        def
    }

    /// A table whose text compares by bytes on every database, trailing spaces included.
    pub(crate) fn table(self, name: &str) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(Alias::new(name));
        if self.0 == DbBackend::MySql {
            table.character_set("utf8mb4").collate("utf8mb4_nopad_bin");
        }
        table
    }

    fn choose(
        self,
        name: &str,
        on_mariadb: &str,
        elsewhere: impl FnOnce(&mut ColumnDef) -> &mut ColumnDef,
    ) -> ColumnDef {
        let mut def = ColumnDef::new(Alias::new(name));
        match self.0 {
            DbBackend::MySql => def.custom(Alias::new(on_mariadb)),
            _ => elsewhere(&mut def),
        };
        def
    }
}
