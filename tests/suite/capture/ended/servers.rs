//! On a server: by a deadlock, and with the connection.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, Statement, TransactionTrait,
};
use seachange::changelog::TrackedTransaction;
use seachange_entity::label;
use seachange_testkit::{Database, Outcome, TestServer};

use super::{goes_on, insert, named, other};

seachange_testkit::cases! {
    Servers: a_connection_that_is_killed_before_the_commit;
    MariaDb: a_deadlock_in_a_savepoint;
}

/// A server with two connections that write, beside which its own are idle.
async fn with_few_connections(server: &TestServer) -> anyhow::Result<TestServer> {
    server
        .beside(|settings| settings.database_connections = 3)
        .await
}

/// Nothing is written beside a transaction on any of the connections.
async fn all_take_back(server: &TestServer) -> Outcome {
    let open = [server.db().begin().await?, server.db().begin().await?];
    for (number, tx) in open.iter().enumerate() {
        insert(tx, &format!("taken back {number}")).await?;
    }
    for tx in open {
        tx.rollback().await?;
    }
    goes_on(server, &["one", "two"]).await
}

async fn rename(tx: &TrackedTransaction, row: &label::Model, name: &str) -> Result<(), DbErr> {
    let mut model: label::ActiveModel = row.clone().into();
    model.name = Set(name.to_owned());
    model.update(tx).await.map(|_| ())
}

async fn a_deadlock_in_a_savepoint(server: &TestServer) -> Outcome {
    let few = with_few_connections(server).await?;
    let tx = few.db().begin().await?;
    let one = named("one").insert(&tx).await?;
    let two = named("two").insert(&tx).await?;
    tx.commit().await?;
    for is_dropped in [false, true] {
        let (left, right) = (few.db().begin().await?, few.db().begin().await?);
        rename(&left, &one, "left").await?;
        rename(&right, &two, "right").await?;
        let (left_inner, right_inner) = (left.begin().await?, right.begin().await?);
        let (mine, theirs) = tokio::join!(
            rename(&left_inner, &two, "left too"),
            rename(&right_inner, &one, "right too")
        );
        assert!(mine.is_err() != theirs.is_err(), "{mine:?} {theirs:?}");
        if is_dropped {
            drop((left_inner, left));
            drop((right_inner, right));
        } else {
            left_inner.rollback().await?;
            right_inner.rollback().await?;
            left.rollback().await?;
            right.rollback().await?;
        }
        all_take_back(&few).await?;
    }
    few.stop().await
}

async fn a_connection_that_is_killed_before_the_commit(server: &TestServer) -> Outcome {
    let few = with_few_connections(server).await?;
    let tx = few.db().begin().await?;
    insert(&tx, "one").await?;
    insert(&tx, "two").await?;
    tx.commit().await?;
    let backend = few.db().writer().get_database_backend();
    let (ask, kill) = match server.kind {
        Database::Postgres(_) => (
            "SELECT pg_backend_pid()::bigint AS id",
            "SELECT pg_terminate_backend(",
        ),
        _ => ("SELECT CAST(CONNECTION_ID() AS SIGNED) AS id", "KILL ("),
    };
    for is_nested in [false, true] {
        let tx = few.db().begin().await?;
        let row = tx
            .query_one_raw(Statement::from_string(backend, ask))
            .await?;
        let id: i64 = row
            .map(|row| row.try_get("", "id"))
            .transpose()?
            .unwrap_or(0);
        let savepoint = if is_nested {
            Some(tx.begin().await?)
        } else {
            None
        };
        insert(savepoint.as_ref().unwrap_or(&tx), "lost").await?;
        other(server)
            .await?
            .execute_unprepared(&format!("{kill}{id})"))
            .await?;
        if let Some(savepoint) = savepoint {
            savepoint.commit().await.expect_err("it is gone");
        }
        tx.commit().await.expect_err("it is gone");
        all_take_back(&few).await?;
    }
    few.stop().await
}
