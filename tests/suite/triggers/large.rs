//! A row that MariaDB's triggers cannot write down, because it does not fit into `max_allowed_packet`, is
//! refused when it is written, by whichever program, and never recorded without its values.

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as SeaDatabase, DatabaseConnection, DbErr,
};
use seachange::changelog::{
    CaptureError, REDACTED_CHANGED, TriggerOptions, ValueRefusal, baseline, track_by_hooks,
    track_by_triggers,
};
use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::a_task;
use crate::graphql::given::COMMENTS;

seachange_testkit::cases! {
    MariaDb: a_row_that_cannot_be_recorded, a_row_from_before_tracking,
        redacted_values_may_be_large;
}

/// Each a text of 9 megabytes, twice that as JSON.
const QUOTES: &str = "REPEAT('\"', 9437184)";
const BACKSLASHES: &str = "REPEAT(CHAR(92), 9437184)";

/// How triggers are made, and what sessions keep: an error, a warning, and nothing at all.
const MODES: [(&str, u32); 3] = [("STRICT_TRANS_TABLES", 64), ("", 64), ("", 0)];

/// Another program, with one connection.
async fn program(
    server: &TestServer,
    mode: &str,
    warnings: u32,
) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(&server.settings.database_url);
    options.max_connections(1).sqlx_logging(false);
    let db = SeaDatabase::connect(options).await?;
    db.execute_unprepared(&format!(
        "SET SESSION sql_mode = '{mode}', SESSION max_error_count = {warnings}"
    ))
    .await?;
    Ok(db)
}

fn insert(id: uuid::Uuid, task: uuid::Uuid, body: &str) -> String {
    let hex = |id: uuid::Uuid| format!("x'{}'", id.simple());
    format!(
        "INSERT INTO comment (id, task_id, author, body, created_at)
         VALUES ({}, {}, 'Ann', {body}, UTC_TIMESTAMP(6))",
        hex(id),
        hex(task)
    )
}

fn assert_refused<T: std::fmt::Debug>(done: Result<T, DbErr>, what: &str) {
    let error = done.expect_err(what).to_string();
    assert!(
        error.contains("seachange: the row is too large to be recorded"),
        "{what}: {error}"
    );
}

async fn a_row_that_cannot_be_recorded(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let roomy = server
        .beside(|settings| settings.limits.request_bytes = 64 << 20)
        .await?;
    for (mode, warnings) in MODES {
        let db = program(server, mode, warnings).await?;
        track_by_triggers(&db, "comment", TriggerOptions::new()).await?;
        let id = uuid::Uuid::now_v7();
        let sql = insert(id, task.id, "'small'");
        db.execute_unprepared(&sql).await?;
        let before = server.logged().await?.len();
        assert_refused(
            db.execute_unprepared(&insert(uuid::Uuid::now_v7(), task.id, QUOTES))
                .await,
            mode,
        );
        assert_refused(
            db.execute_unprepared(&format!("UPDATE comment SET body = {QUOTES}"))
                .await,
            mode,
        );
        // Through the API it is a limit.
        let client = roomy.client();
        let body = "\"".repeat(9 << 20);
        let data = json!({ "taskId": task.id, "author": "Ann", "body": body });
        let variables = json!({ "data": data });
        assert_eq!(
            client.code(&COMMENTS.create_one(), variables).await?,
            "LIMIT_EXCEEDED"
        );
        let filter = json!({ "id": { "eq": id } });
        let variables = json!({ "data": { "body": body }, "filter": filter });
        assert_eq!(
            client.code(&COMMENTS.update(), variables).await?,
            "LIMIT_EXCEEDED"
        );
        assert_eq!(server.logged().await?.len(), before);
        db.execute_unprepared("UPDATE comment SET body = 'changed'")
            .await?;
        db.execute_unprepared("DELETE FROM comment").await?;
        assert_eq!(server.logged().await?.len(), before + 2);
        db.close().await?;
    }
    roomy.stop().await
}

/// It can neither be changed nor deleted until the packet is larger, and `baseline` names it.
async fn a_row_from_before_tracking(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    for (mode, warnings) in MODES {
        let db = program(server, mode, warnings).await?;
        track_by_hooks(&db, "comment").await?;
        let id = uuid::Uuid::now_v7();
        db.execute_unprepared(&insert(id, task.id, QUOTES)).await?;
        track_by_triggers(&db, "comment", TriggerOptions::new()).await?;
        for sql in [
            "UPDATE comment SET body = 'small'",
            "DELETE FROM comment",
            "UPDATE comment SET author = 'Bob'",
        ] {
            assert_refused(db.execute_unprepared(sql).await, sql);
        }
        let error = baseline(&db, "comment").await.expect_err(mode);
        match CaptureError::of(&error) {
            Some(CaptureError::Value(ValueRefusal::NoImage { table, key })) => {
                assert_eq!(table, "comment");
                assert!(key.contains(&id.to_string()), "{key}");
            }
            _ => panic!("{error}"),
        }
        let text = error.to_string();
        assert!(text.contains(&id.to_string()), "{text}");
        assert!(text.contains("cure: "), "{text}");
        track_by_hooks(&db, "comment").await?;
        db.execute_unprepared("DELETE FROM comment").await?;
        db.close().await?;
    }
    Ok(())
}

/// The log does not have them. That one has changed is told all the same.
async fn redacted_values_may_be_large(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    for (mode, warnings) in MODES {
        let db = program(server, mode, warnings).await?;
        let redacted = TriggerOptions::new().redact("body");
        track_by_triggers(&db, "comment", redacted).await?;
        let sql = insert(uuid::Uuid::now_v7(), task.id, QUOTES);
        db.execute_unprepared(&sql).await?;
        for (body, is_changed) in [(BACKSLASHES, true), (BACKSLASHES, false)] {
            let before = server.logged().await?.len();
            let sql = format!("UPDATE comment SET body = {body}");
            db.execute_unprepared(&sql).await?;
            let logged = server.logged().await?;
            assert_eq!(logged.len(), before + usize::from(is_changed));
            let last = logged.last().and_then(|change| change.after.as_ref());
            assert_eq!(last.map(|row| &row["body"]), Some(&json!(REDACTED_CHANGED)));
        }
        db.execute_unprepared("DELETE FROM comment").await?;
        db.close().await?;
    }
    Ok(())
}
