//! A call keeps all or nothing, and no row without its change.

use std::task::Poll;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, SqlErr, TransactionTrait,
};
use seachange::DatabaseSettings;
use seachange::changelog::{
    CaptureError, CommitRefusal, Retry, Target, TrackedTransaction, Written,
};
use seachange_entity::{label, project};
use seachange_testkit::{Outcome, TestServer};

use super::{a_label, a_project};
use crate::capture::gadget;

seachange_testkit::cases! {
    Every: a_failing_row_in_the_middle, a_savepoint_rolled_back, own_hooks,
        an_own_hook_that_refuses, an_own_hook_that_writes_the_same_table, a_call_cut_off;
    MariaDb: outside_a_transaction_that_the_database_ended;
}

async fn labels(server: &TestServer) -> anyhow::Result<Vec<String>> {
    let rows = label::Entity::find().all(server.db()).await?;
    let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
    names.sort();
    Ok(names)
}

async fn a_failing_row_in_the_middle(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    a_label("l700").insert(&tx).await?;
    let models = (0..1_500).map(|row| a_label(format!("l{row}")));
    let error = tx.insert_many::<label::Entity>(models).await;
    let error = error.expect_err("one name is taken");
    assert!(
        matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))),
        "{error}"
    );
    // The transaction is none the worse for it.
    tx.insert_many::<label::Entity>([a_label("after")]).await?;
    tx.commit().await?;
    assert_eq!(labels(server).await?, ["after", "l700"]);
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}

async fn a_savepoint_rolled_back(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    tx.insert_many::<label::Entity>(["a", "b"].map(a_label))
        .await?;
    let savepoint = tx.begin().await?;
    savepoint
        .insert_many::<label::Entity>([a_label("c")])
        .await?;
    savepoint
        .update_many::<label::Entity>(
            Target::matching(sea_orm::Condition::all()).at_most(0),
            a_label("x"),
        )
        .await
        .expect_err("more than none");
    savepoint
        .delete_many::<label::Entity>(Target::all())
        .await?;
    savepoint.rollback().await?;
    tx.commit().await?;
    assert_eq!(labels(server).await?, ["a", "b"]);
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}

fn a_gadget(name: &str) -> gadget::ActiveModel {
    gadget::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

async fn own_hooks(server: &TestServer) -> Outcome {
    gadget::create(server).await?;
    let tx = server.db().begin().await?;
    let rows = tx
        .insert_many::<gadget::Entity>(["loud", "quiet"].map(a_gadget))
        .await?;
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["LOUD", "quiet"]);
    let written = tx
        .update_many::<gadget::Entity>(Target::all(), a_gadget("loud"))
        .await?;
    assert!(matches!(written[0], Written::Unchanged(_)));
    assert!(matches!(&written[1], Written::Updated(row) if row.name == "LOUD"));
    tx.commit().await?;
    let log = server.logged().await?;
    let names: Vec<_> = log
        .iter()
        .map(|change| change.after.as_ref().map(|row| row["name"].clone()))
        .collect();
    assert_eq!(
        names,
        ["LOUD", "quiet", "LOUD"].map(|name| Some(name.into()))
    );
    Ok(())
}

