//! `#[derive(Track)]` on entities of both forms, with everything that `track!` can say.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

pub mod account;
mod visit;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, IdenStatic,
    IntoActiveModel, ModelTrait, Schema, TransactionTrait,
};
use seachange::changelog::{Operation, REDACTED, REDACTED_CHANGED, Tracked, log};
use seachange_testkit::{Outcome, OwnDatabase, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases! {
    Every: the_model_of_seaorm_2_is_recorded, the_compact_model_is_recorded;
    Sqlite: attributes_name_columns;
}

fn names<C: IdenStatic>(columns: impl IntoIterator<Item = C>) -> Vec<String> {
    let names = columns.into_iter();
    names.map(|column| column.as_str().to_owned()).collect()
}

async fn attributes_name_columns(_: &OwnDatabase) -> Outcome {
    assert_eq!(names(account::Entity::created_at()), ["made_at"]);
    assert_eq!(names(account::Entity::updated_at()), ["updated_at"]);
    assert_eq!(names(account::Entity::redacted()), ["password"]);
    assert_eq!(names(account::Entity::excluded()), ["last_seen"]);
    assert_eq!(names(account::Entity::computed()), [""; 0]);
    assert_eq!(names(visit::Entity::created_at()), [""; 0]);
    assert_eq!(names(visit::Entity::redacted()), ["type", "note"]);
    assert_eq!(names(visit::Entity::excluded()), ["source"]);
    Ok(())
}

/// A server on a database that has the tables.
pub async fn create(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(account::Entity))
        .await?;
    if db.get_database_backend() == DbBackend::MySql {
        // As exact as the log's times.
        let exact = "ALTER TABLE account MODIFY last_seen datetime(6) NULL,
            MODIFY made_at datetime(6) NOT NULL, MODIFY updated_at datetime(6) NOT NULL";
        db.execute_unprepared(exact).await?;
    }
    db.execute(&schema.create_table_from_entity(visit::Entity))
        .await?;
    Ok(())
}

async fn changes(server: &TestServer, table: &str) -> anyhow::Result<Vec<log::Model>> {
    let mut changes = server.logged().await?;
    changes.retain(|change| change.entity == table);
    Ok(changes)
}

/// The image after the only change since `past` changes.
async fn next_image(server: &TestServer, past: usize) -> anyhow::Result<Json> {
    let changes = changes(server, "account").await?;
    anyhow::ensure!(changes.len() == past + 1, "{changes:?}");
    let after = changes[past].after.clone();
    after.ok_or_else(|| anyhow::anyhow!("no image"))
}

async fn the_model_of_seaorm_2_is_recorded(server: &TestServer) -> Outcome {
    create(server).await?;
    let db = server.db();
    let tx = db.begin().await?;
    let new = account::ActiveModel {
        name: Set("ann".to_owned()),
        password: Set("secret".to_owned()),
        ..Default::default()
    };
    let row = new.insert(&tx).await?;
    tx.commit().await?;
    assert_eq!(row.name, "ANN", "the entity's hook");
    let image = next_image(server, 0).await?;
    assert_eq!(image["name"], "ANN");
    assert_eq!(image["password"], REDACTED);
    assert_eq!(image.get("last_seen"), None);
    assert_eq!(image["made_at"], image["updated_at"]);

    let tx = db.begin().await?;
    let mut model = row.clone().into_active_model();
    model.password = Set("another".to_owned());
    let row = model.update(&tx).await?;
    tx.commit().await?;
    assert!(row.updated_at > row.made_at);
    assert_eq!(next_image(server, 1).await?["password"], REDACTED_CHANGED);

    // What the log does not show is written and not recorded.
    let tx = db.begin().await?;
    let mut model = row.clone().into_active_model();
    model.last_seen = Set(Some(row.made_at));
    let seen = model.update(&tx).await?;
    tx.commit().await?;
    assert_eq!(seen.updated_at, row.updated_at);
    assert_eq!(changes(server, "account").await?.len(), 2);

    let tx = db.begin().await?;
    seen.delete(&tx).await?;
    tx.commit().await?;
    let last = changes(server, "account").await?.pop();
    assert_eq!(last.map(|change| change.operation), Some(Operation::Delete));
    Ok(())
}

async fn the_compact_model_is_recorded(server: &TestServer) -> Outcome {
    create(server).await?;
    let tx = server.db().begin().await?;
    let account = account::ActiveModel {
        name: Set("ann".to_owned()),
        password: Set("secret".to_owned()),
        ..Default::default()
    };
    let account = account.insert(&tx).await?;
    let visit = visit::ActiveModel {
        account_id: Set(account.id),
        r#type: Set("call".to_owned()),
        note: Set("late".to_owned()),
        via: Set(Some("phone".to_owned())),
        ..Default::default()
    };
    let visit = visit.insert(&tx).await?;
    tx.commit().await?;
    let found = visit::Entity::find_by_id(visit.id).one(server.db()).await?;
    assert_eq!(found, Some(visit.clone()));
    let images: Vec<_> = changes(server, "visit").await?;
    let images: Vec<_> = images.into_iter().map(|change| change.after).collect();
    let (id, account) = (visit.id.to_string(), account.id.to_string());
    let image = json!({ "id": id, "account_id": account, "type": REDACTED, "note": REDACTED });
    assert_eq!(images, [Some(image)]);
    Ok(())
}
