//! Columns that come, go, and change name or type under triggers.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use seachange::changelog::{
    FindingCode, TableChange, TriggerOptions, change_tables, check_triggers, log, track_by_triggers,
};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{note, other};

seachange_testkit::cases![
    columns_come_and_go,
    a_column_gets_another_name,
    a_column_gets_another_type,
    a_change_that_fails,
    hidden_columns
];

/// Changes the table by one statement.
async fn alter(db: &DatabaseConnection, table: TableChange, sql: &'static str) -> Outcome {
    change_tables(db, &[table], |db| {
        Box::pin(async move {
            db.execute_unprepared(sql).await?;
            Ok(())
        })
    })
    .await?;
    let findings = check_triggers(db).await?;
    let faults = findings
        .iter()
        .filter(|finding| finding.code != FindingCode::Cascade);
    assert_eq!(faults.count(), 0, "{findings:?}");
    Ok(())
}

async fn image(server: &TestServer, n: usize) -> anyhow::Result<Json> {
    let logged = server.logged().await?;
    let change: Option<&log::Model> = logged.get(n);
    let after = change.and_then(|change| change.after.clone());
    after.ok_or_else(|| anyhow::anyhow!("no change {n} in {logged:?}"))
}

async fn columns_come_and_go(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = &other(server).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    alter(
        db,
        TableChange::of("note"),
        "ALTER TABLE note ADD COLUMN stars integer DEFAULT 3",
    )
    .await?;
    db.execute_unprepared("UPDATE note SET body = 'two'")
        .await?;
    let old = json!({ "id": "1", "book_id": null, "name": "a", "body": "one" });
    assert_eq!(image(server, 0).await?, old);
    let stars = image(server, 1).await?["stars"].clone();
    assert!(stars == json!(3) || stars == json!("3"), "{stars}");
    server.verify().await?;
    alter(
        db,
        TableChange::of("note"),
        "ALTER TABLE note DROP COLUMN stars",
    )
    .await?;
    db.execute_unprepared("UPDATE note SET body = 'three'")
        .await?;
    assert_eq!(image(server, 0).await?, old);
    assert_eq!(image(server, 1).await?["stars"], stars);
    assert_eq!(
        image(server, 2).await?,
        json!({ "id": "1", "book_id": null, "name": "a", "body": "three" })
    );
    server.verify().await
}

async fn a_column_gets_another_name(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = &other(server).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    let renamed = TableChange::of("note").rename("body", "content");
    alter(
        db,
        renamed,
        "ALTER TABLE note RENAME COLUMN body TO content",
    )
    .await?;
    db.execute_unprepared("UPDATE note SET content = 'two'")
        .await?;
    for (n, content) in ["one", "two"].iter().enumerate() {
        assert_eq!(
            image(server, n).await?,
            json!({ "id": "1", "book_id": null, "name": "a", "content": content })
        );
    }
    // Back, for the entity's sake.
    let renamed = TableChange::of("note").rename("content", "body");
    alter(
        db,
        renamed,
        "ALTER TABLE note RENAME COLUMN content TO body",
    )
    .await?;
    assert_eq!(
        note::all_told(server).await?,
        ["insert 1 - a=one", "update 1 a=one a=two"]
    );
    server.verify().await
}

async fn a_column_gets_another_type(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = &other(server).await?;
    db.execute_unprepared("ALTER TABLE note ADD COLUMN stars integer DEFAULT 3")
        .await
        .ok();
    track_by_triggers(db, "note", TriggerOptions::new()).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body, stars) VALUES (1, 'a', 'one', 7)")
        .await?;
    let before = image(server, 0).await?["stars"].clone();
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "ALTER TABLE note ALTER COLUMN stars TYPE text",
        DbBackend::MySql => "ALTER TABLE note MODIFY COLUMN stars longtext",
        // SQLite changes no types: a new column in the place of the old one.
        _ => "ALTER TABLE note DROP COLUMN stars; ALTER TABLE note ADD COLUMN stars text",
    };
    alter(db, TableChange::of("note"), sql).await?;
    db.execute_unprepared("UPDATE note SET stars = 'many'")
        .await?;
    assert_eq!(image(server, 0).await?["stars"], before);
    assert_eq!(image(server, 1).await?["stars"], "many");
    server.verify().await
}

/// What was done is undone where the database can; nothing escapes either way.
async fn a_change_that_fails(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = &other(server).await?;
    let sql = "ALTER TABLE note ADD COLUMN stars integer";
    let tables = [TableChange::of("note")];
    let failed = change_tables(db, &tables, |db| {
        Box::pin(async move {
            db.execute_unprepared(sql).await?;
            db.execute_unprepared("ALTER TABLE nowhere ADD COLUMN x integer")
                .await?;
            Ok(())
        })
    });
    assert!(failed.await.is_err());
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    assert_eq!(note::all_told(server).await?, ["insert 1 - a=one"]);
    let there = image(server, 0).await?.get("stars").is_some();
    assert_eq!(there, db.get_database_backend() == DbBackend::MySql);
    server.verify().await
}

async fn hidden_columns(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    let db = &other(server).await?;
    let options = TriggerOptions::new().redact("body").exclude("book_id");
    track_by_triggers(db, "note", options).await?;
    for sql in [
        "INSERT INTO book (id) VALUES (1)",
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'secret')",
        "UPDATE note SET body = 'other secret'",
        "UPDATE note SET body = 'other secret'",
        "UPDATE note SET book_id = 1",
        "UPDATE note SET name = 'b'",
    ] {
        db.execute_unprepared(sql).await?;
    }
    let logged = server.logged().await?;
    let image = |name: &str| json!({ "id": "1", "name": name, "body": "[redacted]" });
    assert_eq!(logged.len(), 3);
    assert_eq!(logged[0].after, Some(image("a")));
    let mut changed = image("a");
    changed["body"] = json!("[redacted, changed]");
    assert_eq!(logged[1].before, Some(image("a")));
    assert_eq!(logged[1].after, Some(changed));
    assert_eq!(logged[2].after, Some(image("b")));
    let raw = sea_orm::Statement::from_string(
        db.get_database_backend(),
        "SELECT count(*) AS n FROM change_log WHERE CAST(after AS char(1000)) LIKE '%secret%'"
            .replace(
                "after",
                match db.get_database_backend() {
                    DbBackend::MySql => "`after`",
                    _ => "\"after\"",
                },
            ),
    );
    let row = db.query_one_raw(raw).await?;
    let found: i64 = row.map_or(Ok(-1), |row| row.try_get("", "n"))?;
    assert_eq!(found, 0);
    // A key must be shown.
    let options = TriggerOptions::new().redact("id");
    assert!(track_by_triggers(db, "note", options).await.is_err());
    let options = TriggerOptions::new().redact("nothing");
    assert!(track_by_triggers(db, "note", options).await.is_err());
    server.verify().await
}
