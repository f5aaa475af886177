//! From hooks to triggers and back while others write: nothing lost, nothing doubled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, IsolationLevel, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Context, Operation, Retry, TrackedConnection, TriggerOptions, check_triggers,
    is_transient, log, track_by_hooks, track_by_triggers,
};
use seachange::{DatabaseSettings, connect};
use seachange_testkit::{Outcome, TestServer};

use super::{note, other, whole_log};

seachange_testkit::cases![
    under_twelve_writers,
    twice_is_once,
    a_snapshot_older_than_the_switch,
];

/// Switches: `SEACHANGE_TEST_SWITCHES`, 20 unless given.
fn switches() -> usize {
    let switches = std::env::var("SEACHANGE_TEST_SWITCHES");
    let switches = switches.ok().and_then(|switches| switches.parse().ok());
    switches.unwrap_or(20)
}

const WRITERS: usize = 12;
/// For some writes between two switches.
const PATIENCE: Duration = Duration::from_secs(30);

async fn under_twelve_writers(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    let settings = DatabaseSettings {
        connections: WRITERS as u32,
        ..DatabaseSettings::new(&server.settings.database_url)
    };
    let db = connect(&settings).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let numbers = Arc::new(AtomicI64::new(1));
    let (commits, mut seen) = tokio::sync::watch::channel(0_u64);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (db, stop, numbers) = (db.clone(), Arc::clone(&stop), Arc::clone(&numbers));
            let commits = commits.clone();
            let db = db.with_context(Context::actor(format!("writer {writer}")));
            tokio::spawn(async move {
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    written += write(&db, number).await?;
                    commits.send_modify(|commits| *commits += 1);
                }
                Ok::<u64, DbErr>(written)
            })
        })
        .collect();
    let migration = other(server).await?;
    for n in 0..switches() {
        let switched = async || match n % 2 {
            0 => track_by_triggers(&migration, "note", TriggerOptions::new()).await,
            _ => track_by_hooks(&migration, "note").await,
        };
        // A lock wait or a busy database ends a migration, which is then run again.
        let mut tries = 0;
        while let Err(error) = switched().await {
            tries += 1;
            anyhow::ensure!(tries < 50, "switch {n}: {error}");
        }
        // Some are written either way.
        let now = *seen.borrow();
        tokio::time::timeout(PATIENCE, seen.wait_for(|commits| *commits > now + 2)).await??;
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await??;
    }
    is_exact(server, written).await?;
    assert_eq!(check_triggers(&migration).await?, []);
    server.verify().await
}

/// Whether a writer may try again.
pub fn is_passing(error: &DbErr) -> bool {
    is_transient(error) || matches!(error, DbErr::ConnectionAcquire(_))
}

