//! What the tests of the program stand on: a database of its own for each, the program as a
//! process, clients.
//!
//! Databases and clients are those of the library's suite, included by path: a crate for four
//! files would be more to read than it saves.

#[path = "../../../tests/suite/harness/answer.rs"]
#[expect(dead_code, reason = "the library's suite needs more of it")]
mod answer;
#[path = "../../../tests/suite/harness/client.rs"]
#[expect(dead_code, reason = "the library's suite needs more of it")]
mod client;
#[path = "../../../tests/suite/harness/database.rs"]
mod database;
#[path = "../../../tests/suite/harness/measured.rs"]
mod measured;
mod process;
mod proxy;
mod random;
#[path = "../../../tests/suite/harness/socket.rs"]
#[expect(dead_code, reason = "the library's suite needs more of it")]
mod socket;
mod wire;

pub use client::Client;
pub use database::{Database, OwnDatabase};
pub use measured::measured;
pub use process::{Ended, Process, Server, command, command_of, run};
pub use proxy::Proxy;
pub use random::Random;
pub use socket::Socket;
pub use wire::statements;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

/// What a test returns.
pub type Outcome = anyhow::Result<()>;

type Test = for<'a> fn(&'a OwnDatabase) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A test: its name, and what it does with an empty database.
#[derive(Clone, Copy)]
pub struct Case {
    /// `module::function`.
    pub name: &'static str,
    /// The test.
    pub test: Test,
    /// Where it runs.
    pub on: On,
}

/// Where a test runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// On every database given.
    Every,
    /// Once, on SQLite: it says nothing about databases, or of SQLite alone.
    Sqlite,
    /// Where the database is a server: PostgreSQL and MariaDB.
    Servers,
}

impl On {
    /// Whether such a test runs on this database.
    pub fn admits(self, database: &Database) -> bool {
        match self {
            Self::Every => true,
            Self::Sqlite => matches!(database, Database::Sqlite),
            Self::Servers => !matches!(database, Database::Sqlite),
        }
    }
}

/// Names test functions, `async fn(&OwnDatabase) -> Outcome`, under where they run.
#[macro_export]
macro_rules! cases {
    ($($on:ident: $($name:ident),+);+ $(;)?) => {
        /// The tests of this module.
        pub fn cases() -> Vec<$crate::harness::Case> {
            vec![$($($crate::harness::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                test: |database| Box::pin($name(database)),
                on: $crate::harness::On::$on,
            }),+),+]
        }
    };
}

/// Runs a test on a database of its own, which goes even if the test panics.
pub fn run_case(case: Case, database: &Database) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let own = OwnDatabase::create(database).await?;
        let result = AssertUnwindSafe((case.test)(&own)).catch_unwind().await;
        let dropped = own.drop().await;
        match result {
            Ok(result) => result.and(dropped),
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// Looks until there is something: what was written is visible to readers of the log soon, not at
/// once.
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

/// Waits until `readyz` answers with this status, and tells how long that took.
pub async fn ready(server: &Server, status: u16) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let client = server.client();
    let url = format!("{}/readyz", server.url);
    eventually(async || {
        let answer = client.http().get(&url).send().await?;
        Ok((answer.status().as_u16() == status).then(|| begin.elapsed()))
    })
    .await
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// `verify` on the database must find it sound.
pub async fn verify(database: &OwnDatabase) -> Outcome {
    let ended = run(&database.url, &["verify"]).await?;
    anyhow::ensure!(ended.code() == Some(0), "not sound: {ended:?}");
    anyhow::ensure!(ended.stdout.starts_with("sound: "), "{ended:?}");
    Ok(())
}
