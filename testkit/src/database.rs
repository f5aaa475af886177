//! Databases: which ones are given, and one of its own for each test.

use sea_orm::{ConnectionTrait, Database as SeaDatabase};

/// A database server, or a folder for SQLite files.
#[derive(Clone, Debug)]
pub enum Database {
    /// Files in a temporary folder.
    Sqlite,
    /// Administrative URL.
    Postgres(String),
    /// Administrative URL.
    MariaDb(String),
}

impl Database {
    /// SQLite, and what the environment names.
    pub fn given() -> Vec<Self> {
        let url = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        let mut given = vec![Self::Sqlite];
        given.extend(url("SEACHANGE_TEST_POSTGRES_URL").map(Self::Postgres));
        given.extend(url("SEACHANGE_TEST_MYSQL_URL").map(Self::MariaDb));
        given
    }

    /// Its name in test names.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::MariaDb(_) => "mariadb",
        }
    }
}

/// An empty database for one test.
pub struct OwnDatabase {
    /// Where it came from.
    pub kind: Database,
    /// For connecting to it.
    pub url: String,
    name: String,
    _folder: Option<tempfile::TempDir>,
}

impl OwnDatabase {
    /// Makes it.
    pub async fn create(kind: &Database) -> anyhow::Result<Self> {
        let name = format!("seachange_test_{}", uuid::Uuid::new_v4().simple());
        let mut folder = None;
        let url = match kind {
            Database::Sqlite => {
                let temporary = tempfile::tempdir()?;
                let path = temporary.path().join("test.db");
                folder = Some(temporary);
                format!("sqlite://{}?mode=rwc", path.display())
            }
            Database::Postgres(admin) | Database::MariaDb(admin) => {
                administer(admin, &format!("CREATE DATABASE {name}")).await?;
                with_database(admin, &name)?
            }
        };
        Ok(Self {
            kind: kind.clone(),
            url,
            name,
            _folder: folder,
        })
    }

    /// Drops it, whoever is still connected.
    pub async fn drop(self) -> anyhow::Result<()> {
        match &self.kind {
            Database::Sqlite => Ok(()),
            Database::Postgres(admin) => {
                administer(admin, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
            }
            Database::MariaDb(admin) => {
                administer(admin, &format!("DROP DATABASE {}", self.name)).await
            }
        }
    }
}

async fn administer(url: &str, sql: &str) -> anyhow::Result<()> {
    let db = SeaDatabase::connect(url).await?;
    db.execute_unprepared(sql).await?;
    db.close().await?;
    Ok(())
}

/// The URL with its database replaced.
fn with_database(url: &str, name: &str) -> anyhow::Result<String> {
    let scheme = url.find("://").map(|at| at + 3);
    let scheme = scheme.ok_or_else(|| anyhow::anyhow!("not a URL: {url}"))?;
    let (server, rest) = url.split_at(scheme);
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.split('/').next().unwrap_or_default();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    Ok(format!("{server}{authority}/{name}{query}"))
}
