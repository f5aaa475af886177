//! `…Update`: the rows it answers, what it records, what it refuses.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASK_LABELS, TASKS};
use super::watch::Watch;

seachange_testkit::cases![
    each_column,
    several_rows,
    every_row_by_all,
    all_beside_a_condition,
    nothing_changed_nothing_recorded,
    nothing_matches,
    keys_stay,
    null_only_where_it_may_be,
    rows_that_stop_matching,
    more_rows_than_allowed,
];

/// The filter of one row.
fn by_id(id: &Json) -> Json {
    json!({ "id": { "eq": id } })
}

async fn each_column(server: &TestServer) -> Outcome {
    let client = server.client();
    let other = given::project(&client, "Other").await?;
    let id = json!(given::task(&client, "Hoist").await?);
    let mut before = TASKS
        .find(&client, json!({ "filters": by_id(&id) }))
        .await?
        .remove(0);
    let mut watch = Watch::start(server).await?;
    for (field, value) in [
        ("projectId", json!(other)),
        ("title", json!("Höist the säils 🏴")),
        ("title", json!("")),
        ("body", json!("text")),
        ("status", json!("done")),
        ("priority", json!(i32::MIN)),
        ("estimate", json!("99999999.99")),
        ("dueOn", json!("2024-02-29")),
        (
            "details",
            json!({ "a": [null, true, 0.1, 1e300, { "\u{1}\"": "\\" }] }),
        ),
        ("details", json!("only text")),
        ("details", json!([])),
        ("owner", json!(" ann ")),
        ("body", Json::Null),
        ("estimate", Json::Null),
        ("dueOn", Json::Null),
        ("details", Json::Null),
        ("owner", Json::Null),
    ] {
        let variables = json!({ "data": { field: value }, "filter": by_id(&id) });
        let data = client.data(&TASKS.update(), variables).await?;
        let row = &data["rows"][0];
        assert_eq!(
            (&row[field], data["rows"].as_array().map(Vec::len)),
            (&value, Some(1))
        );
        let change = watch.only().await?;
        assert_eq!(
            (&change["entity"], &change["operation"]),
            (&json!("task"), &json!("UPDATE"))
        );
        assert_eq!(change["key"], json!({ "id": id }));
        assert_eq!(change["before"], given::image(&before), "{field}");
        assert_eq!(change["after"], given::image(row), "{field}");
        let image = given::image(&json!({ field: value, "updatedAt": "" }));
        assert_eq!(
            change["changedFields"],
            json!(given::columns(&image)),
            "{field}"
        );
        assert!(row["updatedAt"].as_str() > before["updatedAt"].as_str());
        assert_eq!(row["createdAt"], before["createdAt"]);
        before = row.clone();
    }
    Ok(())
}

async fn several_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    let names = json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]);
    PROJECTS.create_all(&client, names).await?;
    let mut watch = Watch::start(server).await?;
    let variables = json!({
        "data": { "owner": "ann", "archived": true },
        "filter": { "or": [{ "name": { "eq": "a" } }, { "name": { "eq": "c" } }] },
    });
    let rows = given::list(client.data(&PROJECTS.update(), variables).await?["rows"].take())?;
    let changes = watch.read().await?;
    assert_eq!((rows.len(), changes.len()), (2, 2));
    for (row, change) in rows.iter().zip(&changes) {
        assert_eq!(change["after"], given::image(row));
        assert_eq!(
            change["changedFields"],
            json!(["archived", "owner", "updated_at"])
        );
        assert_eq!(change["transactionId"], changes[0]["transactionId"]);
    }
    Ok(())
}

/// Filters that are empty as a whole, and so name no condition.
pub fn empty_filters() -> Vec<Json> {
    vec![Json::Null, json!({}), json!({ "and": [] })]
}

