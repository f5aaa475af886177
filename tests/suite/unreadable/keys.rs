//! A row whose key is a text that is not UTF-8.

use sea_orm::DbBackend;
use serde_json::{Value as Json, json};

use super::gauge;
use crate::graphql::given::{Names, list};
use seachange::changelog::{Operation, baseline};
use seachange_testkit::{Client, Outcome, TestServer};

seachange_testkit::cases![their_rows_are_listed_and_deleted];

const PANELS: Names = Names {
    field: "gaugePanel",
    object: "GaugePanel",
    all: "name",
};

/// SQL of a text with half of a surrogate pair; none where the database refuses it.
pub fn half_pair(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::MySql => Some("x'68eda080'"),
        DbBackend::Sqlite => Some("CAST(x'68eda080' AS TEXT)"),
        _ => None,
    }
}

/// How images show it.
pub fn shown() -> Json {
    json!({ "$blob": "aO2ggA==" })
}

/// The names of all panels, as an offline client has them, by pages of so many.
async fn pulled(client: &Client, limit: usize) -> anyhow::Result<Vec<Json>> {
    let query = "query($checkpoint: GaugePanelInputCheckpoint, $limit: Int!) { \
                 bulk: pullGaugePanel(checkpoint: $checkpoint, limit: $limit) { \
                 documents { name } checkpoint { cursor } } }";
    let (mut names, mut checkpoint) = (Vec::new(), Json::Null);
    loop {
        let variables = json!({ "checkpoint": checkpoint, "limit": limit });
        let mut bulk = client.data(query, variables).await?["bulk"].take();
        let documents = list(bulk["documents"].take())?;
        if documents.is_empty() {
            return Ok(names);
        }
        let found = documents.into_iter();
        names.extend(found.map(|mut document| document["name"].take()));
        checkpoint = bulk["checkpoint"].take();
    }
}

async fn their_rows_are_listed_and_deleted(server: &TestServer) -> Outcome {
    use sea_orm::ConnectionTrait;
    let Some(half) = half_pair(server.db().get_database_backend()) else {
        return Ok(());
    };
    gauge::create(server).await?;
    let insert = format!("INSERT INTO gauge_panel (name) VALUES ({half})");
    gauge::write(server, &[insert]).await?;
    assert_eq!(baseline(server.db().writer(), "gauge_panel").await?, 3);
    let server = gauge::serve(server).await?;
    let client = server.client();
    let query = "{ gaugePanel(orderBy: { name: ASC }) { nodes { name gauges { nodes { id } } } } }";
    let mut data = client.data(query, json!({})).await?;
    let panels = list(data["gaugePanel"]["nodes"].take())?;
    let names: Vec<&Json> = panels.iter().map(|panel| &panel["name"]).collect();
    let odd = json!(shown().to_string());
    assert_eq!(names, [&json!("gauge"), &odd, &json!("none")]);
    assert_eq!(panels[1]["gauges"]["nodes"], json!([]));
    let all = [json!("gauge"), odd, json!("none")];
    assert_eq!(pulled(&client, 10).await?, all);
    // On SQLite such a key, at the end of a page, is taken for a blob, which comes after all texts.
    if server.kind.name() == "mariadb" {
        assert_eq!(pulled(&client, 1).await?, all);
    }
    // The log has it, and knows it again.
    assert_eq!(baseline(server.db().writer(), "gauge_panel").await?, 0);
    server.verify().await?;
    let filter = json!({ "filter": { "name": { "ne": "gauge" } } });
    let deleted = client.data(&PANELS.delete(), filter).await?;
    assert_eq!(deleted["count"], 2);
    let logged = server.logged().await?;
    let odd = json!({ "name": shown() });
    let deletion = logged.iter().rev().find(|change| change.row_key == odd);
    let deletion = deletion.ok_or_else(|| anyhow::anyhow!("no change"))?;
    assert_eq!(deletion.operation, Operation::Delete);
    assert_eq!(deletion.before, Some(odd));
    server.finish().await
}
