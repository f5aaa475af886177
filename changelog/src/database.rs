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
mod dialect;
mod errors;
mod facts;
mod log_rows;
mod mariadb;
mod plan;
mod postgres;
mod purpose;
mod refused;
mod session;
mod sqlite;
mod syntax;
mod types;

pub use self::capture::{After, ContextTexts, Unseen, Writer, Written};
pub use dialect::{Dialect, ReadAs};
pub use errors::{database_error, mariadb_number, of_error};
pub use facts::{Catalogue, Facts, Images, Ordering};
pub use log_rows::{Row, Shared};
pub use mariadb::MariaDb;
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

/// Refuses a backend that has no dialect.
///
/// # Errors
/// `DbErr::BackendNotSupported`.
pub fn check(backend: DbBackend) -> Result<(), DbErr> {
    if on(backend).backend() == backend {
        return Ok(());
    }
    Err(DbErr::BackendNotSupported {
        db: backend.as_str(),
        ctx: "seachange",
    })
}