async fn every_row_by_all(server: &TestServer) -> Outcome {
    let client = server.client();
    PROJECTS
        .create_all(&client, json!([{ "name": "a" }, { "name": "b" }]))
        .await?;
    let mut watch = Watch::start(server).await?;
    for (number, filter) in empty_filters().into_iter().enumerate() {
        let data = json!({ "owner": format!("owner {number}") });
        for all in [Json::Null, json!(false)] {
            let variables = json!({ "data": data, "filter": filter, "all": all });
            assert_eq!(
                client.code(&PROJECTS.update(), variables).await?,
                "BAD_INPUT",
                "{filter}"
            );
        }
        assert_eq!(watch.read().await?.len(), 0);
        let variables = json!({ "data": data, "filter": filter, "all": true });
        let answer = client.data(&PROJECTS.update(), variables).await?;
        assert_eq!(answer["rows"].as_array().map(Vec::len), Some(2), "{filter}");
        assert_eq!(watch.read().await?.len(), 2, "{filter}");
    }
    let code = client
        .code(r#"mutation { projectUpdate(data: {}) { id } }"#, json!({}))
        .await?;
    assert_eq!(code, "BAD_INPUT");
    Ok(())
}

async fn all_beside_a_condition(server: &TestServer) -> Outcome {
    let client = server.client();
    PROJECTS
        .create_all(&client, json!([{ "name": "a" }, { "name": "b" }]))
        .await?;
    let variables =
        json!({ "data": { "owner": "x" }, "filter": { "name": { "eq": "a" } }, "all": true });
    let data = client.data(&PROJECTS.update(), variables).await?;
    assert_eq!(
        data["rows"].as_array().map(Vec::len),
        Some(1),
        "the condition still counts"
    );
    Ok(())
}

async fn nothing_changed_nothing_recorded(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let values = json!({
        "projectId": project, "title": "t", "body": "", "status": "doing", "priority": 7,
        "estimate": "1.50", "dueOn": "2026-01-01", "details": { "a": 1, "b": [2.0] }, "owner": "o",
    });
    let row = TASKS.create(&client, values.clone()).await?;
    let mut watch = Watch::start(server).await?;
    for data in [
        json!({}),
        values,
        json!({ "estimate": "1.5" }),
        json!({ "estimate": "+1.500" }),
        json!({ "details": { "b": [2.0], "a": 1 } }),
        json!({ "projectId": project.to_uppercase() }),
        json!({ "id": row["id"], "title": "t" }),
    ] {
        let variables = json!({ "data": data, "filter": by_id(&row["id"]) });
        let answer = client.send(&TASKS.update(), variables).await?;
        // A spelling that is not the image's may be refused, but never recorded.
        if let Ok(answer) = answer.data() {
            assert_eq!(answer["rows"], json!([row]), "{data}");
        } else {
            assert_eq!(
                (answer.code()?, &data),
                ("BAD_INPUT", &json!({ "estimate": "+1.500" }))
            );
        }
        assert_eq!(watch.read().await?.len(), 0, "{data}");
    }
    Ok(())
}

async fn nothing_matches(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "Ship").await?;
    let mut watch = Watch::start(server).await?;
    for filter in [
        json!({ "name": { "eq": "Shop" } }),
        json!({ "name": { "is_in": [] } }),
        json!({ "id": { "eq": Uuid::new_v4() } }),
        json!({ "name": { "eq": "Ship", "ne": "Ship" } }),
    ] {
        let variables = json!({ "data": { "name": "x" }, "filter": filter });
        let data = client.data(&PROJECTS.update(), variables).await?;
        assert_eq!(data["rows"], json!([]), "{filter}");
    }
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn keys_stay(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let made = LABELS
        .create_all(&client, json!([{ "name": "a" }, { "name": "b" }]))
        .await?;
    let (a, b) = (&made[0]["id"], &made[1]["id"]);
    let link = TASK_LABELS
        .create(&client, json!({ "taskId": task, "labelId": a }))
        .await?;
    let mut watch = Watch::start(server).await?;
    for (names, data, all) in [
        (TASKS, json!({ "id": Uuid::new_v4(), "title": "new" }), true),
        (LABELS, json!({ "id": 77 }), true),
        (TASK_LABELS, json!({ "labelId": b }), true),
    ] {
        let variables = json!({ "data": data, "all": all });
        assert_eq!(
            client.code(&names.update(), variables).await?,
            "BAD_INPUT",
            "{data}"
        );
    }
    let same = json!({ "data": { "taskId": task, "labelId": a }, "all": true });
    let data = client.data(&TASK_LABELS.update(), same).await?;
    assert_eq!(data["rows"], json!([link]));
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn null_only_where_it_may_be(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let comment = json!({ "taskId": task, "author": "a", "body": "b" });
    COMMENTS.create(&client, comment).await?;
    for (names, fields) in [
        (
            TASKS,
            ["id", "projectId", "title", "status", "priority"].as_slice(),
        ),
        (PROJECTS, &["name", "archived"]),
        (COMMENTS, &["author", "body", "taskId"]),
    ] {
        for field in fields {
            let variables = json!({ "data": { *field: null }, "all": true });
            assert_eq!(
                client.code(&names.update(), variables).await?,
                "BAD_INPUT",
                "{field}"
            );
        }
    }
    Ok(())
}

async fn rows_that_stop_matching(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = vec![json!({ "name": "open" }); 600];
    let made = PROJECTS.create_all(&client, json!(rows)).await?;
    let variables = json!({
        "data": { "name": "closed" }, "filter": { "name": { "eq": "open" } },
    });
    // More than one chunk, and each row leaves the filter as it is written.
    let data = client.data(&PROJECTS.update(), variables).await?;
    assert_eq!(data["rows"].as_array().map(Vec::len), Some(made.len()));
    let closed = json!({ "filters": { "name": { "eq": "closed" } } });
    assert_eq!(PROJECTS.find(&client, closed).await?.len(), made.len());
    Ok(())
}

async fn more_rows_than_allowed(server: &TestServer) -> Outcome {
    let few = server
        .beside(|settings| settings.limits.write_rows = 2)
        .await?;
    let client = few.client();
    let names = json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]);
    PROJECTS.create_all(&client, names).await?;
    let mut watch = Watch::start(server).await?;
    let variables = json!({ "data": { "name": "x" }, "all": true });
    assert_eq!(
        client.code(&PROJECTS.update(), variables).await?,
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        client
            .code(&PROJECTS.delete(), json!({ "all": true }))
            .await?,
        "LIMIT_EXCEEDED"
    );
    assert_eq!(watch.read().await?.len(), 0);
    let filter = json!({ "name": { "ne": "c" } });
    let data = client
        .data(&PROJECTS.delete(), json!({ "filter": filter }))
        .await?;
    assert_eq!(data["count"], 2);
    few.stop().await
}
