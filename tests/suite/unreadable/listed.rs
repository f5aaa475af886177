//! Such rows in lists, in relations, in the answers of writes and in what is streamed of them.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::gauge::{self, GAUGES};
use super::{all_odd, shown};
use crate::graphql::given::list;

seachange_testkit::cases![
    they_are_listed,
    they_are_listed_page_by_page,
    they_are_related,
    writes_answer_them,
];

/// The ids of all gauges, in order.
fn all_ids(server: &TestServer) -> Vec<Json> {
    let odd = all_odd(server).into_iter().map(|(id, _)| json!(id));
    [json!(1)]
        .into_iter()
        .chain(odd)
        .chain([json!(99)])
        .collect()
}

/// Every gauge is there, in order, and each odd value is shown.
fn assert_all_shown(server: &TestServer, rows: &[Json]) {
    let ids: Vec<Json> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, all_ids(server));
    for (row, (id, odd)) in rows[1..].iter().zip(all_odd(server)) {
        assert_eq!(row[odd.column], shown(&odd), "{} of {id}", odd.column);
        assert_eq!(row["id"], json!(id));
    }
}

async fn they_are_listed(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let client = server.client();
    let rows = GAUGES
        .find(&client, json!({ "orderBy": { "id": "ASC" } }))
        .await?;
    assert_all_shown(&server, &rows);
    for (id, odd) in all_odd(&server) {
        let one = json!({ "filters": { "id": { "eq": id } } });
        let rows = GAUGES.find(&client, one).await?;
        assert_eq!(rows.len(), 1, "{} of {id}", odd.column);
        assert_eq!(rows[0][odd.column], shown(&odd), "{} of {id}", odd.column);
    }
    server.finish().await
}

async fn they_are_listed_page_by_page(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let (client, mut rows, mut cursor) = (server.client(), Vec::new(), Json::Null);
    loop {
        let pagination = json!({ "cursor": { "cursor": cursor, "limit": 3 } });
        let variables = json!({ "pagination": pagination });
        let mut page = client.data(&GAUGES.query(), variables).await?["page"].take();
        let is_first = rows.is_empty();
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !is_first);
        rows.extend(list(page["nodes"].take())?);
        cursor = page["pageInfo"]["endCursor"].take();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_all_shown(&server, &rows);
    server.finish().await
}

async fn they_are_related(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let all = GAUGES.all;
    let query = format!(
        "{{ gaugeDial(orderBy: {{ id: ASC }}) {{ nodes {{ gauge {{ {all} }} }} }}
            gaugePanel(orderBy: {{ name: ASC }}) {{ nodes {{ name gauges(orderBy: {{ id: ASC }}) {{
              nodes {{ {all} }} paginationInfo {{ total }} }} }} }} }}"
    );
    let mut data = server.client().data(&query, json!({})).await?;
    let dials = list(data["gaugeDial"]["nodes"].take())?;
    let rows: Vec<Json> = dials
        .into_iter()
        .map(|mut dial| dial["gauge"].take())
        .collect();
    assert_all_shown(&server, &rows);
    // Those that have the panel's name.
    let named = |row: &Json| row["name"] == "gauge";
    let rows: Vec<Json> = rows.into_iter().filter(named).collect();
    let total = json!({ "total": rows.len() });
    let panels = &data["gaugePanel"]["nodes"];
    assert_eq!(panels[0]["name"], "gauge");
    assert_eq!(
        panels[0]["gauges"],
        json!({ "nodes": rows, "paginationInfo": total })
    );
    assert_eq!(panels[1]["gauges"]["nodes"], json!([]));
    server.finish().await
}

/// Answers of updates have such rows, the first time and when they are given again; so have the changes
/// that are streamed.
async fn writes_answer_them(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let mut socket = server.socket().await?;
    let query = format!(
        "subscription($after: String) {{ gaugeChanges(after: $after) {{ kind record {{ {} }} }} }}",
        GAUGES.all
    );
    let mut head = server.client().data("{ changesHead }", json!({})).await?;
    let after = json!({ "after": head["changesHead"].take() });
    socket.subscribe(&query, after).await?;
    let caught_up = socket.next().await?;
    assert_eq!(caught_up["gaugeChanges"]["kind"], "CAUGHT_UP");
    for (id, odd) in all_odd(&server) {
        let data = match odd.column {
            "count" => json!({ "name": "renamed" }),
            _ => json!({ "count": 7 }),
        };
        let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
        let client = server.client();
        let keyed = client.with_header("idempotency-key", &format!("update-{id}"));
        let first = keyed.data(&GAUGES.update(), variables.clone()).await?;
        let row = &first["rows"][0];
        assert_eq!(row[odd.column], shown(&odd), "{} of {id}", odd.column);
        let (field, value) = data
            .as_object()
            .and_then(|data| data.iter().next())
            .expect("one");
        assert_eq!(row[field], *value, "{} of {id}", odd.column);
        assert_eq!(keyed.data(&GAUGES.update(), variables).await?, first);
        let change = socket.next().await?["gaugeChanges"].take();
        assert_eq!(
            change,
            json!({ "kind": "UPDATE", "record": row }),
            "{} of {id}",
            odd.column
        );
    }
    // All at once.
    let variables = json!({ "all": true, "data": { "mood": "wild" } });
    let mut all = server.client().data(&GAUGES.update(), variables).await?;
    let rows = list(all["rows"].take())?;
    let ids: Vec<Json> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, all_ids(&server));
    assert!(rows.iter().all(|row| row["mood"] == "wild"), "{rows:?}");
    server.finish().await
}
