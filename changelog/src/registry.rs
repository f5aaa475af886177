//! Which tables are tracked by hooks: every entity with `track!` or the derive `Track` that is linked into the
//! program.
//!
//! The list is collected at link time, so that no connection can omit a table.

mod hidden;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn,
};

use crate::error::SetupRefusal;
pub use hidden::Hidden;

/// An entity whose writes are recorded. It is implemented by the derive [`Track`](derive@crate::Track) and by
/// [`track!`](crate::track).
#[diagnostic::on_unimplemented(
    message = "the entity `{Self}` is not tracked",
    label = "its writes are not recorded",
    note = "derive `Track` on the entity's `Model`, or put `track!()` in its file, and remove `impl \
            ActiveModelBehavior for ActiveModel {{}}`; if `sea-orm-cli` has written the file again, the line was lost"
)]
pub trait Tracked: EntityTrait {
    /// The column that is set to the time of the insert, if the server manages one.
    fn created_at() -> Option<Self::Column>;
    /// The column that is set whenever another column changes, if the server manages one.
    fn updated_at() -> Option<Self::Column>;

    /// Columns whose values the log replaces with [`REDACTED`](crate::REDACTED); the log still shows *that*
    /// they changed.
    fn redacted() -> Vec<Self::Column> {
        Vec::new()
    }
    /// Columns that the log does not show at all; a change of only these is not recorded.
    fn excluded() -> Vec<Self::Column> {
        Vec::new()
    }
    /// Columns that only the database fills: generated ones, identities, and those that a trigger sets. No
    /// write sets them, and a row is read back after each write.
    fn computed() -> Vec<Self::Column> {
        Vec::new()
    }

    /// Whether only the database fills this column.
    fn is_computed(column: &Self::Column) -> bool {
        use sea_orm::IdenStatic;
        let computed = Self::computed();
        let mut names = computed.iter().map(IdenStatic::as_str);
        names.any(|name| name == column.as_str())
    }

    /// Whether only the server writes this column.
    fn is_managed(column: &Self::Column) -> bool {
        use sea_orm::IdenStatic;
        [Self::created_at(), Self::updated_at()]
            .iter()
            .flatten()
            .any(|managed| managed.as_str() == column.as_str())
    }
}

/// A column's type, and the type of the model's field.
type ColumnTypes = (ColumnType, ArrayType);

/// A table named by a `track!` line.
pub struct TrackedTable {
    name: fn() -> &'static str,
    columns: fn() -> Vec<(&'static str, ColumnTypes)>,
    key: fn() -> Vec<KeyColumn>,
    hidden: fn() -> Hidden,
    computed: fn() -> Vec<&'static str>,
}

impl TrackedTable {
    /// The table of an entity, under the name that `name` returns, with the columns that the log does not
    /// show.
    pub const fn of<E: Tracked>(name: fn() -> &'static str, hidden: fn() -> Hidden) -> Self {
        Self {
            name,
            columns: columns_of::<E>,
            key: key_of::<E>,
            hidden,
            computed: computed_of::<E>,
        }
    }
}

fn columns_of<E: EntityTrait>() -> Vec<(&'static str, ColumnTypes)> {
    let kind = |column: E::Column| {
        let def = column.def();
        let rust = <E::Model as ModelTrait>::get_value_type(column);
        (column.as_str(), (def.get_column_type().clone(), rust))
    };
    E::Column::iter().map(kind).collect()
}

/// A column of a primary key, as an entity declares it.
pub(crate) struct KeyColumn {
    pub(crate) name: &'static str,
    pub(crate) ty: ColumnType,
    pub(crate) rust: ArrayType,
}

fn key_of<E: EntityTrait>() -> Vec<KeyColumn> {
    let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let kind = |column: E::Column| KeyColumn {
        name: column.as_str(),
        ty: column.def().get_column_type().clone(),
        rust: <E::Model as ModelTrait>::get_value_type(column),
    };
    columns.map(kind).collect()
}

fn computed_of<E: Tracked>() -> Vec<&'static str> {
    E::computed().iter().map(IdenStatic::as_str).collect()
}

inventory::collect!(TrackedTable);

