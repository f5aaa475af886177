//! A connection that requires an actor refuses each write of a tracked table without one, by the table's name.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr};
use sea_orm::{EntityTrait, TransactionTrait};
use seachange::changelog::{CaptureError, Context, TrackedTransaction, WriteRefusal};
use seachange_entity::label;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![writes_without_an_actor_are_refused];

fn label(name: &str) -> label::ActiveModel {
    label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

#[track_caller]
fn assert_refused<T>(written: Result<T, DbErr>, named: &str) {
    let error = written.err().expect("refused");
    match CaptureError::of(&error) {
        Some(CaptureError::Write(WriteRefusal::NoActor { table })) => assert_eq!(table, named),
        _ => panic!("{error:?}"),
    }
}

/// By hooks, by a bulk call, and by SQL of a table that triggers record.
async fn assert_all_refused(tx: &TrackedTransaction) {
    assert_refused(label("by a hook").insert(tx).await, "label");
    assert_refused(
        tx.insert_many::<label::Entity>([label("by a bulk call")])
            .await,
        "label",
    );
    let sql = "UPDATE comment SET body = 'by a trigger' WHERE author = 'nobody'";
    assert_refused(tx.execute_unprepared(sql).await, "comment");
}

async fn writes_without_an_actor_are_refused(server: &TestServer) -> Outcome {
    let db = server.db().clone().requiring_actor();
    db.writer()
        .execute_unprepared("CREATE TABLE plain (id integer)")
        .await?;
    let tx = db.begin().await?;
    assert_all_refused(&tx).await;
    // What is not tracked has no actor to name, and the transaction goes on.
    tx.execute_unprepared("INSERT INTO plain (id) VALUES (1)")
        .await?;
    tx.commit().await?;
    let tx = db.with_context(Context::actor("")).begin().await?;
    assert_all_refused(&tx).await;
    tx.commit().await?;
    assert!(label::Entity::find().all(&db).await?.is_empty());
    let tx = db.with_context(Context::actor("alice")).begin().await?;
    label("by a hook").insert(&tx).await?;
    tx.insert_many::<label::Entity>([label("by a bulk call")])
        .await?;
    let sql = "UPDATE comment SET body = 'by a trigger' WHERE author = 'nobody'";
    tx.execute_unprepared(sql).await?;
    tx.commit().await?;
    assert_eq!(label::Entity::find().all(&db).await?.len(), 2);
    Ok(())
}
