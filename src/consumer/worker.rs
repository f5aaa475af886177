//! The task behind a consumer: it holds the lease, reads, delivers and saves.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::DatabaseConnection;
use seachange_changelog::internal::Backoff;
use seachange_changelog::{is_transient, is_unavailable};
use tokio::sync::watch;
use tokio::time::Instant;

use super::handle::{ConsumerHandle, ConsumerState};
use super::lease::{Lease, Lost, RENEW};
use super::{Consumer, Delivery, Handler};
use crate::feed::{Cursor, Feed, FeedError, FeedItem, Start, Subscription};

/// Time between attempts to take the lease from another process, or to find the consumer resumed.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
/// Waits after failures: they double from the first to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(60);
/// How many failures in a row that a retry cannot cure (a missing table, a change that cannot be read) stop the
/// consumer.
const HOPELESS_MOST: u32 = 5;

pub(super) fn start(
    consumer: Consumer,
    feed: Feed,
    db: DatabaseConnection,
    handler: impl Handler,
) -> ConsumerHandle {
    let lease = Lease::new(db, consumer.name.clone());
    let (say, state) = watch::channel(ConsumerState::Waiting);
    let (stop, stopping) = watch::channel(false);
    let worker = Worker {
        consumer,
        feed,
        lease: lease.clone(),
        handler,
        say,
        stopping,
        failures: 0,
        hopeless: 0,
        backoff: Backoff::new(FIRST_RETRY, RETRY_MOST),
    };
    ConsumerHandle {
        lease,
        state,
        stop,
        task: tokio::spawn(worker.run()),
    }
}

struct Worker<H> {
    consumer: Consumer,
    feed: Feed,
    lease: Lease,
    handler: H,
    say: watch::Sender<ConsumerState>,
    stopping: watch::Receiver<bool>,
    /// Failures in a row.
    failures: u32,
    /// How many of these failures a retry cannot cure.
    hopeless: u32,
    backoff: Backoff,
}

/// Why a term of holding the lease is over.
enum Ended {
    /// The handle asked for it.
    Stopped,
    /// Only an operator can help.
    ForGood(String),
    /// The lease was lost, to another process, a pause or a database error.
    Lost(Lost),
    /// The handler could not be restarted, or the feed has failed.
    Failed {
        error: String,
        /// Whether a retry may succeed by itself.
        is_passing: bool,
    },
}

impl From<Lost> for Ended {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<FeedError> for Ended {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Ended => Self::Stopped,
            error => Self::Failed {
                is_passing: error.is_passing(),
                error: error.to_string(),
            },
        }
    }
}

impl<H: Handler> Worker<H> {
    async fn run(mut self) {
        let reason = loop {
            let ended = match self.term().await {
                Ok(never) => match never {},
                Err(ended) => ended,
            };
            let pause = match ended {
                Ended::Stopped => break "stopped".to_owned(),
                Ended::ForGood(reason) => break reason,
                Ended::Lost(Lost::Taken) => {
                    self.say.send_replace(ConsumerState::Waiting);
                    CLAIM_AGAIN
                }
                Ended::Lost(Lost::Database(error)) => {
                    let is_passing = is_transient(&error) || is_unavailable(&error);
                    self.hopeless += u32::from(!is_passing);
                    self.failed(&error)
                }
                Ended::Failed { error, is_passing } => {
                    self.hopeless += u32::from(!is_passing);
                    self.failed(&error)
                }
            };
            if self.hopeless >= HOPELESS_MOST {
                let error = self.last_error();
                tracing::error!(consumer = self.consumer.name, error, "consumer stopped");
                break error;
            }
            self.lease.release().await;
            if self.stopped_within(pause).await {
                break "stopped".to_owned();
            }
        };
        self.lease.release().await;
        tracing::info!(consumer = self.consumer.name, reason, "consumer ended");
        self.say.send_replace(ConsumerState::Stopped(reason));
    }

