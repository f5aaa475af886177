//! A table whose columns compare their texts in ways of their own.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend};
use seachange_testkit::{TestServer, reference_app};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "word")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Every character counts.
    pub plain: String,
    /// Spaces at the end do not count, or not all of them.
    pub padded: String,
    /// Two letters of other case are one.
    pub folded: String,
    /// By rules of a language, where the database has such.
    pub other: String,
}

seachange_changelog::track!();

/// A server that knows words.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let statements: &[&str] = match db.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE EXTENSION citext",
            "CREATE COLLATION plainly (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
            "CREATE DOMAIN handle AS citext",
            "CREATE TABLE word (id integer NOT NULL PRIMARY KEY, plain text NOT NULL,
             padded char(8) NOT NULL, folded handle NOT NULL, other text COLLATE plainly NOT NULL)",
        ],
        DbBackend::MySql => &["CREATE TABLE word (id int NOT NULL PRIMARY KEY,
             plain varchar(20) COLLATE utf8mb4_nopad_bin NOT NULL,
             padded varchar(20) COLLATE utf8mb4_bin NOT NULL,
             folded varchar(20) COLLATE utf8mb4_general_ci NOT NULL,
             other varchar(20) COLLATE utf8mb4_uca1400_ai_ci NOT NULL) CHARACTER SET utf8mb4"],
        _ => &[
            "CREATE TABLE word (id integer NOT NULL PRIMARY KEY, plain text NOT NULL,
             padded text COLLATE RTRIM NOT NULL, folded text COLLATE NOCASE NOT NULL,
             other text NOT NULL COLLATE \"nocase\" CHECK (other <> 'x' COLLATE BINARY))",
        ],
    };
    for sql in statements {
        db.execute_unprepared(sql).await?;
    }
    let app = reference_app().entity::<Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}
