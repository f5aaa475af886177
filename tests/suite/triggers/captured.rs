//! Writes that no hook sees.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    TransactionTrait,
};
use seachange::changelog::{CaptureError, Source, WriteRefusal};

use super::note;
use super::{a_comment, a_task, other};
use seachange_testkit::{Database, Outcome, TestServer};

seachange_testkit::cases![
    hooks_only_bring_the_context,
    raw_sql_of_another_program,
    raw_sql_in_a_tracked_transaction,
    raw_sql_that_is_refused,
    calls_that_run_no_hook,
    nothing_changed,
    a_key_that_changes,
    an_upsert,
    cascades,
    truncate,
    awkward_values,
    changes_are_found_by_key
];

async fn hooks_only_bring_the_context(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let tx = server.db().begin().await?;
    let row = a_comment(&task, "first").insert(&tx).await?;
    let id = tx.transaction_id().to_owned();
    tx.commit().await?;
    let logged = server.logged().await?;
    assert_eq!(logged.len(), 3);
    assert_eq!(logged[2].source, Source::Trigger);
    assert_eq!(logged[2].transaction_id, id);
    assert_eq!(logged[2].row_key["id"], row.id.to_string());
    assert_eq!(
        logged[2].after.as_ref().map(|after| &after["body"]),
        Some(&"first".into())
    );
    Ok(())
}

async fn raw_sql_of_another_program(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'one'), (2, 'b', 'two')",
        "UPDATE note SET body = 'more' WHERE id = 1",
        "DELETE FROM note",
    ] {
        db.execute_unprepared(sql).await?;
    }
    let told = note::all_told(server).await?;
    assert_eq!(
        told[..3],
        [
            "insert 1 - a=one",
            "insert 2 - b=two",
            "update 1 a=one a=more"
        ]
    );
    let mut deleted = told[3..].to_vec();
    deleted.sort();
    assert_eq!(deleted, ["delete 1 a=more -", "delete 2 b=two -"]);
    let logged = server.logged().await?;
    assert!(
        logged
            .iter()
            .all(|change| change.actor.is_none() && change.source == Source::Trigger)
    );
    server.verify().await
}

async fn raw_sql_in_a_tracked_transaction(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let tx = server.db().begin().await?;
    tx.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    let id = tx.transaction_id().to_owned();
    tx.commit().await?;
    let logged = server.logged().await?;
    assert_eq!(note::told(&logged[0]), "insert 1 - a=one");
    assert_eq!(logged[0].transaction_id, id);
    Ok(())
}

async fn raw_sql_that_is_refused(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let refused = |error: sea_orm::DbErr| {
        matches!(
            CaptureError::of(&error),
            Some(CaptureError::Write(
                WriteRefusal::RawWrite { .. } | WriteRefusal::RawUnclear { .. }
            ))
        )
    };
    for sql in [
        "ALTER TABLE note ADD COLUMN more text",
        "DROP TABLE note",
        "DELETE FROM note; DELETE FROM task",
        "DELETE FROM note; DROP TABLE note",
        "DELETE FROM task WHERE id IN (SELECT 1 FROM note)",
    ] {
        let tx = server.db().begin().await?;
        let error = tx.execute_unprepared(sql).await.expect_err(sql);
        assert!(refused(error), "{sql}");
        tx.rollback().await?;
    }
    // Nor is it let through outside of one.
    let error = server.db().execute_unprepared("DROP TABLE note").await;
    assert!(refused(error.expect_err("no transaction")));
    Ok(())
}

async fn calls_that_run_no_hook(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let row = |id| note::ActiveModel {
        id: Set(id),
        book_id: Set(None),
        name: Set(format!("n{id}")),
        body: Set("one".to_owned()),
    };
    let tx = server.db().begin().await?;
    note::Entity::insert_many([row(1), row(2)])
        .exec(&tx)
        .await?;
    note::Entity::update_many()
        .col_expr(note::Column::Body, sea_orm::sea_query::Expr::val("two"))
        .filter(note::Column::Id.eq(2))
        .exec(&tx)
        .await?;
    note::Entity::delete_many()
        .filter(note::Column::Id.eq(1))
        .exec(&tx)
        .await?;
    let id = tx.transaction_id().to_owned();
    tx.commit().await?;
    assert_eq!(
        note::all_told(server).await?,
        [
            "insert 1 - n1=one",
            "insert 2 - n2=one",
            "update 2 n2=one n2=two",
            "delete 1 n1=one -"
        ]
    );
    assert!(
        server
            .logged()
            .await?
            .iter()
            .all(|change| change.transaction_id == id)
    );
    server.verify().await
}

async fn nothing_changed(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    db.execute_unprepared("UPDATE note SET body = 'one', name = name")
        .await?;
    db.execute_unprepared("DELETE FROM note WHERE id = 7")
        .await?;
    assert_eq!(note::all_told(server).await?.len(), 1);
    Ok(())
}

async fn a_key_that_changes(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    db.execute_unprepared("UPDATE note SET id = 2, body = 'two'")
        .await?;
    let told = note::all_told(server).await?;
    assert_eq!(told[1..], ["delete 1 a=one -", "insert 2 - a=two"]);
    server.verify().await
}

