//! What a writer waits for: for rows that another is writing, and for nothing else of capture's.

#![expect(
    clippy::disallowed_methods,
    reason = "other programs write without hooks"
)]

use std::time::Duration;

use anyhow::Context as _;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend,
    EntityTrait, IntoActiveModel, ModelTrait, Statement, TransactionTrait,
};
use seachange::changelog::{Target, TrackedTransaction};
use seachange_entity::{comment, project, task};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{a_project, a_task};
use crate::graphql::given::TASKS;
use crate::graphql::revert;
use crate::triggers::{note, other};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases! {
    Postgres: a_row_to_which_others_refer, two_who_refer_to_a_row_and_update_it,
        a_delete_waits_for_who_refers_to_the_row;
    MariaDb: a_long_statement_holds_up_no_other_table;
}

/// Longer than anything here takes that is not held up.
const LONG: Duration = Duration::from_secs(5);

/// Waits until the statement of this MariaDB connection has changed a few rows: before each it sleeps
/// anew.
async fn has_begun(server: &TestServer, connection: i64) -> Outcome {
    let db = other(server).await?;
    let sql = "SELECT CAST(TIME_MS AS DOUBLE) AS ms FROM information_schema.PROCESSLIST
        WHERE ID = ? AND STATE = 'User sleep'";
    let ask = Statement::from_sql_and_values(DbBackend::MySql, sql, [connection.into()]);
    let (mut rows, mut last) = (0, f64::MAX);
    timeout(LONG, async {
        while rows < 4 {
            if let Some(row) = db.query_one_raw(ask.clone()).await? {
                let slept: f64 = row.try_get("", "ms")?;
                rows += i32::from(slept < last);
                last = slept;
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await?
}

/// On MariaDB the counter of the inbox is not locked for the length of a statement, be it that of a
/// trigger or of a hook.
async fn a_long_statement_holds_up_no_other_table(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let task = a_task(&tx, &project).await?;
    tx.commit().await?;
    let program = other(server).await?;
    program
        .execute_unprepared(
            "INSERT INTO note (id, name, body) SELECT seq, seq, 'one' FROM seq_1_to_60",
        )
        .await?;
    let long = program.begin().await?;
    let ask = Statement::from_string(DbBackend::MySql, "SELECT CONNECTION_ID() AS id");
    let row = long.query_one_raw(ask).await?.context("a row")?;
    let connection = i64::try_from(row.try_get::<u64>("", "id")?)?;
    let long: tokio::task::JoinHandle<Result<DatabaseTransaction, sea_orm::DbErr>> =
        tokio::spawn(async move {
            let sql = "UPDATE note SET body = IF(SLEEP(0.1) = 0, 'two', 'three')";
            long.execute_unprepared(sql).await?;
            Ok(long)
        });
    has_begun(server, connection).await?;
    for round in 0..3 {
        // One row and many by hooks, one and many by triggers, and another program's.
        let tx = server.db().begin().await?;
        let name = format!("{round}");
        super::project(&tx, &name).await?;
        tx.insert_many::<project::Entity>([fresh("a"), fresh("b")])
            .await?;
        a_comment(&task, "one").insert(&tx).await?;
        tx.insert_many::<comment::Entity>([a_comment(&task, "two"), a_comment(&task, "three")])
            .await?;
        tx.commit().await?;
        comment::Entity::insert(a_comment(&task, "another program's"))
            .exec_without_returning(&program)
            .await?;
        assert!(!long.is_finished(), "the writes waited for the long one");
    }
    long.await??.commit().await?;
    let log = server.logged().await?;
    let notes = log.iter().filter(|change| change.entity == "note");
    assert_eq!(notes.count(), 120);
    // Committed last, the long transaction's updates come last.
    assert!(
        log.iter()
            .rev()
            .take(60)
            .all(|change| change.entity == "note")
    );
    server.verify().await
}

fn fresh(name: &str) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

fn a_comment(task: &task::Model, body: &str) -> comment::ActiveModel {
    comment::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        task_id: Set(task.id),
        author: Set("Ann".to_owned()),
        body: Set(body.to_owned()),
        created_at: Set(chrono::Utc::now()),
    }
}

fn titled(task: &task::Model, title: &str) -> task::ActiveModel {
    let mut task = task.clone().into_active_model();
    task.title = Set(title.to_owned());
    task
}

/// A task, committed, and its project.
async fn committed(server: &TestServer) -> anyhow::Result<task::Model> {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let task = a_task(&tx, &project).await?;
    tx.commit().await?;
    Ok(task)
}

/// A transaction that has written a comment of the task and goes on.
async fn commenting(server: &TestServer, task: &task::Model) -> anyhow::Result<TrackedTransaction> {
    let tx = server.db().begin().await?;
    a_comment(task, "on its way").insert(&tx).await?;
    Ok(tx)
}

/// PostgreSQL: whatever updates a task without changing its key waits for nobody who is writing a
/// comment of it. (MariaDB's foreign keys lock the parent's row; SQLite has one writer.)
async fn a_row_to_which_others_refer(server: &TestServer) -> Outcome {
    let task = committed(server).await?;
    let open = commenting(server, &task).await?;
    let client = server.client();
    let id = json!(task.id);
    let updates = async {
        let tx = server.db().begin().await?;
        titled(&task, "by a hook").update(&tx).await?;
        tx.commit().await?;
        let tx = server.db().begin().await?;
        let title = task::ActiveModel {
            title: Set("in bulk".to_owned()),
            ..Default::default()
        };
        tx.update_many::<task::Entity>(Target::all(), title).await?;
        tx.commit().await?;
        let variables =
            json!({ "data": { "title": "by a mutation" }, "filter": { "id": { "eq": id } } });
        client.data(&TASKS.update(), variables).await?;
        revert::change(&client, &revert::newest(&client).await?).await?;
        let known = crate::sync::stored(&client, TASKS, &task.id.to_string()).await?;
        let edited = crate::sync::with(&known, json!({ "title": "offline" }));
        let pushed = crate::sync::push(&client, TASKS, &[(known, edited)]).await?;
        assert_eq!(pushed.rejections.len(), 0, "{pushed:?}");
        anyhow::Ok(())
    };
    timeout(LONG, updates).await??;
    open.commit().await?;
    let stored = task::Entity::find_by_id(task.id).one(server.db()).await?;
    assert_eq!(stored.context("the task")?.title, "offline");
    Ok(())
}

/// PostgreSQL: both have a share of the row's key, and neither needs it alone.
async fn two_who_refer_to_a_row_and_update_it(server: &TestServer) -> Outcome {
    let task = committed(server).await?;
    let first = commenting(server, &task).await?;
    let second = commenting(server, &task).await?;
    timeout(LONG, titled(&task, "first").update(&first)).await??;
    let after = async {
        titled(&task, "second").update(&second).await?;
        second.commit().await
    };
    let (first, second) = tokio::join!(first.commit(), timeout(LONG, after));
    first?;
    second??;
    let stored = task::Entity::find_by_id(task.id).one(server.db()).await?;
    assert_eq!(stored.context("the task")?.title, "second");
    Ok(())
}

/// PostgreSQL: a delete takes its lock at once, so that who refers to the row may go on and update it.
async fn a_delete_waits_for_who_refers_to_the_row(server: &TestServer) -> Outcome {
    let task = committed(server).await?;
    let open = commenting(server, &task).await?;
    let tx = server.db().begin().await?;
    let gone = task.clone();
    let delete = tokio::spawn(async move { gone.delete(&tx).await });
    waits_for_a_lock(server).await?;
    timeout(LONG, titled(&task, "still here").update(&open)).await??;
    open.commit().await?;
    let error = timeout(LONG, delete).await??.expect_err("it has a comment");
    assert!(error.sql_err().is_some(), "{error}");
    Ok(())
}

/// Waits until somebody waits for a lock in this database.
async fn waits_for_a_lock(server: &TestServer) -> Outcome {
    let db = other(server).await?;
    let sql = "SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let ask = Statement::from_string(DbBackend::Postgres, sql);
    timeout(LONG, async {
        while db.query_one_raw(ask.clone()).await?.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await?
}
