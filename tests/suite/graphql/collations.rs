//! Equality of texts by their column's collation: a query, initial rows, a replay and live changes find
//! the same rows, or a subscription is refused with the cure, and `doctor` names the column.

mod word;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use seachange::changelog::FindingCode;
use seachange_testkit::{Client, Database, Outcome, Socket, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases![
    all_find_the_same_rows,
    a_row_that_came_is_followed,
    doctor_names_what_memory_cannot_decide,
];

/// Texts that one collation or another holds equal: in case, accent, and spaces at the end.
const TEXTS: [&str; 9] = ["ab", "AB", "Ab", "ab ", "AB  ", "äb", "ÄB", "a b", "b"];
const COLUMNS: [&str; 4] = ["plain", "padded", "folded", "other"];

/// The columns of whose texts the database alone can say which are equal.
fn undecided(server: &TestServer) -> &'static [&'static str] {
    match server.kind {
        Database::Sqlite => &[],
        Database::Postgres(_) => &["folded", "other"],
        Database::MariaDb(_) => &["folded", "other"],
    }
}

/// A filter of each kind that asks for equality, on each column, for each text.
fn filters() -> Vec<(&'static str, Json)> {
    let mut filters = Vec::new();
    for column in COLUMNS {
        for (n, text) in TEXTS.into_iter().enumerate() {
            let next = TEXTS[(n + 1) % TEXTS.len()];
            for test in [
                json!({ "eq": text }),
                json!({ "ne": text }),
                json!({ "is_in": [text, next] }),
                json!({ "is_not_in": [text, next] }),
            ] {
                filters.push((column, json!({ column: test })));
            }
        }
    }
    filters
}

async fn head(client: &Client) -> anyhow::Result<Json> {
    let data = client.data("{ changesHead }", json!({})).await?;
    Ok(data["changesHead"].clone())
}

async fn create(client: &Client, id: usize, text: &str) -> Outcome {
    let create = "mutation ($data: WordInsertInput!) { wordCreateOne(data: $data) { id } }";
    let mut data: BTreeMap<&str, Json> = COLUMNS.map(|column| (column, json!(text))).into();
    data.insert("id", json!(id));
    client.data(create, json!({ "data": data })).await?;
    Ok(())
}

async fn queried(client: &Client, filter: &Json) -> anyhow::Result<BTreeSet<i64>> {
    let query = "query ($filters: WordFilterInput) { word(filters: $filters) { nodes { id } } }";
    let data = client.data(query, json!({ "filters": filter })).await?;
    let nodes = data["word"]["nodes"].as_array().context("nodes")?;
    Ok(nodes
        .iter()
        .filter_map(|node| node["id"].as_i64())
        .collect())
}

