//! A request costs no more than its limits: what it names, the rows it reads, the bytes of its answer, its
//! time. It ends at the first excess with `LIMIT_EXCEEDED`, by whichever way it came.

pub mod ended;
pub mod mutations;
pub mod names;

use std::time::{Duration, Instant};

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, TASKS};
use super::watch::head;

seachange_testkit::cases![
    what_a_real_client_sends_fits,
    rows_are_counted_over_the_whole_request,
    rows_of_the_log_and_of_pulls_count,
    relations_end_at_the_first_excess,
    bytes_of_the_answer,
    bytes_of_the_rows,
    an_item_of_a_subscription,
];

/// Far less than any of these took when it was not bounded, far more than a busy machine needs.
const QUICK: Duration = Duration::from_secs(10);

fn aliases(count: usize, field: &str) -> String {
    let fields: Vec<String> = (0..count).map(|n| format!("a{n}: {field}")).collect();
    fields.join(" ")
}

async fn what_a_real_client_sends_fits(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    // A batch that is written into the document.
    let rows: Vec<String> = (0..1_000)
        .map(|n| {
            format!(
                "{{ projectId: \"{project}\" title: \"row {n}\" body: \"\"\"{}\"\"\" priority: {n} status: \"todo\" \
                 details: {{ a: [1, 2, 3], b: {{ c: \"d\" }} }} owner: \"me\" }}",
                "some words, and {brackets} ".repeat(20)
            )
        })
        .collect();
    let document = format!(
        "mutation {{ taskCreateBatch(data: [{}]) {{ id }} }}",
        rows.join(" ")
    );
    let data = client.data(&document, json!({})).await?;
    assert_eq!(given::list(data["taskCreateBatch"].clone())?.len(), 1_000);
    let all = "{ task { nodes { id title body details } } project { nodes { name task { nodes { id title status \
               owner priority } } } } changes(first: 1000) { nodes { cursor key before after changedFields } } }";
    let data = client.data(all, json!({})).await?;
    assert_eq!(
        given::list(data["project"]["nodes"][0]["task"]["nodes"].clone())?.len(),
        1_000
    );
    Ok(())
}

/// Tasks of one project, each with a body.
async fn tasks(server: &TestServer, count: usize, body: &str) -> anyhow::Result<()> {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    let rows: Vec<Json> = (0..count)
        .map(|n| json!({ "projectId": project, "title": format!("t{n:03}"), "body": body }))
        .collect();
    TASKS.create_all(&client, json!(rows)).await?;
    Ok(())
}

async fn rows_are_counted_over_the_whole_request(server: &TestServer) -> Outcome {
    tasks(server, 60, "").await?;
    let small = server
        .beside(|settings| settings.limits.request_rows = 100)
        .await?;
    let client = small.client();
    let page = |limit: usize| {
        format!(
            "task(pagination: {{ page: {{ limit: {limit}, page: 0 }} }}) {{ nodes {{ title }} }}"
        )
    };
    let keys = |limit: usize| {
        format!("task(pagination: {{ cursor: {{ limit: {limit} }} }}) {{ nodes {{ title }} }}")
    };
    for (document, fits) in [
        (format!("{{ a: {} }}", page(60)), true),
        (format!("{{ a: {} b: {} }}", page(60), page(40)), true),
        (format!("{{ a: {} b: {} }}", page(60), page(41)), false),
        (format!("{{ a: {} b: {} }}", keys(60), keys(39)), true),
        (
            format!(
                "{{ a: {} b: {} c: project {{ nodes {{ id }} }} }}",
                keys(60),
                keys(40)
            ),
            false,
        ),
        (format!("{{ {} }}", aliases(2_000, &page(2))), false),
        (
            "{ task { nodes { title } } project { nodes { name } } }".to_owned(),
            true,
        ),
    ] {
        let answer = client.send(&document, json!({})).await?;
        match fits {
            true => drop(answer.data()?),
            false => assert_eq!(answer.code()?, "LIMIT_EXCEEDED", "{document:.200}"),
        }
    }
    small.stop().await
}

/// A task's project, its tasks, their projects: a hundred times as much at each round.
fn rounds(count: usize) -> String {
    let open = "project { task { nodes { ".repeat(count);
    let close = "} } } ".repeat(count);
    format!("{{ project {{ nodes {{ task {{ nodes {{ {open} title {close} }} }} }} }} }}")
}

async fn relations_end_at_the_first_excess(server: &TestServer) -> Outcome {
    tasks(server, 100, "").await?;
    let rows = server
        .beside(|settings| settings.limits.request_rows = 250)
        .await?;
    let bytes = server
        .beside(|settings| settings.limits.answer_bytes = 2_000_000)
        .await?;
    let client = rows.client();
    client.data(&rounds(0), json!({})).await?;
    for (small, document) in [
        (&rows, rounds(2)),
        (&rows, rounds(5)),
        (&bytes, rounds(2)),
        (&bytes, rounds(5)),
    ] {
        let began = Instant::now();
        let code = small.client().code(&document, json!({})).await?;
        assert_eq!(code, "LIMIT_EXCEEDED", "{document}");
        assert!(began.elapsed() < QUICK, "{:?}: {document}", began.elapsed());
    }
    // A page for each parent is counted over all parents.
    let page = "task(pagination: { page: { limit: 2, page: 0 } }) { nodes { title } }";
    let each = format!("{{ task {{ nodes {{ project {{ {page} }} }} }} }}");
    client.data(&each, json!({})).await?;
    rows.stop().await?;
    bytes.stop().await
}

