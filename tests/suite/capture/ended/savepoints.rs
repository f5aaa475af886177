//! By the program itself, while a savepoint is open.

use sea_orm::TransactionTrait;
use seachange_testkit::{Outcome, TestServer};

use super::super::a_project;
use super::{goes_on, insert};

seachange_testkit::cases![
    a_commit_around_an_open_savepoint,
    a_rollback_around_an_open_savepoint,
];

/// A commit that could only end the savepoint must not be answered as done.
async fn a_commit_around_an_open_savepoint(server: &TestServer) -> Outcome {
    a_project(server).await?;
    let tx = server.db().begin().await?;
    insert(&tx, "lost").await?;
    let savepoint = tx.begin().await?;
    insert(&savepoint, "lost too").await?;
    tx.commit().await.expect_err("a savepoint is open");
    savepoint
        .commit()
        .await
        .expect_err("it ended with its transaction");
    goes_on(server, &[]).await
}

async fn a_rollback_around_an_open_savepoint(server: &TestServer) -> Outcome {
    for is_dropped in [false, true] {
        let tx = server.db().begin().await?;
        insert(&tx, "lost").await?;
        let savepoint = tx.begin().await?;
        insert(&savepoint, "lost too").await?;
        if is_dropped {
            drop(tx);
        } else {
            tx.rollback().await?;
        }
        savepoint
            .commit()
            .await
            .expect_err("it ended with its transaction");
        goes_on(server, &[]).await?;
    }
    Ok(())
}