/// Subscribes by many filters on one socket, and waits until each has caught up. Returns the rows that
/// came until then, or none where the filter was refused.
async fn subscribed(
    socket: &mut Socket,
    filters: &[(&'static str, Json)],
    begin: &Json,
) -> anyhow::Result<BTreeMap<String, Option<BTreeSet<i64>>>> {
    const CHANGES: &str = "subscription (
        $filters: WordFilterInput, $after: String, $includeInitial: Boolean) {
        wordChanges(filters: $filters, after: $after, includeInitial: $includeInitial) {
            kind record { id } } }";
    let mut ids = Vec::new();
    for (_, filter) in filters {
        let mut variables = begin.clone();
        variables["filters"] = filter.clone();
        ids.push(socket.subscribe(CHANGES, variables).await?);
    }
    let of = |ids: &[String], id: &Json| ids.iter().position(|own| *id == **own);
    let mut found = vec![Some(BTreeSet::new()); filters.len()];
    let mut open = filters.len();
    while open > 0 {
        let message = socket.message().await?;
        let n = of(&ids, &message["id"]).context("an unknown operation")?;
        let item = &message["payload"]["data"]["wordChanges"];
        match (item["kind"].as_str(), &mut found[n]) {
            (Some("CAUGHT_UP"), _) => open -= 1,
            (Some(_), Some(rows)) => rows.extend(item["record"]["id"].as_i64()),
            (None, refused @ Some(_)) => {
                let said = message.to_string();
                ensure!(said.contains("BAD_INPUT"), "{:?}: {said}", filters[n]);
                ensure!(said.contains("collation"), "no cure in {said}");
                *refused = None;
                open -= 1;
            }
            _ => ensure!(message["type"] == "complete", "{message}"),
        }
    }
    Ok(ids.into_iter().zip(found).collect())
}

async fn all_find_the_same_rows(server: &TestServer) -> Outcome {
    let server = &word::start(server).await?;
    let client = server.client();
    let filters = filters();
    let (refused, decided): (Vec<_>, Vec<_>) = filters
        .into_iter()
        .partition(|(column, _)| undecided(server).contains(column));
    let mut live = server.socket().await?;
    let from_here = json!({ "after": head(&client).await? });
    let mut seen = subscribed(&mut live, &decided, &from_here).await?;
    for found in subscribed(&mut server.socket().await?, &refused, &from_here)
        .await?
        .values()
    {
        ensure!(
            found.is_none(),
            "a filter that memory cannot judge was taken"
        );
    }
    for (id, text) in TEXTS.into_iter().enumerate() {
        create(&client, id, text).await?;
    }
    let mut by_query = Vec::new();
    for (_, filter) in &decided {
        by_query.push(queried(&client, filter).await?);
    }
    let wanted: usize = by_query.iter().map(BTreeSet::len).sum();
    for _ in 0..wanted {
        let message = live.message().await?;
        let id = message["id"].as_str().context("no id")?;
        let rows = seen
            .get_mut(id)
            .and_then(Option::as_mut)
            .context("refused")?;
        rows.extend(message["payload"]["data"]["wordChanges"]["record"]["id"].as_i64());
    }
    let replayed = json!({ "after": "0" });
    let replayed = subscribed(&mut server.socket().await?, &decided, &replayed).await?;
    let initial = json!({ "includeInitial": true });
    let initial = subscribed(&mut server.socket().await?, &decided, &initial).await?;
    for (n, (_, filter)) in decided.iter().enumerate() {
        let id = (n + 1).to_string();
        let queried = Some(&by_query[n]);
        for (how, found) in [
            ("live", &seen),
            ("replayed", &replayed),
            ("initial", &initial),
        ] {
            let found = found[&id].as_ref();
            ensure!(
                found == queried,
                "{filter}: {how} {found:?}, by query {queried:?}"
            );
        }
    }
    ensure!(decided.len() >= 72, "{} filters", decided.len());
    Ok(())
}

/// What memory holds equal is what the collation holds equal: the row is followed as it changes.
async fn a_row_that_came_is_followed(server: &TestServer) -> Outcome {
    let server = &word::start(server).await?;
    let client = server.client();
    create(&client, 1, "Urgent").await?;
    let mut socket = server.socket().await?;
    let filter = [("folded", json!({ "folded": { "eq": "urgent" } }))];
    let initial = json!({ "includeInitial": true });
    let found = subscribed(&mut socket, &filter, &initial).await?;
    let rows = found.values().next().context("nothing")?;
    if undecided(server).contains(&"folded") {
        ensure!(rows.is_none(), "{rows:?}");
        return Ok(());
    }
    ensure!(*rows == Some(BTreeSet::from([1])), "{rows:?}");
    let update =
        "mutation { wordUpdate(data: { plain: \"b\" }, filter: { id: { eq: 1 } }) { id } }";
    client.data(update, json!({})).await?;
    let item = socket.next().await?["wordChanges"].take();
    ensure!(item["kind"] == "UPDATE", "{item}");
    let update = "mutation { wordUpdate(data: { folded: \"URGENT\" }, all: true) { id } }";
    client.data(update, json!({})).await?;
    ensure!(socket.next().await?["wordChanges"]["kind"] == "UPDATE");
    let update = "mutation { wordUpdate(data: { folded: \"later\" }, all: true) { id } }";
    client.data(update, json!({})).await?;
    ensure!(socket.next().await?["wordChanges"]["kind"] == "DELETE");
    Ok(())
}

async fn doctor_names_what_memory_cannot_decide(server: &TestServer) -> Outcome {
    let server = &word::start(server).await?;
    let mut named = Vec::new();
    for finding in server.doctor().await? {
        assert_eq!(finding.code, FindingCode::CollationUndecided, "{finding:?}");
        assert_eq!(finding.table, "word");
        assert!(finding.cure.contains("collation"), "{finding:?}");
        named.push(finding.message);
    }
    let expected = undecided(server);
    assert_eq!(named.len(), expected.len(), "{named:?}");
    for (column, message) in expected.iter().zip(&named) {
        assert!(message.contains(&format!("`{column}`")), "{message}");
    }
    Ok(())
}
