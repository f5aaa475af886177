//! Whether the log answers.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a look at the log may last before the database counts as silent. A connection may be
/// silent without being broken.
const SILENCE: Duration = Duration::from_secs(5);

/// The outcome of the tail's looks at the log.
pub(super) struct LogHealth(Mutex<LookState>);

struct LookState {
    /// Whether the last look succeeded.
    is_sound: bool,
    /// When the look under way began.
    looking_since: Option<Instant>,
}

impl LogHealth {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LookState {
            is_sound: true,
            looking_since: None,
        }))
    }

    fn state<T>(&self, act: impl FnOnce(&mut LookState) -> T) -> T {
        act(&mut self.0.lock())
    }

    pub(super) fn begin(&self) {
        self.state(|state| state.looking_since = Some(Instant::now()));
    }

    /// Ends a look; returns whether the one before it had succeeded.
    pub(super) fn end(&self, is_sound: bool) -> bool {
        self.state(|state| {
            state.looking_since = None;
            std::mem::replace(&mut state.is_sound, is_sound)
        })
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.state(|state| {
            let is_silent = |since: Instant| since.elapsed() > SILENCE;
            state.is_sound && !state.looking_since.is_some_and(is_silent)
        })
    }
}
