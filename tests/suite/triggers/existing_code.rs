//! Code of an application from before tracking, on a table that triggers capture: SeaORM's own bulk statements and
//! writes outside transactions, on a tracked connection and on a plain one.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel, ModelTrait, QueryFilter, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Context, TrackedConnection, TriggerOptions, WriteRefusal, is_transient,
    track_by_hooks, track_by_triggers,
};
use seachange_testkit::{Database, Outcome, TestServer};

use super::{note, other, whole_log};

seachange_testkit::cases![
    bulk_statements_in_a_transaction,
    bulk_statements_outside_a_transaction,
    active_models_outside_a_transaction,
    raw_sql_outside_a_transaction,
    a_cascade_outside_a_transaction,
    a_failed_statement_outside_a_transaction,
    a_plain_connection,
    a_stale_hint,
    a_plain_connection_after_the_switch_back,
    writers_of_each_kind_during_switches,
];

fn a_note(id: i64) -> note::ActiveModel {
    note::ActiveModel {
        id: Set(id),
        book_id: Set(None),
        name: Set(format!("n{id}")),
        body: Set("one".to_owned()),
    }
}

/// What an application does; each statement changes rows.
async fn bulk_statements<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    note::Entity::insert_many([a_note(1), a_note(2), a_note(3)])
        .exec(db)
        .await?;
    let upper = Expr::col(note::Column::Id).add(10).cast_as("char(2)");
    let updated = note::Entity::update_many()
        .col_expr(note::Column::Body, upper)
        .filter(note::Column::Id.gte(2))
        .exec(db)
        .await?;
    assert_eq!(updated.rows_affected, 2);
    let upsert = OnConflict::column(note::Column::Id)
        .update_column(note::Column::Body)
        .to_owned();
    let upserted = note::ActiveModel {
        body: Set("upserted".to_owned()),
        ..a_note(1)
    };
    note::Entity::insert(upserted)
        .on_conflict(upsert)
        .exec_without_returning(db)
        .await?;
    note::Entity::delete_by_id(2_i64).exec(db).await?;
    if db.support_returning() {
        let deleted = note::Entity::delete_many()
            .filter(note::Column::Id.eq(3))
            .exec_with_returning(db)
            .await?;
        assert_eq!(deleted.len(), 1);
    } else {
        let deleted = note::Entity::delete_many().filter(note::Column::Id.eq(3));
        assert_eq!(deleted.exec(db).await?.rows_affected, 1);
    }
    Ok(())
}

const BULK: [&str; 8] = [
    "insert 1 - n1=one",
    "insert 2 - n2=one",
    "insert 3 - n3=one",
    "update 2 n2=one n2=12",
    "update 3 n3=one n3=13",
    "update 1 n1=one n1=upserted",
    "delete 2 n2=12 -",
    "delete 3 n3=13 -",
];

/// The log has these changes, all by one actor.
async fn recorded(server: &TestServer, expected: &[&str], actor: Option<&str>) -> Outcome {
    assert_eq!(note::all_told(server).await?, expected);
    let log = server.logged().await?;
    assert!(
        log.iter().all(|change| change.actor.as_deref() == actor),
        "{log:?}"
    );
    server.verify().await
}

fn ann(server: &TestServer) -> TrackedConnection {
    server.db().with_context(Context::actor("ann"))
}

async fn bulk_statements_in_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let tx = ann(server).begin().await?;
    bulk_statements(&tx).await?;
    tx.commit().await?;
    recorded(server, &BULK, Some("ann")).await
}

async fn bulk_statements_outside_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    bulk_statements(&ann(server)).await?;
    recorded(server, &BULK, Some("ann")).await?;
    // Each is a transaction.
    let log = server.logged().await?;
    let mut transactions: Vec<_> = log.iter().map(|change| &change.transaction_id).collect();
    transactions.dedup();
    assert_eq!(transactions.len(), 5);
    Ok(())
}

/// Insert, update, an update that changes nothing, delete.
async fn one_by_one<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let row = a_note(1).insert(db).await?;
    let mut model = row.into_active_model();
    model.body = Set("two".to_owned());
    let row = model.update(db).await?;
    assert_eq!(row.body, "two");
    let mut model = row.into_active_model();
    model.body = Set("two".to_owned());
    let row = model.save(db).await?;
    row.delete(db).await?;
    let row = a_note(2).insert(db).await?;
    row.delete(db).await?;
    Ok(())
}

