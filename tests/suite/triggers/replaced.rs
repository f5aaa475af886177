//! REPLACE on SQLite, with the DELETE triggers that `recursive_triggers` fires and without; and what
//! MariaDB makes of it.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use seachange_testkit::{Database, Outcome, TestServer};

use super::{note, other};

seachange_testkit::cases! {
    Every: a_replace_without_recursive_triggers, a_replace_with_recursive_triggers,
        a_replace_by_triggers_in_another_order;
    Sqlite: an_ignored_insert_leaves_nothing;
    MariaDb: a_replace_of_mariadb;
}

/// Statements, and what becomes of the log.
const STEPS: [(&str, &[&str]); 11] = [
    (
        "INSERT OR REPLACE INTO note (id, name, body) VALUES (1, 'a', 'one')",
        &["insert 1 - a=one"],
    ),
    (
        "INSERT OR REPLACE INTO note (id, name, body) VALUES (1, 'a', 'two')",
        &["update 1 a=one a=two"],
    ),
    (
        "INSERT OR REPLACE INTO note (id, name, body) VALUES (1, 'a', 'two')",
        &[],
    ),
    (
        "INSERT INTO note (id, name, body) VALUES (2, 'b', 'one'), (3, 'c', 'one')",
        &["insert 2 - b=one", "insert 3 - c=one"],
    ),
    // The key of one row and the name of another.
    (
        "REPLACE INTO note (id, name, body) VALUES (2, 'c', 'two')",
        &["delete 3 c=one -", "update 2 b=one c=two"],
    ),
    // The name alone.
    (
        "REPLACE INTO note (id, name, body) VALUES (4, 'c', 'three')",
        &["delete 2 c=two -", "insert 4 - c=three"],
    ),
    (
        "UPDATE OR REPLACE note SET name = 'a' WHERE id = 4",
        &["delete 1 a=two -", "update 4 c=three a=three"],
    ),
    (
        "INSERT INTO note (id, name, body) VALUES (5, 'e', 'one')",
        &["insert 5 - e=one"],
    ),
    (
        "UPDATE OR REPLACE note SET id = 5 WHERE id = 4",
        &[
            "delete 5 e=one -",
            "delete 4 a=three -",
            "insert 5 - a=three",
        ],
    ),
    (
        "INSERT INTO note (id, name, body) VALUES (5, 'g', 'four'), (6, 'f', 'one')
         ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        &["update 5 a=three a=four", "insert 6 - f=one"],
    ),
    (
        "UPDATE OR REPLACE note SET name = 'a', body = 'two' WHERE id = 6",
        &["delete 5 a=four -", "update 6 f=one a=two"],
    ),
];

async fn steps(server: &TestServer, recursive: bool, turned: bool) -> Outcome {
    if !matches!(server.kind, Database::Sqlite) {
        return Ok(());
    }
    let server = &note::start(server).await?;
    let db = other(server).await?;
    if recursive {
        db.execute_unprepared("PRAGMA recursive_triggers = ON")
            .await?;
    }
    if turned {
        turn(&db).await?;
    }
    let mut before = 0;
    for (sql, expected) in STEPS {
        db.execute_unprepared(sql).await?;
        let told = note::all_told(server).await?;
        let (mut found, mut expected) = (told[before..].to_vec(), expected.to_vec());
        // Where two rows change, the order between them is the database's own.
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{sql}");
        before = told.len();
        server.verify().await?;
    }
    Ok(())
}

async fn a_replace_without_recursive_triggers(server: &TestServer) -> Outcome {
    steps(server, false, false).await
}

async fn a_replace_with_recursive_triggers(server: &TestServer) -> Outcome {
    steps(server, true, false).await
}

/// SQLite promises no order among triggers of the same event.
async fn a_replace_by_triggers_in_another_order(server: &TestServer) -> Outcome {
    steps(server, false, true).await
}

/// Makes the triggers again, the last one first.
async fn turn(db: &DatabaseConnection) -> Outcome {
    let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'note'
        ORDER BY rowid DESC";
    let triggers = Statement::from_string(DbBackend::Sqlite, sql);
    for trigger in db.query_all_raw(triggers).await? {
        let (name, sql): (String, String) =
            (trigger.try_get("", "name")?, trigger.try_get("", "sql")?);
        db.execute_unprepared(&format!("DROP TRIGGER {name}"))
            .await?;
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// What an INSERT would have replaced is kept until it is over; one that does not happen must not be
/// taken for a later one.
async fn an_ignored_insert_leaves_nothing(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')",
        "INSERT OR IGNORE INTO note (id, name, body) VALUES (2, 'a', 'two')",
        "INSERT INTO note (id, name, body) VALUES (1, 'x', 'y') ON CONFLICT DO NOTHING",
        "DELETE FROM note",
        "INSERT INTO note (id, name, body) VALUES (2, 'a', 'three')",
        "INSERT INTO note (id, name, body) VALUES (1, 'b', 'four')",
    ] {
        db.execute_unprepared(sql).await?;
    }
    assert_eq!(
        note::all_told(server).await?,
        [
            "insert 1 - a=one",
            "delete 1 a=one -",
            "insert 2 - a=three",
            "insert 1 - b=four"
        ]
    );
    server.verify().await
}

async fn a_replace_of_mariadb(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "REPLACE INTO note (id, name, body) VALUES (1, 'a', 'one')",
        "REPLACE INTO note (id, name, body) VALUES (1, 'a', 'two')",
        "REPLACE INTO note (id, name, body) VALUES (2, 'a', 'three')",
    ] {
        db.execute_unprepared(sql).await?;
    }
    assert_eq!(
        note::all_told(server).await?,
        [
            "insert 1 - a=one",
            "delete 1 a=one -",
            "insert 1 - a=two",
            "delete 1 a=two -",
            "insert 2 - a=three",
        ]
    );
    server.verify().await
}
