//! What the tests and benches of this workspace stand on: a database of its own for each test, the
//! reference application served in this process or as a process of its own, and clients that check
//! what every answer keeps to.
//!
//! Never published, and no other part of the workspace than tests and benches uses it.

mod answer;
mod case;
mod client;
mod database;
mod events;
mod fixture;
mod measured;
mod process;
mod proxy;
mod random;
mod runner;
mod seed;
mod server;
mod socket;
mod terminal;
mod wire;

pub use answer::Answer;
pub use case::{Case, On, Outcome, Running};
pub use client::Client;
pub use database::{Database, OwnDatabase};
pub use events::{Event, Events};
pub use fixture::{Fixture, Test};
pub use measured::measured;
pub use process::{Ended, Process, Server, command_of};
pub use proxy::Proxy;
pub use random::Random;
pub use runner::Runner;
pub use seachange_app::{demo, reference_app};
pub use seed::Seed;
pub use server::TestServer;
pub use socket::Socket;
pub use terminal::Terminal;
pub use wire::statements;

use std::time::{Duration, Instant};

/// Looks until there is something, for half a minute at most: what was written is visible to readers of the
/// log soon, not at once.
///
/// # Errors
/// That of a look that fails; that nothing was there in time.
pub async fn eventually<T>(look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "nothing found within {PATIENCE:?}"
        );
    }
}
