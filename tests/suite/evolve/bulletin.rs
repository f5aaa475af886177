//! A table as three versions of a program know it, and a fourth that calls it otherwise.

/// As it was made.
pub mod first {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bulletin")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub body: String,
        pub votes: i32,
        pub gone: Option<String>,
    }

    seachange_changelog::track!();
}

/// With two columns more.
pub mod second {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bulletin")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub body: String,
        pub votes: i32,
        pub gone: Option<String>,
        pub pinned: bool,
        pub place: Option<String>,
    }

    seachange_changelog::track!();
}

/// `body` is `text`, `votes` and the key have 64 bits, `gone` is gone.
pub mod third {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bulletin")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub text: String,
        pub votes: i64,
    }

    seachange_changelog::track!();
}

/// The first one's table under another name.
pub mod renamed {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub body: String,
        pub votes: i32,
        pub gone: Option<String>,
    }

    seachange_changelog::track!();
}

use sea_orm::{ConnectionTrait, DbBackend, Schema};
use seachange::{App, Policy};

use crate::graphql::given::Names;
use seachange_testkit::{TestServer, reference_app};

pub const FIRST: Names = Names {
    field: "bulletin",
    object: "Bulletin",
    all: "id body votes gone",
};
pub const SECOND: Names = Names {
    all: "id body votes gone pinned place",
    ..FIRST
};
pub const THIRD: Names = Names {
    all: "id text votes",
    ..FIRST
};
pub const RENAMED: Names = Names {
    field: "notice",
    object: "Notice",
    all: FIRST.all,
};

/// A server of the first version, on a table that it makes.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let mut table = Schema::new(db.get_database_backend()).create_table_from_entity(first::Entity);
    if db.get_database_backend() == DbBackend::MySql {
        // The doctor names columns of MariaDB's default collation, and nothing else is meant here.
        table.collate("utf8mb4_nopad_bin");
    }
    db.execute(&table).await?;
    let app = reference_app()
        .entity::<first::Entity>()
        .sync::<first::Entity>(Policy::manual());
    beside(server, app).await
}

pub async fn start_second(server: &TestServer) -> anyhow::Result<TestServer> {
    let app = reference_app()
        .entity::<second::Entity>()
        .sync::<second::Entity>(Policy::manual());
    beside(server, app).await
}

pub async fn start_third(server: &TestServer) -> anyhow::Result<TestServer> {
    let app = reference_app()
        .entity::<third::Entity>()
        .sync::<third::Entity>(Policy::manual());
    beside(server, app).await
}

pub async fn start_renamed(server: &TestServer) -> anyhow::Result<TestServer> {
    let app = reference_app()
        .entity::<renamed::Entity>()
        .sync::<renamed::Entity>(Policy::manual());
    beside(server, app).await
}

async fn beside(server: &TestServer, app: App) -> anyhow::Result<TestServer> {
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// What makes the second shape of the first.
pub const TO_SECOND: [&str; 2] = [
    "ALTER TABLE bulletin ADD COLUMN pinned boolean NOT NULL DEFAULT true",
    "ALTER TABLE bulletin ADD COLUMN place varchar(20) DEFAULT 'board'",
];

/// What makes the third shape of the first.
pub fn to_third(backend: DbBackend) -> Vec<&'static str> {
    let mut steps = vec![
        "ALTER TABLE bulletin RENAME COLUMN body TO text",
        "ALTER TABLE bulletin DROP COLUMN gone",
    ];
    match backend {
        DbBackend::Postgres => steps.extend([
            "ALTER TABLE bulletin ALTER COLUMN votes TYPE bigint",
            "ALTER TABLE bulletin ALTER COLUMN id TYPE bigint",
        ]),
        DbBackend::MySql => steps.extend([
            "ALTER TABLE bulletin MODIFY COLUMN votes bigint NOT NULL",
            "ALTER TABLE bulletin MODIFY COLUMN id bigint NOT NULL",
        ]),
        // SQLite's integers have 64 bits whatever they are called.
        _ => {}
    }
    steps
}
