//! Integers of 64 bits are `BigInt`: text in answers, text or integers in inputs, exact in both.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::super::given::{self, LABELS, TASK_LABELS};

seachange_testkit::cases![in_and_out, only_the_row_that_was_meant, no_integers];

/// The first integer that a JavaScript number does not hold, and its neighbour, which it becomes there.
const FAR: i64 = 9_007_199_254_740_993;
const NEAR: i64 = 9_007_199_254_740_992;

async fn in_and_out(server: &TestServer) -> Outcome {
    let client = server.client();
    let far = FAR.to_string();
    let data = json!([{ "id": far, "name": "far" }, { "id": NEAR, "name": "near" }, { "id": 7, "name": "seven" }]);
    let rows = LABELS.create_all(&client, data).await?;
    let ids: Vec<&Json> = rows.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [&json!(far), &json!(NEAR.to_string()), &json!("7")]);
    let task = given::task(&client, "Hull").await?;
    let link = json!({ "taskId": task, "labelId": far });
    let link = TASK_LABELS.create(&client, link).await?;
    assert_eq!(link["labelId"], far);
    let link = client
        .data(
            "{ taskLabel { nodes { labelId label { id } task { label { nodes { id } } } } } }",
            json!({}),
        )
        .await?;
    let expected = json!({ "labelId": far, "label": { "id": far }, "task": { "label": { "nodes": [{ "id": far }] } } });
    assert_eq!(link["taskLabel"]["nodes"], json!([expected]));
    for (filter, expected) in [
        (json!({ "eq": far }), "far"),
        (json!({ "eq": FAR }), "far"),
        (json!({ "is_in": [7, far] }), "far seven"),
        (json!({ "gt": "7" }), "far near"),
        (json!({ "between": ["7", NEAR] }), "near seven"),
        (json!({ "is_not_in": ["7"], "lt": FAR }), "near"),
        (json!({ "is_null": true }), ""),
    ] {
        let variables = json!({ "filters": { "id": filter }, "orderBy": { "name": "ASC" } });
        let found = LABELS.find(&client, variables).await?;
        let names: Vec<&str> = found
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        assert_eq!(names.join(" "), expected, "{filter}");
    }
    for literal in [FAR.to_string(), format!("\"{FAR}\"")] {
        let query = format!(
            "{{ label(filters: {{ id: {{ eq: {literal} }} }}) {{ nodes {{ id name }} }} }}"
        );
        let found = client.data(&query, json!({})).await?;
        assert_eq!(
            found["label"]["nodes"],
            json!([{ "id": far, "name": "far" }])
        );
    }
    let query = "query($id: BigInt!, $key: Json!) {
        label(filters: { id: { eq: $id } }, orderBy: { id: DESC }) { edges { cursor node { id } } }
        labelAsOf(key: $key, time: \"2999-01-01T00:00:00Z\") { id } }";
    let data = client
        .data(query, json!({ "id": far, "key": { "id": far } }))
        .await?;
    assert_eq!(data["label"]["edges"][0]["node"]["id"], far);
    assert_eq!(data["labelAsOf"]["id"], far);
    Ok(())
}

async fn only_the_row_that_was_meant(server: &TestServer) -> Outcome {
    let client = server.client();
    let data = json!([{ "id": FAR, "name": "far" }, { "id": NEAR, "name": "near" }]);
    let rows = LABELS.create_all(&client, data).await?;
    // A client passes on what it was given.
    let filter = json!({ "id": { "eq": rows[0]["id"] } });
    let variables = json!({ "data": { "name": "changed" }, "filter": filter });
    client.data(&LABELS.update(), variables).await?;
    let rows = LABELS
        .find(&client, json!({ "orderBy": { "id": "ASC" } }))
        .await?;
    let names: Vec<&Json> = rows.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, [&json!("near"), &json!("changed")]);
    Ok(())
}

async fn no_integers(server: &TestServer) -> Outcome {
    let client = server.client();
    for id in [
        json!("1.5"),
        json!(1.5),
        json!("one"),
        json!(""),
        json!("-"),
        json!(" 1"),
        json!("+1"),
        json!("1e3"),
        json!(true),
        json!(["1", "2"]),
        json!("9223372036854775808"),
        json!(9_223_372_036_854_775_808_u64),
        json!("-9223372036854775809"),
        json!("1".repeat(60)),
    ] {
        let data = json!({ "data": { "id": id, "name": "x" } });
        let code = client.code(&LABELS.create_one(), data).await?;
        assert_eq!(code, "BAD_INPUT", "{id}");
        if !id.is_array() {
            let filters = json!({ "filters": { "id": { "eq": id } } });
            assert_eq!(
                client.code(&LABELS.query(), filters).await?,
                "BAD_INPUT",
                "{id}"
            );
        }
    }
    Ok(())
}
