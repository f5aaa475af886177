//! `…CreateOne` and `…CreateBatch`: the rows they answer, and their changes.

use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, Names, PROJECTS, TASK_LABELS, TASKS};
use super::watch::Watch;

seachange_testkit::cases![
    one_of_each,
    defaults,
    own_keys,
    own_integer_keys,
    a_batch,
    an_empty_batch,
    a_batch_is_all_or_nothing,
    the_largest_batch,
    managed_columns_are_no_input,
    what_is_required,
    one_value_for_a_list,
    two_mutations_in_one_request,
];

/// The change is the insert of this row.
fn assert_inserted(change: &Json, entity: &str, key: &Json, row: &Json) {
    let image = given::image(row);
    assert_eq!(change["entity"], entity);
    assert_eq!(change["key"], *key, "{change}");
    assert_eq!(change["operation"], "INSERT");
    assert_eq!(change["before"], Json::Null);
    assert_eq!(change["after"], image);
    assert_eq!(change["changedFields"], json!(given::columns(&image)));
    for absent in ["actor", "mutationId", "metadata"] {
        assert_eq!(change[absent], Json::Null, "{absent}");
    }
    assert_eq!(change["source"], source_of(entity));
    assert_time(&change["recordedAt"]);
}

/// How the table is captured.
pub fn source_of(entity: &str) -> &'static str {
    match entity {
        "comment" => "trigger",
        _ => "hook",
    }
}

/// RFC 3339, UTC, microseconds.
pub fn assert_time(time: &Json) {
    let text = time.as_str().unwrap_or_default();
    assert!(chrono::DateTime::parse_from_rfc3339(text).is_ok(), "{time}");
    assert_eq!((text.len(), text.ends_with('Z')), (27, true), "{time}");
}

async fn one_of_each(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let project = json!({ "name": "Ship", "owner": "ann", "archived": true });
    let project = PROJECTS.create(&client, project).await?;
    let values = json!({
        "projectId": project["id"], "title": "Hoist", "body": "the sails", "status": "doing",
        "priority": -3, "estimate": "12.50", "dueOn": "2026-02-28",
        "details": { "b": [1, 2.5, null, "x"], "a": { "deep": true } }, "owner": "bob",
    });
    let task = TASKS.create(&client, values.clone()).await?;
    for (field, value) in values.as_object().into_iter().flatten() {
        assert_eq!(task[field], *value, "{field}");
    }
    let comment = json!({ "taskId": task["id"], "author": "cy", "body": "Aye" });
    let comment = COMMENTS.create(&client, comment).await?;
    let label = LABELS.create(&client, json!({ "name": "urgent" })).await?;
    let link = json!({ "taskId": task["id"], "labelId": label["id"] });
    let link = TASK_LABELS.create(&client, link).await?;
    let changes = watch.read().await?;
    let label_id = given::text(&label["id"])?;
    let expected = [
        ("project", json!({ "id": project["id"] }), &project),
        ("task", json!({ "id": task["id"] }), &task),
        ("comment", json!({ "id": comment["id"] }), &comment),
        ("label", json!({ "id": label_id }), &label),
        (
            "task_label",
            json!({ "task_id": task["id"], "label_id": label_id }),
            &link,
        ),
    ];
    assert_eq!(changes.len(), expected.len());
    for (change, (entity, key, row)) in changes.iter().zip(&expected) {
        assert_inserted(change, entity, key, row);
    }
    for (one, other) in changes.iter().zip(&changes[1..]) {
        assert_ne!(one["transactionId"], other["transactionId"]);
        assert_ne!(one["cursor"], other["cursor"]);
    }
    Ok(())
}

async fn defaults(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = PROJECTS.create(&client, json!({ "name": "Ship" })).await?;
    assert_eq!(
        (&project["archived"], &project["owner"]),
        (&json!(false), &Json::Null)
    );
    let id: Uuid = given::text(&project["id"])?.parse()?;
    assert_eq!(id.get_version_num(), 7);
    assert_time(&project["createdAt"]);
    assert_eq!(project["createdAt"], project["updatedAt"]);
    for data in [
        json!({ "projectId": id, "title": "t" }),
        json!({ "projectId": id, "title": "t", "id": null, "status": null, "priority": null }),
    ] {
        let task = TASKS.create(&client, data).await?;
        assert_eq!(
            (&task["status"], &task["priority"]),
            (&json!("todo"), &json!(0))
        );
        assert!(task["id"].is_string());
        for nullable in ["body", "estimate", "dueOn", "details", "owner"] {
            assert_eq!(task[nullable], Json::Null, "{nullable}");
        }
    }
    Ok(())
}

async fn own_keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = Uuid::new_v4();
    let upper = id.to_string().to_uppercase();
    let row = PROJECTS
        .create(&client, json!({ "id": upper, "name": "Ship" }))
        .await?;
    assert_eq!(row["id"], id.to_string(), "hyphenated lower case");
    let again = json!({ "data": { "id": id, "name": "again" } });
    assert_eq!(
        client.code(&PROJECTS.create_one(), again).await?,
        "CONFLICT"
    );
    let beyond_floats = 9_007_199_254_740_993_i64;
    let label = LABELS
        .create(&client, json!({ "id": beyond_floats, "name": "far" }))
        .await?;
    assert_eq!(label["id"], beyond_floats.to_string());
    Ok(())
}

async fn own_integer_keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    for id in [i64::MIN, -1, 0, 500] {
        let data = json!({ "data": { "id": id, "name": format!("label {id}") } });
        let answer = client.send(&LABELS.create_one(), data).await?;
        let changes = watch.read().await?;
        // MariaDB counts up from 1: what it would not keep as it is, is refused.
        if matches!(server.kind, Database::MariaDb(_)) && id < 1 {
            assert_eq!((answer.code()?, changes.len()), ("BAD_INPUT", 0), "{id}");
            continue;
        }
        assert_eq!(answer.data()?["row"]["id"], id.to_string());
        assert_eq!(changes[0]["key"], json!({ "id": id.to_string() }));
    }
    Ok(())
}