const ONE_BY_ONE: [&str; 5] = [
    "insert 1 - n1=one",
    "update 1 n1=one n1=two",
    "delete 1 n1=two -",
    "insert 2 - n2=one",
    "delete 2 n2=one -",
];

async fn active_models_outside_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    one_by_one(&ann(server)).await?;
    recorded(server, &ONE_BY_ONE, Some("ann")).await
}

async fn raw_sql_outside_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = ann(server);
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'n1', 'one')")
        .await?;
    let sql = "UPDATE note SET body = 'two' WHERE id = 1";
    let update = sea_orm::Statement::from_string(db.get_database_backend(), sql);
    assert_eq!(db.execute_raw(update).await?.rows_affected(), 1);
    let expected = ["insert 1 - n1=one", "update 1 n1=one n1=two"];
    recorded(server, &expected, Some("ann")).await
}

/// A book is not tracked; its notes go with it. MariaDB's foreign keys fire no triggers.
async fn a_cascade_outside_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = ann(server);
    let sql = "INSERT INTO book VALUES (7)";
    db.writer().execute_unprepared(sql).await?;
    let row = note::ActiveModel {
        book_id: Set(Some(7)),
        ..a_note(1)
    };
    row.insert(&db).await?;
    let gone = db.execute_unprepared("DELETE FROM book WHERE id = 7").await;
    if matches!(server.kind, Database::MariaDb(_)) {
        let error = gone.expect_err("unseen by triggers");
        assert!(CaptureError::of(&error).is_some(), "{error}");
        return recorded(server, &["insert 1 - n1=one"], Some("ann")).await;
    }
    gone?;
    let expected = ["insert 1 - n1=one", "delete 1 n1=one -"];
    recorded(server, &expected, Some("ann")).await
}

/// The pool gets its connection back as it was.
async fn a_failed_statement_outside_a_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = ann(server);
    a_note(1).insert(&db).await?;
    for _ in 0..20 {
        let error = a_note(1).insert(&db).await.expect_err("its key is taken");
        assert!(error.sql_err().is_some(), "{error}");
    }
    a_note(2).insert(&db).await?;
    let expected = ["insert 1 - n1=one", "insert 2 - n2=one"];
    recorded(server, &expected, Some("ann")).await
}

async fn a_plain_connection(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let plain = other(server).await?;
    one_by_one(&plain).await?;
    let tx = plain.begin().await?;
    bulk_statements(&tx).await?;
    let row = note::Entity::find_by_id(1_i64).one(&tx).await?;
    row.ok_or_else(|| anyhow::anyhow!("gone"))?
        .delete(&tx)
        .await?;
    tx.commit().await?;
    let all = [&ONE_BY_ONE[..], &BULK, &["delete 1 n1=upserted -"]].concat();
    recorded(server, &all, None).await
}

/// The connection has learnt who writes before the switch.
async fn a_stale_hint(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    let (db, migration) = (ann(server), other(server).await?);
    let outside = |error: DbErr, hooks: bool| {
        assert!(
            matches!(CaptureError::of(&error), Some(CaptureError::Write(WriteRefusal::OutsideTransaction { table, runs_hooks, .. })) if table == "note" && *runs_hooks == hooks),
            "{error}"
        );
        // Each cure names both ways out.
        for way in ["track_by_triggers", "`write`"] {
            assert!(error.to_string().contains(way), "{error}");
        }
    };
    let everything = || note::Entity::delete_many();
    outside(a_note(1).insert(&db).await.expect_err("hooks"), true);
    outside(everything().exec(&db).await.expect_err("hooks"), false);
    track_by_triggers(&migration, "note", TriggerOptions::new()).await?;
    a_note(1).insert(&db).await?;
    track_by_hooks(&migration, "note").await?;
    // Believing in the triggers, it lets the hook pass, and then not the statement.
    outside(a_note(2).insert(&db).await.expect_err("hooks"), false);
    outside(a_note(2).insert(&db).await.expect_err("hooks"), true);
    outside(everything().exec(&db).await.expect_err("hooks"), false);
    recorded(server, &["insert 1 - n1=one"], Some("ann")).await
}

