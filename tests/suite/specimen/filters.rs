//! Filters mean the same in SQL and in memory: a query and a subscription find the same rows, for
//! every column that can be filtered, every operation, and operands from the column's own samples.

use std::collections::BTreeSet;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Map, Value as Json, json};

use super::fields::Fields;
use super::ground::{insert, key, null_row, row, rows, start};
use super::sample::Column;
use super::{Specimen, on_each, those_of};

seachange_testkit::cases![queries_and_subscriptions_agree];

/// Samples of a column that serve as operands.
const OPERANDS: usize = 5;
/// Filters in one request, and subscriptions on one socket.
const BATCH: usize = 40;

/// One filter on one column.
struct Case {
    column: &'static str,
    operation: &'static str,
    filter: Json,
    /// The rows it must find, where that can be told from the samples alone.
    expected: Option<BTreeSet<i64>>,
}

async fn queries_and_subscriptions_agree(server: &TestServer) -> Outcome {
    on_each!(server, agree)
}

async fn agree<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, fields) = (server.client(), Fields::of::<S::Optional>());
    let columns = those_of::<S::Optional>(S::ordered_columns());
    for n in rows(&columns) {
        insert::<S::Optional>(&server, row::<S::Optional>(key(n), n, &columns)?).await?;
    }
    insert::<S::Optional>(&server, null_row::<S::Optional>(0)?).await?;
    let mut cases = Vec::new();
    for column in &columns {
        let operations = operations(&client, &fields, column.name).await?;
        cases.extend(cases_of(column, &fields, &operations, rows(&columns).len()));
    }
    let by_query = queried(&client, &fields, &cases).await?;
    let mut live = Vec::new();
    for batch in cases.chunks(BATCH) {
        live.extend(subscribed(&server, &fields, batch).await?);
    }
    let mut faults = Vec::new();
    for (case, (queried, live)) in cases.iter().zip(by_query.into_iter().zip(live)) {
        let Case {
            column,
            operation,
            filter,
            expected,
        } = case;
        if expected
            .as_ref()
            .is_some_and(|expected| *expected != queried)
        {
            faults.push(format!("{filter} finds {queried:?}, not {expected:?}"));
        }
        match live {
            Some(live) if live == queried => {}
            Some(live) => faults.push(format!("{filter}: {queried:?} by SQL, {live:?} live")),
            None if S::is_ordered_by_database(column) && !is_equality(operation) => {}
            None => faults.push(format!("{filter} is refused for subscriptions")),
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
    assert!(cases.len() > 400, "{} filters", cases.len());
    server.finish().await
}

fn is_equality(operation: &str) -> bool {
    matches!(operation, "eq" | "ne" | "is_in" | "is_not_in" | "is_null")
}

/// What the schema offers to filter a column by.
async fn operations(
    client: &Client,
    fields: &Fields,
    column: &str,
) -> anyhow::Result<BTreeSet<String>> {
    const INPUT: &str = "query($name: String!) {
        __type(name: $name) { inputFields { name type { inputFields { name } } } } }";
    let name = json!({ "name": format!("{}FilterInput", fields.object) });
    let input = client.data(INPUT, name).await?["__type"]["inputFields"].clone();
    let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
    let field = list(&input)
        .into_iter()
        .find(|field| field["name"] == fields.field(column));
    let operations = field
        .map(|field| list(&field["type"]["inputFields"]))
        .unwrap_or_default();
    Ok(operations
        .iter()
        .filter_map(|it| it["name"].as_str().map(str::to_owned))
        .collect())
}

