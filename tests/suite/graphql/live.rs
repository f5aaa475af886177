//! Live subscriptions: what is handed out live is what the log says, to each filter its own, and at
//! each reader's own pace (invariant 4).

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, TASKS};
use super::records::Records;
use super::watch::head;

seachange_testkit::cases![each_filter_its_own, a_slow_reader_and_a_fast_one];

/// Subscribers with the same filter.
const TOGETHER: usize = 3;

async fn write(client: &Client, projects: &[String], seed: u64, ids: &mut Vec<Json>) -> Outcome {
    let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let at = usize::try_from(random)? % (ids.len() + 2);
    let status = ["todo", "doing", "done"][usize::try_from(random / 7)? % 3];
    let owner = (!random.is_multiple_of(5)).then(|| format!("owner {}", random % 3));
    let data = json!({
        "priority": random / 11 % 6,
        "status": status,
        "owner": owner,
        "title": format!("t{}", random % 4),
    });
    if at >= ids.len() {
        let mut row = data;
        row["projectId"] = json!(projects[usize::try_from(random)? % projects.len()]);
        ids.push(TASKS.create(client, row).await?["id"].clone());
    } else if random.is_multiple_of(6) {
        let id = ids.swap_remove(at);
        let query = "mutation($id: String!) { taskDelete(filter: { id: { eq: $id } }) }";
        client.data(query, json!({ "id": id })).await?;
    } else {
        let query = "mutation($id: String!, $data: TaskUpdateInput!) {
            taskUpdate(filter: { id: { eq: $id } }, data: $data) { id } }";
        let variables = json!({ "id": ids[at], "data": data });
        client.data(query, variables).await?;
    }
    Ok(())
}

async fn each_filter_its_own(server: &TestServer) -> Outcome {
    let client = server.client();
    let projects = [
        given::project(&client, "one").await?,
        given::project(&client, "two").await?,
    ];
    let mut ids = Vec::new();
    for seed in 0..6 {
        write(&client, &projects, seed, &mut ids).await?;
    }
    let filters = [
        Json::Null,
        json!({ "id": { "eq": ids[0] } }),
        json!({ "id": { "is_in": [ids[0], ids[1], ids[2]] } }),
        json!({ "projectId": { "eq": projects[1] } }),
        json!({ "status": { "eq": "doing" } }),
        json!({ "title": { "eq": "t1" }, "priority": { "gte": 2 } }),
        json!({ "and": [{ "priority": { "is_in": [1, 2, 3] } }, { "status": { "ne": "done" } }] }),
        json!({ "or": [{ "priority": { "eq": 5 } }, { "owner": { "is_null": true } }] }),
        json!({ "not": { "projectId": { "eq": projects[0] } } }),
        json!({ "owner": { "eq": "owner 1" } }),
        json!({ "title": { "is_in": [] } }),
    ];
    let begin = head(&client).await?;
    let mut live = Vec::new();
    for filter in &filters {
        for _ in 0..TOGETHER {
            let arguments = json!({ "after": begin, "filters": filter });
            let mut records = Records::of_tasks(server, arguments).await?;
            records.until_caught_up().await?;
            live.push(records);
        }
    }
    for seed in 100..220 {
        write(&client, &projects, seed, &mut ids).await?;
    }
    for (number, filter) in filters.iter().enumerate() {
        // From the log, where no index decides.
        let arguments = json!({ "after": begin, "filters": filter });
        let mut replayed = Records::of_tasks(server, arguments)
            .await?
            .until_caught_up()
            .await?;
        replayed.pop();
        for records in &mut live[number * TOGETHER..(number + 1) * TOGETHER] {
            for expected in &replayed {
                assert_eq!(&records.next().await?, expected, "{filter}");
            }
        }
    }
    Ok(())
}

async fn a_slow_reader_and_a_fast_one(server: &TestServer) -> Outcome {
    const BATCHES: usize = 12;
    const ROWS: usize = 250;
    let client = server.client();
    let project = given::project(&client, "wide").await?;
    let begin = json!({ "after": head(&client).await? });
    let query = "subscription($after: String) { changes(after: $after) { cursor after } }";
    let mut slow = server.socket().await?;
    slow.subscribe(query, begin.clone()).await?;
    let mut fast = server.socket().await?;
    fast.subscribe(query, begin).await?;
    // More than sockets, queues and rings hold together.
    let body = "x".repeat(8 * 1024);
    let mut cursors = Vec::new();
    for batch in 0..BATCHES {
        let row =
            |n| json!({ "projectId": project, "title": format!("{batch}/{n}"), "body": body });
        let rows: Vec<Json> = (0..ROWS).map(row).collect();
        let create = "mutation($data: [TaskInsertInput!]!) { taskCreateBatch(data: $data) { id } }";
        client.data(create, json!({ "data": rows })).await?;
        for _ in 0..ROWS {
            cursors.push(fast.next().await?["changes"]["cursor"].clone());
        }
    }
    for expected in &cursors {
        assert_eq!(&slow.next().await?["changes"]["cursor"], expected);
    }
    Ok(())
}
