//! The table that is written, once with capture and once without.

use sea_orm::{ConnectionTrait, DatabaseConnection, Schema};

macro_rules! row {
    ($(#[doc = $told:literal])+ $module:ident, $table:tt, $($tracking:tt)+) => {
        $(#[doc = $told])+
        pub mod $module {
            use sea_orm::ActiveValue::Set;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i64,
                pub name: String,
                pub number: i64,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            $($tracking)+

            /// A new row.
            pub fn new(id: i64) -> ActiveModel {
                ActiveModel {
                    id: Set(id),
                    name: Set("name".to_owned()),
                    number: Set(0),
                }
            }

            /// The row with another number.
            pub fn changed(id: i64, number: i64) -> ActiveModel {
                ActiveModel {
                    id: Set(id),
                    number: Set(number),
                    ..Default::default()
                }
            }

            /// Another number for many rows.
            pub fn numbered(number: i64) -> ActiveModel {
                ActiveModel {
                    number: Set(number),
                    ..Default::default()
                }
            }
        }
    };
}

row!(
    /// Captured by hooks.
    tracked, "bench_tracked", seachange_changelog::track!();
);
row!(
    /// Captured by triggers.
    triggered, "bench_triggered", seachange_changelog::track!();
);
row!(
    /// The twin of the one with hooks.
    plain, "bench_plain", impl ActiveModelBehavior for ActiveModel {}
);

/// Makes the table with hooks and its twin.
pub async fn create(db: &DatabaseConnection) -> anyhow::Result<()> {
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(tracked::Entity))
        .await?;
    db.execute(&schema.create_table_from_entity(plain::Entity))
        .await?;
    Ok(())
}
