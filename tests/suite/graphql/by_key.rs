//! Coming back to one row: the log is read by the row's key where that finds all its changes, and gives
//! what the whole table's changes through the same filter give (invariant 4).

use sea_orm::{ConnectionTrait, DbBackend};
use seachange::changelog::{TableChange, change_tables};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, COMMENTS, LABELS, Names, PROJECTS, TASK_LABELS};
use super::watch::head;
use crate::triggers::{note, other};

seachange_testkit::cases![
    a_uuid,
    a_number,
    a_composite_key,
    by_triggers,
    a_key_of_another_spelling,
    a_key_under_another_name,
];

/// What a subscriber who comes back is told until it has caught up.
async fn told(
    server: &TestServer,
    (field, object): (&str, &str),
    after: &str,
    filters: Json,
) -> anyhow::Result<Vec<Json>> {
    let name = format!("{field}Changes");
    let query = format!(
        "subscription($after: String, $filters: {object}FilterInput) {{ \
         {name}(after: $after, filters: $filters) {{ \
         kind cursor key changedFields record {{ __typename }} previous {{ __typename }} }} }}"
    );
    let mut socket = server.socket().await?;
    let variables = json!({ "after": after, "filters": filters });
    socket.subscribe(&query, variables).await?;
    let mut items = Vec::new();
    loop {
        let item = socket.next().await?[&name].take();
        if item["kind"] == "CAUGHT_UP" {
            return Ok(items);
        }
        items.push(item);
    }
}

/// From every place on, the row alone is told of as the filter has it of all rows; how many changes
/// there were from the first.
async fn alike(
    server: &TestServer,
    names: (&str, &str),
    after: &str,
    filters: Json,
) -> anyhow::Result<usize> {
    // The same, but no index and no key follow from it.
    let whole = json!({ "or": [filters, filters] });
    let expected = told(server, names, after, whole).await?;
    let mut cursors = vec![after.to_owned()];
    for item in &expected {
        cursors.push(given::text(&item["cursor"])?);
    }
    for (n, cursor) in cursors.iter().enumerate() {
        let found = told(server, names, cursor, filters.clone()).await?;
        assert_eq!(found, expected[n..], "{filters} after {n}");
    }
    Ok(expected.len())
}

/// Updates two rows by turns.
async fn by_turns(client: &Client, names: Names, ids: [&Json; 2], column: &str) -> Outcome {
    for n in 0..3 {
        for id in ids {
            let data = json!({ column: format!("{id} {n}") });
            let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
            client.data(&names.update(), variables).await?;
        }
    }
    Ok(())
}

async fn a_uuid(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let one = PROJECTS.create(&client, json!({ "name": "one" })).await?;
    let two = PROJECTS.create(&client, json!({ "name": "two" })).await?;
    by_turns(&client, PROJECTS, [&one["id"], &two["id"]], "name").await?;
    let id = given::text(&one["id"])?;
    let variables = json!({ "filter": { "id": { "eq": id } } });
    client.data(&PROJECTS.delete(), variables).await?;
    let names = ("project", "Project");
    for spelled in [id.clone(), id.to_uppercase()] {
        for filter in [
            json!({ "id": { "eq": spelled } }),
            json!({ "id": { "is_in": [spelled] } }),
        ] {
            assert_eq!(alike(server, names, &after, filter).await?, 5);
        }
    }
    // The row enters the filter and leaves it.
    let filter = json!({ "id": { "eq": id }, "name": { "eq": format!("\"{id}\" 1") } });
    assert_eq!(alike(server, names, &after, filter).await?, 2);
    let filter = json!({ "id": { "eq": id, "is_in": [two["id"]] } });
    assert_eq!(alike(server, names, &after, filter).await?, 0);
    Ok(())
}

async fn a_number(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let one = LABELS.create(&client, json!({ "name": "one" })).await?;
    let two = LABELS.create(&client, json!({ "name": "two" })).await?;
    by_turns(&client, LABELS, [&one["id"], &two["id"]], "name").await?;
    let filter = json!({ "id": { "eq": one["id"] } });
    assert_eq!(alike(server, ("label", "Label"), &after, filter).await?, 4);
    Ok(())
}