/// The names of all tables tracked by hooks in this program, in lower case, sorted.
pub fn tracked_tables() -> &'static BTreeSet<String> {
    &Registry::linked().0.names
}

#[derive(Debug)]
struct Tables {
    names: BTreeSet<String>,
    /// Hidden columns by table name, for the tables that have any.
    hidden: BTreeMap<String, Hidden>,
}

/// The set of tracked tables, as connections query it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry(&'static Tables);

impl Registry {
    /// All tables of the program.
    pub(crate) fn linked() -> Self {
        static TABLES: LazyLock<Tables> = LazyLock::new(|| {
            let tables = inventory::iter::<TrackedTable>();
            let tables = tables.map(|table| ((table.name)().to_lowercase(), (table.hidden)()));
            let (names, hidden) = tables
                .map(|(name, hidden)| (name.clone(), (name, hidden)))
                .unzip::<_, _, BTreeSet<_>, Vec<_>>();
            let is_any = |(_, hidden): &(String, Hidden)| *hidden != Hidden::default();
            Tables {
                names,
                hidden: hidden.into_iter().filter(is_any).collect(),
            }
        });
        Self(&TABLES)
    }

    /// The type of the column in the program's entity of this table. If there are several entities, the one
    /// is used that has most of the table's columns, which `is_there` knows, and no others.
    pub(crate) fn column(
        self,
        table: &str,
        column: &str,
        is_there: impl Fn(&str) -> bool,
    ) -> Option<(ColumnType, ArrayType)> {
        type Entities = HashMap<String, Vec<HashMap<&'static str, ColumnTypes>>>;
        static ENTITIES: LazyLock<Entities> = LazyLock::new(|| {
            let mut entities = Entities::new();
            for table in inventory::iter::<TrackedTable>() {
                let columns = (table.columns)().into_iter().collect();
                let name = (table.name)().to_lowercase();
                entities.entry(name).or_default().push(columns);
            }
            entities
        });
        let entities = ENTITIES.get(&table.to_lowercase())?;
        let fits =
            |entity: &&HashMap<&'static str, ColumnTypes>| entity.keys().all(|name| is_there(name));
        let best = entities
            .iter()
            .filter(fits)
            .max_by_key(|entity| entity.len());
        best.or(entities.first())?.get(column).cloned()
    }

    /// Whether writes to the table must be recorded. A schema before the name is ignored: refusing a table of
    /// the same name in another schema is better than missing a write.
    pub(crate) fn is_tracked(self, table: &str) -> bool {
        self.0.names.contains(table) || self.0.names.contains(&table.to_lowercase())
    }

    /// The table's name as its entity, and so the log, writes it.
    pub(crate) fn name_of(self, table: &str) -> Option<&'static str> {
        let mut names = inventory::iter::<TrackedTable>().map(|tracked| (tracked.name)());
        names.find(|name| name.to_lowercase() == table.to_lowercase())
    }

    /// The names of all tables as their entities write them.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        inventory::iter::<TrackedTable>().map(|tracked| (tracked.name)())
    }

    /// The primary keys of the table, as the program's entities of it declare them.
    pub(crate) fn keys(self, table: &str) -> impl Iterator<Item = Vec<KeyColumn>> {
        let tables = inventory::iter::<TrackedTable>();
        let tables = tables.filter(move |tracked| (tracked.name)() == table);
        tables.map(|tracked| (tracked.key)())
    }

    /// The tables with the columns that only the database fills, as their `track!` lines declare them.
    pub(crate) fn computed() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
        inventory::iter::<TrackedTable>().map(|table| ((table.name)(), (table.computed)()))
    }

    /// What the log does not show of a tracked table, if anything.
    pub(crate) fn hidden(self, table: &str) -> Option<&'static Hidden> {
        // Most programs hide nothing.
        if self.0.hidden.is_empty() {
            return None;
        }
        self.0.hidden.get(&table.to_lowercase())
    }

    /// Refuses a table whose `track!` line hides a key column.
    pub(crate) fn check_hidden(self, table: &str) -> Result<(), SetupRefusal> {
        match self.hidden(table).and_then(Hidden::key) {
            None => Ok(()),
            Some(column) => Err(SetupRefusal::HiddenKey {
                table: table.to_owned(),
                column,
            }),
        }
    }
}
