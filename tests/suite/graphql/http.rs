//! GraphQL over HTTP: methods, bodies, statuses.

use seachange_testkit::{Client, Outcome, TestServer, demo, reference_app};
use serde_json::{Value as Json, json};

use super::given::{self, PROJECTS};
use super::watch::Watch;

seachange_testkit::cases![
    queries_by_get,
    mutations_by_get,
    bodies_that_are_no_request,
    batches,
    bodies_at_the_limit,
    other_methods_and_paths,
    media_types,
    surrogates,
    the_demos_files,
];

async fn queries_by_get(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    let query = "query A($first: Int) { changes(first: $first) { nodes { entity } } } query B { changesHead }";
    let parameters = [
        ("query", query),
        ("operationName", "A"),
        ("variables", r#"{"first":1}"#),
    ];
    let answer = client.get(&parameters).await?;
    assert_eq!(
        (
            answer.status,
            &answer.data()?["changes"]["nodes"][0]["entity"]
        ),
        (200, &json!("project"))
    );
    let parameters: [&[(&str, &str)]; 6] = [
        &[],
        &[("query", "")],
        &[("query", "{")],
        &[("query", "{ nothing }")],
        &[("query", "{ changesHead }"), ("variables", "{")],
        &[("query", "{ changesHead }"), ("variables", "[]")],
    ];
    for parameters in parameters {
        let answer = client.get(parameters).await?;
        assert_eq!(answer.code()?, "BAD_INPUT", "{parameters:?}");
    }
    Ok(())
}

async fn mutations_by_get(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let mutation = r#"mutation M { projectCreateOne(data: { name: "x" }) { id } }"#;
    let both = format!("query Q {{ changesHead }} {mutation}");
    for parameters in [
        vec![("query", mutation)],
        vec![("query", both.as_str()), ("operationName", "M")],
        vec![("query", mutation), ("operationName", "M")],
    ] {
        let answer = client.get(&parameters).await?;
        assert_eq!(
            (answer.status, answer.code()?),
            (405, "BAD_INPUT"),
            "{parameters:?}"
        );
    }
    client
        .get(&[("query", both.as_str()), ("operationName", "Q")])
        .await?
        .data()?;
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn bodies_that_are_no_request(server: &TestServer) -> Outcome {
    let client = server.client();
    let deep = format!(
        r#"{{"query":"{{ changesHead }}","variables":{{"a":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for body in [
        "",
        " ",
        "{",
        "null",
        "1",
        "\"{ changesHead }\"",
        "{}",
        r#"{"query":null}"#,
        r#"{"query":1}"#,
        r#"{"query":["{ changesHead }"]}"#,
        r#"{"query":"{ changesHead }"} x"#,
        r#"{"query":"{ changesHead }","variables":[]}"#,
        r#"{"query":"{ changesHead }","variables":"{}"}"#,
        r#"{"query":"{ changesHead }","operationName":1}"#,
        r#"{"query":"{ changesHead }","extensions":[]}"#,
        r#"{"query":"{ changesHead }","query":"{ changesHead }"}"#,
        "query=%7B+changesHead+%7D",
        "<html>",
        &deep,
    ] {
        let answer = client.post_text(body.to_owned()).await?;
        assert_eq!(
            (answer.status, answer.code()?),
            (400, "BAD_INPUT"),
            "{body:.80}"
        );
    }
    let answer = client
        .post_text(b"{\"query\":\"{ changesHead } #\xff\"}".to_vec())
        .await?;
    assert_eq!(
        (answer.status, answer.code()?),
        (400, "BAD_INPUT"),
        "not UTF-8"
    );
    Ok(())
}

async fn batches(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let create =
        json!({ "query": PROJECTS.create_one(), "variables": { "data": { "name": "x" } } });
    for body in [
        json!([]),
        json!([create]),
        json!([create, create]),
        json!([[create]]),
        json!([1]),
    ] {
        let answer = client.post(&body).await?;
        assert_eq!((answer.status, answer.code()?), (400, "BAD_INPUT"));
    }
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn bodies_at_the_limit(server: &TestServer) -> Outcome {
    let client = server.client();
    let limit = server.settings.limits.request_bytes;
    assert_eq!(limit, 8 * 1024 * 1024);
    let body = |bytes: usize| {
        let (start, end) = (r#"{"query":"{ changesHead } #"#, r#""}"#);
        format!(
            "{start}{}{end}",
            "x".repeat(bytes - start.len() - end.len())
        )
    };
    client.post_text(body(limit)).await?.data()?;
    let answer = client.post_text(body(limit + 1)).await?;
    assert_eq!((answer.status, answer.code()?), (413, "LIMIT_EXCEEDED"));
    client.data("{ changesHead }", json!({})).await?;
    Ok(())
}

async fn other_methods_and_paths(server: &TestServer) -> Outcome {
    let http = server.client().http().clone();
    let url = |path: &str| format!("{}{path}", server.url());
    for (method, path, status) in [
        ("PUT", "/graphql", 405),
        ("DELETE", "/graphql", 405),
        ("PATCH", "/graphql", 405),
        ("POST", "/", 405),
        ("GET", "/nothing", 404),
        ("POST", "/graphql/", 404),
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
    ] {
        let response = http.request(method.parse()?, url(path)).send().await?;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
    }
    Ok(())
}

async fn media_types(server: &TestServer) -> Outcome {
    let graphql = "application/graphql-response+json";
    for (accept, query, status, media) in [
        ("*/*", "{ changesHead }", 200, "application/json"),
        ("application/json", "{ nothing }", 200, "application/json"),
        (graphql, "{ changesHead }", 200, graphql),
        (graphql, "{ nothing }", 400, graphql),
        (graphql, "{", 400, graphql),
        (graphql, "{ changes(first: 0) { endCursor } }", 200, graphql),
    ] {
        let request = server
            .client()
            .http()
            .post(format!("{}/graphql", server.url()));
        let request = request
            .header("accept", accept)
            .json(&json!({ "query": query }));
        let response = request.send().await?;
        let found = response.headers()["content-type"].to_str()?.to_owned();
        assert_eq!(
            (response.status().as_u16(), found.starts_with(media)),
            (status, true),
            "{accept} {query} {found}"
        );
    }
    Ok(())
}

/// What a client's JSON escapes into text, as it comes back; `None` if it is refused.
async fn echoed(client: &Client, escaped: &str) -> anyhow::Result<Option<String>> {
    let body = format!(
        r#"{{"query":"{}","variables":{{"data":{{"name":"{escaped}"}}}}}}"#,
        PROJECTS.create_one()
    );
    let answer = client.post_text(body).await?;
    if answer.body.get("errors").is_some() {
        assert_eq!(answer.code()?, "BAD_INPUT");
        return Ok(None);
    }
    Ok(Some(given::text(&answer.data()?["row"]["name"])?))
}

async fn surrogates(server: &TestServer) -> Outcome {
    let client = server.client();
    for (escaped, expected) in [
        (r"\u00e9\t\/", Some("é\t/")),
        (r"\ud83d\ude00", Some("😀")),
        (r"\ud83d", None),
        (r"\ude00", None),
        (r"\ude00\ud83d", None),
        (r"\ud83dx", None),
        (r"\u12", None),
        (r"\x41", None),
    ] {
        assert_eq!(
            echoed(&client, escaped).await?.as_deref(),
            expected,
            "{escaped}"
        );
    }
    let rows = PROJECTS.find(&client, json!({})).await?;
    assert_eq!(
        rows.len(),
        2,
        "{:?}",
        rows.iter().map(|row| &row["name"]).collect::<Vec<&Json>>()
    );
    Ok(())
}

/// The built demo is there if its folder is.
async fn the_demos_files(server: &TestServer) -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("assets"))?;
    std::fs::write(folder.path().join("index.html"), "<p>board</p>")?;
    std::fs::write(folder.path().join("assets/a.js"), "1")?;
    let app = reference_app().routes(demo(folder.path()));
    let with_demo =
        TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await?;
    let http = reqwest::Client::new();
    for (path, status, body) in [
        ("/demo", 200, "<p>board</p>"),
        ("/demo/", 200, "<p>board</p>"),
        ("/demo/assets/a.js", 200, "1"),
        ("/demo/nothing.js", 404, ""),
        ("/demo/../Cargo.toml", 404, ""),
        ("/demo/%2e%2e/Cargo.toml", 404, ""),
    ] {
        let answer = http
            .get(format!("{}{path}", with_demo.url()))
            .send()
            .await?;
        let policy = answer.headers().get("content-security-policy").cloned();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        if status == 200 {
            assert!(policy.is_some(), "{path}");
            assert_eq!(answer.text().await?, body, "{path}");
        }
    }
    let none = http.get(format!("{}/demo/", server.url())).send().await?;
    assert_eq!(none.status().as_u16(), 404);
    with_demo.stop().await
}
