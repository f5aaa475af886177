//! The columns of an entity: found by name, and written in SQL.

use sea_orm::sea_query::{Alias, DynIden, Expr, IntoColumnRef, IntoIden};
use sea_orm::{
    ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, QueryOrder,
    Select,
};

/// The column with a name.
pub(crate) fn named<E: EntityTrait>(column: &str) -> Option<E::Column> {
    E::Column::iter().find(|candidate| candidate.as_str() == column)
}

/// The columns of the key, in its order.
pub(crate) fn keys<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column)
}

/// The rows in the order of their keys.
pub(crate) fn in_key_order<E: EntityTrait>(select: Select<E>) -> Select<E> {
    keys::<E>().fold(select, QueryOrder::order_by_asc)
}

/// The types of all columns, in the entity's order.
pub(crate) fn types<E: EntityTrait>() -> impl Iterator<Item = ColumnType> {
    E::Column::iter().map(|column| column.def().get_column_type().clone())
}

/// A column of a table known by an alias.
pub(crate) fn column_of(alias: &str, column: &str) -> Expr {
    let (alias, column): (DynIden, DynIden) = (
        Alias::new(alias).into_iden(),
        Alias::new(column).into_iden(),
    );
    Expr::col((alias, column).into_column_ref())
}
