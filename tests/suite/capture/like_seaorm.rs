//! What an application finds on a tracked connection and its transactions as it was on SeaORM's. `TransactionSession`
//! is not imported here.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryOrder, Statement,
    StreamTrait, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Context, Retry, TrackedConnection, TrackedTransaction, WriteRefusal,
};
use seachange_entity::{label, project};
use seachange_testkit::{Outcome, TestServer};

use super::a_project;

seachange_testkit::cases![
    commit_and_rollback_need_no_trait,
    a_stream_in_a_transaction,
    a_stream_that_is_not_read_to_its_end,
    a_stream_that_fails,
    a_stream_that_would_write,
    ping_and_close,
    write_commits,
    write_tries_again,
    write_gives_up,
    write_returns_what_is_wrong,
    write_with_an_error_of_ones_own,
    write_in_a_task,
];

async fn commit_and_rollback_need_no_trait(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    super::project(&tx, "kept").await?;
    let nested = tx.begin().await?;
    super::project(&nested, "gone").await?;
    nested.rollback().await?;
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn labels(tx: &TrackedTransaction, count: i64) -> anyhow::Result<()> {
    let labels = (0..count).map(|number| label::ActiveModel {
        name: sea_orm::ActiveValue::Set(format!("l{number:04}")),
        ..Default::default()
    });
    tx.insert_many::<label::Entity>(labels).await?;
    Ok(())
}

async fn a_stream_in_a_transaction(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    labels(&tx, 1_000).await?;
    {
        let mut rows = label::Entity::find()
            .order_by_asc(label::Column::Name)
            .stream(&tx)
            .await?;
        let mut number = 0;
        while let Some(row) = rows.try_next().await? {
            assert_eq!(row.name, format!("l{number:04}"));
            number += 1;
        }
        assert_eq!(number, 1_000);
    }
    super::project(&tx, "after it").await?;
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 1_001);
    server.verify().await
}

async fn a_stream_that_is_not_read_to_its_end(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    labels(&tx, 1_000).await?;
    for taken in [0, 1, 7] {
        let mut rows = label::Entity::find().stream(&tx).await?;
        for _ in 0..taken {
            assert!(rows.try_next().await?.is_some());
        }
        drop(rows);
        assert_eq!(label::Entity::find().all(&tx).await?.len(), 1_000);
    }
    super::project(&tx, "after them").await?;
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 1_001);
    server.verify().await
}

/// After an error the transaction knows what is left of it.
async fn a_stream_that_fails(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let backend = ConnectionTrait::get_database_backend(&tx);
    let wrong = Statement::from_string(backend, "SELECT nothing FROM nowhere");
    let error = match tx.stream_raw(wrong).await {
        Ok(rows) => rows.try_collect::<Vec<_>>().await.expect_err("no table"),
        Err(error) => error,
    };
    assert!(CaptureError::of(&error).is_none(), "{error}");
    let next = super::project(&tx, "after it").await;
    if server.kind.name() == "postgres" {
        // It takes nothing more than a rollback.
        assert!(next.is_err());
        let error = tx.commit().await.expect_err("it has failed");
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(refusal, Some(CaptureError::Retry(Retry::Ended))),
            "{error}"
        );
        assert!(server.logged().await?.is_empty());
    } else {
        next?;
        tx.commit().await?;
        assert_eq!(server.logged().await?.len(), 1);
    }
    Ok(())
}

async fn a_stream_that_would_write(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let tx = server.db().begin().await?;
    let backend = ConnectionTrait::get_database_backend(&tx);
    let sql = "DELETE FROM project RETURNING id";
    let error = tx.stream_raw(Statement::from_string(backend, sql)).await;
    let error = error.expect_err("unrecorded");
    assert!(
        matches!(CaptureError::of(&error), Some(CaptureError::Write(WriteRefusal::RawWrite { table, .. })) if table == "project"),
        "{error}"
    );
    tx.commit().await?;
    assert_eq!(project::Entity::find().all(server.db()).await?, [row]);
    Ok(())
}

