//! An audit log for an application that stays as it is: a plain SeaORM connection, an entity without a tracking
//! line, and triggers that record what happens to its table. Neither a server nor GraphQL is in this program.
//!
//! `cargo run -p example-audit-only` prints who did what.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait, Database,
    DatabaseConnection, DbErr, EntityTrait, ModelTrait, QueryOrder, Schema, TransactionTrait,
};
use seachange_changelog::{
    Context, TriggerOptions, create_change_log, log, tell, track_by_triggers,
};

mod product {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "product")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub stock: i32,
        pub supplier_note: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a migration does: the log, and the triggers of each table. A column that the log must not have is
/// excluded.
async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(product::Entity))
        .await?;
    create_change_log(db).await?;
    let options = TriggerOptions::new().exclude("supplier_note");
    track_by_triggers(db, "product", options).await
}

/// What the application did before, and does unchanged.
async fn add_product(db: &impl ConnectionTrait, name: &str) -> Result<product::Model, DbErr> {
    let product = product::ActiveModel {
        name: Set(name.to_owned()),
        stock: Set(10),
        supplier_note: Set("not for the log".to_owned()),
        ..Default::default()
    };
    product.insert(db).await
}

/// The log as lines: who, what, and the row after it.
async fn audit(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let changes = log::Entity::find().order_by_asc(log::Column::Id);
    let changes = changes.all(db).await?;
    let line = |change: &log::Model| {
        let actor = change.actor.as_deref().unwrap_or("somebody");
        let after = change.after.as_ref().map(ToString::to_string);
        let after = after.unwrap_or_else(|| "gone".to_owned());
        format!(
            "{actor} {} {}: {after}",
            change.operation.as_str(),
            change.entity
        )
    };
    Ok(changes.iter().map(line).collect())
}

async fn run() -> Result<Vec<String>, DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    migrate(&db).await?;
    add_product(&db, "a kettle").await?;
    // Where it is known who acts, the transaction is told.
    let tx = tell(db.begin().await?, &Context::actor("alice")).await?;
    let pan = add_product(&tx, "a pan").await?;
    pan.delete(&tx).await?;
    tx.commit().await?;
    audit(&db).await
}

#[tokio::main]
async fn main() -> Result<(), DbErr> {
    for line in run().await? {
        println!("{line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn everything_is_in_the_log_but_what_is_excluded() -> Result<(), sea_orm::DbErr> {
        let lines = super::run().await?;
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("somebody insert product"), "{lines:?}");
        assert!(lines[1].starts_with("alice insert product"), "{lines:?}");
        assert_eq!(lines[2], "alice delete product: gone");
        assert!(lines.iter().all(|line| !line.contains("not for the log")));
        Ok(())
    }
}
