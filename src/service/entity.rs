//! What is known of a registered entity without its Rust type: its table, its columns, and their names in the
//! API.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ActiveEnum, ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn, PrimaryKeyTrait, Value,
};
use seachange_changelog::internal::{Equality, Hidden};
use seachange_changelog::{Image, Tracked};

use super::exposure::{Action, Exposure};
use super::names;

/// The stored values of an enumeration, by their names in the API.
#[derive(Clone, Debug)]
pub(crate) struct EnumValues {
    pub(crate) type_name: String,
    /// The type of its tests in a filter.
    pub(crate) filter_name: String,
    /// (name, stored value)
    pub(crate) items: Vec<(String, String)>,
}

/// Enumerations by the name that SeaORM gives them.
pub(crate) type Enumerations = BTreeMap<String, Arc<EnumValues>>;

/// The values of one `ActiveEnum` stored as text.
pub(crate) fn enum_values<A: ActiveEnum>() -> EnumValues {
    let name = A::name().to_string();
    let items = A::values()
        .into_iter()
        .map(|value| {
            let value: Value = value.into();
            let stored = match value {
                Value::String(Some(text)) => text,
                other => other.to_string(),
            };
            (names::word(&stored), stored)
        })
        .collect();
    EnumValues {
        type_name: names::enumeration(&name),
        filter_name: names::enum_filter(&name),
        items,
    }
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct ColumnInfo {
    /// The name in the database.
    pub(crate) name: &'static str,
    /// The name in the API.
    pub(crate) field: String,
    /// Its place among all columns of the entity.
    pub(crate) place: usize,
    /// Whether the API leaves it out: hidden by the entity's exposure, or `#[seaography(ignore)]`, as SeaORM
    /// spells it.
    pub(crate) is_left_out: bool,
    pub(crate) ty: ColumnType,
    /// The type of the model's field.
    pub(crate) rust: ArrayType,
    pub(crate) nullable: bool,
    pub(crate) is_key: bool,
    /// Whether only the server writes it.
    pub(crate) is_managed: bool,
    /// Whether only the database fills it.
    pub(crate) is_computed: bool,
    /// Whether the log keeps no value of it.
    pub(crate) is_hidden: bool,
    /// Whether an insert may leave it out.
    pub(crate) has_default: bool,
    pub(crate) values: Option<Arc<EnumValues>>,
    /// When the database considers a value of it equal to a text.
    pub(crate) equality: Equality,
}

impl ColumnInfo {
    /// Whether the server or the database fills the column, so that an edit cannot mean to set it. The key of a
    /// row is part of each edit, whatever fills it.
    pub(crate) fn is_filled(&self) -> bool {
        self.is_managed || self.is_computed && !self.is_key
    }

    /// Whether clients may set it; it is in the inputs then.
    pub(crate) fn is_input(&self) -> bool {
        !self.is_managed && !self.is_computed
    }

    /// Whether the column, or its elements, are integers.
    pub(crate) fn is_integer(&self, ty: &ColumnType) -> bool {
        use ArrayType as R;
        use ColumnType as T;
        match ty {
            T::Year => true,
            ty if is_integer(ty) => true,
            // The type is unknown to us, so the type of the model's field decides, as in images.
            T::Custom(_) => matches!(
                self.rust,
                R::TinyInt
                    | R::SmallInt
                    | R::Int
                    | R::BigInt
                    | R::TinyUnsigned
                    | R::SmallUnsigned
                    | R::Unsigned
                    | R::BigUnsigned
            ),
            _ => false,
        }
    }
}

/// One entity.
#[derive(Clone, Debug)]
pub(crate) struct EntityInfo {
    /// The name in the database and in the log.
    pub(crate) table: &'static str,
    /// The database's schema, if the entity names one.
    pub(crate) schema: Option<String>,
    /// The name of a row in the API, e.g. `Task`.
    pub(crate) object: String,
    /// The name of the table in the API, e.g. `task`.
    pub(crate) field: String,
    /// The columns in the entity's order, without those that the API leaves out.
    pub(crate) columns: Vec<ColumnInfo>,
    left_out: Vec<ColumnInfo>,
    /// Whether the API shows every column of the key.
    pub(crate) shows_key: bool,
    /// The column that is set to the current time at each change, if there is one.
    pub(crate) stamped: Option<&'static str>,
    exposure: Exposure,
}

impl EntityInfo {
    pub(crate) fn of<E: Tracked>(enums: &Enumerations) -> Self
    where
        E::Model: Sync,
    {
        let hidden = Hidden::of::<E>();
        let columns = E::Column::iter().enumerate().map(|(place, column)| {
            let def = column.def();
            let is_key = E::PrimaryKey::from_column(column).is_some();
            let is_uuid = matches!(def.get_column_type(), ColumnType::Uuid);
            ColumnInfo {
                name: column.as_str(),
                field: names::field(column.as_str()),
                place,
                is_left_out: def.seaography().ignore,
                rust: E::Model::get_value_type(column),
                nullable: def.is_null(),
                is_key,
                is_managed: E::is_managed(&column),
                is_computed: E::is_computed(&column),
                is_hidden: hidden.hides(column.as_str()),
                has_default: def.get_column_default().is_some()
                    || is_key && (E::PrimaryKey::auto_increment() || is_single_uuid::<E>(is_uuid)),
                values: column
                    .enum_type_name()
                    .map(str::to_owned)
                    .or_else(|| enum_name(def.get_column_type()))
                    .and_then(|name| enums.get(&name).cloned()),
                ty: def.get_column_type().clone(),
                equality: Equality::default(),
            }
        });
        let (left_out, columns): (Vec<ColumnInfo>, Vec<ColumnInfo>) =
            columns.partition(|column| column.is_left_out);
        let entity = E::default();
        Self {
            table: entity.table_name(),
            schema: entity.schema_name().map(str::to_owned),
            object: names::object(entity.table_name()),
            field: names::query(entity.table_name()),
            shows_key: !left_out.iter().any(|column| column.is_key),
            columns,
            left_out,
            stamped: E::updated_at().map(|column| column.as_str()),
            exposure: Exposure::default(),
        }
    }

    /// The entity as callers may see it.
    ///
    /// # Errors
    /// A sentence, if a hidden column is of the key, or is not the entity's.
    pub(crate) fn exposed_as(mut self, exposure: Exposure) -> Result<Self, String> {
        for name in exposure.hidden() {
            let table = self.table;
            match self.stored(name) {
                None => {
                    return Err(format!(
                        "`{table}` is to hide `{name}`, which it does not have"
                    ));
                }
                Some(column) if column.is_key => {
                    return Err(format!(
                        "`{table}` is to hide `{name}`, which is of its key"
                    ));
                }
                Some(_) => {}
            }
        }
        let is_hidden = |column: &mut ColumnInfo| exposure.hidden().contains(column.name);
        for mut column in self.columns.extract_if(.., is_hidden) {
            column.is_left_out = true;
            self.left_out.push(column);
        }
        self.exposure = exposure;
        Ok(self)
    }

    /// Whether callers may do this.
    pub(crate) fn allows(&self, action: Action) -> bool {
        self.exposure.allows(action)
    }

    /// Whether callers may do one of these.
    pub(crate) fn allows_any(&self, actions: &[Action]) -> bool {
        actions.iter().any(|action| self.allows(*action))
    }

    /// Removes the values of columns that the API leaves out from an image of a row.
    pub(crate) fn leave_out(&self, image: &mut Image) {
        for column in &self.left_out {
            image.remove(column.name);
        }
    }

    /// Whether the API leaves out the column.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|column| column.name == name)
    }

    /// Whether the API leaves out any column.
    pub(crate) fn leaves_out_any(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// Adds what the database's catalogue says of how the columns compare.
    pub(crate) fn compared_by(mut self, equalities: &BTreeMap<String, Equality>) -> Self {
        for (name, equality) in equalities {
            // SQLite and MariaDB ignore the case of a name.
            let named = |column: &&mut ColumnInfo| column.name.eq_ignore_ascii_case(name);
            if let Some(column) = self.columns.iter_mut().find(named) {
                column.equality = equality.clone();
            }
        }
        self
    }

    pub(crate) fn by_field(&self, field: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|column| column.field == field)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Like [`by_name`](Self::by_name), but includes columns that the API leaves out.
    pub(crate) fn stored(&self, name: &str) -> Option<&ColumnInfo> {
        self.all_columns().find(|column| column.name == name)
    }

    /// All columns, including those that the API leaves out.
    pub(crate) fn all_columns(&self) -> impl Iterator<Item = &ColumnInfo> {
        self.columns.iter().chain(&self.left_out)
    }

    pub(crate) fn key(&self) -> impl Iterator<Item = &ColumnInfo> {
        self.columns.iter().filter(|column| column.is_key)
    }
}

/// Whether the key is one UUID: then the server generates it if an insert brings no key.
fn is_single_uuid<E: EntityTrait>(is_uuid: bool) -> bool {
    is_uuid && E::PrimaryKey::iter().count() == 1
}

fn enum_name(ty: &ColumnType) -> Option<String> {
    match ty {
        ColumnType::Enum { name, .. } => Some(name.to_string()),
        ColumnType::Array(inner) => enum_name(inner),
        _ => None,
    }
}

/// Whether columns of the type hold only integers, whatever the database.
pub(crate) fn is_integer(ty: &ColumnType) -> bool {
    use ColumnType as T;
    matches!(
        ty,
        T::TinyInteger
            | T::SmallInteger
            | T::Integer
            | T::BigInteger
            | T::TinyUnsigned
            | T::SmallUnsigned
            | T::Unsigned
            | T::BigUnsigned
    )
}
