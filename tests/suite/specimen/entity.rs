//! One list of columns, two tracked entities: `specimen`, where every column has a value, and
//! `specimen_optional`, where every column may be null.

/// Declares the two entities of one database, in modules `required` and `optional`.
macro_rules! specimen {
    (
        columns { $($(#[$attribute:meta])* $column:ident: [$($rust:tt)+];)+ }
        never_null { $($(#[$never:meta])* $only:ident: [$($whole:tt)+];)* }
    ) => {
        /// Every column has a value.
        #[allow(missing_docs)]
        pub mod required {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm::entity::prelude::*;

            #[sea_orm::model]
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = "specimen")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i64,
                $($(#[$attribute])* pub $column: $($rust)+,)+
                $($(#[$never])* pub $only: $($whole)+,)*
            }

            seachange_changelog::track!();
        }

        /// Every column may be null.
        #[allow(missing_docs)]
        pub mod optional {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm::entity::prelude::*;

            #[sea_orm::model]
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = "specimen_optional")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i64,
                $($(#[$attribute])* pub $column: Option<$($rust)+>,)+
            }

            seachange_changelog::track!();
        }
    };
}

pub(crate) use specimen;
