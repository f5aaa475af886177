//! `taskChanges`: rows through a filter, entering, changing and leaving it.

pub mod filters;

use seachange_testkit::{Client, Outcome, Socket, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASK, TASK_LABELS, TASKS};
use super::watch::head;

seachange_testkit::cases![
    whole_rows,
    entering_and_leaving,
    only_this_entity,
    composite_keys,
    initial_rows,
    initial_rows_of_an_empty_table,
    initial_rows_page_by_page,
    after_a_cursor,
    caught_up_only_if_asked,
    both_starts_at_once,
];

/// Every field of an item.
pub const ITEM: &str = "kind cursor key changedFields actor transactionId recordedAt";

/// A subscriber to one entity.
pub struct Records {
    socket: Socket,
    field: String,
}

impl Records {
    /// Subscribes to tasks with these arguments: `after`, `filters`, `includeInitial`.
    pub async fn of_tasks(server: &TestServer, arguments: Json) -> anyhow::Result<Self> {
        let query = format!(
            "subscription($after: String, $filters: TaskFilterInput, $includeInitial: Boolean) {{ \
             taskChanges(after: $after, filters: $filters, includeInitial: $includeInitial) {{ \
             {ITEM} record {{ {TASK} }} previous {{ {TASK} }} }} }}"
        );
        Self::on(server.socket().await?, "taskChanges", &query, arguments).await
    }

    async fn on(
        mut socket: Socket,
        field: &str,
        query: &str,
        arguments: Json,
    ) -> anyhow::Result<Self> {
        socket.subscribe(query, arguments).await?;
        Ok(Self {
            socket,
            field: field.to_owned(),
        })
    }

    /// The next item.
    pub async fn next(&mut self) -> anyhow::Result<Json> {
        Ok(self.socket.next().await?[&self.field].take())
    }

    /// The next items up to and with CAUGHT_UP.
    pub async fn until_caught_up(&mut self) -> anyhow::Result<Vec<Json>> {
        let mut items = Vec::new();
        loop {
            items.push(self.next().await?);
            if items.last().is_some_and(|item| item["kind"] == "CAUGHT_UP") {
                return Ok(items);
            }
        }
    }
}

/// A project's id and a function of its tasks' inputs.
async fn ship(client: &Client) -> anyhow::Result<String> {
    given::project(client, "Ship").await
}

async fn set(client: &Client, id: &Json, data: Json) -> anyhow::Result<Json> {
    let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
    Ok(client.data(&TASKS.update(), variables).await?["rows"][0].take())
}

async fn remove(client: &Client, id: &Json) -> Outcome {
    let variables = json!({ "filter": { "id": { "eq": id } } });
    client.data(&TASKS.delete(), variables).await?;
    Ok(())
}

async fn whole_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let mut records = Records::of_tasks(server, json!({ "after": head(&client).await? })).await?;
    assert_eq!(records.next().await?["kind"], "CAUGHT_UP");
    let row = json!({
        "projectId": project, "title": "Höist", "body": "b", "status": "doing", "priority": 3,
        "estimate": "1.50", "dueOn": "2026-02-01", "details": { "a": [1] }, "owner": "o",
    });
    let inserted = TASKS.create(&client, row).await?;
    let item = records.next().await?;
    assert_eq!(
        (&item["kind"], &item["record"], &item["previous"]),
        (&json!("INSERT"), &inserted, &Json::Null)
    );
    assert_eq!(item["key"], json!({ "id": inserted["id"] }));
    assert_eq!(item["changedFields"].as_array().map(Vec::len), Some(12));
    super::create::assert_time(&item["recordedAt"]);
    let updated = set(&client, &inserted["id"], json!({ "owner": null })).await?;
    let item = records.next().await?;
    assert_eq!(
        (&item["kind"], &item["record"], &item["previous"]),
        (&json!("UPDATE"), &updated, &inserted)
    );
    assert_eq!(item["changedFields"], json!(["owner", "updated_at"]));
    remove(&client, &inserted["id"]).await?;
    let item = records.next().await?;
    assert_eq!(
        (&item["kind"], &item["record"], &item["previous"]),
        (&json!("DELETE"), &Json::Null, &updated)
    );
    Ok(())
}

