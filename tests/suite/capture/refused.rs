//! What would escape capture is refused, with the table and the cure; nothing of it stays.

#![expect(clippy::disallowed_methods, reason = "what is refused is called here")]

pub mod cascades;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait, ConnectionTrait,
    DbErr, EntityLoaderTrait, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter, Statement,
    TransactionTrait,
};
use seachange::changelog::{
    CaptureError, CommitRefusal, Operation, TrackedTransaction, WriteRefusal,
};
use seachange_entity::{label, project, task, task_label};
use seachange_testkit::{Database, Outcome, TestServer};

use super::{a_project, a_task};

seachange_testkit::cases![
    statements_without_hooks,
    a_hooked_update_beside_an_unrecorded_one,
    an_upsert,
    raw_sql,
    raw_sql_that_only_reads_a_tracked_table,
    update_without_returning,
    writes_outside_a_transaction,
    a_connection_that_does_not_capture,
    many_to_many_links_removed_by_seaorm,
];

fn fresh(name: &str) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(name.to_owned()),
        archived: Set(false),
        created_at: Set(chrono::Utc::now()),
        updated_at: Set(chrono::Utc::now()),
        ..Default::default()
    }
}

/// The refusal names table, verb and cure.
fn unrecorded<T: std::fmt::Debug>(result: Result<T, DbErr>, expected: Operation) {
    let error = result.expect_err("must be refused");
    let Some(CaptureError::Write(WriteRefusal::Unrecorded { table, operation })) =
        CaptureError::of(&error)
    else {
        panic!("another error: {error}");
    };
    assert_eq!((table.as_str(), *operation), ("project", expected));
    assert!(error.to_string().contains("cure: "), "{error}");
    assert!(error.to_string().contains("insert_many"), "{error}");
}

async fn statements_without_hooks(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let tx = &server.db().begin().await?;
    let by_id = project::Column::Id.eq(row.id);
    unrecorded(
        project::Entity::insert(fresh("x")).exec(tx).await,
        Operation::Insert,
    );
    let without = project::Entity::insert(fresh("x"))
        .exec_without_returning(tx)
        .await;
    unrecorded(without, Operation::Insert);
    let many = project::Entity::insert_many([fresh("x"), fresh("y")])
        .exec(tx)
        .await;
    unrecorded(many, Operation::Insert);
    let mut model = row.clone().into_active_model();
    model.name = Set("y".to_owned());
    let update = project::Entity::update(model.clone());
    unrecorded(update.exec(tx).await, Operation::Update);
    let update = project::Entity::update_many()
        .col_expr(project::Column::Name, Expr::value("y"))
        .filter(by_id.clone());
    unrecorded(update.exec(tx).await, Operation::Update);
    unrecorded(
        project::Entity::delete(model).exec(tx).await,
        Operation::Delete,
    );
    let delete = project::Entity::delete_many().filter(by_id);
    unrecorded(delete.exec(tx).await, Operation::Delete);
    unrecorded(
        project::Entity::delete_by_id(row.id).exec(tx).await,
        Operation::Delete,
    );
    // Refused before they ran: the transaction is none the worse.
    project(tx, server).await
}

async fn project(tx: &TrackedTransaction, server: &TestServer) -> Outcome {
    super::project(tx, "still works").await?;
    let rows = project::Entity::find().all(tx).await?;
    assert_eq!(rows.len(), 2);
    assert_eq!(server.logged().await?.len(), 1, "not committed yet");
    Ok(())
}

async fn a_hooked_update_beside_an_unrecorded_one(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let tx = server.db().begin().await?;
    let mut model = row.clone().into_active_model();
    model.name = Set("hooked".to_owned());
    model.update(&tx).await?;
    let update =
        project::Entity::update_many().col_expr(project::Column::Archived, Expr::value(true));
    unrecorded(update.exec(&tx).await, Operation::Update);
    tx.commit().await?;
    let stored = project::Entity::find_by_id(row.id).one(server.db()).await?;
    let stored = stored.ok_or_else(|| anyhow::anyhow!("row is gone"))?;
    assert_eq!((stored.name.as_str(), stored.archived), ("hooked", false));
    Ok(())
}

async fn an_upsert(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let upsert = project::Entity::insert(fresh("x")).on_conflict(
        OnConflict::column(project::Column::Id)
            .update_column(project::Column::Name)
            .to_owned(),
    );
    unrecorded(upsert.exec(&tx).await, Operation::Insert);
    Ok(tx.rollback().await?)
}

async fn raw_sql(server: &TestServer) -> Outcome {
    let backend = server.db().writer().get_database_backend();
    let tx = server.db().begin().await?;
    for sql in [
        "UPDATE project SET archived = true",
        "DELETE FROM project -- quietly",
        "/* project */ INSERT INTO project (id, name) VALUES ('1', 'x')",
        "WITH gone AS (DELETE FROM project RETURNING id) SELECT * FROM gone",
        "DROP TABLE project",
    ] {
        let error = tx.execute_unprepared(sql).await.expect_err(sql);
        assert!(
            matches!(CaptureError::of(&error), Some(CaptureError::Write(WriteRefusal::RawWrite { table, .. })) if table == "project"),
            "{sql}: {error}"
        );
        let statement = Statement::from_string(backend, sql);
        assert!(tx.execute_raw(statement.clone()).await.is_err(), "{sql}");
        assert!(tx.query_all_raw(statement.clone()).await.is_err(), "{sql}");
        assert!(server.db().execute_raw(statement).await.is_err(), "{sql}");
    }
    for sql in ["COMMIT", "ROLLBACK", "SAVEPOINT here"] {
        let error = tx.execute_unprepared(sql).await.expect_err(sql);
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Write(WriteRefusal::RawTransaction { .. }))
            ),
            "{sql}: {error}"
        );
    }
    let read = Statement::from_string(
        backend,
        "SELECT count(*) FROM project WHERE name = 'DELETE'",
    );
    assert!(tx.query_one_raw(read).await?.is_some());
    let create = "CREATE TABLE elsewhere (id int)";
    if matches!(server.kind, Database::MariaDb(_)) {
        // There it would commit what came before.
        for sql in [
            create,
            "ANALYZE TABLE elsewhere",
            "GRANT SELECT ON *.* TO x",
        ] {
            let error = tx.execute_unprepared(sql).await.expect_err(sql);
            let refusal = CaptureError::of(&error);
            assert!(
                matches!(
                    refusal,
                    Some(CaptureError::Write(WriteRefusal::RawTransaction { .. }))
                ),
                "{sql}: {error}"
            );
        }
        server.db().writer().execute_unprepared(create).await?;
    } else {
        tx.execute_unprepared(create).await?;
    }
    tx.execute_unprepared("INSERT INTO elsewhere VALUES (1)")
        .await?;
    Ok(tx.commit().await?)
}

