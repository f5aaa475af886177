//! Capture by database triggers: whoever writes, by whatever means, is recorded once.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

mod bytes;
mod captured;
mod changed;
mod checked;
mod context;
mod existing_code;
mod gone;
mod large;
pub mod note;
mod replaced;
mod statements;
pub mod switched;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Database as SeaDatabase,
    DatabaseConnection, TransactionTrait,
};
use seachange::changelog::internal::reader;
use seachange::changelog::log;
use seachange_entity::{comment, project, task};

use seachange_testkit::{Case, TestServer};

/// All of them.
pub fn cases() -> Vec<Case> {
    let parts = [
        captured::cases(),
        bytes::cases(),
        replaced::cases(),
        statements::cases(),
        context::cases(),
        switched::cases(),
        changed::cases(),
        checked::cases(),
        existing_code::cases(),
        gone::cases(),
        large::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// Another program's connection.
pub async fn other(server: &TestServer) -> anyhow::Result<DatabaseConnection> {
    let db = SeaDatabase::connect(&server.settings.database_url).await?;
    if db.get_database_backend() == sea_orm::DbBackend::Sqlite {
        db.execute_unprepared("PRAGMA busy_timeout = 5000").await?;
    }
    Ok(db)
}

/// Every change, in the log's order.
async fn whole_log(server: &TestServer) -> anyhow::Result<Vec<log::Model>> {
    let reader = reader::open(other(server).await?, server.epoch().await?);
    reader.advance().await?;
    let mut position = reader.horizon().await?;
    let mut all = Vec::new();
    loop {
        let page = reader.read(position, &Default::default(), 1_000).await?;
        all.extend(page.changes.into_iter().map(|change| change.row));
        position = page.end;
        if !page.has_more {
            return Ok(all);
        }
    }
}

/// A task, committed.
async fn a_task(server: &TestServer) -> anyhow::Result<task::Model> {
    let tx = server.db().begin().await?;
    let project = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set("Ship".to_owned()),
        ..Default::default()
    };
    let project = project.insert(&tx).await?;
    let task = task::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        project_id: Set(project.id),
        title: Set("Hoist the sails".to_owned()),
        ..Default::default()
    };
    let task = task.insert(&tx).await?;
    tx.commit().await?;
    Ok(task)
}

/// A comment, not written yet.
fn a_comment(task: &task::Model, body: &str) -> comment::ActiveModel {
    comment::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        task_id: Set(task.id),
        author: Set("Ann".to_owned()),
        body: Set(body.to_owned()),
        ..Default::default()
    }
}
