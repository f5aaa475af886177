//! `taskHistory` and `taskAsOf`: one row's life.

pub mod kept;
pub mod random;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, LABELS, Names, PROJECTS, TASK_LABELS, TASKS};
use super::watch::{CHANGE, head};

seachange_testkit::cases![
    every_kind_of_key,
    states_of_every_kind_of_key,
    rows_that_no_change_tells_of,
    refused_keys,
    refused_moments,
    refused_pages,
];

/// A page of a row's history.
pub async fn history(client: &Client, names: Names, arguments: Json) -> anyhow::Result<Json> {
    Ok(client.data(&history_query(names), arguments).await?["page"].take())
}

pub fn history_query(names: Names) -> String {
    let field = names.field;
    format!(
        "query($key: Json!, $after: String, $first: Int) {{ \
         page: {field}History(key: $key, after: $after, first: $first) {{ \
         nodes {{ {CHANGE} }} endCursor hasNextPage }} }}"
    )
}

pub fn as_of_query(names: Names) -> String {
    let Names { field, all, .. } = names;
    format!(
        "query($key: Json!, $cursor: String, $time: String) {{ \
         row: {field}AsOf(key: $key, cursor: $cursor, time: $time) {{ {all} }} }}"
    )
}

/// A row at a moment.
pub async fn as_of(client: &Client, names: Names, arguments: Json) -> anyhow::Result<Json> {
    Ok(client.data(&as_of_query(names), arguments).await?["row"].take())
}

/// All changes of the feed, in order.
pub async fn changes(client: &Client) -> anyhow::Result<Vec<Json>> {
    let query = format!("{{ changes(first: 1000) {{ nodes {{ {CHANGE} }} }} }}");
    let mut data = client.data(&query, json!({})).await?;
    given::list(data["changes"]["nodes"].take())
}

/// A row of each kind of key and its history: a task, a label and their link, each created, the
/// first two changed, all deleted, with others' changes between.
struct Rows {
    task: String,
    label: Json,
}

impl Rows {
    async fn make(client: &Client) -> anyhow::Result<Self> {
        let task = given::task(client, "Hull").await?;
        let label = LABELS.create(client, json!({ "name": "red" })).await?["id"].take();
        let rows = Self { task, label };
        let link = json!({ "taskId": rows.task, "labelId": rows.label });
        TASK_LABELS.create(client, link).await?;
        let other = given::task(client, "Mast").await?;
        let by_task = json!({ "id": { "eq": rows.task } });
        let by_label = json!({ "id": { "eq": rows.label } });
        for (title, name) in [("Keel", "green"), ("Deck", "blue")] {
            let update = json!({ "data": { "title": title }, "filter": by_task });
            client.data(&TASKS.update(), update).await?;
            let update = json!({ "data": { "name": name }, "filter": by_label });
            client.data(&LABELS.update(), update).await?;
            let update = json!({ "data": { "title": title }, "filter": { "id": { "eq": other } } });
            client.data(&TASKS.update(), update).await?;
        }
        let links = json!({ "filter": { "taskId": { "eq": rows.task } } });
        client.data(&TASK_LABELS.delete(), links).await?;
        client
            .data(&LABELS.delete(), json!({ "filter": by_label }))
            .await?;
        client
            .data(&TASKS.delete(), json!({ "filter": by_task }))
            .await?;
        Ok(rows)
    }

    /// The rows, their keys as in the log, and how many changes each has.
    fn keys(&self) -> [(Names, Json, usize); 3] {
        let label = &self.label;
        [
            (TASKS, json!({ "id": self.task }), 4),
            (LABELS, json!({ "id": label }), 4),
            (
                TASK_LABELS,
                json!({ "label_id": label, "task_id": self.task }),
                2,
            ),
        ]
    }
}