async fn an_own_hook_that_refuses(server: &TestServer) -> Outcome {
    gadget::create(server).await?;
    let tx = server.db().begin().await?;
    tx.insert_many::<gadget::Entity>([a_gadget("kept")]).await?;
    for name in ["refused before", "refused after"] {
        let models = ["good", name, "better"].map(a_gadget);
        let error = tx.insert_many::<gadget::Entity>(models).await;
        assert!(matches!(error, Err(DbErr::Custom(_))), "{error:?}");
        let error = tx
            .update_many::<gadget::Entity>(Target::all(), a_gadget(name))
            .await;
        assert!(matches!(error, Err(DbErr::Custom(_))), "{error:?}");
    }
    tx.commit().await?;
    let names: Vec<String> = gadget::Entity::find()
        .all(server.db())
        .await?
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

/// A hook of the first row writes the second, which the call has locked and read already: what it
/// records begins where the hook's write ended.
async fn an_own_hook_that_writes_the_same_table(server: &TestServer) -> Outcome {
    gadget::create(server).await?;
    let tx = server.db().begin().await?;
    let rows = tx
        .insert_many::<gadget::Entity>(["first", "second", "third"].map(a_gadget))
        .await?;
    let change = a_gadget("meddles");
    let written = tx
        .update_many::<gadget::Entity>(Target::all(), change)
        .await?;
    assert_eq!(written.len(), 3);
    tx.commit().await?;
    let log = server.logged().await?;
    let key = serde_json::json!({ "id": rows[2].id });
    let of_third: Vec<_> = log.iter().filter(|change| change.row_key == key).collect();
    let [_, meddled, updated] = of_third.as_slice() else {
        anyhow::bail!("three changes of the third row: {of_third:?}");
    };
    assert_eq!(meddled.after, updated.before);
    assert_eq!(
        meddled.after.as_ref().map(|row| &row["name"]),
        Some(&"meddled".into())
    );
    assert_eq!(
        updated.after.as_ref().map(|row| &row["name"]),
        Some(&"meddles".into())
    );
    Ok(())
}

/// Dropped at an await, then committed: the transaction with a call that was cut off never is.
async fn a_call_cut_off(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    a_project("Ship").insert(&tx).await?;
    tx.commit().await?;
    let mut refused = 0;
    // Connections of its own each time: what a driver makes of one that was cut off is not asked here.
    let settings = DatabaseSettings {
        connections: 1,
        ..DatabaseSettings::new(&server.settings.database_url)
    };
    for round in 0..ROUNDS {
        let db = seachange::connect(&settings).await?;
        let tx = db.begin().await?;
        // How often it waits differs from time to time: an answer may be there at once.
        let finished = wait_at_most(calls(&tx, round), round % 30)
            .await
            .transpose()?;
        let committed = tx.commit().await;
        assert_eq!(finished.is_some(), committed.is_ok(), "round {round}");
        if let Err(error) = committed {
            let refusal = CaptureError::of(&error);
            assert!(
                matches!(refusal, Some(CaptureError::Commit(CommitRefusal::CutOff))),
                "{error}"
            );
            refused += 1;
        }
    }
    assert!(refused > 0, "none was cut off");
    Ok(())
}

const ROUNDS: usize = 90;

async fn calls(tx: &TrackedTransaction, round: usize) -> Result<(), DbErr> {
    let models = (0..3).map(|row| a_project(format!("p{round}-{row}")));
    tx.insert_many::<project::Entity>(models).await?;
    let change = project::ActiveModel {
        owner: Set(Some(format!("o{round}"))),
        ..Default::default()
    };
    tx.update_many::<project::Entity>(Target::all(), change)
        .await?;
    let models = ["one", "two"].map(a_label);
    tx.upsert_many::<label::Entity>(models, &[label::Column::Name])
        .await?;
    tx.delete_many::<label::Entity>(Target::all()).await?;
    Ok(())
}

/// Drops a future when it has waited so often, and a time more.
async fn wait_at_most<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut waits = 0;
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waits == most => Poll::Ready(None),
        Poll::Pending => {
            waits += 1;
            Poll::Pending
        }
    })
    .await
}

/// Whoever swallows a deadlock's error must not write beside the transaction.
///
/// SQLite has one writer, so no deadlocks; PostgreSQL ends only the call, and the other waits
/// until the whole transaction is rolled back.
async fn outside_a_transaction_that_the_database_ended(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let rows = tx
        .insert_many::<label::Entity>(["a", "b"].map(a_label))
        .await?;
    tx.commit().await?;
    let target = |place: usize| Target::matching(label::Column::Id.eq(rows[place].id));
    let (one, two) = (server.db().begin().await?, server.db().begin().await?);
    one.update_many::<label::Entity>(target(0), a_label("c"))
        .await?;
    two.update_many::<label::Entity>(target(1), a_label("d"))
        .await?;
    let (mine, theirs) = tokio::join!(
        one.update_many::<label::Entity>(target(1), a_label("e")),
        two.update_many::<label::Entity>(target(0), a_label("f")),
    );
    anyhow::ensure!(mine.is_err() != theirs.is_err(), "{mine:?} {theirs:?}");
    let (ended, other) = if mine.is_err() {
        (one, two)
    } else {
        (two, one)
    };
    other.rollback().await?;
    // All of it is gone.
    let error = ended
        .insert_many::<label::Entity>([a_label("beside")])
        .await;
    let error = error.expect_err("written beside it");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(refusal, Some(CaptureError::Retry(Retry::Ended))),
        "{error}"
    );
    ended.commit().await.expect_err("nothing to commit");
    assert_eq!(labels(server).await?, ["a", "b"]);
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}
