//! A row and its change commit together or not at all.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    TransactionTrait,
};
use seachange::changelog::{CaptureError, CommitRefusal, Retry, TrackedTransaction};
use seachange_entity::project;
use seachange_testkit::{Database, Outcome, TestServer};

use super::{a_project, gadget};

seachange_testkit::cases![
    rollback,
    savepoint_rollback,
    a_dropped_transaction,
    a_write_cut_off,
    a_failing_own_hook,
    a_failing_log_insert,
    a_failing_statement_between,
    a_transaction_that_the_database_ended,
];

/// Only the first project is there, in table and log.
async fn nothing_more(server: &TestServer) -> Outcome {
    assert_eq!(project::Entity::find().all(server.db()).await?.len(), 1);
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn rollback(server: &TestServer) -> Outcome {
    a_project(server).await?;
    let tx = server.db().begin().await?;
    super::project(&tx, "gone").await?;
    tx.rollback().await?;
    nothing_more(server).await
}

async fn savepoint_rollback(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    super::project(&tx, "kept").await?;
    let savepoint = tx.begin().await?;
    super::project(&savepoint, "gone").await?;
    savepoint.rollback().await?;
    tx.commit().await?;
    nothing_more(server).await
}

async fn a_dropped_transaction(server: &TestServer) -> Outcome {
    a_project(server).await?;
    let tx = server.db().begin().await?;
    super::project(&tx, "gone").await?;
    drop(tx);
    nothing_more(server).await
}

async fn a_write_cut_off(server: &TestServer) -> Outcome {
    a_project(server).await?;
    // Dropped at every await of an insert in turn, then committed: half a write never is.
    for polls in 0..200 {
        let tx = server.db().begin().await?;
        let write = super::project(&tx, "half");
        let finished = poll_at_most(write, polls).await.transpose()?.is_some();
        match tx.commit().await {
            Ok(()) => {}
            Err(error) => assert!(CaptureError::of(&error).is_some(), "{error}"),
        }
        let rows = project::Entity::find().all(server.db()).await?.len();
        assert_eq!(server.logged().await?.len(), rows, "after {polls} polls");
        if finished {
            return Ok(());
        }
    }
    anyhow::bail!("an insert takes fewer polls")
}

/// Polls a future so many times and drops it.
async fn poll_at_most<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polls = 0;
    std::future::poll_fn(move |context| {
        if polls == most {
            return std::task::Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

async fn a_failing_own_hook(server: &TestServer) -> Outcome {
    gadget::create(server).await?;
    for name in ["refused before", "refused after"] {
        let tx = server.db().begin().await?;
        let model = gadget::ActiveModel {
            name: Set(name.to_owned()),
            ..Default::default()
        };
        model.insert(&tx).await.expect_err(name);
        tx.rollback().await?;
        assert!(gadget::Entity::find().all(server.db()).await?.is_empty());
        assert!(server.logged().await?.is_empty());
    }
    Ok(())
}

async fn a_failing_log_insert(server: &TestServer) -> Outcome {
    a_project(server).await?;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    let plain = server.db().writer();
    // Where capture writes.
    let log = match server.kind {
        Database::MariaDb(_) => "change_inbox",
        _ => "change_log",
    };
    plain.execute_unprepared(&rename(log, "hidden")).await?;
    let tx = server.db().begin().await?;
    let error = super::project(&tx, "unlogged").await.expect_err("no log");
    let refusal = error.downcast_ref().and_then(CaptureError::of);
    assert!(matches!(refusal, Some(CaptureError::Log { .. })), "{error}");
    // Whoever swallows the error still cannot commit the row.
    let committed = tx.commit().await;
    if !matches!(server.kind, Database::Postgres(_)) {
        let error = committed.expect_err("unrecorded");
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Commit(CommitRefusal::Unfinished { .. }))
            ),
            "{error}"
        );
    }
    plain.execute_unprepared(&rename("hidden", log)).await?;
    nothing_more(server).await
}

async fn a_failing_statement_between(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let tx = server.db().begin().await?;
    let savepoint = tx.begin().await?;
    // The key is taken: the insert fails, and only the insert.
    let twin = row.clone().into_active_model().reset_all();
    twin.insert(&savepoint).await.expect_err("taken");
    savepoint.rollback().await?;
    let mut model = row.into_active_model();
    model.name = Set("renamed".to_owned());
    model.update(&tx).await?;
    tx.commit().await?;
    let names: Vec<String> = project::Entity::find()
        .all(server.db())
        .await?
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["renamed"]);
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}

async fn rename(tx: &TrackedTransaction, row: &project::Model, name: &str) -> Result<(), DbErr> {
    let mut model = row.clone().into_active_model();
    model.name = Set(name.to_owned());
    model.update(tx).await.map(|_| ())
}

/// Code that swallows the error and goes on must not write beside the transaction, nor be told that
/// it committed.
async fn a_transaction_that_the_database_ended(server: &TestServer) -> Outcome {
    let (one, two) = (a_project(server).await?, a_project(server).await?);
    let tx = server.db().begin().await?;
    rename(&tx, &one, "first").await?;
    if matches!(server.kind, Database::Sqlite) {
        tx.execute_unprepared("CREATE TABLE once (id integer PRIMARY KEY)")
            .await?;
        let insert = "INSERT OR ROLLBACK INTO once VALUES (1)";
        tx.execute_unprepared(insert).await?;
        tx.execute_unprepared(insert)
            .await
            .expect_err("taken, and the transaction with it");
    } else {
        // Two transactions wait for each other: the database ends one of them.
        let other = server.db().begin().await?;
        rename(&other, &two, "second").await?;
        let (mine, theirs) =
            tokio::join!(rename(&tx, &two, "third"), rename(&other, &one, "fourth"));
        anyhow::ensure!(
            mine.is_err() != theirs.is_err(),
            "one is ended: {mine:?} {theirs:?}"
        );
        let (ended, survivor) = if mine.is_err() {
            (tx, other)
        } else {
            (other, tx)
        };
        survivor.rollback().await?;
        return goes_no_further(server, ended, &two).await;
    }
    goes_no_further(server, tx, &two).await
}

async fn goes_no_further(
    server: &TestServer,
    tx: TrackedTransaction,
    row: &project::Model,
) -> Outcome {
    let refused = rename(&tx, row, "beside")
        .await
        .expect_err("written beside it");
    let refusal = CaptureError::of(&refused);
    assert!(
        matches!(refusal, Some(CaptureError::Retry(Retry::Ended))),
        "{refused}"
    );
    assert!(tx.begin().await.is_err(), "a savepoint of nothing");
    let refused = tx.commit().await.expect_err("nothing to commit");
    let refusal = CaptureError::of(&refused);
    assert!(
        matches!(refusal, Some(CaptureError::Retry(Retry::Ended))),
        "{refused}"
    );
    let rows = project::Entity::find().all(server.db()).await?;
    assert!(rows.iter().all(|row| row.name == "Ship"), "{rows:?}");
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}