async fn every_kind_of_key(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = Rows::make(&client).await?;
    let all = changes(&client).await?;
    for (names, key, count) in rows.keys() {
        let of_row: Vec<&Json> = all.iter().filter(|change| change["key"] == key).collect();
        assert_eq!(of_row.len(), count, "{key}");
        for first in [1, 2, 3, 100] {
            let mut met = Vec::new();
            let mut arguments = json!({ "key": key, "first": first });
            loop {
                let page = history(&client, names, arguments.clone()).await?;
                met.extend(given::list(page["nodes"].clone())?);
                if page["hasNextPage"] == false {
                    break;
                }
                arguments["after"] = page["endCursor"].clone();
            }
            assert_eq!(met.iter().collect::<Vec<_>>(), of_row, "{key} {first}");
        }
        // After any change, of this row or another.
        for (index, change) in all.iter().enumerate() {
            let arguments = json!({ "key": key, "after": change["cursor"] });
            let page = history(&client, names, arguments).await?;
            let rest: Vec<&Json> = all[index + 1..]
                .iter()
                .filter(|c| c["key"] == key)
                .collect();
            assert_eq!(json!(rest), page["nodes"], "{key} after change {index}");
            let filter = format!(
                "query($key: Json, $after: String) {{ changes(key: $key, after: $after, entities: \
                 [\"{}\"]) {{ nodes {{ {CHANGE} }} }} }}",
                of_row[0]["entity"].as_str().unwrap_or_default()
            );
            let arguments = json!({ "key": key, "after": change["cursor"] });
            let filtered = client.data(&filter, arguments).await?;
            assert_eq!(
                json!(rest),
                filtered["changes"]["nodes"],
                "{key} after {index}"
            );
        }
    }
    Ok(())
}

async fn states_of_every_kind_of_key(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = Rows::make(&client).await?;
    let all = changes(&client).await?;
    for (names, key, _) in rows.keys() {
        let mut state = Json::Null;
        for change in &all {
            if change["key"] == key {
                state = change["after"].clone();
            }
            for moment in [
                json!({ "key": key, "cursor": change["cursor"] }),
                json!({ "key": key, "time": change["recordedAt"] }),
            ] {
                let row = as_of(&client, names, moment.clone()).await?;
                let image = if row.is_null() {
                    row
                } else {
                    given::image(&row)
                };
                assert_eq!(image, state, "{moment}");
            }
        }
        let early = json!({ "key": key, "time": "1000-01-01T00:00:00+02:00" });
        assert_eq!(as_of(&client, names, early).await?, Json::Null);
        let late = json!({ "key": key, "time": "9999-01-01T00:00:00Z" });
        assert_eq!(as_of(&client, names, late).await?, Json::Null);
    }
    Ok(())
}

async fn rows_that_no_change_tells_of(server: &TestServer) -> Outcome {
    let client = server.client();
    let start = head(&client).await?;
    let row = PROJECTS.create(&client, json!({ "name": "a" })).await?;
    let key = json!({ "id": row["id"] });
    let nothing = json!({ "id": "00000000-0000-4000-8000-000000000000" });
    let empty = json!({ "nodes": [], "endCursor": null, "hasNextPage": false });
    assert_eq!(
        history(&client, PROJECTS, json!({ "key": nothing })).await?,
        empty
    );
    let now = head(&client).await?;
    for cursor in [&start, &now] {
        let moment = json!({ "key": nothing, "cursor": cursor });
        assert_eq!(as_of(&client, PROJECTS, moment).await?, Json::Null);
    }
    let before = json!({ "key": key, "cursor": start });
    assert_eq!(as_of(&client, PROJECTS, before).await?, Json::Null);
    let after = json!({ "key": key, "cursor": now });
    assert_eq!(as_of(&client, PROJECTS, after).await?, row);
    // A key is read as values are: its text need not be that of the log.
    let upper = json!({ "id": given::text(&row["id"])?.to_uppercase() });
    let moment = json!({ "key": upper, "cursor": now });
    assert_eq!(as_of(&client, PROJECTS, moment).await?, row);
    Ok(())
}

