//! The columns that the tables are made of. Texts and times have the types of the change log, which SeaORM's own
//! helpers write differently, or lossily, on one of the databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;
use seachange_changelog::ColumnTypes;

/// The columns of one database.
#[derive(Clone, Copy)]
pub(crate) struct Columns(ColumnTypes);

impl Columns {
    /// The columns of a backend.
    pub(crate) fn on(backend: DbBackend) -> Self {
        Self(ColumnTypes::on(backend))
    }

    /// Text of any length.
    pub(crate) fn text(self, name: &str) -> ColumnDef {
        ColumnDef::new_with_type(Alias::new(name), self.0.text())
    }

    /// Text that an index can hold.
    pub(crate) fn short_text(self, name: &str) -> ColumnDef {
        ColumnDef::new_with_type(Alias::new(name), self.0.short_text())
    }

    /// A time in UTC to the microsecond.
    pub(crate) fn time(self, name: &str) -> ColumnDef {
        ColumnDef::new_with_type(Alias::new(name), self.0.time())
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
        self.0.compare_bytes(&mut table);
        table
    }
}
