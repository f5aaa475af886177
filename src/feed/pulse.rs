//! Whether the log answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A look at the log that lasts longer has found a database that is silent: a connection may be so
/// without being broken.
const SILENCE: Duration = Duration::from_secs(5);

/// How the tail's looks at the log go.
pub(super) struct Pulse(Mutex<State>);

struct State {
    /// The last one succeeded.
    is_sound: bool,
    /// When the one under way began.
    looking_since: Option<Instant>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            is_sound: true,
            looking_since: None,
        }))
    }

    fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn begin(&self) {
        self.state(|state| state.looking_since = Some(Instant::now()));
    }

    /// Tells whether the look before this one had succeeded.
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