async fn rows_of_the_log_and_of_pulls_count(server: &TestServer) -> Outcome {
    tasks(server, 60, "").await?;
    let head = head(&server.client()).await?;
    let small = server
        .beside(|settings| settings.limits.request_rows = 50)
        .await?;
    let client = small.client();
    for (document, fits) in [
        ("{ changes(first: 50) { endCursor } }", true),
        ("{ changes(first: 51) { endCursor } }", false),
        (
            "{ a: changes(first: 30) { endCursor } b: changes(first: 30) { endCursor } }",
            false,
        ),
        ("{ pullTask(limit: 50) { checkpoint { cursor } } }", true),
        ("{ pullTask(limit: 51) { checkpoint { cursor } } }", false),
        (
            "{ a: pullTask(limit: 30) { documents { id } } b: pullTask(limit: 30) { documents { id } } }",
            false,
        ),
    ] {
        let answer = client.send(document, json!({})).await?;
        match fits {
            true => drop(answer.data()?),
            false => assert_eq!(answer.code()?, "LIMIT_EXCEEDED", "{document}"),
        }
    }
    // What is pulled from the log counts, too: here nothing is left to be pulled.
    let pull = "query($cursor: String!) { pullTask(checkpoint: { cursor: $cursor }, limit: 1000) { documents { id } } }";
    client.data(pull, json!({ "cursor": head })).await?;
    small.stop().await
}

async fn bytes_of_the_answer(server: &TestServer) -> Outcome {
    tasks(server, 10, &"x".repeat(1_000)).await?;
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 100_000)
        .await?;
    let client = small.client();
    for (document, fits) in [
        ("{ task { nodes { body } } }".to_owned(), true),
        (
            format!("{{ task {{ nodes {{ {} }} }} }}", aliases(8, "body")),
            true,
        ),
        (
            format!("{{ task {{ nodes {{ {} }} }} }}", aliases(12, "body")),
            false,
        ),
        (
            format!("{{ {} }}", aliases(12, "task { nodes { body } }")),
            false,
        ),
        (
            format!("{{ changes {{ nodes {{ {} }} }} }}", aliases(2, "after")),
            true,
        ),
        (
            format!("{{ changes {{ nodes {{ {} }} }} }}", aliases(12, "after")),
            false,
        ),
        (
            format!(
                "{{ pullTask(limit: 10) {{ documents {{ {} }} }} }}",
                aliases(12, "body")
            ),
            false,
        ),
        // Short values take memory, too.
        (
            format!(
                "{{ task {{ nodes {{ {} }} }} }}",
                aliases(900, "__typename")
            ),
            false,
        ),
    ] {
        let answer = client.send(&document, json!({})).await?;
        match fits {
            true => drop(answer.data()?),
            false => {
                assert_eq!(answer.code()?, "LIMIT_EXCEEDED", "{document:.200}");
                assert!(answer.body.to_string().len() < 10_000);
            }
        }
    }
    small.stop().await
}

async fn bytes_of_the_rows(server: &TestServer) -> Outcome {
    tasks(server, 100, &"x".repeat(10_000)).await?;
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 500_000)
        .await?;
    let client = small.client();
    // They are read whole, whatever is asked of them.
    for document in [
        "{ task { nodes { id } } }",
        "{ task(pagination: { cursor: { limit: 60 } }) { nodes { id } } }",
        "{ changes(first: 100) { endCursor } }",
        "{ pullTask(limit: 100) { checkpoint { cursor } } }",
    ] {
        assert_eq!(
            client.code(document, json!({})).await?,
            "LIMIT_EXCEEDED",
            "{document}"
        );
        let smaller = document.replace(
            "task {",
            "task(pagination: { page: { limit: 20, page: 0 } }) {",
        );
        let smaller = smaller.replace("60", "20").replace("100", "20");
        client.data(&smaller, json!({})).await?;
    }
    // The connection that read too much is in step.
    for _ in 0..20 {
        assert_eq!(
            client.code("{ task { nodes { id } } }", json!({})).await?,
            "LIMIT_EXCEEDED"
        );
        let page = "{ task(pagination: { page: { limit: 1, page: 0 } }, orderBy: { title: ASC }) { nodes { title } } }";
        let data = client.data(page, json!({})).await?;
        assert_eq!(data["task"]["nodes"], json!([{ "title": "t000" }]));
    }
    small.stop().await
}

async fn an_item_of_a_subscription(server: &TestServer) -> Outcome {
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 100_000)
        .await?;
    let mut socket = small.socket().await?;
    let many = aliases(20, "record { body }");
    // From a position, so that it does not matter when it begins.
    let client = small.client();
    let head = client.data("{ changesHead }", json!({})).await?;
    let query =
        format!("subscription($after: String!) {{ taskChanges(after: $after) {{ kind {many} }} }}");
    let after = json!({ "after": head["changesHead"] });
    socket.subscribe(&query, after).await?;
    let caught_up = socket.message().await?["payload"].take();
    assert_eq!(caught_up["data"]["taskChanges"]["kind"], "CAUGHT_UP");
    let project = given::project(&client, "p").await?;
    for (title, body) in [("small", 10), ("large", 10_000), ("after it", 10)] {
        let row = json!({ "projectId": project, "title": title, "body": "x".repeat(body) });
        TASKS.create(&client, row).await?;
        let item = socket.message().await?["payload"].take();
        let code = &item["errors"][0]["extensions"]["code"];
        match body {
            10 => assert_eq!(item["data"]["taskChanges"]["kind"], "INSERT", "{item:.300}"),
            _ => assert_eq!(code, "LIMIT_EXCEEDED", "{item:.300}"),
        }
    }
    small.stop().await
}
