//! Stopped and begun again: nothing is recorded twice, and in the end everything is.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, TransactionTrait};
use seachange::changelog::{Baseline, BaselineStep, Source, baseline, prune};
use seachange_testkit::{Outcome, TestServer, measured};

use super::{forget, old_notes, unbroken};
use crate::triggers::{note, other};

seachange_testkit::cases! {
    Every: after_each_step, in_the_middle_of_a_step, after_retention;
    Servers: whoever_writes_is_waited_for_alone;
}

/// A test fails rather than waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

async fn after_each_step(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, 450).await?;
    let db = server.db().writer();
    let step = |rows, recorded| Some(BaselineStep { rows, recorded });
    let mut first = Baseline::of("note");
    assert_eq!(first.step(db).await?, step(200, 200));
    let mut second = Baseline::of("note");
    assert_eq!(second.step(db).await?, step(200, 0));
    assert_eq!(second.step(db).await?, step(200, 200));
    // The one that stopped earlier finds the rest done or does it.
    assert_eq!(first.step(db).await?, step(200, 0));
    assert_eq!(first.step(db).await?, step(50, 50));
    assert_eq!(first.step(db).await?, None);
    assert_eq!(baseline(db, "note").await?, 0);
    assert_eq!(unbroken(&server.logged().await?)?, 450);
    server.verify().await
}

/// Futures dropped at any of their waits; two at it at once.
async fn in_the_middle_of_a_step(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, 300).await?;
    for polls in 1..60 {
        // Connections of its own: one whose statement is cut off is of no use to others.
        let db = other(server).await?;
        let mut cut = Box::pin(baseline(&db, "note"));
        for _ in 0..polls {
            if cut.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(cut);
        drop(db);
    }
    let (one, two) = (other(server).await?, other(server).await?);
    let (one, two) = tokio::join!(baseline(&one, "note"), baseline(&two, "note"));
    measured(format_args!("{} and {} rows in the end", one?, two?));
    assert_eq!(baseline(server.db().writer(), "note").await?, 0);
    assert_eq!(unbroken(&server.logged().await?)?, 300);
    server.verify().await
}

/// A row that is being written is left until its writer has ended, and what that has recorded counts.
///
/// SQLite writes one transaction at a time.
async fn whoever_writes_is_waited_for_alone(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, 20).await?;
    let tx = server.db().begin().await?;
    let written = note::ActiveModel {
        id: Set(5),
        body: Set("new".to_owned()),
        ..Default::default()
    };
    written.update(&tx).await?;
    let db = other(server).await?;
    let running = tokio::spawn(async move { baseline(&db, "note").await });
    let deadline = Instant::now() + PATIENCE;
    while server.logged().await?.len() < 19 {
        anyhow::ensure!(Instant::now() < deadline, "it waits with rows locked");
    }
    assert!(!running.is_finished());
    tx.commit().await?;
    assert_eq!(running.await??, 19);
    let changes = server.logged().await?;
    assert_eq!((changes.len(), unbroken(&changes)?), (20, 19));
    let of_it = changes.iter().filter(|c| c.row_key["id"] == "5");
    let sources: Vec<Source> = of_it.map(|change| change.source).collect();
    assert_eq!(sources, [Source::Hook]);
    server.verify().await
}

/// Rows whose changes are all gone are as they were before tracking.
async fn after_retention(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, 10).await?;
    let db = server.db().writer();
    assert_eq!(baseline(db, "note").await?, 10);
    forget(server).await?;
    assert_eq!(server.verdict().await?.without_baseline, 10);
    assert_eq!(baseline(db, "note").await?, 10);
    assert_eq!(server.verdict().await?.without_baseline, 0);
    prune(db, chrono::Utc::now() - chrono::TimeDelta::hours(1)).await?;
    assert_eq!(unbroken(&server.logged().await?)?, 10);
    db.execute_unprepared("DELETE FROM note WHERE id = 1")
        .await?;
    assert_eq!(server.verdict().await?.faults, 1, "hooks saw no delete");
    old_notes(server, 1).await?;
    server.verify().await
}
