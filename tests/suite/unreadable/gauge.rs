//! A table in which other programs have left values that its entity cannot hold.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend};
use seachange::Policy;
use seachange::changelog::baseline;
use seachange_testkit::{TestServer, reference_app};
use serde_json::json;

use crate::graphql::given::Names;

/// How a gauge feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", enum_name = "gauge_mood")]
pub enum Mood {
    #[sea_orm(string_value = "calm")]
    Calm,
    #[sea_orm(string_value = "wild")]
    Wild,
}

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gauge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub mood: Mood,
    pub count: Option<i32>,
    #[sea_orm(column_type = "Decimal(None)")]
    pub amount: Option<Decimal>,
    pub token: Option<Uuid>,
    pub day: Option<Date>,
    pub clock: Option<Time>,
    pub at: Option<DateTimeUtc>,
    pub note: Option<Json>,
}

seachange_changelog::track!();

pub const GAUGES: Names = Names {
    field: "gauge",
    object: "Gauge",
    all: "id name mood count amount token day clock at note",
};

/// A value that the entity cannot hold: its column, how another program writes it, and its image.
pub struct Odd {
    pub column: &'static str,
    pub sql: &'static str,
    pub image: serde_json::Value,
}

fn text(column: &'static str, sql: &'static str, text: &str) -> Odd {
    let image = json!({ "$text": text });
    Odd { column, sql, image }
}

fn blob(column: &'static str, sql: &'static str, base64: &str) -> Odd {
    let image = json!({ "$blob": base64 });
    Odd { column, sql, image }
}

fn word(column: &'static str, sql: &'static str, image: &str) -> Odd {
    let image = json!(image);
    Odd { column, sql, image }
}

