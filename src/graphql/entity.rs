//! What the API knows of a registered entity, without its Rust type: names, columns, conversions.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ActiveEnum, ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn, PrimaryKeyTrait, Value,
};
use seachange_changelog::{Equality, Hidden, Tracked};
use seaography::{ActiveEnumBuilder, BuilderContext, EntityObjectBuilder, EntityQueryFieldBuilder};

/// The stored values of an enumeration by their GraphQL names.
#[derive(Clone, Debug)]
pub(crate) struct EnumValues {
    pub(crate) type_name: String,
    /// (GraphQL name, stored value)
    pub(crate) items: Vec<(String, String)>,
}

/// Enumerations by SeaORM's name for them.
pub(crate) type Enumerations = BTreeMap<String, Arc<EnumValues>>;

/// The values of one `ActiveEnum` stored as text.
pub(crate) fn enum_values<A: ActiveEnum>(context: &'static BuilderContext) -> EnumValues {
    let builder = ActiveEnumBuilder { context };
    let type_name = builder.type_name::<A>();
    let items = A::values()
        .into_iter()
        .map(|value| {
            let value: Value = value.into();
            let stored = match value {
                Value::String(Some(text)) => text,
                other => other.to_string(),
            };
            (builder.variant_name(&type_name, &stored), stored)
        })
        .collect();
    EnumValues { type_name, items }
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct ColumnInfo {
    /// As in the database.
    pub(crate) name: &'static str,
    /// As in GraphQL.
    pub(crate) field: String,
    pub(crate) ty: ColumnType,
    /// What the model's field holds.
    pub(crate) rust: ArrayType,
    pub(crate) nullable: bool,
    pub(crate) is_key: bool,
    /// Written by the server alone.
    pub(crate) is_managed: bool,
    /// Filled by the database alone.
    pub(crate) is_computed: bool,
    /// The log keeps no value of it.
    pub(crate) is_hidden: bool,
    /// An insert may leave it out.
    pub(crate) has_default: bool,
    pub(crate) values: Option<Arc<EnumValues>>,
    /// When the database holds a value of it equal to a text.
    pub(crate) equality: Equality,
}

impl ColumnInfo {
    /// Whether server or database fill the column and no edit means it. The key of a row is part of each
    /// edit, whoever made it.
    pub(crate) fn is_filled(&self) -> bool {
        self.is_managed || self.is_computed && !self.is_key
    }

    /// The GraphQL type, nullable. Names as Seaography's; where it has none (JSON and arrays, left
    /// out of its features because their conversions lose values), the natural one.
    pub(crate) fn type_ref(&self) -> TypeRef {
        self.type_of(&self.ty)
    }

    /// As [`ColumnInfo::type_ref`], of the column or of its elements.
    pub(crate) fn type_of(&self, ty: &ColumnType) -> TypeRef {
        use ArrayType as R;
        use ColumnType as T;
        if let T::Array(inner) = ty {
            return TypeRef::List(Box::new(self.type_of(inner)));
        }
        if let Some(values) = &self.values {
            return TypeRef::named(values.type_name.clone());
        }
        match ty {
            _ if self.is_integer(ty) => TypeRef::named(TypeRef::INT),
            T::Float | T::Double => TypeRef::named(TypeRef::FLOAT),
            T::Boolean => TypeRef::named(TypeRef::BOOLEAN),
            T::Json | T::JsonBinary => TypeRef::named("Json"),
            T::Custom(_) => match self.rust {
                R::Float | R::Double => TypeRef::named(TypeRef::FLOAT),
                R::Bool => TypeRef::named(TypeRef::BOOLEAN),
                R::Json => TypeRef::named("Json"),
                _ => TypeRef::named(TypeRef::STRING),
            },
            _ => TypeRef::named(TypeRef::STRING),
        }
    }

    /// Whether the column, or its elements, are `Int` to clients.
    pub(crate) fn is_integer(&self, ty: &ColumnType) -> bool {
        use ArrayType as R;
        use ColumnType as T;
        match ty {
            T::Year => true,
            ty if is_integer(ty) => true,
            // A type unknown to us: what the model's field holds decides, as in images.
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
    /// As in the database and in the log.
    pub(crate) table: &'static str,
    /// GraphQL object name, e.g. `Task`.
    pub(crate) object: String,
    /// GraphQL query field, e.g. `task`.
    pub(crate) field: String,
    /// In the entity's order.
    pub(crate) columns: Vec<ColumnInfo>,
    /// Whether every column of the key is among them.
    pub(crate) shows_key: bool,
    /// The column that is stamped at each change, if there is one.
    pub(crate) stamped: Option<&'static str>,
}

impl EntityInfo {
    pub(crate) fn of<E: Tracked>(context: &'static BuilderContext, enums: &Enumerations) -> Self
    where
        E::Model: Sync,
    {
        let objects = EntityObjectBuilder { context };
        let hidden = Hidden::of::<E>();
        let columns: Vec<ColumnInfo> = E::Column::iter()
            .filter(|column| !column.def().seaography().ignore)
            .map(|column| {
                let def = column.def();
                let is_key = E::PrimaryKey::from_column(column).is_some();
                let is_uuid = matches!(def.get_column_type(), ColumnType::Uuid);
                ColumnInfo {
                    name: column.as_str(),
                    field: objects.column_name::<E>(&column),
                    rust: E::Model::get_value_type(column),
                    nullable: def.is_null(),
                    is_key,
                    is_managed: E::is_managed(&column),
                    is_computed: E::is_computed(&column),
                    is_hidden: hidden.hides(column.as_str()),
                    has_default: def.get_column_default().is_some()
                        || is_key
                            && (E::PrimaryKey::auto_increment() || is_single_uuid::<E>(is_uuid)),
                    values: column
                        .enum_type_name()
                        .map(str::to_owned)
                        .or_else(|| enum_name(def.get_column_type()))
                        .and_then(|name| enums.get(&name).cloned()),
                    ty: def.get_column_type().clone(),
                    equality: Equality::default(),
                }
            })
            .collect();
        Self {
            table: E::default().table_name(),
            object: objects.type_name::<E>(),
            field: EntityQueryFieldBuilder { context }.type_name::<E>(),
            shows_key: columns.iter().filter(|column| column.is_key).count()
                == E::PrimaryKey::iter().count(),
            columns,
            stamped: E::updated_at().map(|column| column.as_str()),
        }
    }

    /// The same with what the database's catalogue says of the columns.
    pub(crate) fn compared_by(mut self, equalities: &BTreeMap<String, Equality>) -> Self {
        for (name, equality) in equalities {
            // SQLite and MariaDB do not tell the cases of a name apart.
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

    pub(crate) fn key(&self) -> impl Iterator<Item = &ColumnInfo> {
        self.columns.iter().filter(|column| column.is_key)
    }
}

/// The server makes the key of an insert that brings none, if it is one UUID.
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

/// Whether columns of the type hold integers and nothing else, whatever the database.
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
