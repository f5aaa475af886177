//! What a client builds from a stream equals the table, whatever goes on meanwhile.

use std::collections::BTreeMap;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::given::{self, TASKS};
use super::records::Records;

seachange_testkit::cases![
    initial_rows_while_others_write,
    replay_while_others_write,
    resumed_again_and_again
];

/// A client's copy of the rows that a filter finds.
#[derive(Default)]
struct Copy {
    rows: BTreeMap<String, Json>,
    cursor: Option<String>,
    caught_up: u32,
}

impl Copy {
    /// Takes an item in; each must fit what is there.
    fn take(&mut self, item: &Json) {
        let kind = item["kind"].as_str().unwrap_or_default();
        self.cursor = item["cursor"].as_str().map(str::to_owned);
        if kind == "CAUGHT_UP" {
            self.caught_up += 1;
            return;
        }
        let key = item["key"]["id"].as_str().unwrap_or_default().to_owned();
        let before = match kind {
            "DELETE" => self.rows.remove(&key),
            _ => self.rows.insert(key, item["record"].clone()),
        };
        assert_eq!(before.unwrap_or_default(), item["previous"], "{item}");
        assert!(kind != "INITIAL" || self.caught_up == 0, "{item}");
    }
}

const FILTER: &str = r#"{ "or": [{ "status": { "eq": "doing" } }, { "priority": { "gte": 7 } }] }"#;

/// Creates, changes and deletes tasks of its own; each row goes in and out of the filter.
async fn write(client: Client, project: String, seed: u64, rounds: u64) -> Outcome {
    let mut ids = Vec::new();
    for round in 0..rounds {
        let random = seed.wrapping_add(round).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let random = usize::try_from(random)?;
        let status = ["todo", "doing", "done"]
            .iter()
            .cycle()
            .nth(random / 10 % 3);
        let values = json!({ "priority": random % 10, "status": status, "title": format!("{seed}/{round}") });
        let at = (random / 30) % (ids.len() + 1);
        if at == ids.len() || random % 4 == 0 {
            let mut row = values;
            row["projectId"] = json!(project);
            ids.push(TASKS.create(&client, row).await?["id"].clone());
        } else if random % 7 == 0 {
            let filter = json!({ "id": { "eq": ids.swap_remove(at) } });
            client
                .data(&TASKS.delete(), json!({ "filter": filter }))
                .await?;
        } else {
            let filter = json!({ "id": { "eq": ids[at] } });
            let variables = json!({ "data": values, "filter": filter });
            client.data(&TASKS.update(), variables).await?;
        }
    }
    Ok(())
}

/// Several at once, with so many rounds in all.
fn writers(server: &TestServer, project: &str, rounds: u64) -> JoinSet<Outcome> {
    let seeds = 1..=4;
    seeds
        .map(|seed| write(server.client(), project.to_owned(), seed, rounds / 4))
        .collect()
}

/// The rows that the filter finds now.
async fn table(client: &Client) -> anyhow::Result<BTreeMap<String, Json>> {
    let filter: Json = serde_json::from_str(FILTER)?;
    let rows = TASKS.find(client, json!({ "filters": filter })).await?;
    rows.into_iter()
        .map(|row| Ok((given::text(&row["id"])?, row)))
        .collect()
}

/// A task that matches, written last: its arrival tells that everything before has arrived.
async fn mark(client: &Client, project: &str) -> anyhow::Result<String> {
    let row = json!({ "projectId": project, "title": "mark", "status": "doing" });
    given::text(&TASKS.create(client, row).await?["id"])
}

fn arguments(more: Json) -> anyhow::Result<Json> {
    let mut arguments = more;
    arguments["filters"] = serde_json::from_str(FILTER)?;
    Ok(arguments)
}

async fn follow_until(records: &mut Records, copy: &mut Copy, mark: &str) -> Outcome {
    while !copy.rows.contains_key(mark) {
        copy.take(&records.next().await?);
    }
    Ok(())
}

async fn initial_rows_while_others_write(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    write(client.clone(), project.clone(), 99, 40).await?;
    let writers = writers(server, &project, 80);
    let mut copies = Vec::new();
    for _ in 0..5 {
        let mut records =
            Records::of_tasks(server, arguments(json!({ "includeInitial": true }))?).await?;
        let mut copy = Copy::default();
        for item in records.until_caught_up().await? {
            copy.take(&item);
        }
        copies.push((records, copy));
    }
    for written in writers.join_all().await {
        written?;
    }
    let mark = mark(&client, &project).await?;
    let expected = table(&client).await?;
    for (mut records, mut copy) in copies {
        follow_until(&mut records, &mut copy, &mark).await?;
        assert_eq!(copy.rows, expected);
        assert_eq!(copy.caught_up, 1);
    }
    Ok(())
}

async fn replay_while_others_write(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let writers = writers(server, &project, 80);
    let mut copies = Vec::new();
    for _ in 0..5 {
        let mut records = Records::of_tasks(server, arguments(json!({ "after": "0" }))?).await?;
        let mut copy = Copy::default();
        for item in records.until_caught_up().await? {
            copy.take(&item);
        }
        copies.push((records, copy));
    }
    for written in writers.join_all().await {
        written?;
    }
    let mark = mark(&client, &project).await?;
    let expected = table(&client).await?;
    for (mut records, mut copy) in copies {
        follow_until(&mut records, &mut copy, &mark).await?;
        assert_eq!(copy.rows, expected);
        assert_eq!(copy.caught_up, 1);
    }
    Ok(())
}

/// A client that is cut off every few items and continues from its last cursor.
async fn resumed_again_and_again(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    write(client.clone(), project.clone(), 3, 30).await?;
    let mut copy = Copy::default();
    let mut records =
        Records::of_tasks(server, arguments(json!({ "includeInitial": true }))?).await?;
    for item in records.until_caught_up().await? {
        copy.take(&item);
    }
    write(client.clone(), project.clone(), 4, 60).await?;
    let mark = mark(&client, &project).await?;
    let expected = table(&client).await?;
    let mut cuts = 0;
    while !copy.rows.contains_key(&mark) {
        let mut records =
            Records::of_tasks(server, arguments(json!({ "after": copy.cursor }))?).await?;
        for _ in 0..3 {
            if !copy.rows.contains_key(&mark) {
                copy.take(&records.next().await?);
            }
        }
        cuts += 1;
    }
    assert_eq!(copy.rows, expected);
    assert!(cuts > 3, "{cuts}");
    Ok(())
}
