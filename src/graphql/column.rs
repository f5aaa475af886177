//! The GraphQL types of columns.

use async_graphql::dynamic::TypeRef;
use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;

use crate::service::entity::ColumnInfo;

/// The scalar of integers that have more bits than `Int`.
pub(super) const BIG_INT: &str = "BigInt";

impl ColumnInfo {
    /// The GraphQL type, nullable.
    pub(super) fn type_ref(&self) -> TypeRef {
        self.type_of(&self.ty)
    }

    /// The type of the column or of its elements, like [`ColumnInfo::type_ref`].
    pub(super) fn type_of(&self, ty: &ColumnType) -> TypeRef {
        use ArrayType as R;
        use ColumnType as T;
        if let T::Array(inner) = ty {
            return TypeRef::List(Box::new(self.type_of(inner)));
        }
        if let Some(values) = &self.values {
            return TypeRef::named(values.type_name.clone());
        }
        match ty {
            _ if self.is_big(ty) => TypeRef::named(BIG_INT),
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

    /// Whether the column, or its elements, hold integers that do not fit GraphQL's `Int`, which has 32 bits
    /// and a sign.
    pub(super) fn is_big(&self, ty: &ColumnType) -> bool {
        use ArrayType as R;
        use ColumnType as T;
        match ty {
            T::BigInteger | T::BigUnsigned | T::Unsigned => true,
            T::Custom(_) => matches!(self.rust, R::BigInt | R::BigUnsigned | R::Unsigned),
            _ => false,
        }
    }
}
