//! Everything that differs between databases, and nothing else: one trait, and one file for each database.
//!
//! A [`Dialect`] is chosen once, by the backend of a connection, and asked from then on. What is constant for
//! a database is one of its [`Facts`]; what takes a text, a value or a question to the database is a method.
//! Nowhere else does this crate ask which database it is connected to, so supporting another database means
//! adding another file here. The suite runs each capability on each database.
//!
//! This is a low layer: it knows the shapes of tables and the images of rows, but not capture, the log's
//! readers or transactions.

mod capture;
mod cause;
mod dialect;
mod drivers;
mod errors;
mod facts;
mod log_rows;
mod mariadb;
mod pages;
mod plan;
mod postgres;
mod purpose;
mod refused;
mod session;
mod sqlite;
mod syntax;
mod types;

pub use self::capture::{After, ContextTexts, Unseen, Writer, Written};
pub use cause::{Cause, cause};
pub use dialect::Dialect;
pub use drivers::{Driver, Listener, TimeField, driver};
pub use errors::{database_error, mariadb_number, of_error};
pub use facts::{Catalogue, Facts, Images, LogOrder};
pub use log_rows::{ReadAs, Row, Shared};
pub use mariadb::MariaDb;
pub use pages::{PagesBy, ParentIndex};
pub(crate) use plan::{KINDS, ROW};
pub use plan::{Made, Piece, Plan, piece_name};
pub use postgres::{Postgres, lock_timeout};
pub use purpose::{Begin, RowLock};
pub use refused::Refused;
pub use session::Session;
pub use sqlite::Sqlite;
pub use syntax::{Brackets, Dollars, Escapes, Syntax};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

/// Every dialect.
pub static ALL: [&dyn Dialect; 3] = [&Postgres, &MariaDb, &Sqlite];

/// The dialect of a connection's database.
pub fn of(db: &impl ConnectionTrait) -> &'static dyn Dialect {
    on(db.get_database_backend())
}

/// The dialect of a backend. A backend other than the three supported ones is refused where a connection is
/// made ([`check`]), so no statement is ever written for it here.
pub fn on(backend: DbBackend) -> &'static dyn Dialect {
    match backend {
        DbBackend::Postgres => &Postgres,
        DbBackend::MySql => &MariaDb,
        _ => &Sqlite,
    }
}

/// The dialect of the database that a URL names, or `None` if there is no driver for it.
pub fn of_url(url: &str) -> Option<&'static dyn Dialect> {
    let (scheme, _) = url.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    ALL.into_iter()
        .find(|dialect| dialect.facts().schemes.contains(&&*scheme))
}

/// The URL of a connection that is never opened, to a database for which this build has a driver.
pub fn unopened_url() -> &'static str {
    let mut dialects = ALL.into_iter();
    let built = dialects.find(|dialect| driver(dialect.backend()).is_some());
    built.map_or("", |dialect| dialect.facts().unopened)
}

/// The driver of a connection's database. A backend that has no dialect, or no driver in this build, is
/// refused.
///
/// # Errors
/// `DbErr::BackendNotSupported`; if only a feature is missing, the error names it.
pub fn driver_of(db: &impl ConnectionTrait) -> Result<&'static dyn Driver, DbErr> {
    check(db.get_database_backend())
}

/// The same for a backend.
///
/// # Errors
/// As [`driver_of`].
pub fn check(backend: DbBackend) -> Result<&'static dyn Driver, DbErr> {
    let dialect = on(backend);
    let is_known = dialect.backend() == backend;
    driver(backend).ok_or(DbErr::BackendNotSupported {
        db: backend.as_str(),
        ctx: match is_known {
            true => dialect.facts().without_driver,
            false => "seachange",
        },
    })
}
