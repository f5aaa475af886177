//! Offline edits of rows whose times other programs have written: an edit is judged by moments, not by texts.

use anyhow::Context;
use seachange::Policy;
use seachange_testkit::{Client, Outcome, TestServer, reference_app};
use serde_json::{Value as Json, json};

use super::{EVENTS, event, fill, moment};

seachange_testkit::cases![
    an_edit_is_not_in_conflict_with_a_spelling,
    a_client_spells_as_it_likes,
];

const PUSH: &str = "mutation ($rows: [EventInputPushRow!]) {
    pushEvent(eventPushRow: $rows) { id parentId at local clock _deleted } }";

async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    drop(event::start(server).await?);
    let app = reference_app()
        .entity::<event::Entity>()
        .sync::<event::Entity>(Policy::manual());
    let server = TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await?;
    fill(&server).await?;
    Ok(server)
}

/// The events as a client knows them.
async fn pulled(client: &Client) -> anyhow::Result<Vec<Json>> {
    let pull = "{ pullEvent(limit: 100) { documents { id parentId at local clock _deleted } } }";
    let data = client.data(pull, json!({})).await?;
    let documents = data["pullEvent"]["documents"].as_array();
    Ok(documents.context("documents")?.clone())
}

/// Pushes each row with one change; what is answered.
async fn edited(
    client: &Client,
    rows: &[Json],
    change: impl Fn(&mut Json, usize),
) -> anyhow::Result<Json> {
    let mut edits = Vec::new();
    for row in rows {
        let id = row["id"].as_str().context("an id")?.parse()?;
        let mut edit = row.clone();
        change(&mut edit, id);
        edits.push(json!({ "assumedMasterState": row, "newDocumentState": edit }));
    }
    let data = client.data(PUSH, json!({ "rows": edits })).await?;
    Ok(data["pushEvent"].clone())
}

/// A client that knows a time by its image edits another column: nobody else has changed the row.
async fn an_edit_is_not_in_conflict_with_a_spelling(server: &TestServer) -> Outcome {
    let server = &start(server).await?;
    let client = server.client();
    let rows = pulled(&client).await?;
    assert_eq!(rows.len(), EVENTS);
    let answer = edited(&client, &rows, |row, _| row["parentId"] = json!(1)).await?;
    assert_eq!(answer, json!([]));
    for (before, after) in rows.iter().zip(pulled(&client).await?) {
        assert_eq!(after["parentId"], 1, "{after}");
        for column in ["id", "at", "local", "clock"] {
            assert_eq!(after[column], before[column], "{column}: {after}");
        }
    }
    Ok(())
}

/// A client that writes the moments with an offset of its own changes none of them; one that moves them moves
/// them to what it says.
async fn a_client_spells_as_it_likes(server: &TestServer) -> Outcome {
    let server = &start(server).await?;
    let client = server.client();
    let rows = pulled(&client).await?;
    let with_offset = |id: usize, later: i64| {
        let there = moment(id) + chrono::TimeDelta::minutes(150 + later);
        json!(there.format("%Y-%m-%dT%H:%M:%S+02:30").to_string())
    };
    let changes = async || {
        let count = "{ changes(first: 1000, entities: [\"event\"]) { nodes { cursor } } }";
        let data = client.data(count, json!({})).await?;
        let nodes = data["changes"]["nodes"].as_array();
        anyhow::Ok(nodes.context("nodes")?.len())
    };
    let before = changes().await?;
    let answer = edited(&client, &rows, |row, id| row["at"] = with_offset(id, 0)).await?;
    assert_eq!(answer, json!([]));
    assert_eq!(changes().await?, before, "nothing was changed");
    let answer = edited(&client, &rows, |row, id| row["at"] = with_offset(id, 45)).await?;
    assert_eq!(answer, json!([]));
    for row in pulled(&client).await? {
        let id: usize = row["id"].as_str().context("an id")?.parse()?;
        let later = moment(id) + chrono::TimeDelta::minutes(45);
        let later = later.format("%Y-%m-%dT%H:%M:%S").to_string();
        let at = row["at"].as_str().context("a moment")?;
        assert!(at.starts_with(&later) && at.ends_with('Z'), "{row}");
    }
    Ok(())
}
