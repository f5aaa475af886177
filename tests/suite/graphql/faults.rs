//! Requests that cannot be answered, and the one code that each gets.

pub mod internal;

use anyhow::Context;
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASK_LABELS, TASKS};
use super::watch::Watch;

seachange_testkit::cases![
    what_does_not_parse,
    what_does_not_validate,
    wrong_variables,
    operations,
    depth,
    brackets,
    unknown_parents,
    rows_that_exist,
    paths,
];

async fn what_does_not_parse(server: &TestServer) -> Outcome {
    let client = server.client();
    for query in [
        "",
        " ",
        "{",
        "}",
        "{ changesHead",
        "{ changesHead } }",
        "query { }",
        "nothing",
        "{ task(filters: { title: { eq: \"open } } }) { nodes { id } } }",
        "{ changesHead }\u{0}",
        "\u{feff}{",
        "# only a comment",
        "{ changesHead(}",
        "{ project(pagination: {page: {page: 0, limit: }}) { nodes { id } } }",
    ] {
        assert_eq!(
            client.code(query, json!({})).await?,
            "BAD_INPUT",
            "{query:?}"
        );
    }
    client
        .data("\u{feff}{ changesHead } # comment", json!({}))
        .await?;
    Ok(())
}

async fn what_does_not_validate(server: &TestServer) -> Outcome {
    let client = server.client();
    for query in [
        "{ nothing }",
        "{ changes { nothing } }",
        "{ changes }",
        "{ changesHead { more } }",
        "{ changes(nothing: 1) { endCursor } }",
        "{ changes(first: \"1\") { endCursor } }",
        "{ changes(first: 1, first: 2) { endCursor } }",
        "{ task { nodes { id } nothing } }",
        "{ a: changesHead a: changes { endCursor } }",
        "{ ...missing }",
        "{ ...a } fragment a on Nothing { id }",
        "{ changesHead } fragment unused on Query { changesHead }",
        "query($a: String) { changesHead }",
        "query($a: Nothing) { changes(after: $a) { endCursor } }",
        "query($a: String, $a: String) { changes(after: $a) { endCursor } }",
        "{ changes(after: $a) { endCursor } }",
        "{ changesHead @nothing }",
        "{ changesHead @include }",
        "{ changesHead @include(if: 1) }",
        "mutation { taskCreateOne { id } }",
        "mutation { taskCreateOne(data: {}) { id } }",
        "mutation { taskCreateOne(data: { title: \"t\" }) { id } }",
        "mutation { taskCreateBatch(data: [{}]) { id } }",
        "mutation { taskCreateBatch(data: [null]) { id } }",
        "mutation { taskCreateBatch(data: null) { id } }",
        "mutation { taskUpdate(all: true) { id } }",
        "mutation { taskUpdate(data: null, all: true) { id } }",
        "mutation { taskDelete(all: \"true\") }",
        "mutation { taskDelete(filters: { title: { eq: \"a\" } }) }",
        "mutation { taskDelete(all: true) { count } }",
        "mutation { changesHead }",
    ] {
        assert_eq!(client.code(query, json!({})).await?, "BAD_INPUT", "{query}");
    }
    Ok(())
}

async fn wrong_variables(server: &TestServer) -> Outcome {
    let client = server.client();
    let query = "query($after: String, $first: Int!) { changes(after: $after, first: $first) { endCursor } }";
    for variables in [
        json!({}),
        json!({ "first": null }),
        json!({ "first": "1" }),
        json!({ "first": 1.5 }),
        json!({ "first": 1e3 }),
        json!({ "first": [1, 2] }),
        json!({ "first": 1, "after": 1 }),
        json!({ "first": 1, "after": ["0"] }),
        json!({ "first": 1, "after": { "a": 1 } }),
        json!({ "first": true }),
    ] {
        let code = client
            .code(query, variables.clone())
            .await
            .context(variables.to_string())?;
        assert_eq!(code, "BAD_INPUT", "{variables}");
    }
    client
        .data(query, json!({ "first": 1, "unknown": { "a": [1] } }))
        .await?;
    for data in [
        Json::Null,
        json!([]),
        json!([1]),
        json!("x"),
        json!([{ "name": "a" }, null]),
        json!({ "name": [] }),
    ] {
        let answer = client
            .send(&PROJECTS.create_batch(), json!({ "data": data }))
            .await?;
        assert!(
            answer.data().is_ok_and(|_| data == json!([])) || answer.code()? == "BAD_INPUT",
            "{data}"
        );
    }
    Ok(())
}

