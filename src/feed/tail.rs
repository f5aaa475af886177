//! The task that reads new changes for all subscribers of a process, and the task that listens for other
//! processes' steps.

use std::sync::{Arc, Weak};
use std::time::Duration;

use seachange_changelog::internal::Backoff;
use seachange_changelog::internal::reader::{Change, Position, ReadError, Selection};
use tokio::time::Instant;

use super::error::FeedError;
use super::log::Followed;
use super::news::Batch;
use super::shared::Shared;

/// Changes read at a time.
const READ_PAGE: u64 = 500;
/// Time between looks at the log while changes flow, because other processes may give no signal.
const POLL_BUSY: Duration = Duration::from_millis(25);
/// Time between looks after a second without changes: two cheap queries a second.
const POLL_IDLE: Duration = Duration::from_millis(500);
/// Without changes for this long the tail is idle.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// Longest wait between attempts while the database is unavailable.
const RETRY_MOST: Duration = Duration::from_secs(2);
/// Time between looks at a log that cannot be read on until an operator repairs it.
const BROKEN: Duration = Duration::from_secs(10);

/// How far the tail has read.
pub(super) struct TailPosition {
    pub(super) followed: Arc<Followed>,
    pub(super) head: Position,
}

/// Reads on until the feed is dropped. A subscriber that is behind keeps its position, so it continues as soon
/// as the database is back. An error that a retry cannot cure ends the subscribers it concerns, and the feed is
/// not healthy until an operator has repaired the log, at which it looks with long pauses.
pub(super) async fn follow(shared: Weak<Shared>, mut place: TailPosition) {
    let mut last_change = Instant::now();
    let mut backoff = Backoff::new(POLL_BUSY * 2, RETRY_MOST);
    loop {
        let Some(feed) = shared.upgrade() else {
            return;
        };
        feed.log_health.begin();
        let looked = advance(&feed, &mut place).await;
        let was_sound = feed.log_health.end(looked.is_ok());
        let pause = match looked {
            Ok(found) => {
                backoff.reset();
                if found {
                    last_change = Instant::now();
                }
                if last_change.elapsed() < IDLE_AFTER {
                    POLL_BUSY
                } else {
                    POLL_IDLE
                }
            }
            Err(error) if error.is_passing() => {
                if was_sound {
                    tracing::warn!(%error, "the change log cannot be read; trying again");
                }
                backoff.next_wait()
            }
            Err(error) => {
                if was_sound {
                    tracing::error!(%error, "the change log cannot be read further; it must be repaired");
                }
                BROKEN
            }
        };
        let wake = Arc::clone(&feed.wake);
        drop(feed);
        // A timeout is as good as a signal: both mean to look again.
        let _ = tokio::time::timeout(pause, wake.notified()).await;
    }
}

/// Hands out everything new; returns whether there was anything.
async fn advance(feed: &Arc<Shared>, place: &mut TailPosition) -> Result<bool, FeedError> {
    let (followed, head) = match feed.head().await {
        Ok(found) => found,
        Err(error) => {
            if !error.is_passing() {
                // Not even the end of the log can be known, so no subscriber would find a change.
                let _ = place.followed.live.send(Err(error.clone()));
            }
            return Err(error);
        }
    };
    if !Arc::ptr_eq(&followed, &place.followed) {
        // No subscriber can have a position in the new log from before this moment.
        *place = TailPosition { followed, head };
        return Ok(true);
    }
    let from = place.head;
    let all = Selection::default();
    while place.head < head {
        let page = match place.followed.log.read(place.head, &all, READ_PAGE).await {
            Ok(page) => page.to_end_of_transaction(),
            // Retention has overtaken this process. Each subscriber reads the log from its own position and
            // gets the same error.
            Err(ReadError::Expired) => {
                place.head = head;
                return Ok(true);
            }
            Err(error) => {
                let error = FeedError::from(error);
                if !error.is_passing() {
                    // Each subscriber reads for itself: those that want what cannot be read end with the error,
                    // and the others go on.
                    let batch = Batch {
                        from: head,
                        to: head,
                        changes: Vec::new(),
                    };
                    let _ = place.followed.live.send(Ok(Arc::new(batch)));
                }
                return Err(error);
            }
        };
        let batch = Batch {
            from: place.head,
            // A short page has looked at everything there is.
            to: if page.has_more {
                page.end
            } else {
                page.end.max(head)
            },
            changes: page.changes.into_iter().map(Arc::<Change>::new).collect(),
        };
        place.head = batch.to;
        // Having no receiver is not an error: there may be no subscribers now.
        let _ = place.followed.live.send(Ok(Arc::new(batch)));
    }
    Ok(place.head > from)
}

/// Wakes the tail when other processes signal their steps, on databases where they can.
pub(super) async fn listen(shared: Weak<Shared>) {
    let mut backoff = Backoff::new(POLL_BUSY * 2, RETRY_MOST);
    let Some(mut signals) = shared
        .upgrade()
        .and_then(|feed| feed.followed().log.signals())
    else {
        return;
    };
    loop {
        let said = signals.next().await;
        let Some(feed) = shared.upgrade() else {
            return;
        };
        feed.wake.notify_one();
        drop(feed);
        if let Err(error) = said {
            // Until then the poll finds what other processes commit.
            tracing::debug!(%error, "no signals from other processes; trying again");
            tokio::time::sleep(backoff.next_wait()).await;
        } else {
            backoff.reset();
        }
    }
}
