//! Consumers: every change at least once, in order, by one process at a time (invariants 4, 5).

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use seachange::changelog::{consumer, prune};
use seachange::{
    Consumer, ConsumerHandle, ConsumerState, Cursor, Delivery, FeedError, Handler, HandlerError,
    Start,
};
use seachange_testkit::{Outcome, TestServer};
use tokio::sync::mpsc;

seachange_testkit::cases![
    every_change_through_failures_and_restarts,
    one_process_at_a_time,
    a_dead_process_is_replaced,
    paused_everywhere,
    a_gap_stops_it_or_starts_it_anew,
    a_panic_stops_it,
    a_wait_moves_the_checkpoint,
];

/// Far beyond any delivery here, and beyond a lease that nobody gave back.
const PATIENCE: Duration = Duration::from_secs(90);

/// Hands on what it gets, and fails when told.
struct Probe {
    handled: mpsc::UnboundedSender<Delivery>,
    /// Fails the first try of each batch whose number this divides.
    fails_every: usize,
    batches: usize,
    begins_anew_at: Option<Start>,
}

#[async_trait::async_trait]
impl Handler for Probe {
    async fn handle(&mut self, delivery: &Delivery) -> Result<(), HandlerError> {
        let row = delivery.changes[0].row.after.clone().unwrap_or_default();
        if row["name"] == "poison" {
            // A panic, but without the report on standard error: it is meant.
            std::panic::resume_unwind(Box::new("poison"));
        }
        self.handled.send(delivery.clone())?;
        self.batches += usize::from(delivery.attempt == 1);
        if delivery.attempt == 1 && self.batches.is_multiple_of(self.fails_every) {
            return Err("done, but the answer is lost".into());
        }
        Ok(())
    }

    async fn restart(&mut self, _reason: &FeedError) -> Result<Option<Start>, HandlerError> {
        Ok(self.begins_anew_at.take())
    }
}

struct Probed {
    handled: mpsc::UnboundedReceiver<Delivery>,
    handle: ConsumerHandle,
}

fn start(server: &TestServer, name: &str, fails_every: usize, anew: Option<Start>) -> Probed {
    let (say, handled) = mpsc::unbounded_channel();
    let probe = Probe {
        handled: say,
        fails_every,
        batches: 0,
        begins_anew_at: anew,
    };
    let consumer = Consumer::new(name)
        .beginning(Start::Oldest)
        .batch(NonZeroUsize::new(3).expect("not zero"));
    let handle = consumer.start(server.server().feed(), server.db(), probe);
    Probed { handled, handle }
}

impl Probed {
    /// The names of the labels in the next `count` changes.
    async fn names(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        while names.len() < count {
            let next = tokio::time::timeout(PATIENCE, self.handled.recv()).await?;
            let delivery = next.ok_or_else(|| anyhow::anyhow!("the consumer has ended"))?;
            for change in &delivery.changes {
                let after = change.row.after.clone().unwrap_or_default();
                names.push(after["name"].as_str().unwrap_or_default().to_owned());
            }
        }
        Ok(names)
    }

    async fn state(
        &mut self,
        is_wanted: fn(&ConsumerState) -> bool,
    ) -> anyhow::Result<ConsumerState> {
        Ok(tokio::time::timeout(PATIENCE, self.handle.state_when(is_wanted)).await?)
    }
}

async fn labels(server: &TestServer, names: std::ops::Range<u32>) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = names.map(|number| format!("label {number}")).collect();
    for name in &names {
        server.label(name).await?;
    }
    Ok(names)
}

async fn every_change_through_failures_and_restarts(server: &TestServer) -> Outcome {
    let mut made = Vec::new();
    let mut got = Vec::new();
    let mut seen = BTreeSet::new();
    for round in 0..4 {
        let mut probed = start(server, "probe", 2, None);
        made.extend(labels(server, round * 10..round * 10 + 10).await?);
        while seen.len() < made.len() {
            for name in probed.names(1).await? {
                got.push(name.clone());
                seen.insert(name);
            }
        }
        probed.handle.stop().await;
    }
    assert!(got.len() > made.len(), "what had failed came again");
    let mut firsts = Vec::new();
    for name in got {
        if !firsts.contains(&name) {
            firsts.push(name);
        }
    }
    assert_eq!(firsts, made);
    Ok(())
}