async fn operations(server: &TestServer) -> Outcome {
    let client = server.client();
    let two = "query A { changesHead } query B { changes { endCursor } }";
    let named = |query: &str, name: Json| json!({ "query": query, "operationName": name });
    for (body, code) in [
        (named(two, Json::Null), "BAD_INPUT"),
        (named(two, json!("C")), "BAD_INPUT"),
        (named(two, json!("")), "BAD_INPUT"),
        (named("{ changesHead }", json!("A")), "BAD_INPUT"),
        (
            named(
                "query A { changesHead } query A { changesHead }",
                json!("A"),
            ),
            "BAD_INPUT",
        ),
        (
            named("query A { changesHead } { changesHead }", json!("A")),
            "BAD_INPUT",
        ),
        (
            named("subscription { changes { cursor } }", Json::Null),
            "BAD_INPUT",
        ),
    ] {
        assert_eq!(client.post(&body).await?.code()?, code, "{body}");
    }
    for name in ["A", "B"] {
        client.post(&named(two, json!(name))).await?.data()?;
    }
    Ok(())
}

async fn depth(server: &TestServer) -> Outcome {
    let client = server.client();
    let there_and_back = |rounds: usize| {
        let open = "task { nodes { project { ".repeat(rounds);
        let close = "} } } ".repeat(rounds);
        format!("{{ project {{ nodes {{ {open} id {close} }} }} }}")
    };
    for (rounds, allowed) in [
        (1, true),
        (5, true),
        (6, false),
        (7, false),
        (9, false),
        (33, false),
    ] {
        let answer = client.send(&there_and_back(rounds), json!({})).await?;
        match allowed {
            true => drop(answer.data()?),
            false => assert_eq!(answer.code()?, "LIMIT_EXCEEDED", "{rounds} {answer:?}"),
        }
    }
    // The same through fragments.
    let mut chain = String::from("{ project { nodes { ...f0 } } }");
    for n in 0..30 {
        chain.push_str(&format!(
            " fragment f{n} on Project {{ task {{ nodes {{ project {{ ...f{} }} }} }} }}",
            n + 1
        ));
    }
    chain.push_str(" fragment f30 on Project { id }");
    assert_eq!(client.code(&chain, json!({})).await?, "LIMIT_EXCEEDED");
    let mut long = String::from("{ ...f0 }");
    for n in 0..20_000 {
        long.push_str(&format!(" fragment f{n} on Query {{ ...f{} }}", n + 1));
    }
    long.push_str(" fragment f20000 on Query { changesHead }");
    assert_eq!(client.code(&long, json!({})).await?, "LIMIT_EXCEEDED");
    let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    assert_eq!(client.code(circle, json!({})).await?, "LIMIT_EXCEEDED");
    Ok(())
}

