//! A test: its name, where it runs, and what it does with an empty database.

use std::pin::Pin;

use crate::database::{Database, OwnDatabase};

/// What a test returns.
pub type Outcome = anyhow::Result<()>;

/// A test while it runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A test, as [`cases!`](crate::cases) names it.
#[derive(Clone, Copy)]
pub struct Case {
    /// `module::function`.
    pub name: &'static str,
    /// Where it runs.
    pub on: On,
    /// Makes what the test stands on in this database, runs the test and ends what was made.
    pub run: for<'a> fn(&'a OwnDatabase) -> Running<'a>,
}

/// Where a test runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// On every database given.
    Every,
    /// Once, on SQLite: it says something of SQLite alone, or nothing about databases.
    Sqlite,
    /// Where the database is a server: PostgreSQL and MariaDB.
    Servers,
    /// On PostgreSQL alone.
    Postgres,
    /// On MariaDB alone.
    MariaDb,
}

impl On {
    /// Whether such a test runs on this database.
    pub(crate) fn admits(self, database: &Database) -> bool {
        match self {
            Self::Every => true,
            Self::Sqlite => matches!(database, Database::Sqlite),
            Self::Servers => !matches!(database, Database::Sqlite),
            Self::Postgres => matches!(database, Database::Postgres(_)),
            Self::MariaDb => matches!(database, Database::MariaDb(_)),
        }
    }
}

/// Makes a module's `cases()` of its test functions: `async fn(&F) -> Outcome`, where `F` is the
/// [`Fixture`](crate::Fixture) that the test stands on. Without a place they run on every database.
///
/// ```
/// use seachange_testkit::{Outcome, OwnDatabase, TestServer};
///
/// seachange_testkit::cases![answers, has_an_epoch];
///
/// async fn answers(server: &TestServer) -> Outcome {
///     server.client().data("{ changesHead }", serde_json::json!({})).await?;
///     Ok(())
/// }
///
/// async fn has_an_epoch(server: &TestServer) -> Outcome {
///     anyhow::ensure!(!server.epoch().await?.is_empty());
///     Ok(())
/// }
///
/// mod placed {
///     use seachange_testkit::{Outcome, OwnDatabase};
///
///     seachange_testkit::cases! { Sqlite: is_a_file; Servers: has_a_port }
///
///     async fn is_a_file(database: &OwnDatabase) -> Outcome {
///         anyhow::ensure!(database.url.contains(".db"));
///         Ok(())
///     }
///
///     async fn has_a_port(database: &OwnDatabase) -> Outcome {
///         anyhow::ensure!(database.url.contains(":"));
///         Ok(())
///     }
/// }
///
/// assert_eq!(cases().len() + placed::cases().len(), 4);
/// ```
#[macro_export]
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        $crate::cases! { Every: $($name),+ }
    };
    ($($on:ident: $($name:ident),+);+ $(;)?) => {
        /// The tests of this module.
        pub fn cases() -> Vec<$crate::Case> {
            vec![$($($crate::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                on: $crate::On::$on,
                run: |database| $crate::Fixture::run(database, |fixture| Box::pin($name(fixture))),
            }),+),+]
        }
    };
}