async fn entering_and_leaving(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let arguments =
        json!({ "after": head(&client).await?, "filters": { "status": { "eq": "doing" } } });
    let mut records = Records::of_tasks(server, arguments).await?;
    assert_eq!(records.next().await?["kind"], "CAUGHT_UP");
    let outside = TASKS
        .create(&client, json!({ "projectId": project, "title": "t" }))
        .await?;
    let id = &outside["id"];
    let still_outside = set(&client, id, json!({ "title": "u" })).await?;
    let entered = set(&client, id, json!({ "status": "doing" })).await?;
    let changed = set(&client, id, json!({ "priority": 5 })).await?;
    let left = set(&client, id, json!({ "status": "done" })).await?;
    let back = set(&client, id, json!({ "status": "doing", "title": "v" })).await?;
    remove(&client, id).await?;
    assert_eq!(
        (&still_outside["title"], &left["status"]),
        (&json!("u"), &json!("done"))
    );
    for (kind, record, previous) in [
        ("INSERT", &entered, &Json::Null),
        ("UPDATE", &changed, &entered),
        ("DELETE", &Json::Null, &changed),
        ("INSERT", &back, &Json::Null),
        ("DELETE", &Json::Null, &back),
    ] {
        let item = records.next().await?;
        assert_eq!(
            (&item["kind"], &item["record"], &item["previous"]),
            (&json!(kind), record, previous)
        );
        assert_eq!(item["key"], json!({ "id": id }));
        assert!(item["transactionId"].is_string());
    }
    let gone = TASKS
        .create(
            &client,
            json!({ "projectId": project, "title": "x", "status": "done" }),
        )
        .await?;
    remove(&client, &gone["id"]).await?;
    let last = TASKS
        .create(
            &client,
            json!({ "projectId": project, "title": "y", "status": "doing" }),
        )
        .await?;
    assert_eq!(
        records.next().await?["record"],
        last,
        "what never matched never came"
    );
    Ok(())
}

async fn only_this_entity(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut records = Records::of_tasks(server, json!({ "after": "0" })).await?;
    assert_eq!(records.next().await?["kind"], "CAUGHT_UP");
    PROJECTS.create(&client, json!({ "name": "p" })).await?;
    LABELS.create(&client, json!({ "name": "l" })).await?;
    let task = given::task(&client, "t").await?;
    COMMENTS
        .create(
            &client,
            json!({ "taskId": task, "author": "a", "body": "b" }),
        )
        .await?;
    assert_eq!(records.next().await?["record"]["id"], task);
    remove(&client, &json!(task))
        .await
        .expect_err("it has a comment");
    set(&client, &json!(task), json!({ "title": "u" })).await?;
    assert_eq!(records.next().await?["record"]["title"], "u");
    Ok(())
}

async fn composite_keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let label = LABELS.create(&client, json!({ "name": "l" })).await?;
    let query = "subscription($after: String) { taskLabelChanges(after: $after) { kind key record { taskId labelId } previous { taskId labelId } } }";
    let after = json!({ "after": head(&client).await? });
    let mut records = Records::on(server.socket().await?, "taskLabelChanges", query, after).await?;
    let caught_up = json!({ "kind": "CAUGHT_UP", "key": null, "record": null, "previous": null });
    assert_eq!(records.next().await?, caught_up);
    let link = TASK_LABELS
        .create(&client, json!({ "taskId": task, "labelId": label["id"] }))
        .await?;
    client
        .data(&TASK_LABELS.delete(), json!({ "all": true }))
        .await?;
    let key = json!({ "task_id": task, "label_id": label["id"] });
    let nothing = Json::Null;
    for (kind, record, previous) in [("INSERT", &link, &nothing), ("DELETE", &nothing, &link)] {
        let item = records.next().await?;
        let expected = json!({ "kind": kind, "key": key, "record": record, "previous": previous });
        assert_eq!(item, expected);
    }
    Ok(())
}

async fn initial_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let row = |title: &str, priority: i32| json!({ "projectId": project, "title": title, "priority": priority });
    let rows = json!([row("a", 1), row("b", 2), row("c", 3)]);
    let rows = TASKS.create_all(&client, rows).await?;
    let snapshot = head(&client).await?;
    let arguments = json!({ "includeInitial": true, "filters": { "priority": { "gt": 1 } } });
    let mut records = Records::of_tasks(server, arguments).await?;
    let items = records.until_caught_up().await?;
    assert_eq!(items.len(), 3);
    for (item, row) in items.iter().zip(&rows[1..]) {
        let expected = json!({
            "kind": "INITIAL", "cursor": snapshot, "key": { "id": row["id"] }, "record": row,
            "previous": null, "changedFields": [], "actor": null, "transactionId": null, "recordedAt": null,
        });
        assert_eq!(*item, expected);
    }
    let caught_up = json!({
        "kind": "CAUGHT_UP", "cursor": snapshot, "key": null, "record": null, "previous": null,
        "changedFields": [], "actor": null, "transactionId": null, "recordedAt": null,
    });
    assert_eq!(items[2], caught_up);
    set(&client, &rows[0]["id"], json!({ "priority": 9 })).await?;
    set(&client, &rows[1]["id"], json!({ "priority": 0 })).await?;
    assert_eq!(records.next().await?["kind"], "INSERT");
    assert_eq!(records.next().await?["kind"], "DELETE");
    Ok(())
}

