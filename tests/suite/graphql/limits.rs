//! A request costs no more than its limits: what it names, the rows it reads, the bytes of its answer, its
//! time. It ends at the first excess with `LIMIT_EXCEEDED`, by whichever way it came.

pub mod ended;

use std::time::{Duration, Instant};

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, PROJECTS, TASKS};
use super::watch::head;

seachange_testkit::cases![
    names_are_counted_with_fragments_spread,
    by_every_way,
    what_a_real_client_sends_fits,
    rows_are_counted_over_the_whole_request,
    rows_of_the_log_and_of_pulls_count,
    relations_end_at_the_first_excess,
    bytes_of_the_answer,
    bytes_of_the_rows,
    errors_are_an_answer_too,
    introspection_is_an_answer_too,
    an_item_of_a_subscription,
    a_mutation_that_answers_too_much_writes_nothing,
    a_mutation_that_was_committed_says_so,
];

/// Far less than any of these took when it was not bounded, far more than a busy machine needs.
const QUICK: Duration = Duration::from_secs(10);

/// A fragment that spreads the next one twice, and so on: few bytes, and more fields than atoms.
fn doubling(levels: usize, on: &str, last: &str) -> String {
    let mut fragments = String::new();
    for n in 0..levels {
        fragments.push_str(&format!(
            " fragment f{n} on {on} {{ ...f{0} ...f{0} }}",
            n + 1
        ));
    }
    format!("{fragments} fragment f{levels} on {on} {{ {last} }}")
}

fn aliases(count: usize, field: &str) -> String {
    let fields: Vec<String> = (0..count).map(|n| format!("a{n}: {field}")).collect();
    fields.join(" ")
}

/// Documents that name more than anyone means.
fn excessive() -> Vec<String> {
    vec![
        format!("{{ ...f0 }} {}", doubling(22, "Query", "changesHead")),
        format!("{{ ...f0 }} {}", doubling(60, "Query", "changesHead")),
        format!("{{ changesHead }} {}", doubling(60, "Query", "changesHead")),
        format!(
            "{{ project {{ nodes {{ ...f0 }} }} }} {}",
            doubling(15, "Project", "id")
        ),
        format!("{{ {} }}", aliases(10_001, "changesHead")),
        format!("{{ {} }}", aliases(60_000, "project { nodes { id } }")),
        format!("{{ {} }}", aliases(10_001, "__typename")),
        format!(
            "{{ {} }}",
            aliases(3_000, "__schema { types { name kind } }")
        ),
        format!("{{ project {{ nodes {{ {} }} }} }}", aliases(10_001, "id")),
        format!("{{ {} }}", aliases(10_001, "nothing")),
        format!("{{ changesHead{} }}", " @include(if: true)".repeat(5_001)),
        format!(
            "{{ project({}) {{ nodes {{ id }} }} }}",
            aliases(10_001, "1")
        ),
        format!("query({}) {{ changesHead }}", "$v: Int ".repeat(10_001)),
        format!("{{ {} }}", "a ".repeat(1_000_000)),
        format!("{{ {} }}", "a".repeat(1_000_000)),
        format!("{{ a(a: [{}]) }}", "{a: 1} ".repeat(500_000)),
        "{ ...a } fragment a on Query { ...a }".to_owned(),
        format!(
            "mutation {{ {} }}",
            aliases(10_001, "labelDelete(filter: { name: { eq: \"\" } })")
        ),
    ]
}

async fn names_are_counted_with_fragments_spread(server: &TestServer) -> Outcome {
    let client = server.client();
    for document in excessive() {
        let began = Instant::now();
        assert_eq!(
            client.code(&document, json!({})).await?,
            "LIMIT_EXCEEDED",
            "{document:.200}"
        );
        assert!(
            began.elapsed() < QUICK,
            "{:?}: {document:.200}",
            began.elapsed()
        );
    }
    let few = server
        .beside(|settings| settings.limits.request_fields = 5)
        .await?;
    let client = few.client();
    for (document, fits) in [
        (
            "{ a: changesHead b: changesHead c: changesHead d: changesHead e: changesHead }",
            true,
        ),
        (
            "{ a: changesHead b: changesHead c: changesHead d: changesHead e: changesHead f: changesHead }",
            false,
        ),
        ("{ ...f ...f } fragment f on Query { changesHead }", true),
        (
            "{ ...f ...f ...f } fragment f on Query { changesHead }",
            false,
        ),
        ("{ project(pagination: null) { nodes { id } } }", true),
        (
            "{ project(pagination: null) { nodes { id name owner } } }",
            false,
        ),
        ("{ changesHead @skip(if: false) @include(if: true) }", true),
        (
            "{ changesHead @skip(if: false) @include(if: true) b: changesHead }",
            false,
        ),
    ] {
        let answer = client.send(document, json!({})).await?;
        match fits {
            true => drop(answer.data()?),
            false => assert_eq!(answer.code()?, "LIMIT_EXCEEDED", "{document}"),
        }
    }
    few.stop().await
}

async fn by_every_way(server: &TestServer) -> Outcome {
    let client = server.client();
    let bomb = format!("{{ ...f0 }} {}", doubling(40, "Query", "changesHead"));
    let answer = client.get(&[("query", &bomb)]).await?;
    assert_eq!(answer.code()?, "LIMIT_EXCEEDED");
    let events = [("accept", "text/event-stream")];
    for body in [
        json!({ "query": bomb }),
        json!({ "query": format!("subscription {{ changes {{ ...f0 }} }} {}", doubling(40, "Change", "cursor")) }),
    ] {
        let text = client.raw(&body, &events).await?.text().await?;
        assert!(text.contains("LIMIT_EXCEEDED"), "{text}");
        let mut socket = server.socket().await?;
        let query = body["query"].as_str().unwrap_or_default();
        assert_eq!(socket.refused(query, json!({})).await?, "LIMIT_EXCEEDED");
    }
    Ok(())
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

async fn errors_are_an_answer_too(server: &TestServer) -> Outcome {
    let client = server.client();
    for document in [
        format!("{{ {} }}", aliases(9_000, "nothing")),
        format!("{{ changesHead({}) }}", aliases(9_000, "1")),
    ] {
        let answer = client.send(&document, json!({})).await?;
        assert_eq!(answer.code()?, "BAD_INPUT", "{document:.100}");
        let length = answer.body.to_string().len();
        assert!(length < 100_000, "{length} bytes for {document:.100}");
    }
    Ok(())
}

async fn introspection_is_an_answer_too(server: &TestServer) -> Outcome {
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 1_000_000)
        .await?;
    let types = "__schema { types { name fields { name type { name fields { name } } } } }";
    let client = small.client();
    client
        .data("{ __schema { types { name fields { name } } } }", json!({}))
        .await?;
    let many = format!("{{ {} }}", aliases(1_000, types));
    assert_eq!(client.code(&many, json!({})).await?, "LIMIT_EXCEEDED");
    small.stop().await
}

async fn an_item_of_a_subscription(server: &TestServer) -> Outcome {
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 100_000)
        .await?;
    let mut socket = small.socket().await?;
    let many = aliases(20, "record { body }");
    let query = format!("subscription {{ taskChanges {{ kind {many} }} }}");
    socket.subscribe(&query, json!({})).await?;
    // It listens when this is answered.
    let client = small.client();
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