async fn brackets(server: &TestServer) -> Outcome {
    let client = server.client();
    for query in [
        "{".repeat(100_000),
        "{a".repeat(100_000),
        "[".repeat(100_000),
        "(".repeat(100_000),
        format!("{{ task(filters: {}", "{and:[".repeat(50_000)),
        format!(
            "{{ task(filters: {}{}) {{ nodes {{ id }} }} }}",
            "{not:".repeat(50_000),
            "}".repeat(50_000)
        ),
        format!(
            "query($a: {}String{}) {{ changesHead }}",
            "[".repeat(50_000),
            "]".repeat(50_000)
        ),
    ] {
        let code = client.code(&query, json!({})).await?;
        assert_eq!(code, "LIMIT_EXCEEDED", "{query:.60}");
    }
    // Many, but not deep.
    let wide: Vec<String> = (0..1_000).map(|n| format!("a{n}: changesHead")).collect();
    client
        .data(&format!("{{ {} }}", wide.join(" ")), json!({}))
        .await?;
    let mut filter = json!({ "title": { "eq": "x" } });
    for _ in 0..150 {
        filter = json!({ "not": filter });
    }
    let answer = client
        .send(&TASKS.query(), json!({ "filters": filter }))
        .await?;
    assert!(
        answer.data().is_ok() || matches!(answer.code()?, "LIMIT_EXCEEDED" | "BAD_INPUT"),
        "{answer:?}"
    );
    Ok(())
}

async fn unknown_parents(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let label = LABELS.create(&client, json!({ "name": "l" })).await?;
    let mut watch = Watch::start(server).await?;
    let nobody = Uuid::new_v4();
    for (names, data) in [
        (TASKS, json!({ "projectId": nobody, "title": "t" })),
        (
            COMMENTS,
            json!({ "taskId": nobody, "author": "a", "body": "b" }),
        ),
        (
            TASK_LABELS,
            json!({ "taskId": nobody, "labelId": label["id"] }),
        ),
        (TASK_LABELS, json!({ "taskId": task, "labelId": 4_242 })),
    ] {
        let code = client
            .code(&names.create_one(), json!({ "data": data }))
            .await?;
        assert_eq!(code, "CONFLICT", "{data}");
        let code = client
            .code(&names.create_batch(), json!({ "data": [data] }))
            .await?;
        assert_eq!(code, "CONFLICT", "{data}");
    }
    let variables = json!({ "data": { "projectId": nobody }, "all": true });
    assert_eq!(client.code(&TASKS.update(), variables).await?, "CONFLICT");
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn rows_that_exist(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let label = LABELS.create(&client, json!({ "name": "l" })).await?;
    let link = json!({ "taskId": task, "labelId": label["id"] });
    TASK_LABELS.create(&client, link.clone()).await?;
    let project = PROJECTS.find(&client, json!({})).await?.remove(0);
    let mut watch = Watch::start(server).await?;
    for (names, data) in [
        (PROJECTS, json!({ "id": project["id"], "name": "x" })),
        (
            TASKS,
            json!({ "id": task, "projectId": project["id"], "title": "x" }),
        ),
        (LABELS, json!({ "id": label["id"], "name": "x" })),
        (LABELS, json!({ "name": "l" })),
        (TASK_LABELS, link),
    ] {
        let code = client
            .code(&names.create_one(), json!({ "data": data }))
            .await?;
        assert_eq!(code, "CONFLICT", "{data}");
    }
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn paths(server: &TestServer) -> Outcome {
    let client = server.client();
    given::task(&client, "t").await?;
    for (query, path) in [
        ("{ changes(first: 0) { endCursor } }", json!(["changes"])),
        (
            "{ good: changesHead bad: changes(first: 0) { endCursor } }",
            json!(["bad"]),
        ),
        (
            "{ project(filters: { id: { eq: \"x\" } }) { nodes { id } } }",
            json!(["project"]),
        ),
        (
            "{ p: project { nodes { t: task(filters: { id: { eq: \"x\" } }) { nodes { id } } } } }",
            json!(["p", "nodes", 0, "t"]),
        ),
        ("mutation { all: projectDelete }", json!(["all"])),
    ] {
        let answer = client.send(query, json!({})).await?;
        assert_eq!(answer.code()?, "BAD_INPUT", "{query}");
        assert_eq!(answer.body["errors"][0]["path"], path, "{query}");
        assert_eq!(
            answer.body.get("data"),
            Some(&Json::Null),
            "it has been executed"
        );
    }
    let unknown = client.send("{ nothing }", json!({})).await?;
    assert!(
        unknown.body.get("data").is_none(),
        "it has not been executed"
    );
    Ok(())
}