async fn a_composite_key(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let task = given::task(&client, "t").await?;
    let labels = [
        LABELS.create(&client, json!({ "name": "one" })).await?,
        LABELS.create(&client, json!({ "name": "two" })).await?,
    ];
    for _ in 0..2 {
        for label in &labels {
            let link = json!({ "taskId": task, "labelId": label["id"] });
            TASK_LABELS.create(&client, link).await?;
        }
        let all = json!({ "all": true });
        client.data(&TASK_LABELS.delete(), all).await?;
    }
    let names = ("taskLabel", "TaskLabel");
    let filter = json!({ "taskId": { "eq": task }, "labelId": { "eq": labels[0]["id"] } });
    assert_eq!(alike(server, names, &after, filter).await?, 4);
    let filter = json!({ "taskId": { "eq": task } });
    assert_eq!(alike(server, names, &after, filter).await?, 8);
    Ok(())
}

async fn by_triggers(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let task = given::task(&client, "t").await?;
    let comment = |body: &str| json!({ "taskId": task, "author": "a", "body": body });
    let one = COMMENTS.create(&client, comment("one")).await?;
    let two = COMMENTS.create(&client, comment("two")).await?;
    by_turns(&client, COMMENTS, [&one["id"], &two["id"]], "body").await?;
    let filter = json!({ "id": { "eq": one["id"] } });
    let names = ("comment", "Comment");
    assert_eq!(alike(server, names, &after, filter).await?, 4);

    let server = &note::start(server).await?;
    let after = head(&server.client()).await?;
    let db = &other(server).await?;
    for sql in [
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'one'), (9007199254740993, 'b', 'one')",
        "UPDATE note SET body = 'two'",
        "DELETE FROM note",
    ] {
        db.execute_unprepared(sql).await?;
    }
    for id in [1, 9_007_199_254_740_993_i64] {
        let filter = json!({ "id": { "eq": id } });
        assert_eq!(alike(server, ("note", "Note"), &after, filter).await?, 3);
    }
    Ok(())
}

/// SQLite takes a UUID as text, too. Such a key is another one than the 16 bytes: SQL does not find the row by
/// them, and neither does a subscription.
async fn a_key_of_another_spelling(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let client = server.client();
    let after = head(&client).await?;
    given::task(&client, "t").await?;
    let id = uuid::Uuid::new_v4();
    let written = id.to_string().to_uppercase();
    let other = &other(server).await?;
    for sql in [
        format!(
            "INSERT INTO comment (id, task_id, author, body, created_at)
             SELECT '{written}', id, 'a', 'b', '2026-01-01T00:00:00+00:00' FROM task"
        ),
        format!("DELETE FROM comment WHERE id = '{written}'"),
    ] {
        other.execute_unprepared(&sql).await?;
    }
    let filter = json!({ "id": { "eq": id } });
    let found = alike(server, ("comment", "Comment"), &after, filter).await?;
    assert_eq!(found, 0);
    Ok(())
}

async fn a_key_under_another_name(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let after = head(&server.client()).await?;
    let db = &other(server).await?;
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (1, 'a', 'one')")
        .await?;
    let renamed = TableChange::of("note").rename("id", "number");
    let sql = "ALTER TABLE note RENAME COLUMN id TO number";
    alter(db, renamed, sql).await?;
    db.execute_unprepared("UPDATE note SET body = 'two' WHERE number = 1")
        .await?;
    let renamed = TableChange::of("note").rename("number", "id");
    let sql = "ALTER TABLE note RENAME COLUMN number TO id";
    alter(db, renamed, sql).await?;
    db.execute_unprepared("UPDATE note SET body = 'three' WHERE id = 1")
        .await?;
    let filter = json!({ "id": { "eq": 1 } });
    assert_eq!(alike(server, ("note", "Note"), &after, filter).await?, 3);
    Ok(())
}

async fn alter(db: &sea_orm::DatabaseConnection, table: TableChange, sql: &'static str) -> Outcome {
    change_tables(db, &[table], |db| {
        Box::pin(async move {
            db.execute_unprepared(sql).await?;
            Ok(())
        })
    })
    .await?;
    Ok(())
}
