//! How far a long command is: one line on standard error that is written over, if that is a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two lines: often enough to be seen moving.
const PAUSE: Duration = Duration::from_millis(200);

/// The line.
pub(super) struct Progress {
    is_shown: bool,
    told: Option<Instant>,
}

impl Progress {
    /// Shown on a terminal only, so that no file or pipe gets it.
    pub(super) fn on_terminal() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            told: None,
        }
    }

    /// Shown nowhere.
    pub(super) fn silent() -> Self {
        Self {
            is_shown: false,
            told: None,
        }
    }

    /// Shows the text, if it is time to.
    pub(super) fn tell(&mut self, text: impl FnOnce() -> String) {
        let is_time = self.told.is_none_or(|told| told.elapsed() >= PAUSE);
        if self.is_shown && is_time {
            self.told = Some(Instant::now());
            // To the start of the line, and clear it to its end. A terminal that is gone is no fault.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", text());
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