/// What the database takes, and the entity does not.
pub fn odd(backend: DbBackend) -> Vec<Odd> {
    let mut odd = vec![word("mood", "'wildest'", "wildest")];
    odd.extend(match backend {
        DbBackend::Postgres => vec![
            text("day", "'infinity'", "infinity"),
            text("day", "'-infinity'", "-infinity"),
            text("day", "'5874897-12-31'", "5874897-12-31"),
            text("at", "'infinity'", "infinity"),
            text("at", "'-infinity'", "-infinity"),
            text(
                "at",
                "'294276-12-31 23:59:59+00'",
                "294276-12-31T23:59:59+00:00",
            ),
            text("clock", "'24:00:00'", "24:00:00"),
            text("amount", "'NaN'", "NaN"),
            text("amount", "'Infinity'", "Infinity"),
            word(
                "amount",
                "1e40",
                "10000000000000000000000000000000000000000",
            ),
        ],
        DbBackend::MySql => vec![
            // Half of a surrogate pair, which MariaDB takes for a character and UTF-8 does not.
            blob("name", "x'78eda080'", "eO2ggA=="),
            blob("mood", "x'eda080'", "7aCA"),
            blob("note", "x'22eda08022'", "Iu2ggCI="),
            text("day", "'0000-00-00'", "0000-00-00"),
            text("day", "'2024-00-10'", "2024-00-10"),
            text("at", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00.000000"),
            text("clock", "'838:59:59'", "838:59:59"),
            text("clock", "'-01:00:00'", "-01:00:00"),
            word(
                "amount",
                "1e40",
                "10000000000000000000000000000000000000000",
            ),
        ],
        _ => vec![
            blob("name", "x'00ff'", "AP8="),
            blob("name", "CAST(x'ff41' AS TEXT)", "/0E="),
            blob("mood", "x'41'", "QQ=="),
            text("count", "'many'", "many"),
            text("count", "1.5", "1.5"),
            blob("count", "x'00'", "AA=="),
            Odd {
                column: "amount",
                sql: "1e40",
                image: json!(1e40),
            },
            text("amount", "'much'", "much"),
            text("token", "'not a token'", "not a token"),
            text(
                "token",
                "'019233e5-ab7c-47de-8123-456789abcdef'",
                "019233e5-ab7c-47de-8123-456789abcdef",
            ),
            blob("token", "x'0102'", "AQI="),
            text("day", "'someday'", "someday"),
            blob("day", "x'00'", "AA=="),
            text("clock", "'noon'", "noon"),
            text("at", "'yesterday'", "yesterday"),
            text("note", "'{not json'", "{not json"),
        ],
    });
    odd
}

/// The id of the row that has the how manieth odd value. All others hold well.
pub fn id_of(place: usize) -> i32 {
    10 + i32::try_from(place).unwrap_or_default()
}

fn table(backend: DbBackend) -> String {
    let columns = match backend {
        DbBackend::Postgres => {
            "name text NOT NULL, mood text NOT NULL, count integer, amount numeric, token uuid,
             day date, clock time, at timestamptz, note json"
        }
        DbBackend::MySql => {
            "name longtext NOT NULL, mood longtext NOT NULL, count int, amount decimal(65, 0),
             token binary(16), day date, clock time, at datetime(6), note json"
        }
        _ => {
            "name text NOT NULL, mood text NOT NULL, count integer, amount real, token uuid_text,
             day date_text, clock time_text, at timestamp_with_timezone_text, note json_text"
        }
    };
    let tail = match backend {
        DbBackend::MySql => "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        _ => "",
    };
    format!("CREATE TABLE gauge (id integer NOT NULL PRIMARY KEY, {columns}) {tail}")
}

/// Another program's statements, on one connection.
pub async fn write(server: &TestServer, statements: &[String]) -> anyhow::Result<()> {
    use sea_orm::TransactionTrait;
    let db = crate::triggers::other(server).await?;
    let tx = db.begin().await?;
    if db.get_database_backend() == DbBackend::MySql {
        tx.execute_unprepared("SET SESSION sql_mode = ''").await?;
    }
    for sql in statements {
        tx.execute_unprepared(sql).await?;
    }
    tx.commit().await?;
    db.close().await?;
    Ok(())
}

/// A statement that writes a row with an odd value, or a row that holds well.
pub fn insertion(id: i32, odd: Option<&Odd>) -> String {
    let mood = match odd {
        Some(Odd {
            column: "mood",
            sql,
            ..
        }) => sql,
        _ => "'calm'",
    };
    let name = match odd {
        Some(Odd {
            column: "name",
            sql,
            ..
        }) => sql,
        _ => "'gauge'",
    };
    match odd {
        Some(odd) if !["mood", "name"].contains(&odd.column) => format!(
            "INSERT INTO gauge (id, name, mood, {}) VALUES ({id}, {name}, {mood}, {})",
            odd.column, odd.sql
        ),
        _ => format!("INSERT INTO gauge (id, name, mood) VALUES ({id}, {name}, {mood})"),
    }
}

/// Makes the table, with rows 1 and 99 that hold well and one for each odd value between them.
pub async fn create(server: &TestServer) -> anyhow::Result<()> {
    let backend = server.db().get_database_backend();
    server
        .db()
        .writer()
        .execute_unprepared(&table(backend))
        .await?;
    for related in [
        "CREATE TABLE gauge_panel (name varchar(40) NOT NULL PRIMARY KEY)",
        "CREATE TABLE gauge_dial (id integer NOT NULL PRIMARY KEY)",
    ] {
        server.db().writer().execute_unprepared(related).await?;
    }
    let mut statements = vec![insertion(1, None), insertion(99, None)];
    for (place, odd) in odd(backend).iter().enumerate() {
        statements.push(insertion(id_of(place), Some(odd)));
    }
    statements.push("INSERT INTO gauge_panel (name) VALUES ('gauge'), ('none')".to_owned());
    statements.push("INSERT INTO gauge_dial (id) SELECT id FROM gauge".to_owned());
    write(server, &statements).await
}

/// A server that knows them.
pub async fn serve(server: &TestServer) -> anyhow::Result<TestServer> {
    let app = reference_app()
        .enumeration::<Mood>()
        .entity::<Entity>()
        .entity::<super::related::panel::Entity>()
        .entity::<super::related::dial::Entity>()
        .sync::<Entity>(Policy::last_write_wins())
        .sync::<super::related::panel::Entity>(Policy::last_write_wins());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A server that knows them, whose log has each row's baseline.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    create(server).await?;
    baseline(server.db().writer(), "gauge").await?;
    serve(server).await
}
