//! A row is taken only if its next change can be recorded, too: on MariaDB that has the row twice in one
//! statement, whose size the server bounds.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait, Database as SeaDatabase,
    DbBackend, IntoActiveModel, Statement, TransactionTrait,
};
use seachange::changelog::{CaptureError, ValueRefusal};
use seachange_entity::{project, task};
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::json;

use super::a_project;

seachange_testkit::cases! {
    Every: a_row_that_could_not_be_updated;
    MariaDb: a_changed_packet_reaches_everybody;
}

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
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Value(ValueRefusal::TooLarge { .. }))
            ),
            "{error}"
        );
    }
    // One that no statement can have is not sent: the connection would be closed.
    let tx = server.db().begin().await?;
    let error = large(&project, 17 << 20).insert(&tx).await;
    let error = error.expect_err("a statement");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(
            refusal,
            Some(CaptureError::Value(ValueRefusal::StatementTooLarge { .. }))
        ),
        "{error}"
    );
    large(&project, 10).insert(&tx).await?;
    tx.commit().await?;
    // A small row does not become one.
    let tx = server.db().begin().await?;
    let row = large(&project, 10).insert(&tx).await?;
    let mut row = row.into_active_model();
    row.details = Set(Some(json!("x".repeat(TOO_LARGE))));
    let error = row.update(&tx).await.expect_err("update");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(
            refusal,
            Some(CaptureError::Value(ValueRefusal::TooLarge { .. }))
        ),
        "{error}"
    );
    tx.rollback().await?;
    Ok(())
}

/// A session keeps the size that was set when it began. Open connections are told all the same.
async fn a_changed_packet_reaches_everybody(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let mut options = ConnectOptions::new(&server.settings.database_url);
    options.max_connections(1).sqlx_logging(false);
    let operator = SeaDatabase::connect(options).await?;
    let ask = |sql: &str| Statement::from_string(DbBackend::MySql, sql);
    // One such test at a time.
    let turn = "SELECT CAST(GET_LOCK('seachange_packet', 60) AS SIGNED) AS turn";
    let turn = operator.query_one_raw(ask(turn)).await?;
    assert_eq!(turn.map(|row| row.try_get("", "turn")), Some(Ok(1_i64)));
    let set = "SELECT CAST(@@GLOBAL.max_allowed_packet AS SIGNED) AS set_to";
    let set = operator.query_one_raw(ask(set)).await?;
    let usual: i64 = set.expect("a row").try_get("", "set_to")?;
    let more = usual + (1 << 20);
    let change = async |most: i64| {
        let sql = format!("SET GLOBAL max_allowed_packet = {most}");
        operator.execute_unprepared(&sql).await
    };
    let tried = async {
        // Twice this, and a little.
        let size = usize::try_from(usual / 2)?;
        for (most, fits) in [(usual, false), (more, true), (usual, false)] {
            change(most).await?;
            let tx = server.db().begin().await?;
            let inserted = large(&project, size).insert(&tx).await;
            tx.rollback().await?;
            assert_eq!(inserted.is_ok(), fits, "{most}: {:?}", inserted.err());
        }
        anyhow::Ok(())
    };
    let tried = tried.await;
    change(usual).await?;
    operator.close().await?;
    tried
}
