//! Whether the database takes writes, found out by writing.
//!
//! Guarantees at most one such write in a while, however often the question is asked, and that no caller waits
//! long for the answer.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::internal::try_write;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an answer counts. One write in this time has no noticeable cost.
const LASTS: Duration = Duration::from_secs(5);
/// How long a refusal counts. It is shorter, so that a database that is back is soon noticed.
const REFUSAL_LASTS: Duration = Duration::from_millis(500);
/// How long a caller waits for a write that is under way; after that the last answer counts once more.
const PATIENCE: Duration = Duration::from_secs(1);
/// A write that takes longer counts as failed.
const SILENCE: Duration = Duration::from_secs(10);

/// The result of the last write that was tried. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WriteProbe {
    db: DatabaseConnection,
    state: Arc<Mutex<ProbeState>>,
    done: Arc<Notify>,
}

#[derive(Default)]
struct ProbeState {
    is_refused: bool,
    asked_at: Option<Instant>,
    /// When the write under way began.
    asking_since: Option<Instant>,
}

impl WriteProbe {
    pub(crate) fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            state: Arc::default(),
            done: Arc::default(),
        }
    }

    fn state<T>(&self, act: impl FnOnce(&mut ProbeState) -> T) -> T {
        act(&mut self.state.lock())
    }

    /// Whether the database takes writes.
    pub(crate) async fn is_writable(&self) -> bool {
        let done = self.done.notified();
        tokio::pin!(done);
        // From here on, the end of a write is noticed.
        done.as_mut().enable();
        let (is_due, is_under_way) = self.state(|state| {
            let lasts = if state.is_refused {
                REFUSAL_LASTS
            } else {
                LASTS
            };
            let is_old = state.asked_at.is_none_or(|at| at.elapsed() > lasts);
            let is_due = is_old && state.asking_since.is_none();
            if is_due {
                state.asking_since = Some(Instant::now());
            }
            (is_due, state.asking_since.is_some())
        });
        if is_due {
            let this = self.clone();
            tokio::spawn(async move {
                let written = try_write(&this.db).await;
                this.end(written);
            });
        }
        if is_under_way {
            let _ = tokio::time::timeout(PATIENCE, done).await;
        }
        self.state(|state| {
            let is_silent = |since: Instant| since.elapsed() > SILENCE;
            !state.is_refused && !state.asking_since.is_some_and(is_silent)
        })
    }

    fn end(&self, written: Result<(), DbErr>) {
        let is_refused = written.is_err();
        let was_refused = self.state(|state| {
            state.asked_at = Some(Instant::now());
            state.asking_since = None;
            std::mem::replace(&mut state.is_refused, is_refused)
        });
        match written {
            Err(error) if !was_refused => tracing::warn!(%error, "the database takes no writes"),
            Ok(()) if was_refused => tracing::info!("the database takes writes again"),
            _ => {}
        }
        self.done.notify_waiters();
    }
}
