//! Behaviour over HTTP and sockets.

mod create;
mod given;
mod watch;

use crate::harness::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [create::cases()].into_iter().flatten().collect()
}
