//! A row is taken only if its next change can be recorded, too: on MariaDB that has the row twice in one
//! statement, whose size the server bounds.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, IntoActiveModel, TransactionSession, TransactionTrait,
};
use seachange::changelog::CaptureError;
use seachange_entity::{project, task};
use serde_json::json;

use super::a_project;
use crate::harness::{Database, Outcome, TestServer};

crate::cases![a_row_that_could_not_be_updated];

/// More than half of MariaDB's sixteen megabytes.
const TOO_LARGE: usize = 9 << 20;

fn is_bounded(server: &TestServer) -> bool {
    matches!(server.kind, Database::MariaDb(_))
}

fn large(project: &project::Model, size: usize) -> task::ActiveModel {
    task::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        project_id: Set(project.id),
        title: Set("large".to_owned()),
        details: Set(Some(json!({ "text": "x".repeat(size) }))),
        ..Default::default()
    }
}

async fn a_row_that_could_not_be_updated(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let by_hooks = large(&project, TOO_LARGE).insert(&tx).await;
    tx.rollback().await?;
    let tx = server.db().begin().await?;
    let rows = [large(&project, 10), large(&project, TOO_LARGE)];
    let by_bulk = tx.insert_many::<task::Entity>(rows).await;
    tx.rollback().await?;
    if !is_bounded(server) {
        by_hooks?;
        by_bulk?;
        return Ok(());
    }
    for error in [by_hooks.expect_err("hooks"), by_bulk.expect_err("bulk")] {
        let told = CaptureError::of(&error);
        assert!(
            matches!(told, Some(CaptureError::TooLarge { .. })),
            "{error}"
        );
    }
    // A small row does not become one.
    let tx = server.db().begin().await?;
    let row = large(&project, 10).insert(&tx).await?;
    let mut row = row.into_active_model();
    row.details = Set(Some(json!("x".repeat(TOO_LARGE))));
    let error = row.update(&tx).await.expect_err("update");
    let told = CaptureError::of(&error);
    assert!(
        matches!(told, Some(CaptureError::TooLarge { .. })),
        "{error}"
    );
    tx.rollback().await?;
    Ok(())
}
