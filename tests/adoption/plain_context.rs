//! Who writes, in transactions of plain SeaORM: the context of a transaction that has one is in its changes, and in no
//! other's, however the transaction ends. The pool has one connection, so the next transaction gets the same one.

use futures_util::FutureExt;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr,
    TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Context, SetupRefusal, TriggerOptions, WriteRefusal, tell, track_by_triggers,
};
use seachange_testkit::{Outcome, OwnDatabase, TestServer};
use serde_json::json;

seachange_testkit::cases! {
    Every: a_commit_ends_it, a_rollback_ends_it, a_drop_ends_it, an_error_ends_it, savepoints_have_it,
        statements_that_would_end_it_are_refused, it_needs_the_log;
    // A statement that is cut off may cost a server's pool its connection, whatever is in it.
    Sqlite: a_dropped_future_ends_it;
}

/// A plain connection to a table that triggers record.
async fn stock(server: &TestServer) -> anyhow::Result<DatabaseConnection> {
    let writer = server.db().writer();
    let table = "CREATE TABLE stock (id integer NOT NULL PRIMARY KEY, n integer NOT NULL)";
    writer.execute_unprepared(table).await?;
    track_by_triggers(writer, "stock", TriggerOptions::new()).await?;
    let mut options = ConnectOptions::new(server.settings.database_url.clone());
    options.max_connections(1);
    Ok(Database::connect(options).await?)
}

fn alice() -> Context {
    Context {
        mutation_id: Some("m1".to_owned()),
        metadata: json!({ "why": "count" }).as_object().cloned(),
        ..Context::actor("alice")
    }
}

async fn add<C: ConnectionTrait>(db: &C, id: i32) -> Result<(), DbErr> {
    let insert = format!("INSERT INTO stock (id, n) VALUES ({id}, 1)");
    db.execute_unprepared(&insert).await.map(|_| ())
}

/// The rows that were recorded, and by whom.
async fn recorded(server: &TestServer) -> anyhow::Result<Vec<(i64, Option<String>)>> {
    let mut changes = server.logged().await?;
    changes.retain(|change| change.entity == "stock");
    let named = changes.into_iter().map(|change| {
        // Without an entity SQLite's triggers write a text.
        let id = change.row_key["id"].to_string();
        Ok((id.trim_matches('"').parse()?, change.actor))
    });
    named.collect()
}

/// Row 1 was written in a transaction with a context, or is not there. Writes row 2 in a transaction and row 3 without one:
/// neither has the context.
async fn assert_ended(server: &TestServer, db: DatabaseConnection, first: Option<&str>) -> Outcome {
    let tx = db.begin().await?;
    add(&tx, 2).await?;
    tx.commit().await?;
    add(&db, 3).await?;
    let of_first = first.map(|actor| (1, Some(actor.to_owned())));
    let expected: Vec<_> = of_first.into_iter().chain([(2, None), (3, None)]).collect();
    assert_eq!(recorded(server).await?, expected);
    Ok(db.close().await?)
}

async fn a_commit_ends_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    add(&tx, 1).await?;
    let id = tx.transaction_id().to_owned();
    tx.commit().await?;
    let logged = server.logged().await?;
    let change = logged.iter().find(|change| change.entity == "stock");
    let change = change.ok_or_else(|| anyhow::anyhow!("no change"))?;
    assert_eq!(change.transaction_id, id);
    assert_eq!(change.mutation_id.as_deref(), Some("m1"));
    assert_eq!(change.metadata, Some(json!({ "why": "count" })));
    assert_ended(server, db, Some("alice")).await
}

async fn a_rollback_ends_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    add(&tx, 1).await?;
    tx.rollback().await?;
    assert_ended(server, db, None).await
}

async fn a_drop_ends_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    add(&tx, 1).await?;
    drop(tx);
    assert_ended(server, db, None).await
}

/// As when the client of a request goes away.
async fn a_dropped_future_ends_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let begun = db.begin().await?;
    drop(Box::pin(tell(begun, &alice())).now_or_never());
    let tx = tell(db.begin().await?, &alice()).await?;
    add(&tx, 1).await?;
    // The first statement of a commit removes the context.
    let committed = Box::pin(tx.commit()).now_or_never();
    let first = committed.and_then(Result::ok).map(|()| "alice");
    assert_ended(server, db, first).await
}

async fn an_error_ends_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    add(&tx, 1).await?;
    assert!(add(&tx, 1).await.is_err(), "a key that is there");
    tx.rollback().await?;
    assert_ended(server, db, None).await
}

async fn savepoints_have_it(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    let nested = tx.begin().await?;
    add(&nested, 10).await?;
    nested.rollback().await?;
    let nested = tx.begin().await?;
    add(&nested, 11).await?;
    nested.commit().await?;
    let within = tx.transaction::<_, _, DbErr>(|nested| Box::pin(add(nested, 12)));
    within.await?;
    add(&tx, 13).await?;
    tx.commit().await?;
    let alice = Some("alice".to_owned());
    let expected = [11, 12, 13].map(|id| (id, alice.clone()));
    assert_eq!(recorded(server).await?, expected);
    add(&db, 14).await?;
    assert_eq!(recorded(server).await?.last(), Some(&(14, None)));
    Ok(db.close().await?)
}

async fn statements_that_would_end_it_are_refused(server: &TestServer) -> Outcome {
    let db = stock(server).await?;
    let tx = tell(db.begin().await?, &alice()).await?;
    let mut refused = vec![
        "COMMIT",
        "rollback",
        "SET autocommit = 1",
        "SELECT 1; COMMIT",
    ];
    if server.kind.name() == "mariadb" {
        refused.push("CREATE TABLE other (id integer)");
    }
    for sql in refused {
        let error = tx.execute_unprepared(sql).await.expect_err(sql);
        let refusal = CaptureError::of(&error);
        let is_refused = matches!(
            refusal,
            Some(CaptureError::Write(WriteRefusal::RawTransaction { .. }))
        );
        assert!(is_refused, "{sql}: {error:?}");
    }
    add(&tx, 1).await?;
    tx.commit().await?;
    assert_ended(server, db, Some("alice")).await
}

async fn it_needs_the_log(database: &OwnDatabase) -> Outcome {
    let db = Database::connect(&database.url).await?;
    let begun = tell(db.begin().await?, &alice()).await;
    match db.get_database_backend() {
        // The context is a setting there.
        DbBackend::Postgres => begun?.rollback().await?,
        _ => {
            let error = begun.err().ok_or_else(|| anyhow::anyhow!("not refused"))?;
            let is_named = matches!(
                CaptureError::of(&error),
                Some(CaptureError::Setup(SetupRefusal::NoChangeLog))
            );
            assert!(is_named, "{error:?}");
        }
    }
    Ok(db.close().await?)
}