async fn one_process_at_a_time(server: &TestServer) -> Outcome {
    let other = server.beside(|_| {}).await?;
    let mut first = start(server, "probe", usize::MAX, None);
    first
        .state(|state| *state == ConsumerState::Working)
        .await?;
    let mut second = start(&other, "probe", usize::MAX, None);
    let made = labels(server, 0..5).await?;
    assert_eq!(first.names(5).await?, made);
    assert_eq!(second.handle.state(), ConsumerState::Waiting);
    first.handle.stop().await;
    let made = labels(server, 5..9).await?;
    assert_eq!(second.names(4).await?, made);
    second.handle.stop().await;
    other.finish().await
}

async fn a_dead_process_is_replaced(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let dead = consumer::claim(db, "probe", "dead", Duration::from_secs(2)).await?;
    assert!(dead.is_some());
    let made = labels(server, 0..3).await?;
    let mut probed = start(server, "probe", usize::MAX, None);
    assert_eq!(probed.names(3).await?, made);
    // Who comes back from the dead finds the lease gone and saves nothing.
    let late = consumer::save(db, "probe", "dead", "nonsense", Duration::ZERO).await?;
    assert!(!late);
    probed.handle.stop().await;
    Ok(())
}

async fn paused_everywhere(server: &TestServer) -> Outcome {
    let other = server.beside(|_| {}).await?;
    let mut probed = start(server, "probe", usize::MAX, None);
    probed
        .state(|state| *state == ConsumerState::Working)
        .await?;
    probed.handle.pause().await?;
    let made = labels(server, 0..3).await?;
    probed
        .state(|state| *state == ConsumerState::Waiting)
        .await?;
    let mut second = start(&other, "probe", usize::MAX, None);
    assert!(probed.handled.try_recv().is_err() && second.handled.try_recv().is_err());
    probed.handle.stop().await;
    assert!(!consumer::resume(server.db().writer(), "nobody").await?);
    second.handle.resume().await?;
    assert_eq!(second.names(3).await?, made);
    second.handle.stop().await;
    other.finish().await
}

async fn a_gap_stops_it_or_starts_it_anew(server: &TestServer) -> Outcome {
    let mut probed = start(server, "probe", usize::MAX, None);
    let made = labels(server, 0..1).await?;
    assert_eq!(probed.names(1).await?, made);
    probed.handle.stop().await;
    labels(server, 1..4).await?;
    let head = server.server().feed().head().await?;
    prune(server.db().writer(), Utc::now() + TimeDelta::hours(1)).await?;
    let mut stopped = start(server, "probe", usize::MAX, None);
    let state = stopped
        .state(|state| matches!(state, ConsumerState::Stopped(_)))
        .await?;
    let reason = FeedError::CursorExpired.to_string();
    assert_eq!(state, ConsumerState::Stopped(reason));
    let mut anew = start(server, "probe", usize::MAX, Some(Start::After(head)));
    let made = labels(server, 4..6).await?;
    assert_eq!(anew.names(2).await?, made);
    anew.handle.stop().await;
    Ok(())
}

async fn a_panic_stops_it(server: &TestServer) -> Outcome {
    server.label("poison").await?;
    let mut probed = start(server, "probe", usize::MAX, None);
    let state = probed
        .state(|state| matches!(state, ConsumerState::Stopped(_)))
        .await?;
    assert_eq!(
        state,
        ConsumerState::Stopped("the handler panicked".to_owned())
    );
    Ok(())
}

/// A consumer that wants nothing of what happens does not fall behind retention.
async fn a_wait_moves_the_checkpoint(server: &TestServer) -> Outcome {
    let wanted = seachange::Selection {
        entities: Some(vec!["project".to_owned()]),
        ..Default::default()
    };
    let (say, _handled) = mpsc::unbounded_channel();
    let probe = Probe {
        handled: say,
        fails_every: usize::MAX,
        batches: 0,
        begins_anew_at: None,
    };
    let consumer = Consumer::new("probe").wanting(wanted);
    let handle = consumer.start(server.server().feed(), server.db(), probe);
    labels(server, 0..3).await?;
    let head = server.server().feed().head().await?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let rows = consumer::consumers(server.db().writer()).await?;
        let cursor = rows.first().and_then(|row| row.cursor.clone());
        if cursor.is_some_and(|cursor| cursor.parse::<Cursor>().is_ok_and(|cursor| cursor == head))
        {
            break;
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < deadline,
            "the checkpoint stays behind"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    handle.stop().await;
    Ok(())
}
