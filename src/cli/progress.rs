//! Shows the progress of a long command: one line on standard error that is overwritten, if that is a
//! terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The time between two updates, which is short enough that the line is seen to move.
const PAUSE: Duration = Duration::from_millis(200);

/// The progress line.
pub(super) struct Progress {
    is_shown: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// A line that is shown on a terminal only, so that it gets into no file or pipe.
    pub(super) fn on_terminal() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// A line that is never shown.
    pub(super) fn silent() -> Self {
        Self {
            is_shown: false,
            shown: None,
        }
    }

    /// Shows the text, unless the last one was shown less than [`PAUSE`] ago.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        let is_time = self.shown.is_none_or(|last| last.elapsed() >= PAUSE);
        if self.is_shown && is_time {
            self.shown = Some(Instant::now());
            // The text starts at the beginning of the line, whose rest is cleared. A terminal that is gone is
            // not an error.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", text());
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
