//! Which databases, how long, and where results go.

use std::cell::Cell;

use anyhow::ensure;
use seachange::changelog::{TrackedConnection, create_change_log};
use seachange::{DatabaseSettings, connect};
use seachange_testkit::{Database, OwnDatabase};

use super::table::{self, Line};

/// What every bench is given.
pub struct Ground {
    /// The databases to measure on.
    pub databases: Vec<Database>,
    /// How many times as long as by default.
    pub length: u32,
    wanted: Vec<String>,
    met: Cell<u32>,
    missed: Cell<u32>,
}

impl Ground {
    /// What is named of benches and databases; all, if none is.
    pub fn new(words: &[String], benches: &[&str]) -> anyhow::Result<Self> {
        let given = Database::given();
        let is_bench = |word: &String| benches.contains(&word.as_str());
        let is_database = |word: &String| given.iter().any(|one| one.name() == word);
        for word in words {
            let is_known = is_bench(word) || is_database(word);
            ensure!(
                is_known,
                "{word}: no bench of {benches:?}, no database given"
            );
        }
        let named: Vec<&String> = words.iter().filter(|word| is_database(word)).collect();
        let among =
            |one: &Database| named.is_empty() || named.iter().any(|name| *name == one.name());
        let length = std::env::var("SEACHANGE_BENCH_LENGTH").ok();
        Ok(Self {
            databases: given.iter().filter(|one| among(one)).cloned().collect(),
            length: length.map_or(Ok(1), |text| text.parse())?,
            wanted: words
                .iter()
                .filter(|word| is_bench(word))
                .cloned()
                .collect(),
            met: Cell::default(),
            missed: Cell::default(),
        })
    }

    /// Whether to run this bench.
    pub fn wants(&self, bench: &str) -> bool {
        self.wanted.is_empty() || self.names(bench)
    }

    /// Whether this bench was asked for by its name.
    pub fn names(&self, bench: &str) -> bool {
        self.wanted.iter().any(|name| name == bench)
    }

    /// Whether SQLite is among the databases: some benches are not about the database and take that.
    pub fn has_sqlite(&self) -> bool {
        let is_sqlite = |kind: &Database| matches!(kind, Database::Sqlite);
        self.databases.iter().any(is_sqlite)
    }

    /// Begins the results of a bench.
    pub fn heading(&self, bench: &str) {
        println!("\n{}", table::heading(bench));
    }

    /// Prints a result.
    pub fn tell(&self, line: &Line) {
        println!("{line}");
        match line.is_met() {
            Some(true) => self.met.set(self.met.get() + 1),
            Some(false) => self.missed.set(self.missed.get() + 1),
            None => {}
        }
    }

    /// Prints how it went altogether.
    pub fn sum(&self) {
        println!(
            "\ntargets: {} met, {} missed",
            self.met.get(),
            self.missed.get()
        );
    }
}

/// A database with an empty change log, and a connection as an application has it.
pub async fn with_log(
    kind: &Database,
    connections: u32,
) -> anyhow::Result<(OwnDatabase, TrackedConnection)> {
    let own = OwnDatabase::create(kind).await?;
    let db = connect(&settings(&own, connections)).await?;
    create_change_log(db.writer()).await?;
    Ok((own, db))
}

/// How to connect to it.
pub fn settings(own: &OwnDatabase, connections: u32) -> DatabaseSettings {
    DatabaseSettings {
        connections,
        ..DatabaseSettings::new(&own.url)
    }
}

/// Lets go of a connection and drops its database.
pub async fn drop_both(own: OwnDatabase, db: TrackedConnection) -> anyhow::Result<()> {
    db.reader().clone().close().await?;
    db.writer().clone().close().await?;
    own.drop().await
}
