//! Capture by hooks: what an entity's `ActiveModelBehavior` does so that its writes are recorded.
//!
//! It is switched on by [`track!`](crate::track). The hooks are stateless: they read and lock the current
//! row, compare, and use [`protocol`] messages to announce the next statement to the connection and to report
//! its result. Writing the log and deciding whether a transaction may commit is the business of
//! [`TrackedTransaction`](crate::TrackedTransaction); nothing here knows it.

pub(crate) mod hooks;
mod model;
pub(crate) mod protocol;
pub(crate) mod row;

pub use hooks::{Hooks, after_delete, after_save, before_delete, before_save};
pub use model::model_from;

/// Records every insert, update and delete of the entity in this file, with one line.
///
/// It names the server-managed columns, if the table has them, columns whose values must stay out of the log,
/// columns that only the database fills, and `hooks` if the entity has custom hooks (then implement
/// [`Hooks`](crate::Hooks) for `ActiveModel`). It replaces SeaORM's `impl ActiveModelBehavior for ActiveModel
/// {}`.
///
/// ```
/// mod user {
///     use sea_orm::entity::prelude::*;
///
///     #[sea_orm::model]
///     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
///     #[sea_orm(table_name = "user")]
///     pub struct Model {
///         #[sea_orm(primary_key)]
///         pub id: i64,
///         pub password: String,
///         pub last_seen: Option<DateTimeUtc>,
///         pub updated_at: DateTimeUtc,
///     }
///
///     seachange_changelog::track!(updated_at: UpdatedAt, redact: [Password], exclude: [LastSeen]);
/// }
/// ```
///
/// The others are `created_at: CreatedAt`, `computed: [Id, Total]` and `hooks`.
///
/// A redacted column is [`REDACTED`](crate::REDACTED) in every image, whatever its value; the image after an
/// update that changed it has [`REDACTED_CHANGED`](crate::REDACTED_CHANGED). An excluded column is in no
/// image. An update of excluded columns alone is written but not recorded, and does not change `updated_at`.
/// Columns of the primary key cannot be redacted or excluded: every write to such a table is refused with
/// [`SetupRefusal::HiddenKey`](crate::SetupRefusal::HiddenKey).
///
/// A computed column is one that only the database fills: `GENERATED ALWAYS AS (…)`, `GENERATED ALWAYS AS
/// IDENTITY`, or by an adopter's trigger. Images show it as it is stored, for which the row is read back
/// after each write; its value in a model is not written. The exception is a row that is inserted with its
/// key, because it is restored or comes from an offline client: it keeps that key.
#[macro_export]
macro_rules! track {
    ($($options:tt)*) => {
        $crate::__track!(@read [] [] [] [] [] [] $($options)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __track {
    // Reads one option after the other: created_at, updated_at, redacted, excluded, computed, hooks.
    (@read [] $u:tt $r:tt $x:tt $p:tt $h:tt created_at: $name:ident $(, $($rest:tt)*)?) => {
        $crate::__track!(@read [$name] $u $r $x $p $h $($($rest)*)?);
    };
    (@read $c:tt [] $r:tt $x:tt $p:tt $h:tt updated_at: $name:ident $(, $($rest:tt)*)?) => {
        $crate::__track!(@read $c [$name] $r $x $p $h $($($rest)*)?);
    };
    (@read $c:tt $u:tt [] $x:tt $p:tt $h:tt redact: [$($name:ident),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__track!(@read $c $u [$($name)*] $x $p $h $($($rest)*)?);
    };
    (@read $c:tt $u:tt $r:tt [] $p:tt $h:tt exclude: [$($name:ident),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__track!(@read $c $u $r [$($name)*] $p $h $($($rest)*)?);
    };
    (@read $c:tt $u:tt $r:tt $x:tt [] $h:tt computed: [$($name:ident),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__track!(@read $c $u $r $x [$($name)*] $h $($($rest)*)?);
    };
    (@read $c:tt $u:tt $r:tt $x:tt $p:tt [] hooks $(, $($rest:tt)*)?) => {
        $crate::__track!(@read $c $u $r $x $p [hooks] $($($rest)*)?);
    };
    (@read $c:tt $u:tt $r:tt $x:tt $p:tt []) => {
        impl $crate::Hooks for ActiveModel {}
        $crate::__track!(@write $c $u $r $x $p);
    };
    (@read $c:tt $u:tt $r:tt $x:tt $p:tt [hooks]) => {
        $crate::__track!(@write $c $u $r $x $p);
    };
    (@write [$($created:ident)?] [$($updated:ident)?] [$($redacted:ident)*] [$($excluded:ident)*] [$($computed:ident)*]) => {
        impl $crate::Tracked for Entity {
            fn created_at() -> Option<Self::Column> {
                None::<Self::Column>$(.or(Some(Self::Column::$created)))?
            }
            fn updated_at() -> Option<Self::Column> {
                None::<Self::Column>$(.or(Some(Self::Column::$updated)))?
            }
            fn redacted() -> Vec<Self::Column> {
                vec![$(Self::Column::$redacted),*]
            }
            fn excluded() -> Vec<Self::Column> {
                vec![$(Self::Column::$excluded),*]
            }
            fn computed() -> Vec<Self::Column> {
                vec![$(Self::Column::$computed),*]
            }
        }

        $crate::__private::inventory::submit! {
            $crate::__private::TrackedTable::of::<Entity>(
                || <Entity as $crate::__private::sea_orm::EntityName>::table_name(&Entity),
                $crate::__private::Hidden::of::<Entity>,
            )
        }

        #[$crate::__private::async_trait::async_trait]
        impl $crate::__private::sea_orm::ActiveModelBehavior for ActiveModel {
            fn new() -> Self {
                <Self as $crate::Hooks>::new()
            }

            async fn before_save<C>(
                self,
                db: &C,
                insert: bool,
            ) -> Result<Self, $crate::__private::sea_orm::DbErr>
            where
                C: $crate::__private::sea_orm::ConnectionTrait,
            {
                let own = <Self as $crate::Hooks>::before_save(self, db, insert).await?;
                $crate::__private::before_save(own, db, insert).await
            }

            async fn after_save<C>(
                model: Model,
                db: &C,
                insert: bool,
            ) -> Result<Model, $crate::__private::sea_orm::DbErr>
            where
                C: $crate::__private::sea_orm::ConnectionTrait,
            {
                let model = $crate::__private::after_save(model, db, insert).await?;
                <Self as $crate::Hooks>::after_save(model, db, insert).await
            }

            async fn before_delete<C>(
                self,
                db: &C,
            ) -> Result<Self, $crate::__private::sea_orm::DbErr>
            where
                C: $crate::__private::sea_orm::ConnectionTrait,
            {
                let own = <Self as $crate::Hooks>::before_delete(self, db).await?;
                $crate::__private::before_delete(own, db).await
            }

            async fn after_delete<C>(
                self,
                db: &C,
            ) -> Result<Self, $crate::__private::sea_orm::DbErr>
            where
                C: $crate::__private::sea_orm::ConnectionTrait,
            {
                let recorded = $crate::__private::after_delete(self, db).await?;
                <Self as $crate::Hooks>::after_delete(recorded, db).await
            }
        }
    };
}
