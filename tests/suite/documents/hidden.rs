//! `docs/how-to/hide-columns.md`: the line and the triggers hide the same.

use sea_orm::{ConnectionTrait, DatabaseConnection, Schema};
use seachange::changelog::{TriggerOptions, track_by_triggers};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![the_line_and_the_triggers];

#[allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]
mod account {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub password: String,
        pub last_seen: i64,
    }

    seachange_changelog::track!(redact: [Password], exclude: [LastSeen]);
}

async fn the_line_and_the_triggers(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(account::Entity))
        .await?;
    record(db).await?;
    db.execute_unprepared("INSERT INTO account (id, password, last_seen) VALUES (1, 'secret', 5)")
        .await?;
    let page = server
        .server()
        .feed()
        .page(&seachange::Start::Oldest, &Default::default(), 100)
        .await?;
    let change = page.changes.last().ok_or(anyhow::anyhow!("no change"))?;
    let after = change
        .row
        .after
        .as_ref()
        .ok_or(anyhow::anyhow!("no image"))?;
    assert_eq!(after["password"], "[redacted]");
    assert!(after.get("last_seen").is_none(), "{after}");
    Ok(())
}

async fn record(db: &DatabaseConnection) -> Outcome {
    let options = TriggerOptions::new()
        .redact("password")
        .exclude("last_seen");
    track_by_triggers(db, "account", options).await?;
    Ok(())
}
