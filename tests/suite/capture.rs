//! Capture through SeaORM on a tracked connection: recorded, or refused with the cure.

mod atomic;
mod dropped;
mod ended;
mod escapes;
pub mod gadget;
mod large;
mod like_seaorm;
mod nested;
mod recorded;
mod refused;
mod waits;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange::changelog::TrackedTransaction;
use seachange_entity::{project, task};
use seachange_testkit::{Case, TestServer};

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        recorded::cases(),
        refused::cases(),
        refused::cascades::cases(),
        atomic::cases(),
        waits::cases(),
        dropped::cases(),
        ended::cases(),
        ended::requests::cases(),
        ended::savepoints::cases(),
        ended::servers::cases(),
        escapes::cases(),
        large::cases(),
        like_seaorm::cases(),
        nested::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A project, committed.
async fn a_project(server: &TestServer) -> anyhow::Result<project::Model> {
    let tx = server.db().begin().await?;
    let model = project(&tx, "Ship").await?;
    tx.commit().await?;
    Ok(model)
}

/// A project in a transaction.
async fn project(tx: &TrackedTransaction, name: &str) -> anyhow::Result<project::Model> {
    let model = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(name.to_owned()),
        ..Default::default()
    };
    Ok(model.insert(tx).await?)
}

/// A task of a project in a transaction.
async fn a_task(tx: &TrackedTransaction, project: &project::Model) -> anyhow::Result<task::Model> {
    let model = task::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        project_id: Set(project.id),
        title: Set("Hoist the sails".to_owned()),
        ..Default::default()
    };
    Ok(model.insert(tx).await?)
}