async fn ping_and_close(server: &TestServer) -> Outcome {
    let plain = crate::triggers::other(server).await?;
    let db = TrackedConnection::new(plain);
    db.ping().await?;
    let clone = db.clone();
    db.close().await?;
    assert!(clone.ping().await.is_err());
    assert!(clone.begin().await.is_err());
    // Another connection is none of its business.
    Ok(server.db().ping().await?)
}

async fn write_commits(server: &TestServer) -> Outcome {
    let db = server.db().with_context(Context::actor("ann"));
    let row = db
        .write(async |tx| super::project(&tx, "one").await.map_err(to_db))
        .await?;
    assert_eq!(row.name, "one");
    let log = server.logged().await?;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].actor.as_deref(), Some("ann"));
    Ok(())
}

fn to_db(error: anyhow::Error) -> DbErr {
    error
        .downcast()
        .unwrap_or_else(|error| DbErr::Custom(error.to_string()))
}

fn raced() -> DbErr {
    let table = "project".to_owned();
    Retry::Raced { table }.into()
}

/// What a failed attempt has written is gone.
async fn write_tries_again(server: &TestServer) -> Outcome {
    let tries = AtomicU32::new(0);
    server
        .db()
        .write(async |tx| {
            let attempt = tries.fetch_add(1, Ordering::Relaxed);
            super::project(&tx, &format!("p{attempt}"))
                .await
                .map_err(to_db)?;
            if attempt < 2 { Err(raced()) } else { Ok(()) }
        })
        .await?;
    let stored = project::Entity::find().all(server.db()).await?;
    let names: Vec<&str> = stored.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["p2"]);
    assert_eq!(server.logged().await?.len(), 1);
    server.verify().await
}

async fn write_gives_up(server: &TestServer) -> Outcome {
    let tries = AtomicU32::new(0);
    let done: Result<(), DbErr> = server
        .db()
        .write(async |tx| {
            tries.fetch_add(1, Ordering::Relaxed);
            super::project(&tx, "never").await.map_err(to_db)?;
            Err(raced())
        })
        .await;
    let error = done.expect_err("it is raced each time");
    assert!(matches!(
        CaptureError::of(&error),
        Some(CaptureError::Retry(_))
    ));
    assert_eq!(tries.into_inner(), 5);
    assert!(server.logged().await?.is_empty());
    Ok(())
}

async fn write_returns_what_is_wrong(server: &TestServer) -> Outcome {
    let tries = AtomicU32::new(0);
    let done: Result<(), DbErr> = server
        .db()
        .write(async |tx| {
            tries.fetch_add(1, Ordering::Relaxed);
            super::project(&tx, "never").await.map_err(to_db)?;
            Err(DbErr::Custom("not like this".to_owned()))
        })
        .await;
    assert_eq!(done, Err(DbErr::Custom("not like this".to_owned())));
    assert_eq!(tries.into_inner(), 1);
    assert!(server.logged().await?.is_empty());
    assert!(project::Entity::find().all(server.db()).await?.is_empty());
    Ok(())
}

/// As adopters have.
#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("sold out")]
    SoldOut,
    #[error("the database: {0}")]
    Database(#[from] DbErr),
}

async fn write_with_an_error_of_ones_own(server: &TestServer) -> Outcome {
    let tries = AtomicU32::new(0);
    let done = server
        .db()
        .write(async |_| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Err(ShopError::from(raced())),
            _ => Err::<(), _>(ShopError::SoldOut),
        })
        .await;
    assert!(matches!(done, Err(ShopError::SoldOut)), "{done:?}");
    assert_eq!(tries.into_inner(), 2);
    Ok(())
}

/// As a handler of a server would.
async fn write_in_a_task(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let db = server.db().clone();
    let renamed = tokio::spawn(async move {
        db.write(async |tx| {
            let mut model = row.clone().into_active_model();
            model.name = sea_orm::ActiveValue::Set("renamed".to_owned());
            model.update(&tx).await
        })
        .await
    });
    assert_eq!(renamed.await??.name, "renamed");
    assert_eq!(server.logged().await?.len(), 2);
    Ok(())
}
