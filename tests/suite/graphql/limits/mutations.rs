//! Mutations whose answer costs too much.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::super::given::{PROJECTS, TASKS};
use super::super::watch::head;
use super::{aliases, tasks};

seachange_testkit::cases![
    a_mutation_that_answers_too_much_writes_nothing,
    a_mutation_that_was_committed_says_so,
];

async fn a_mutation_that_answers_too_much_writes_nothing(server: &TestServer) -> Outcome {
    tasks(server, 60, &"x".repeat(1_000)).await?;
    let before = head(&server.client()).await?;
    for small in [
        server
            .beside(|settings| settings.limits.request_rows = 50)
            .await?,
        server
            .beside(|settings| settings.limits.answer_bytes = 50_000)
            .await?,
    ] {
        let client = small.client();
        let all = json!({ "data": { "priority": 7 }, "all": true });
        assert_eq!(client.code(&TASKS.update(), all).await?, "LIMIT_EXCEEDED");
        let rows: Vec<Json> = (0..60)
            .map(|n| json!({ "name": n.to_string(), "owner": "x".repeat(1_000) }))
            .collect();
        let rows = json!({ "data": rows });
        assert_eq!(
            client.code(&PROJECTS.create_batch(), rows).await?,
            "LIMIT_EXCEEDED"
        );
        small.stop().await?;
    }
    assert_eq!(head(&server.client()).await?, before);
    // Within its limits it writes.
    let all = json!({ "data": { "priority": 7 }, "all": true });
    server.client().data(&TASKS.update(), all).await?;
    assert_ne!(head(&server.client()).await?, before);
    Ok(())
}

/// What is rendered after the commit may be too much, and a later field may be refused.
async fn a_mutation_that_was_committed_says_so(server: &TestServer) -> Outcome {
    tasks(server, 10, &"x".repeat(1_000)).await?;
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 100_000)
        .await?;
    let client = small.client();
    let update = |names: usize| {
        let fields = aliases(names, "body");
        format!(
            "mutation($p: Int!) {{ rows: taskUpdate(data: {{ priority: $p }}, all: true) {{ {fields} }} }}"
        )
    };
    for (names, is_refused) in [(1, false), (12, true)] {
        let priority = i32::try_from(names)?;
        let answer = client
            .send(&update(names), json!({ "p": priority }))
            .await?;
        let committed = &answer.body["extensions"]["committed"];
        if is_refused {
            assert_eq!(answer.code()?, "LIMIT_EXCEEDED");
            assert_eq!(*committed, json!(["rows"]));
        } else {
            answer.data()?;
            assert_eq!(*committed, Json::Null);
        }
        let found = client
            .data("{ task { nodes { priority } } }", json!({}))
            .await?;
        assert_eq!(found["task"]["nodes"][0]["priority"], priority);
    }
    // The second is not done.
    let two = "mutation { labelCreateOne(data: { name: \"l\" }) { id }
        again: labelCreateOne(data: { name: \"l\" }) { id } }";
    let answer = client.send(two, json!({})).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    assert_eq!(
        answer.body["extensions"]["committed"],
        json!(["labelCreateOne"])
    );
    // Nothing is.
    let answer = client.send(two, json!({})).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    assert_eq!(answer.body["extensions"]["committed"], Json::Null);
    small.stop().await
}
