//! Many clients at once: nobody's request is another's business.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::given::{self, LABELS, PROJECTS, TASKS};
use super::watch::Watch;

seachange_testkit::cases![
    mutations_of_the_same_rows,
    the_same_key,
    one_fault_beside_many,
    relations_of_many_clients,
];

/// Changes all projects, creates one of its own, deletes it.
async fn churn(client: Client, name: String) -> anyhow::Result<usize> {
    let mut refused = 0;
    for round in 0..8 {
        let own = json!({ "data": { "name": format!("{name} {round}") } });
        let all = json!({ "data": { "owner": format!("{name} {round}") }, "filter": { "archived": { "eq": true } } });
        let mine = json!({ "filter": { "name": { "eq": format!("{name} {round}") } } });
        for (query, variables) in [
            (PROJECTS.create_one(), own),
            (PROJECTS.update(), all),
            (PROJECTS.delete(), mine),
        ] {
            let answer = client.send(&query, variables).await?;
            if answer.body.get("errors").is_some() {
                assert_eq!(answer.code()?, "UNAVAILABLE");
                refused += 1;
            }
        }
    }
    Ok(refused)
}

async fn mutations_of_the_same_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    let shared: Vec<Json> = (0..5)
        .map(|n| json!({ "name": n.to_string(), "archived": true }))
        .collect();
    PROJECTS.create_all(&client, json!(shared)).await?;
    let mut watch = Watch::start(server).await?;
    let mut clients = JoinSet::new();
    for n in 0..6 {
        clients.spawn(churn(server.client(), format!("client {n}")));
    }
    let mut refused = 0;
    for result in clients.join_all().await {
        refused += result?;
    }
    let changes = watch.read().await?;
    // Each row's changes are a chain: every one begins where the one before ended.
    let mut rows = std::collections::BTreeMap::new();
    for change in &changes {
        let key = change["key"].to_string();
        if let Some(before) = rows.insert(key, change["after"].clone()) {
            assert_eq!(before, change["before"]);
        }
    }
    assert!(refused < 40, "{refused} of 144");
    if refused == 0 {
        assert_eq!(changes.len(), 6 * 8 * (1 + 5 + 1));
    }
    Ok(())
}

async fn the_same_key(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let id = uuid::Uuid::new_v4();
    let mut clients = JoinSet::new();
    for n in 0..10 {
        let (client, query) = (server.client(), PROJECTS.create_one());
        let data = json!({ "data": { "id": id, "name": n.to_string() } });
        clients.spawn(async move { client.send(&query, data).await });
    }
    let mut codes = Vec::new();
    for answer in clients.join_all().await {
        let answer = answer?;
        if answer.body.get("errors").is_some() {
            codes.push(answer.code()?.to_owned());
        }
    }
    assert_eq!(codes, ["CONFLICT"; 9]);
    assert_eq!(watch.only().await?["key"], json!({ "id": id }));
    Ok(())
}

async fn one_fault_beside_many(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    TASKS
        .create(&client, json!({ "projectId": project, "title": "t" }))
        .await?;
    let query = "query($title: String!) { project { nodes { task(filters: { title: { eq: $title } }) { nodes { title } } } } }";
    let mut requests = JoinSet::new();
    for n in 0..120 {
        let client = server.client();
        // What some database refuses, among what none does.
        let title = if n % 4 == 0 { "\u{0}" } else { "t" };
        requests.spawn(async move { (title, client.send(query, json!({ "title": title })).await) });
    }
    for (title, answer) in requests.join_all().await {
        if title == "t" {
            assert_eq!(
                answer?.data()?["project"]["nodes"][0]["task"]["nodes"],
                json!([{ "title": "t" }])
            );
        }
    }
    Ok(())
}

async fn relations_of_many_clients(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    let rows: Vec<Json> = (0..20)
        .map(|n| json!({ "projectId": project, "title": n.to_string(), "priority": n }))
        .collect();
    TASKS.create_all(&client, json!(rows)).await?;
    LABELS.create(&client, json!({ "name": "l" })).await?;
    let query = "query($n: Int!) { project { nodes { task(filters: { priority: { eq: $n } }) { nodes { title project { name } } } } } }";
    let mut requests = JoinSet::new();
    for n in 0..100 {
        let client = server.client();
        requests.spawn(async move { (n % 20, client.data(query, json!({ "n": n % 20 })).await) });
    }
    for (n, data) in requests.join_all().await {
        let expected = json!([{ "title": n.to_string(), "project": { "name": "p" } }]);
        assert_eq!(data?["project"]["nodes"][0]["task"]["nodes"], expected);
    }
    Ok(())
}
