//! What every test stands on: a database of its own, a running server, clients.

mod answer;
mod client;
mod database;
mod measured;
mod random;
mod seed;
mod server;
mod socket;

pub use client::Client;
pub use database::{Database, OwnDatabase};
pub use measured::measured;
pub use random::Random;
pub use seachange_app::reference_app;
pub use seed::Seed;
pub use server::TestServer;
pub use socket::Socket;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;

/// What a test returns.
pub type Outcome = anyhow::Result<()>;

/// A test: its name, and what it does with a running server.
#[derive(Clone, Copy)]
pub struct Case {
    /// `module::function`.
    pub name: &'static str,
    /// The test.
    pub run: fn(TestServer) -> Running,
}

/// A test while it runs; it gives the server back.
pub type Running = Pin<Box<dyn Future<Output = anyhow::Result<TestServer>>>>;

/// Names test functions: `async fn(&TestServer) -> Outcome`.
#[macro_export]
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The tests of this module.
        pub fn cases() -> Vec<$crate::harness::Case> {
            vec![$($crate::harness::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: |server| Box::pin(async move {
                    $name(&server).await?;
                    Ok(server)
                }),
            }),+]
        }
    };
}

/// Runs a test on a database of its own and verifies the log afterwards.
pub fn run(case: Case, database: &Database) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    show_log();
    runtime.block_on(async {
        let own = OwnDatabase::create(database).await?;
        let outcome = AssertUnwindSafe(run_on(case, &own)).catch_unwind().await;
        if !matches!(outcome, Ok(Ok(()))) {
            // What still runs may hold locks: a failed test tries to leave nothing behind, no more.
            let _ = tokio::time::timeout(PATIENCE, own.drop()).await;
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        }
        own.drop().await
    })
}

/// How long a failed test may take to drop its database.
const PATIENCE: Duration = Duration::from_secs(5);

async fn run_on(case: Case, own: &OwnDatabase) -> Outcome {
    let server = TestServer::start(own).await?;
    let server = (case.run)(server).await?;
    server.finish().await
}

/// The server's own log, where `RUST_LOG` asks for it: what is behind an `INTERNAL`.
fn show_log() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("RUST_LOG").is_some() {
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
                .with_writer(std::io::stderr)
                .init();
        }
    });
}
