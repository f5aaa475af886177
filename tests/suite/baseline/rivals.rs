//! While others write: nothing lost, nothing doubled, no chain of images broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbErr, TransactionTrait};
use seachange::changelog::{
    Cause, TrackedConnection, TriggerOptions, baseline, cause, track_by_triggers,
};
use seachange::{DatabaseSettings, connect};
use seachange_testkit::{Database, Outcome, Random, TestServer, measured};
use tokio::time::timeout;

use super::{old_notes, unbroken};
use crate::triggers::{note, other, switched::is_passing};

seachange_testkit::cases![by_hooks, by_triggers, by_other_programs];

const ROWS: i64 = 700;
const WRITERS: u64 = 4;
/// A test fails rather than waits longer for some writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who writes, and how that is captured.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Hooks,
    Triggers,
    Others,
}

async fn by_hooks(server: &TestServer) -> Outcome {
    rivals(server, By::Hooks).await
}

async fn by_triggers(server: &TestServer) -> Outcome {
    rivals(server, By::Triggers).await
}

async fn by_other_programs(server: &TestServer) -> Outcome {
    rivals(server, By::Others).await
}

async fn rivals(server: &TestServer, by: By) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, ROWS).await?;
    if by != By::Hooks {
        track_by_triggers(&other(server).await?, "note", TriggerOptions::new()).await?;
    }
    let settings = DatabaseSettings {
        connections: 6,
        ..DatabaseSettings::new(&server.settings.database_url)
    };
    let db = connect(&settings).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (commits, mut seen) = tokio::sync::watch::channel(0_u64);
    let writers: Vec<_> = (0..WRITERS)
        .map(|seed| {
            let (db, stop, commits) = (db.clone(), Arc::clone(&stop), commits.clone());
            tokio::spawn(async move {
                let mut random = Random::seeded(seed);
                while !stop.load(Ordering::Relaxed) {
                    match write(&db, by, &mut random).await {
                        Ok(()) => commits.send_modify(|commits| *commits += 1),
                        Err(error) if is_passing(&error) || is_gone(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok::<(), DbErr>(())
            })
        })
        .collect();
    timeout(PATIENCE, seen.wait_for(|commits| *commits > 5)).await??;
    let migration = match server.kind {
        // Its lock has no queue: beside writers without a pause another program waits for ever.
        Database::Sqlite => db.writer().clone(),
        _ => other(server).await?,
    };
    let mut recorded = 0;
    let mut tries = 0;
    loop {
        match baseline(&migration, "note").await {
            Ok(rows) => {
                recorded += rows;
                break;
            }
            // A busy database ends it, and it is run again.
            Err(error) => {
                tries += 1;
                anyhow::ensure!(is_passing(&error) && tries < 50, "{error}");
            }
        }
    }
    let now = *seen.borrow();
    timeout(PATIENCE, seen.wait_for(|commits| *commits > now + 5)).await??;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    let changes = server.logged().await?;
    let baselines = unbroken(&changes)? as u64;
    measured(format_args!(
        "{} writes, {baselines} baselines, {tries} tries",
        *seen.borrow()
    ));
    assert!(
        tries > 0 || baselines == recorded,
        "{baselines}, told {recorded}"
    );
    let verdict = server.verdict().await?;
    assert_eq!(
        (verdict.faults, verdict.without_baseline),
        (0, 0),
        "{verdict:?}"
    );
    Ok(())
}

/// Whether the row is there that should not be, or the other way round.
fn is_gone(error: &DbErr) -> bool {
    matches!(error, DbErr::RecordNotUpdated) || cause(error) == Some(Cause::Unique)
}

/// Updates, deletes or inserts a row; one in four transactions is rolled back.
async fn write(db: &TrackedConnection, by: By, random: &mut Random) -> Result<(), DbErr> {
    let id = random.key(ROWS);
    let (what, body) = (random.below(4), random.number());
    if by == By::Others {
        let sql = match what {
            0 => format!("DELETE FROM note WHERE id = {id}"),
            1 => format!("INSERT INTO note (id, name, body) VALUES ({id}, 'n{id}', '{body}')"),
            _ => format!("UPDATE note SET body = '{body}' WHERE id = {id}"),
        };
        return db.writer().execute_unprepared(&sql).await.map(|_| ());
    }
    let row = note::ActiveModel {
        id: Set(id),
        book_id: Set(None),
        name: Set(format!("n{id}")),
        body: Set(body.to_string()),
    };
    let tx = db.begin().await?;
    let done = match what {
        0 => row.delete(&tx).await.map(|_| ()),
        1 => row.insert(&tx).await.map(|_| ()),
        _ => row.update(&tx).await.map(|_| ()),
    };
    match done {
        Ok(()) if random.below(4) > 0 => tx.commit().await,
        Ok(()) => tx.rollback().await,
        Err(error) => {
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}