/// Inserts a row, updates it in another transaction, and deletes every other one. How many changes
/// were committed.
async fn write(db: &TrackedConnection, number: i64) -> Result<u64, DbErr> {
    let row = note::ActiveModel {
        id: Set(number),
        book_id: Set(None),
        name: Set(format!("n{number}")),
        body: Set("one".to_owned()),
    };
    let mut written = 0;
    let steps: &[u8] = if number % 2 == 0 { &[0, 1, 2] } else { &[0, 1] };
    for step in steps {
        let mut tries = 0;
        loop {
            let tx = match db.begin().await {
                Ok(tx) => tx,
                Err(error) if is_passing(&error) && tries < 50 => {
                    tries += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let done = match step {
                0 => row.clone().insert(&tx).await.map(|_| ()),
                1 => match note::Entity::find_by_id(number).one(&tx).await? {
                    None => Err(DbErr::Custom(format!("row {number} is gone"))),
                    Some(model) => {
                        let mut model = model.into_active_model();
                        model.body = Set("two".to_owned());
                        model.update(&tx).await.map(|_| ())
                    }
                },
                _ => note::Entity::delete_by_id_hooked(number, &tx).await,
            };
            let done = match done {
                Ok(()) => tx.commit().await,
                Err(error) => {
                    let _ = tx.rollback().await;
                    Err(error)
                }
            };
            match done {
                Ok(()) => break,
                Err(error) if is_passing(&error) && tries < 50 => tries += 1,
                Err(error) => return Err(error),
            }
        }
        written += 1;
    }
    Ok(written)
}

impl note::Entity {
    async fn delete_by_id_hooked(
        id: i64,
        tx: &seachange::changelog::TrackedTransaction,
    ) -> Result<(), DbErr> {
        let row = note::ActiveModel {
            id: Set(id),
            ..Default::default()
        };
        row.delete(tx).await.map(|_| ())
    }
}

/// Each row's changes are insert, update and perhaps delete, each once, each with its actor.
async fn is_exact(server: &TestServer, written: u64) -> Outcome {
    let mut rows: HashMap<String, Vec<Operation>> = HashMap::new();
    let mut by = HashMap::<&str, u64>::new();
    let mut changes = 0;
    for change in whole_log(server).await? {
        changes += 1;
        assert!(change.actor.is_some(), "change {} has no actor", change.id);
        *by.entry(change.source.as_str()).or_default() += 1;
        rows.entry(change.row_key.to_string())
            .or_default()
            .push(change.operation);
    }
    for (key, operations) in rows {
        use Operation::{Delete, Insert, Update};
        let whole = [Insert, Update, Delete];
        assert!(
            operations == whole || operations == whole[..2],
            "{key}: {operations:?}"
        );
    }
    assert_eq!(changes, written);
    assert_eq!(by.len(), 2, "{by:?}");
    Ok(())
}

/// A migration that is run again changes nothing.
async fn twice_is_once(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let versions = async || {
        let sql = "SELECT version FROM change_schema WHERE entity = 'note'";
        let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
        Ok::<usize, DbErr>(db.query_all_raw(statement).await?.len())
    };
    track_by_triggers(&db, "note", TriggerOptions::new()).await?;
    assert_eq!(versions().await?, 1);
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    assert_eq!(note::all_told(server).await?.len(), 1);
    track_by_hooks(&db, "note").await?;
    track_by_hooks(&db, "note").await?;
    db.execute_unprepared("UPDATE note SET body = 'unseen'")
        .await?;
    assert_eq!(note::all_told(server).await?.len(), 1);
    db.execute_unprepared("UPDATE note SET body = 'one'")
        .await?;
    // Inside a migration's transaction, as on PostgreSQL.
    if db.get_database_backend() == DbBackend::Postgres {
        let tx = db.begin().await?;
        track_by_triggers(&tx, "note", TriggerOptions::new()).await?;
        tx.rollback().await?;
        assert_eq!(check_triggers(&db).await?, []);
    }
    server.verify().await
}

/// A transaction that still sees triggers at work writes after they have gone: its change is refused,
/// not lost. By one row, and by several.
async fn a_snapshot_older_than_the_switch(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    if server.db().get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let row = |id: i64| note::ActiveModel {
        id: Set(id),
        book_id: Set(None),
        name: Set(format!("note {id}")),
        body: Set(String::new()),
    };
    // The connection knows that triggers write.
    let tx = server.db().begin().await?;
    row(1).insert(&tx).await?;
    tx.commit().await?;
    let mut old = Vec::new();
    for _ in 0..2 {
        let level = Some(IsolationLevel::RepeatableRead);
        let tx = server.db().begin_with_config(level, None).await?;
        // Its first statement takes the snapshot.
        log::Entity::find_by_id(0_i64).all(&tx).await?;
        old.push(tx);
    }
    track_by_hooks(&other(server).await?, "note").await?;
    let many = old.pop().expect("two");
    let one = old.pop().expect("one");
    let refused = |error: Option<DbErr>| {
        let error = error.expect("refused");
        let reason = CaptureError::of(&error);
        assert!(
            matches!(reason, Some(CaptureError::Retry(Retry::Switched { .. }))),
            "{error}"
        );
    };
    refused(row(2).insert(&one).await.err());
    one.rollback().await?;
    let rows = [row(3), row(4)];
    refused(many.insert_many::<note::Entity>(rows).await.err());
    many.rollback().await?;
    let tx = server.db().begin().await?;
    row(2).insert(&tx).await?;
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 2);
    server.verify().await
}
