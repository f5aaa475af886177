//! Behaviour over HTTP and sockets.

mod create;
mod cursors;
mod delete;
mod filters;
mod given;
mod log;
mod pages;
mod relations;
mod update;
mod watch;

use crate::harness::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [create::cases(), update::cases(), delete::cases(), filters::cases(), pages::cases(), relations::cases(), log::cases(), cursors::cases()].into_iter().flatten().collect()
}
