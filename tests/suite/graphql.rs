//! Behaviour over HTTP and sockets.

mod auth;
mod context;
mod converge;
mod create;
mod cursors;
mod delete;
mod faults;
mod filters;
mod follow;
mod given;
mod http;
mod log;
mod pages;
mod records;
mod relations;
mod sockets;
mod update;
mod values;
mod watch;

use crate::harness::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [create::cases(), update::cases(), delete::cases(), filters::cases(), pages::cases(), relations::cases(), log::cases(), cursors::cases(), follow::cases(), records::cases(), converge::cases(), auth::cases(), context::cases(), values::cases(), faults::cases(), http::cases(), sockets::cases()].into_iter().flatten().collect()
}