async fn initial_rows_of_an_empty_table(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut records = Records::of_tasks(server, json!({ "includeInitial": true })).await?;
    assert_eq!(records.until_caught_up().await?.len(), 1);
    let task = given::task(&client, "t").await?;
    let item = records.next().await?;
    assert_eq!(
        (&item["kind"], &item["record"]["id"]),
        (&json!("INSERT"), &json!(task))
    );
    Ok(())
}

async fn initial_rows_page_by_page(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    // Exactly two of the server's pages, with keys in no order.
    let rows: Vec<Json> = (0..1_000)
        .map(|n| json!({ "id": Uuid::new_v4(), "projectId": project, "title": n.to_string() }))
        .collect();
    let mut made = TASKS.create_all(&client, json!(rows)).await?;
    let mut records = Records::of_tasks(server, json!({ "includeInitial": true })).await?;
    let items = records.until_caught_up().await?;
    let mut initial: Vec<Json> = items.iter().map(|item| item["record"].clone()).collect();
    assert_eq!(initial.pop(), Some(Json::Null));
    made.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    initial.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    assert_eq!(initial, made);
    Ok(())
}

async fn after_a_cursor(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let start = head(&client).await?;
    let task = TASKS
        .create(&client, json!({ "projectId": project, "title": "a" }))
        .await?;
    let between = head(&client).await?;
    set(&client, &task["id"], json!({ "title": "b" })).await?;
    let end = head(&client).await?;
    let mut waiting = Vec::new();
    for (after, expected) in [
        ("0", "INSERT UPDATE CAUGHT_UP"),
        (start.as_str(), "INSERT UPDATE CAUGHT_UP"),
        (between.as_str(), "UPDATE CAUGHT_UP"),
        (end.as_str(), "CAUGHT_UP"),
    ] {
        // `includeInitial: false` beside a cursor is no contradiction.
        for initial in [Json::Null, json!(false)] {
            let arguments = json!({ "after": after, "includeInitial": initial });
            let mut records = Records::of_tasks(server, arguments).await?;
            let items = records.until_caught_up().await?;
            let kinds: Vec<&str> = items
                .iter()
                .filter_map(|item| item["kind"].as_str())
                .collect();
            assert_eq!(kinds.join(" "), expected, "{after}");
            // Its cursor continues where the replay ended.
            let caught_up = &items[items.len() - 1]["cursor"];
            let mut again = Records::of_tasks(server, json!({ "after": caught_up })).await?;
            assert_eq!(again.until_caught_up().await?.len(), 1);
            waiting.extend([records, again]);
        }
    }
    let row = TASKS
        .create(&client, json!({ "projectId": project, "title": "c" }))
        .await?;
    for mut records in waiting {
        assert_eq!(records.next().await?["record"], row);
    }
    Ok(())
}

async fn caught_up_only_if_asked(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let rows = [
        json!({}),
        json!({ "includeInitial": false }),
        json!({ "after": null, "includeInitial": null }),
    ];
    for arguments in rows {
        let mut records = Records::of_tasks(server, arguments).await?;
        let runs = std::sync::atomic::AtomicBool::new(false);
        let reading = async {
            let first = records.next().await;
            runs.store(true, std::sync::atomic::Ordering::Relaxed);
            first
        };
        let writing = async {
            while !runs.load(std::sync::atomic::Ordering::Relaxed) {
                TASKS
                    .create(&client, json!({ "projectId": project, "title": "t" }))
                    .await?;
            }
            anyhow::Ok(())
        };
        let (first, written) = tokio::join!(reading, writing);
        written?;
        assert_eq!(first?["kind"], "INSERT", "no CAUGHT_UP");
    }
    Ok(())
}

async fn both_starts_at_once(server: &TestServer) -> Outcome {
    let after = head(&server.client()).await?;
    let mut socket = server.socket().await?;
    let query = "subscription($after: String) { taskChanges(after: $after, includeInitial: true) { kind } }";
    for after in ["0", &after, "nonsense"] {
        let code = socket.refused(query, json!({ "after": after })).await?;
        assert!(
            code == "BAD_INPUT" || after == "nonsense" && code == "CURSOR_INVALID",
            "{after} {code}"
        );
    }
    let mut records =
        Records::of_tasks(server, json!({ "after": null, "includeInitial": true })).await?;
    assert_eq!(records.next().await?["kind"], "CAUGHT_UP");
    Ok(())
}