/// The filters on one column: each operation with several operands.
fn cases_of(
    column: &Column,
    fields: &Fields,
    operations: &BTreeSet<String>,
    rows: usize,
) -> Vec<Case> {
    let field = fields.field(column.name);
    let case = |operation: &'static str, operand: Json, expected| Case {
        column: column.name,
        operation,
        filter: json!({ field: { operation: operand } }),
        expected,
    };
    let mut cases = Vec::new();
    let operands: Vec<&Json> = column
        .samples
        .iter()
        .filter(|sample| sample.is_input)
        .map(|sample| &sample.graphql)
        .take(OPERANDS)
        .collect();
    for (n, operand) in operands
        .iter()
        .map(|operand| (*operand).clone())
        .enumerate()
    {
        let other = operands[(n + 1) % operands.len()].clone();
        let equal = |row: &usize| column.sample(*row).graphql == operand;
        let expected = (0..rows).filter(equal).map(key).collect();
        cases.push(case("eq", operand.clone(), Some(expected)));
        for operation in ["gt", "lt"] {
            cases.push(case(operation, operand.clone(), None));
        }
        if n == 0 {
            for operation in ["ne", "gte", "lte"] {
                cases.push(case(operation, operand.clone(), None));
            }
            for operation in ["is_in", "is_not_in", "between", "not_between"] {
                cases.push(case(operation, json!([operand, other]), None));
            }
            let not = json!({ "not": { field: { "eq": operand } } });
            cases.push(Case {
                filter: not,
                ..case("eq", Json::Null, None)
            });
        }
    }
    cases.push(case("is_null", json!(true), Some(BTreeSet::from([0]))));
    cases.push(case(
        "is_null",
        json!(false),
        Some((0..rows).map(key).collect()),
    ));
    cases.retain(|case| operations.contains(case.operation));
    cases
}

/// The keys that a query finds for each filter.
async fn queried(
    client: &Client,
    fields: &Fields,
    cases: &[Case],
) -> anyhow::Result<Vec<BTreeSet<i64>>> {
    let mut found = Vec::new();
    for batch in cases.chunks(BATCH) {
        let Fields { query, object, .. } = fields;
        let numbers = 0..batch.len();
        let variables: Vec<String> = numbers
            .clone()
            .map(|n| format!("$f{n}: {object}FilterInput"))
            .collect();
        let parts: Vec<String> = numbers
            .clone()
            .map(|n| format!("f{n}: {query}(filters: $f{n}) {{ nodes {{ id }} }}"))
            .collect();
        let text = format!("query({}) {{ {} }}", variables.join(", "), parts.join(" "));
        let values: Map<String, Json> = numbers
            .clone()
            .map(|n| (format!("f{n}"), batch[n].filter.clone()))
            .collect();
        let data = client.data(&text, Json::Object(values)).await?;
        for n in numbers {
            let nodes = data[format!("f{n}")]["nodes"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            found.push(
                nodes
                    .iter()
                    .filter_map(|node| number(&node["id"]))
                    .collect(),
            );
        }
    }
    Ok(found)
}

fn number(id: &Json) -> Option<i64> {
    id.as_str()?.parse().ok()
}

/// The keys that a subscription replays for each filter; none if it is refused. All at once on one
/// socket.
async fn subscribed(
    server: &TestServer,
    fields: &Fields,
    cases: &[Case],
) -> anyhow::Result<Vec<Option<BTreeSet<i64>>>> {
    let name = format!("{}Changes", fields.query);
    let text = format!(
        "subscription($filter: {}FilterInput) {{
         {name}(after: \"0\", filters: $filter) {{ kind record {{ id }} }} }}",
        fields.object
    );
    let mut socket = server.socket().await?;
    let mut ids = Vec::new();
    for case in cases {
        ids.push(
            socket
                .subscribe(&text, json!({ "filter": case.filter }))
                .await?,
        );
    }
    let mut found = vec![Some(BTreeSet::new()); cases.len()];
    let mut open = cases.len();
    while open > 0 {
        let message = socket.message().await?;
        let case = ids.iter().position(|id| message["id"] == **id);
        let case = case.ok_or_else(|| anyhow::anyhow!("whose is {message}"))?;
        let item = &message["payload"]["data"][&name];
        match (item["kind"].as_str(), &mut found[case]) {
            (Some("INSERT"), Some(keys)) => keys.extend(number(&item["record"]["id"])),
            (Some("CAUGHT_UP"), _) => open -= 1,
            (None, refused @ Some(_)) => {
                let text = message.to_string();
                anyhow::ensure!(
                    text.contains("\"BAD_INPUT\""),
                    "{}: {text}",
                    cases[case].filter
                );
                *refused = None;
                open -= 1;
            }
            _ => anyhow::ensure!(message["type"] == "complete", "{message}"),
        }
    }
    Ok(found)
}
