//! Capture by hooks: what an entity's `ActiveModelBehavior` does so that its writes are recorded.
//!
//! It is switched on by [`track!`](crate::track), or by the derive [`Track`], which calls it. The hooks are stateless: they read and lock the current
//! row, compare, and use [`protocol`] messages to announce the next statement to the connection and to report
//! its result. Writing the log and deciding whether a transaction may commit is the business of
//! [`TrackedTransaction`](crate::TrackedTransaction); nothing here knows it.

pub(crate) mod hooks;
mod model;
pub(crate) mod protocol;
pub(crate) mod row;

pub use hooks::{Hooks, after_delete, after_save, before_delete, before_save};
pub use model::model_from;
pub(crate) use model::{model_of, partial_of};

/// Records every insert, update and delete of the entity: [`track!`](crate::track) as a derive on its `Model`.
///
/// It says all that `track!` says, by the names of fields. An option stands on the struct or on its field. In the
/// crate `seachange` it is `seachange::changelog::Track`.
///
/// ```
/// mod user {
///     use sea_orm::entity::prelude::*;
///     use seachange_changelog::Track;
///
///     #[sea_orm::model]
///     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Track)]
///     #[sea_orm(table_name = "user")]
///     #[track(updated_at, exclude(last_seen))]
///     pub struct Model {
///         #[sea_orm(primary_key)]
///         pub id: i64,
///         #[track(redact)]
///         pub password: String,
///         pub last_seen: Option<DateTimeUtc>,
///         pub updated_at: DateTimeUtc,
///     }
/// }
/// ```
///
/// | on the struct | on a field | meaning |
/// |---|---|---|
/// | `created_at` or `created_at(field)` | `created_at` | set to the time of the insert |
/// | `updated_at` or `updated_at(field)` | `updated_at` | set whenever another column changes |
/// | `redact(field, …)` | `redact` | its values are not in the log |
/// | `exclude(field, …)` | `exclude` | it is not in the log |
/// | `computed(field, …)` | `computed` | only the database fills it |
/// | `hooks` | | the entity has custom [`Hooks`] |
/// | `crate = path` | | the path of this crate, if it is renamed |
///
/// # Entities that `sea-orm-cli` generates
///
/// The derive stays when entities are generated again, where a `track!` line is lost:
///
/// ```sh
/// sea-orm-cli generate entity --impl-active-model-behavior=false --model-extra-derives seachange_changelog::Track
/// ```
///
/// tracks every table. To track some, or with options, write the derive by hand and generate with
/// `--experimental-preserve-user-modifications`. Custom hooks must be in another file; the generator drops an
/// `impl Hooks` in its own. `doctor` reports a table that is in the log and that no entity tracks any more.
///
/// # Errors of the compiler
///
/// *Conflicting implementations of `ActiveModelBehavior`* (E0119): the entity has an `impl ActiveModelBehavior for
/// ActiveModel`. Remove it if it is empty; otherwise rename it to `impl Hooks for ActiveModel` and say `hooks`.
/// Entities that are generated with `--impl-active-model-behavior=false` have none.
///
/// ```compile_fail,E0119
/// # mod note {
/// # use sea_orm::entity::prelude::*;
/// #[sea_orm::model]
/// #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, seachange_changelog::Track)]
/// #[sea_orm(table_name = "note")]
/// pub struct Model {
///     #[sea_orm(primary_key)]
///     pub id: i64,
/// }
///
/// impl ActiveModelBehavior for ActiveModel {}
/// # }
/// ```
///
/// *Conflicting implementations of `Tracked`* (E0119): the entity is tracked twice, by the derive and by `track!`, say.
///
/// ```compile_fail,E0119
/// # mod note {
/// # use sea_orm::entity::prelude::*;
/// # #[sea_orm::model]
/// #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, seachange_changelog::Track)]
/// # #[sea_orm(table_name = "note")]
/// pub struct Model {
/// #     #[sea_orm(primary_key)]
/// #     pub id: i64,
///     // …
/// }
///
/// seachange_changelog::track!();
/// # }
/// ```
pub use seachange_changelog_derive::Track;

/// Records every insert, update and delete of the entity in this file, with one line.
///
/// It names the server-managed columns, if the table has them, columns whose values must stay out of the log,
/// columns that only the database fills, and `hooks` if the entity has custom hooks (then implement
/// [`Hooks`](crate::Hooks) for `ActiveModel`). It replaces SeaORM's `impl ActiveModelBehavior for ActiveModel
/// {}`. The derive [`Track`](derive@crate::Track) says the same on the entity's `Model`.
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