async fn a_batch(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let mut watch = Watch::start(server).await?;
    let data: Vec<Json> = (0..3)
        .map(|n| json!({ "projectId": project, "title": format!("t{n}"), "priority": n }))
        .collect();
    let rows = TASKS.create_all(&client, json!(data)).await?;
    let changes = watch.read().await?;
    assert_eq!(rows.len(), 3);
    assert_eq!(changes.len(), 3);
    for (n, (row, change)) in rows.iter().zip(&changes).enumerate() {
        assert_eq!(row["title"], format!("t{n}"), "in the order given");
        assert_inserted(change, "task", &json!({ "id": row["id"] }), row);
        assert_eq!(change["transactionId"], changes[0]["transactionId"]);
    }
    Ok(())
}

async fn an_empty_batch(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let rows = TASKS.create_all(&server.client(), json!([])).await?;
    assert_eq!(rows.len(), 0);
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn a_batch_is_all_or_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let mut watch = Watch::start(server).await?;
    let fine = |title: &str| json!({ "projectId": project, "title": title });
    let twice = json!({ "id": Uuid::new_v4(), "projectId": project, "title": "twice" });
    let orphan = json!({ "projectId": Uuid::new_v4(), "title": "orphan" });
    let malformed = json!({ "projectId": project, "title": "late", "dueOn": "2026-02-30" });
    for (data, code) in [
        (json!([fine("a"), twice, twice]), "CONFLICT"),
        (json!([fine("a"), orphan, fine("b")]), "CONFLICT"),
        (json!([fine("a"), malformed]), "BAD_INPUT"),
    ] {
        assert_eq!(
            client
                .code(&TASKS.create_batch(), json!({ "data": data }))
                .await?,
            code
        );
    }
    assert_eq!(watch.read().await?.len(), 0);
    assert_eq!(TASKS.find(&client, json!({})).await?.len(), 0);
    Ok(())
}

async fn the_largest_batch(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = |count: usize| -> Vec<Json> { vec![json!({ "name": "p" }); count] };
    let query = PROJECTS.create_batch();
    assert_eq!(
        client.code(&query, json!({ "data": rows(1_001) })).await?,
        "LIMIT_EXCEEDED"
    );
    assert_eq!(PROJECTS.find(&client, json!({})).await?.len(), 0);
    let made = PROJECTS.create_all(&client, json!(rows(1_000))).await?;
    assert_eq!(made.len(), 1_000);
    assert_eq!(PROJECTS.find(&client, json!({})).await?.len(), 1_000);
    Ok(())
}

async fn managed_columns_are_no_input(server: &TestServer) -> Outcome {
    let client = server.client();
    let now = "2026-01-01T00:00:00.000000Z";
    for field in ["createdAt", "updatedAt"] {
        let data = json!({ "data": { "name": "Ship", field: now } });
        assert_eq!(
            client.code(&PROJECTS.create_one(), data).await?,
            "BAD_INPUT",
            "{field}"
        );
        let data = json!({ "data": { field: now }, "all": true });
        assert_eq!(
            client.code(&PROJECTS.update(), data).await?,
            "BAD_INPUT",
            "{field}"
        );
    }
    Ok(())
}

async fn what_is_required(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let project = given::project(&client, "p").await?;
    let whole: [(Names, Json, &[&str]); 4] = [
        (PROJECTS, json!({ "name": "x" }), &["name"]),
        (
            TASKS,
            json!({ "projectId": project, "title": "x" }),
            &["projectId", "title"],
        ),
        (
            COMMENTS,
            json!({ "taskId": task, "author": "a", "body": "b" }),
            &["taskId", "author", "body"],
        ),
        (
            TASK_LABELS,
            json!({ "taskId": task, "labelId": 1 }),
            &["taskId", "labelId"],
        ),
    ];
    for (names, data, required) in whole {
        for field in required {
            let mut without = data.clone();
            without.as_object_mut().map(|data| data.remove(*field));
            let mut null = data.clone();
            null[field] = Json::Null;
            for data in [without, null] {
                let code = client
                    .code(&names.create_one(), json!({ "data": data }))
                    .await?;
                assert_eq!(code, "BAD_INPUT", "{names:?} {data}");
            }
        }
    }
    Ok(())
}

async fn one_value_for_a_list(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = PROJECTS
        .create_all(&client, json!({ "name": "alone" }))
        .await?;
    assert_eq!(rows.len(), 1);
    let query = r#"mutation { projectCreateBatch(data: { name: "literal" }) { name } }"#;
    let data = client.data(query, json!({})).await?;
    assert_eq!(data["projectCreateBatch"], json!([{ "name": "literal" }]));
    Ok(())
}

async fn two_mutations_in_one_request(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let query = r#"mutation {
        a: projectCreateOne(data: { name: "one" }) { id }
        b: labelCreateOne(data: { name: "two" }) { id }
        c: labelCreateOne(data: { name: "two" }) { id }
    }"#;
    // The third fails; each is a transaction of its own, so the first two stay.
    assert_eq!(client.send(query, json!({})).await?.code()?, "CONFLICT");
    let changes = watch.read().await?;
    let names: Vec<&Json> = changes
        .iter()
        .map(|change| &change["after"]["name"])
        .collect();
    assert_eq!(names, ["one", "two"]);
    assert_ne!(changes[0]["transactionId"], changes[1]["transactionId"]);
    Ok(())
}