async fn a_plain_connection_after_the_switch_back(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let plain = other(server).await?;
    a_note(1).insert(&plain).await?;
    track_by_hooks(&plain, "note").await?;
    let untracked = |error: DbErr| {
        assert!(
            matches!(
                CaptureError::of(&error),
                Some(CaptureError::Write(WriteRefusal::Untracked { .. }))
            ),
            "{error}"
        );
    };
    untracked(a_note(2).insert(&plain).await.expect_err("hooks"));
    let tx = plain.begin().await?;
    untracked(a_note(2).insert(&tx).await.expect_err("hooks"));
    // The refusal has not harmed the transaction.
    assert_eq!(note::Entity::find().all(&tx).await?.len(), 1);
    tx.commit().await?;
    recorded(server, &["insert 1 - n1=one"], None).await
}

/// How a writer writes.
#[derive(Clone, Copy)]
enum Way {
    Bulk,
    ActiveModel,
    BulkInTransaction,
    PlainTransaction,
}

async fn write(
    way: Way,
    db: &TrackedConnection,
    plain: &sea_orm::DatabaseConnection,
    id: i64,
) -> Result<(), DbErr> {
    match way {
        Way::Bulk => {
            let insert = note::Entity::insert(a_note(id));
            insert.exec_without_returning(db).await.map(|_| ())
        }
        Way::ActiveModel => a_note(id).insert(db).await.map(|_| ()),
        Way::BulkInTransaction => {
            db.write(async |tx| {
                let many = [a_note(id), a_note(-id)];
                note::Entity::insert_many(many).exec(&tx).await?;
                note::Entity::delete_by_id(-id).exec(&tx).await.map(|_| ())
            })
            .await
        }
        Way::PlainTransaction => {
            let tx = plain.begin().await?;
            a_note(id).insert(&tx).await?;
            tx.commit().await
        }
    }
}

/// What a writer meets while hooks capture the table, or a switch is under way.
fn is_expected(error: &DbErr) -> bool {
    let is_refused = matches!(
        CaptureError::of(error),
        Some(CaptureError::Write(_) | CaptureError::Setup(_))
    );
    is_refused || is_transient(error) || matches!(error, DbErr::ConnectionAcquire(_))
}

/// Whatever was stored is recorded once, whoever wrote it and whatever was refused.
async fn writers_of_each_kind_during_switches(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (ids, written) = (Arc::new(AtomicI64::new(1)), Arc::new(AtomicU64::new(0)));
    let (commits, mut seen) = tokio::sync::watch::channel(());
    let ways = [
        Way::Bulk,
        Way::ActiveModel,
        Way::BulkInTransaction,
        Way::PlainTransaction,
    ];
    let mut writers = Vec::new();
    for way in ways {
        let (db, plain) = (ann(server), other(server).await?);
        let (stop, ids, written) = (stop.clone(), ids.clone(), written.clone());
        let commits = commits.clone();
        writers.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let id = ids.fetch_add(1, Ordering::Relaxed);
                match write(way, &db, &plain, id).await {
                    Ok(()) => {
                        written.fetch_add(1, Ordering::Relaxed);
                        commits.send_replace(());
                    }
                    Err(error) if is_expected(&error) => tokio::task::yield_now().await,
                    Err(error) => return Err(error),
                }
            }
            Ok::<(), DbErr>(())
        }));
    }
    let migration = other(server).await?;
    for n in 0..8 {
        let switched = async || match n % 2 {
            0 => track_by_triggers(&migration, "note", TriggerOptions::new()).await,
            _ => track_by_hooks(&migration, "note").await,
        };
        let mut tries = 0;
        while let Err(error) = switched().await {
            tries += 1;
            anyhow::ensure!(tries < 50, "switch {n}: {error}");
        }
        if n % 2 == 0 {
            // Some are written while triggers capture.
            for _ in 0..10 {
                seen.changed().await?;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    let stored = note::Entity::find().all(server.db()).await?.len();
    assert!(stored as u64 >= written.load(Ordering::Relaxed));
    let log = whole_log(server).await?;
    let kept = log.iter().filter(|change| {
        let id = change.row_key["id"].as_str().unwrap_or_default();
        !id.starts_with('-')
    });
    assert_eq!(kept.count(), stored);
    server.verify().await
}
