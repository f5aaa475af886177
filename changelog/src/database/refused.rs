//! Why a database cannot be served.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use sea_orm::DbErr;

/// Why a database cannot be served. `Display` joins message and cure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// The server is a replica, which cannot know which transactions are still in progress, or is read-only.
    ReadOnly,
    /// The role may not write a table, and making changes readable takes writes.
    NoRights {
        /// The table.
        table: &'static str,
        /// All rights that the role needs on it.
        rights: &'static str,
    },
    /// The server is part of a cluster in which ids given by several servers have no common order.
    Galera,
    /// The database has not been migrated.
    NoLog,
    /// A later version of this library has made the log, in a format that this one would misread.
    Newer {
        /// The log's format.
        found: i32,
    },
    /// Any other error of the database.
    Database(DbErr),
}

impl Refused {
    /// What is wrong, without the cure.
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::ReadOnly => "the database is a replica or read-only",
            Self::NoRights { table, .. } => {
                return format!("the database role may not write {table}").into();
            }
            Self::Galera => "a Galera cluster has no order of commits to follow",
            Self::NoLog => "the database has no change log",
            Self::Newer { found } => {
                let (version, known) = (env!("CARGO_PKG_VERSION"), crate::format::FORMAT);
                return format!(
                    "the change log has format {found}, made by a later version; seachange {version} knows \
                     formats up to {known}"
                )
                .into();
            }
            Self::Database(error) => return error.to_string().into(),
        })
    }

    /// What to do about it; `None` for an error of the database.
    pub fn cure(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::ReadOnly => "use the primary, or a file to write to",
            Self::NoRights { rights, .. } => {
                return Some(format!("grant it {rights} there").into());
            }
            Self::Galera => "use one server",
            Self::NoLog => "run `migrate up`; a migration calls create_change_log",
            Self::Newer { .. } => {
                "run a version that knows this format, or restore the copy from before the upgrade"
            }
            Self::Database(_) => return None,
        }))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match self.cure() {
            Some(cure) => write!(f, "; cure: {cure}"),
            None => Ok(()),
        }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(error) => error.source(),
            _ => None,
        }
    }
}

impl From<DbErr> for Refused {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}
