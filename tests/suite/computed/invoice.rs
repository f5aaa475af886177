//! Invoices, of which the database counts the keys, adds the totals and writes the slugs; and receipts,
//! the same, but for an entity that does not say so.

pub mod declared {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invoice")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        pub net: i32,
        pub total: i32,
        pub slug: Option<String>,
    }

    seachange_changelog::track!(computed: [Id, Total, Slug]);
}

pub mod undeclared {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "receipt")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        pub net: i32,
        pub total: i32,
        pub slug: Option<String>,
    }

    seachange_changelog::track!();
}

use sea_orm::{ConnectionTrait, DbBackend};
use seachange::Policy;

use crate::graphql::given::Names;
use seachange_testkit::{TestServer, reference_app};

pub const INVOICES: Names = Names {
    field: "invoice",
    object: "Invoice",
    all: "id name net total slug",
};

pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    make(server, "invoice", true).await?;
    let app = reference_app()
        .entity::<declared::Entity>()
        .sync::<declared::Entity>(Policy::manual());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// Receipts, whose keys anybody may write.
pub async fn start_undeclared(server: &TestServer) -> anyhow::Result<TestServer> {
    make(server, "receipt", false).await?;
    let app = reference_app().entity::<undeclared::Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

async fn make(server: &TestServer, table: &str, is_identity: bool) -> anyhow::Result<()> {
    let db = server.db().writer();
    let steps = match db.get_database_backend() {
        DbBackend::Postgres => {
            let always = if is_identity { "ALWAYS" } else { "BY DEFAULT" };
            vec![
                format!(
                    "CREATE TABLE {table} (id integer GENERATED {always} AS IDENTITY PRIMARY KEY,
                     name text NOT NULL UNIQUE, net integer NOT NULL,
                     total integer NOT NULL GENERATED ALWAYS AS (net + 5) STORED, slug text)"
                ),
                format!(
                    "CREATE FUNCTION {table}_slug() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN NEW.slug := lower(NEW.name); RETURN NEW; END $$"
                ),
                format!(
                    "CREATE TRIGGER slug BEFORE INSERT OR UPDATE ON {table}
                     FOR EACH ROW EXECUTE FUNCTION {table}_slug()"
                ),
            ]
        }
        DbBackend::MySql => {
            let trigger = |verb: &str| {
                format!(
                    "CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
                     FOR EACH ROW SET NEW.slug = lower(NEW.name)"
                )
            };
            vec![
                format!(
                    "CREATE TABLE {table} (id integer NOT NULL AUTO_INCREMENT PRIMARY KEY,
                     name varchar(99) NOT NULL UNIQUE, net integer NOT NULL,
                     total integer GENERATED ALWAYS AS (net + 5) STORED, slug varchar(99))
                     COLLATE utf8mb4_nopad_bin"
                ),
                trigger("INSERT"),
                trigger("UPDATE"),
            ]
        }
        _ => {
            let trigger = |verb: &str| {
                format!(
                    "CREATE TRIGGER {table}_{verb} AFTER {verb} ON {table} BEGIN
                     UPDATE {table} SET slug = lower(name) WHERE id = NEW.id; END"
                )
            };
            vec![
                format!(
                    "CREATE TABLE {table} (id integer PRIMARY KEY AUTOINCREMENT,
                     name text NOT NULL UNIQUE, net integer NOT NULL,
                     total integer NOT NULL GENERATED ALWAYS AS (net + 5) VIRTUAL, slug text)"
                ),
                trigger("INSERT"),
                trigger("UPDATE OF name"),
            ]
        }
    };
    for step in steps {
        db.execute_unprepared(&step.replace("_UPDATE OF name", "_update"))
            .await?;
    }
    Ok(())
}