    /// Notes a failure and returns how long to wait.
    fn failed(&mut self, error: &dyn std::fmt::Display) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let error = error.to_string();
        tracing::warn!(
            consumer = self.consumer.name,
            attempt = self.failures,
            error,
            "consumer failed; trying again"
        );
        self.say.send_replace(ConsumerState::Retrying {
            attempt: self.failures,
            error,
        });
        self.backoff.next_wait()
    }

    /// The error of the last failure.
    fn last_error(&self) -> String {
        match &*self.say.borrow() {
            ConsumerState::Retrying { error, .. } => error.clone(),
            _ => String::new(),
        }
    }

    /// Called after progress: earlier failures no longer count.
    fn gets_on(&mut self) {
        (self.failures, self.hopeless) = (0, 0);
        self.backoff.reset();
        self.works();
    }

    fn works(&mut self) {
        self.say.send_if_modified(|state| {
            let changes = *state != ConsumerState::Working;
            *state = ConsumerState::Working;
            changes
        });
    }

    /// Waits, and returns whether the consumer was stopped meanwhile.
    async fn stopped_within(&mut self, pause: Duration) -> bool {
        let stopped = stopped(&mut self.stopping);
        tokio::time::timeout(pause, stopped).await.is_ok()
    }

    /// Works while the lease is held.
    async fn term(&mut self) -> Result<std::convert::Infallible, Ended> {
        let checkpoint = self.lease.claim().await?;
        let mut subscription = self.subscribe(checkpoint).await?;
        loop {
            // From here on a restart continues from the checkpoint, whatever `first` is.
            self.lease.save(&subscription.cursor()).await?;
            self.works();
            let reason = self.follow(&mut subscription).await?;
            subscription = self.restart(&reason).await?;
        }
    }

    /// Delivers what comes. Returns the reason if the log does not continue.
    async fn follow(&mut self, subscription: &mut Subscription) -> Result<FeedError, Ended> {
        let mut saved = subscription.cursor();
        let mut renew_at = Instant::now() + RENEW;
        loop {
            let item = tokio::select! {
                item = subscription.next() => item,
                () = tokio::time::sleep_until(renew_at) => {
                    renew_at = Instant::now() + RENEW;
                    self.lease.renew().await?;
                    // Nothing is waiting, so everything up to here was handled or was not wanted.
                    let here = subscription.cursor();
                    if here != saved {
                        self.lease.save(&here).await?;
                        saved = here;
                    }
                    self.gets_on();
                    continue;
                }
                () = stopped(&mut self.stopping) => return Err(Ended::Stopped),
            };
            let change = match item {
                Ok(FeedItem::Change(change)) => change,
                Ok(FeedItem::CaughtUp) => continue,
                Err(reason) if is_gap(&reason) => return Ok(reason),
                Err(error) => return Err(error.into()),
            };
            let mut changes = vec![change];
            while changes.len() < self.consumer.batch
                && let Some(change) = subscription.next_ready()
            {
                changes.push(change);
            }
            let epoch = subscription.epoch().clone();
            self.deliver(Delivery {
                changes,
                epoch,
                attempt: 1,
            })
            .await?;
            renew_at = Instant::now() + RENEW;
        }
    }

    /// Hands over a batch until the handler succeeds, and saves the checkpoint.
    async fn deliver(&mut self, mut delivery: Delivery) -> Result<(), Ended> {
        let lease = self.lease.clone();
        loop {
            // This ensures that a process hands over nothing after it has lost the lease, or after a pause.
            lease.renew().await?;
            let handling = AssertUnwindSafe(self.handler.handle(&delivery)).catch_unwind();
            match lease.held_during(handling).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => {
                    let wait = self.failed(&error);
                    if lease.held_during(self.stopped_within(wait)).await {
                        return Err(Ended::Stopped);
                    }
                }
                Err(_) => return Err(Ended::ForGood("the handler panicked".to_owned())),
            }
            delivery.attempt = delivery.attempt.saturating_add(1);
        }
        if let Some(cursor) = delivery.cursor() {
            lease.save(&cursor).await?;
        }
        self.gets_on();
        Ok(())
    }

    async fn subscribe(
        &mut self,
        checkpoint: Option<Result<Cursor, FeedError>>,
    ) -> Result<Subscription, Ended> {
        let start = match checkpoint {
            None => self.consumer.first.clone(),
            Some(Ok(cursor)) => Start::After(cursor),
            Some(Err(reason)) => return self.restart(&reason).await,
        };
        let wanted = self.consumer.wanted.clone();
        match self.feed.subscribe(&start, wanted).await {
            Err(reason) if is_gap(&reason) => self.restart(&reason).await,
            subscribed => Ok(subscribed?),
        }
    }

    /// Lets the handler rebuild its state, and continues where it says.
    async fn restart(&mut self, reason: &FeedError) -> Result<Subscription, Ended> {
        let lease = self.lease.clone();
        let restarting = AssertUnwindSafe(self.handler.restart(reason)).catch_unwind();
        let start = match lease.held_during(restarting).await {
            Ok(Ok(Some(start))) => start,
            Ok(Ok(None)) => return Err(Ended::ForGood(reason.to_string())),
            Ok(Err(error)) => {
                return Err(Ended::Failed {
                    error: error.to_string(),
                    is_passing: true,
                });
            }
            Err(_) => return Err(Ended::ForGood("the handler panicked".to_owned())),
        };
        let wanted = self.consumer.wanted.clone();
        Ok(self.feed.subscribe(&start, wanted).await?)
    }
}

/// Waits until the handle asks for it, or is dropped.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn is_gap(error: &FeedError) -> bool {
    matches!(
        error,
        FeedError::CursorExpired | FeedError::ResyncRequired | FeedError::CursorInvalid
    )
}