async fn refused_keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    for (names, key) in [
        (TASKS, json!({})),
        (TASKS, json!({ "id": null })),
        (TASKS, json!({ "id": 1 })),
        (TASKS, json!({ "id": "no uuid" })),
        (TASKS, json!({ "id": [task] })),
        (TASKS, json!({ "id": task, "title": "t" })),
        (TASKS, json!({ "projectId": task })),
        (TASKS, json!([task])),
        (TASKS, json!(task)),
        (TASKS, json!(null)),
        (LABELS, json!({ "id": "one" })),
        (LABELS, json!({ "id": "9223372036854775808" })),
        (LABELS, json!({ "id": 1.5 })),
        (TASK_LABELS, json!({ "task_id": task })),
        (TASK_LABELS, json!({ "taskId": task, "labelId": "1" })),
    ] {
        let history = history_query(names);
        let code = client.code(&history, json!({ "key": key })).await?;
        assert_eq!(code, "BAD_INPUT", "{key}");
        let now = head(&client).await?;
        let moment = json!({ "key": key, "cursor": now });
        assert_eq!(
            client.code(&as_of_query(names), moment).await?,
            "BAD_INPUT",
            "{key}"
        );
    }
    Ok(())
}

async fn refused_moments(server: &TestServer) -> Outcome {
    let client = server.client();
    let key = json!({ "id": given::task(&client, "t").await? });
    let now = head(&client).await?;
    for (moment, code) in [
        (json!({}), "BAD_INPUT"),
        (json!({ "cursor": null, "time": null }), "BAD_INPUT"),
        (
            json!({ "cursor": now, "time": "2026-01-01T00:00:00Z" }),
            "BAD_INPUT",
        ),
        (json!({ "cursor": "" }), "CURSOR_INVALID"),
        (json!({ "cursor": "0" }), "CURSOR_INVALID"),
        (json!({ "cursor": "nonsense" }), "CURSOR_INVALID"),
        (
            json!({ "cursor": "0123456789abcdef.0.0.1" }),
            "RESYNC_REQUIRED",
        ),
        (json!({ "cursor": ahead(&now) }), "RESYNC_REQUIRED"),
        (json!({ "time": "" }), "BAD_INPUT"),
        (json!({ "time": "yesterday" }), "BAD_INPUT"),
        (json!({ "time": "2026-01-01" }), "BAD_INPUT"),
        (json!({ "time": "2026-01-01T00:00:00" }), "BAD_INPUT"),
        (json!({ "time": "2026-13-01T00:00:00Z" }), "BAD_INPUT"),
        (json!({ "time": "0000-01-01T00:00:00Z" }), "BAD_INPUT"),
        (json!({ "time": "9999-12-31T23:59:59-01:00" }), "BAD_INPUT"),
        (json!({ "time": 0 }), "BAD_INPUT"),
    ] {
        let mut arguments = moment.clone();
        arguments["key"] = key.clone();
        assert_eq!(
            client.code(&as_of_query(TASKS), arguments).await?,
            code,
            "{moment}"
        );
    }
    Ok(())
}

async fn refused_pages(server: &TestServer) -> Outcome {
    let client = server.client();
    let key = json!({ "id": given::task(&client, "t").await? });
    let now = head(&client).await?;
    for (page, code) in [
        (json!({ "first": 0 }), "BAD_INPUT"),
        (json!({ "first": -1 }), "BAD_INPUT"),
        (json!({ "first": 1_001 }), "LIMIT_EXCEEDED"),
        (json!({ "after": "nonsense" }), "CURSOR_INVALID"),
        (
            json!({ "after": "0123456789abcdef.0.0.1" }),
            "RESYNC_REQUIRED",
        ),
        (json!({ "after": ahead(&now) }), "RESYNC_REQUIRED"),
    ] {
        let mut arguments = page.clone();
        arguments["key"] = key.clone();
        assert_eq!(
            client.code(&history_query(TASKS), arguments).await?,
            code,
            "{page}"
        );
    }
    Ok(())
}

/// A cursor of the same log that lies ahead of it.
pub fn ahead(cursor: &str) -> String {
    let epoch = cursor.split('.').next().unwrap_or_default();
    let most = i64::MAX;
    format!("{epoch}.{most}.{most}.{most}")
}
