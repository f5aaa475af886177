//! A mutation that names one field twice writes nothing: GraphQL makes one field of the two.

use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::given::PROJECTS;

seachange_testkit::cases![one_name_for_two_fields];

async fn one_name_for_two_fields(server: &TestServer) -> Outcome {
    let client = server.client();
    let create = "projectCreateOne(data: { name: \"a\" })";
    let batch = "projectCreateBatch(data: [{ name: \"a\" }])";
    let fragment = format!("fragment A on Mutation {{ {create} {{ id }} }}");
    for query in [
        format!("mutation {{ {create} {{ id }} {create} {{ name }} }}"),
        format!("mutation {{ {batch} {{ id }} {batch} {{ id }} }}"),
        format!("mutation {{ x: {create} {{ id }} x: {create} {{ id }} }}"),
        format!("mutation {{ {create} {{ id }} ... on Mutation {{ {create} {{ id }} }} }}"),
        format!("mutation {{ ... {{ {create} {{ id }} }} ...A }} {fragment}"),
        format!("mutation {{ ...A ...A }} {fragment}"),
        format!("mutation {{ ...A ...B }} {fragment} fragment B on Mutation {{ ...A }}"),
        format!("query Q {{ changesHead }} mutation M {{ ...A ...A }} {fragment}"),
    ] {
        let body = match query.starts_with("query") {
            true => json!({ "query": query, "operationName": "M" }),
            false => json!({ "query": query }),
        };
        let answer = client.post(&body).await?;
        assert_eq!(answer.code()?, "BAD_INPUT", "{query}");
    }
    assert!(PROJECTS.find(&client, json!({})).await?.is_empty());
    let twice = format!("mutation {{ x: {create} {{ id }} ...A }} {fragment}");
    client.data(&twice, json!({})).await?;
    assert_eq!(PROJECTS.find(&client, json!({})).await?.len(), 2);
    Ok(())
}