async fn an_upsert(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let upsert = |id, name: &str, body: &str| {
        let row = note::ActiveModel {
            id: Set(id),
            book_id: Set(None),
            name: Set(name.to_owned()),
            body: Set(body.to_owned()),
        };
        let conflict = OnConflict::column(note::Column::Name)
            .update_column(note::Column::Body)
            .to_owned();
        note::Entity::insert(row).on_conflict(conflict)
    };
    upsert(1, "a", "one").exec_without_returning(&db).await?;
    upsert(2, "a", "two").exec_without_returning(&db).await?;
    upsert(3, "a", "two").exec_without_returning(&db).await?;
    upsert(3, "b", "three").exec_without_returning(&db).await?;
    assert_eq!(
        note::all_told(server).await?,
        [
            "insert 1 - a=one",
            "update 1 a=one a=two",
            "insert 3 - b=three"
        ]
    );
    server.verify().await
}

/// On MariaDB a foreign key's action fires no trigger, so there it stays refused.
async fn cascades(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = server.db();
    // On MariaDB raw SQL that names the book would be refused, too.
    other(server)
        .await?
        .execute_unprepared("INSERT INTO book (id) VALUES (1)")
        .await?;
    let tx = db.begin().await?;
    tx.execute_unprepared("INSERT INTO note (id, book_id, name, body) VALUES (1, 1, 'a', 'one')")
        .await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    let deleted = tx.execute_unprepared("DELETE FROM book").await;
    if matches!(server.kind, Database::MariaDb(_)) {
        let error = deleted.expect_err("unrecorded");
        assert!(CaptureError::of(&error).is_some(), "{error}");
        return Ok(());
    }
    deleted?;
    let id = tx.transaction_id().to_owned();
    tx.commit().await?;
    assert_eq!(note::all_told(server).await?[1..], ["delete 1 a=one -"]);
    assert_eq!(server.logged().await?[1].transaction_id, id);
    server.verify().await
}

async fn truncate(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    if !matches!(server.kind, Database::Postgres(_)) {
        return Ok(());
    }
    let db = other(server).await?;
    db.execute_unprepared(
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'one'), (2, 'b', 'two')",
    )
    .await?;
    db.execute_unprepared("TRUNCATE note").await?;
    let mut told = note::all_told(server).await?[2..].to_vec();
    told.sort();
    assert_eq!(told, ["delete 1 a=one -", "delete 2 b=two -"]);
    server.verify().await
}

/// No value makes the user's write fail, and none is lost.
async fn awkward_values(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let large = "\u{1F6A2}\"\\\n\u{1}".repeat(120_000);
    let texts = [
        "",
        "\u{7f}\u{1f}\u{8}\t",
        "{\"a\":[1]}",
        "null",
        "t",
        "'; --",
        &large,
    ];
    for (id, text) in (1..).zip(texts) {
        let row = note::ActiveModel {
            id: Set(id),
            book_id: Set(None),
            name: Set(format!("n{id}")),
            body: Set(text.to_owned()),
        };
        note::Entity::insert(row)
            .exec_without_returning(&db)
            .await?;
    }
    for (change, text) in server.logged().await?.iter().zip(texts) {
        let body = change
            .after
            .as_ref()
            .and_then(|after| after["body"].as_str());
        assert!(
            body == Some(text),
            "{:?}",
            text.chars().take(20).collect::<String>()
        );
    }
    server.verify().await?;
    if matches!(server.kind, Database::Sqlite) {
        for (set, told) in [
            ("x'ff00'", serde_json::json!({ "$blob": "/wA=" })),
            (
                "CAST(x'ff41' AS TEXT)",
                serde_json::json!({ "$blob": "/0E=" }),
            ),
            ("'a' || char(0) || 'b'", serde_json::json!("a\0b")),
        ] {
            db.execute_unprepared(&format!("UPDATE note SET body = {set} WHERE id = 1"))
                .await?;
            let logged = server.logged().await?;
            let newest = logged.last().and_then(|change| change.after.as_ref());
            assert_eq!(newest.map(|after| &after["body"]), Some(&told));
        }
        // The driver switches foreign keys on.
        db.execute_unprepared("PRAGMA foreign_keys = OFF").await?;
        for (set, told) in [("9e999", "Inf"), ("'x'", "x"), ("1.5", "1.5")] {
            db.execute_unprepared(&format!("UPDATE note SET book_id = {set} WHERE id = 1"))
                .await?;
            let logged = server.logged().await?;
            let newest = logged.last().and_then(|change| change.after.as_ref());
            assert_eq!(
                newest.map(|after| &after["book_id"]),
                Some(&serde_json::json!({ "$text": told }))
            );
        }
        db.execute_unprepared("UPDATE note SET book_id = NULL WHERE id = 1")
            .await?;
        db.execute_unprepared("UPDATE note SET body = 'plain' WHERE id = 1")
            .await?;
    }
    Ok(())
}

async fn changes_are_found_by_key(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let tx = server.db().begin().await?;
    let row = a_comment(&task, "first").insert(&tx).await?;
    a_comment(&task, "second").insert(&tx).await?;
    tx.commit().await?;
    let found = server
        .client()
        .data(
            "query($key: Json!) { changes(key: $key) { nodes { after } } }",
            serde_json::json!({ "key": { "id": row.id } }),
        )
        .await?;
    let nodes = found["changes"]["nodes"].as_array().map_or(0, Vec::len);
    assert_eq!(nodes, 1, "{found}");
    let server = &note::start(server).await?;
    let db = other(server).await?;
    db.execute_unprepared(
        "INSERT INTO note (id, name, body) VALUES (9007199254740993, 'a', 'one')",
    )
    .await?;
    let found = server
        .client()
        .data(
            "query($key: Json!) { changes(key: $key) { nodes { after } } }",
            serde_json::json!({ "key": { "id": "9007199254740993" } }),
        )
        .await?;
    assert_eq!(
        found["changes"]["nodes"].as_array().map_or(0, Vec::len),
        1,
        "{found}"
    );
    Ok(())
}
