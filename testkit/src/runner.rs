//! Runs cases on each database that is given.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use libtest_mimic::{Arguments, Trial};

use crate::case::{Case, Outcome};
use crate::database::{Database, OwnDatabase};
use crate::measured::measured;

/// How long a failed test may take to drop its database.
const PATIENCE: Duration = Duration::from_secs(5);

/// The tests of a program: cases, and how they are run.
pub struct Runner {
    cases: Vec<Case>,
    threads: Option<usize>,
}

impl Runner {
    /// Runs these, as many at a time as there are processors.
    pub fn new(cases: impl IntoIterator<Item = Vec<Case>>) -> Self {
        Self {
            cases: cases.into_iter().flatten().collect(),
            threads: None,
        }
    }

    /// Runs so many at a time, unless `--test-threads` says otherwise.
    pub fn threads(self, threads: usize) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Runs what the command line selects, each on a database of its own: on SQLite always, on PostgreSQL
    /// and MariaDB where `SEACHANGE_TEST_POSTGRES_URL` and `SEACHANGE_TEST_MYSQL_URL` are set. At the end
    /// the databases are printed.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        if let Some(threads) = self.threads {
            arguments.test_threads.get_or_insert(threads);
        }
        let databases = Database::given();
        let trials = databases
            .iter()
            .flat_map(|database| {
                let here = move |case: &&Case| case.on.admits(database);
                let cases = self.cases.iter().filter(here);
                cases.map(move |case| trial(*case, database.clone()))
            })
            .collect();
        let conclusion = libtest_mimic::run(&arguments, trials);
        let names: Vec<&str> = databases.iter().map(Database::name).collect();
        println!("databases covered: {}", names.join(", "));
        conclusion.exit_code()
    }
}

fn trial(case: Case, database: Database) -> Trial {
    let name = format!("{}::{}", case.name, database.name());
    Trial::test(name.clone(), move || {
        let began = Instant::now();
        let outcome = run(case, &database);
        let seconds = began.elapsed().as_secs_f64();
        measured(format_args!("{name}: {seconds:.2} s"));
        outcome.map_err(|error| format!("{error:?}").into())
    })
}

/// Runs a case on a database of its own, which goes even if the test panics.
fn run(case: Case, database: &Database) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    show_log();
    runtime.block_on(async {
        let own = OwnDatabase::create(database).await?;
        let outcome = AssertUnwindSafe((case.run)(&own)).catch_unwind().await;
        if !matches!(outcome, Ok(Ok(()))) {
            // What still runs may hold locks: a failed test tries to leave nothing behind, no more.
            let _ = tokio::time::timeout(PATIENCE, own.drop()).await;
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        }
        own.drop().await
    })
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