async fn update_without_returning(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let tx = server.db().begin().await?;
    let model = project::ActiveModel {
        id: Unchanged(row.id),
        name: Set("half".to_owned()),
        ..Default::default()
    };
    model.update_without_returning(&tx).await?;
    let error = tx.commit().await.expect_err("must not commit");
    assert!(
        matches!(CaptureError::of(&error), Some(CaptureError::Commit(CommitRefusal::Unfinished { table, operation: Operation::Update })) if table == "project"),
        "{error}"
    );
    let stored = project::Entity::find_by_id(row.id).one(server.db()).await?;
    assert_eq!(stored, Some(row));
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn writes_outside_a_transaction(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let mut model = row.clone().into_active_model();
    model.name = Set("half".to_owned());
    let outside = |error: DbErr| {
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Write(WriteRefusal::OutsideTransaction { .. }))
            ),
            "{error}"
        );
    };
    outside(fresh("x").insert(server.db()).await.expect_err("insert"));
    outside(model.update(server.db()).await.expect_err("update"));
    outside(row.clone().delete(server.db()).await.expect_err("delete"));
    outside(
        project::Entity::delete_many()
            .exec(server.db())
            .await
            .expect_err("delete_many"),
    );
    let rows = project::Entity::find().all(server.db()).await?;
    assert_eq!(rows, [row]);
    Ok(())
}

async fn a_connection_that_does_not_capture(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let plain = server.db().writer();
    let mut model = row.clone().into_active_model();
    model.name = Set("half".to_owned());
    let untracked = |error: DbErr| {
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Write(WriteRefusal::Untracked { .. }))
            ),
            "{error}"
        );
    };
    untracked(fresh("x").insert(plain).await.expect_err("insert"));
    untracked(model.clone().update(plain).await.expect_err("update"));
    untracked(row.clone().delete(plain).await.expect_err("delete"));
    let tx = plain.begin().await?;
    untracked(
        model
            .update(&tx)
            .await
            .expect_err("update in a transaction"),
    );
    tx.rollback().await?;
    assert_eq!(project::Entity::find().all(server.db()).await?, [row]);
    Ok(())
}

async fn many_to_many_links_removed_by_seaorm(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let task = a_task(&tx, &project).await?;
    let label = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    let label = label.insert(&tx).await?;
    let link = task_label::ActiveModel {
        task_id: Set(task.id),
        label_id: Set(label.id),
    };
    link.insert(&tx).await?;
    tx.commit().await?;
    let loaded = task::Entity::load()
        .filter_by_id(task.id)
        .one(server.db())
        .await?;
    let loaded = loaded.ok_or_else(|| anyhow::anyhow!("task is gone"))?;
    let error = loaded
        .delete(server.db())
        .await
        .expect_err("links go by a plain delete_many");
    assert!(
        matches!(CaptureError::of(&error), Some(CaptureError::Write(WriteRefusal::Unrecorded { table, .. })) if table == "task_label"),
        "{error}"
    );
    assert_eq!(task_label::Entity::find().all(server.db()).await?.len(), 1);
    Ok(())
}

/// It writes another table, which is nobody's business here.
async fn raw_sql_that_only_reads_a_tracked_table(server: &TestServer) -> Outcome {
    a_project(server).await?;
    let db = server.db();
    db.execute_unprepared("CREATE TABLE scratch (name varchar(255))")
        .await?;
    let tx = db.begin().await?;
    let mut texts = vec![
        "INSERT INTO scratch SELECT name FROM project",
        "UPDATE scratch SET name = (SELECT max(name) FROM project)",
        "DELETE FROM scratch WHERE name IN (SELECT name FROM project)",
    ];
    if server.kind.name() != "mariadb" {
        texts.push("WITH p AS (SELECT name FROM project) INSERT INTO scratch SELECT name FROM p");
        texts.push("UPDATE scratch SET name = p.name FROM project p");
    }
    if server.kind.name() == "postgres" {
        texts.extend([
            "DELETE FROM scratch USING project p WHERE p.name = scratch.name",
            "MERGE INTO scratch s USING project p ON s.name = p.name WHEN NOT MATCHED THEN
             INSERT (name) VALUES (p.name)",
        ]);
    }
    for sql in texts {
        let done = tx.execute_unprepared(sql).await;
        assert_eq!(done.expect(sql).rows_affected(), 1, "{sql}");
    }
    tx.commit().await?;
    db.execute_unprepared("CREATE TABLE copied AS SELECT * FROM project")
        .await?;
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}
