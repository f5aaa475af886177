//! Values at the edge of what a column, a database or JSON holds: kept exactly, or refused.

pub mod big;
pub mod columns;

use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::json;
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASKS};
use super::watch::Watch;

seachange_testkit::cases![
    text_is_kept,
    nul_characters,
    long_text,
    unique_text,
    deep_json,
    literals,
    text_in_filters,
];

async fn text_is_kept(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    for text in [
        "",
        " ",
        "trailing ",
        "\t\r\n",
        "'; DROP TABLE project; --",
        "\"\\/\u{8}\u{c}",
        "NULL",
        "e\u{301} é",
        "İıŞş ß ẞ",
        "🏴‍☠️👨‍👩‍👧‍👦",
        "\u{feff}bom",
        "\u{202e}rtl",
        "\u{1}\u{1f}\u{7f}",
        "\u{fffd}\u{ffff}\u{10ffff}",
        "{\"$text\": 1}",
        "$1 ? :name %s {0}",
    ] {
        let row = PROJECTS
            .create(&client, json!({ "name": text, "owner": text }))
            .await?;
        assert_eq!((&row["name"], &row["owner"]), (&json!(text), &json!(text)));
        let change = watch.only().await?;
        assert_eq!(
            (&change["after"]["name"], &change["after"]["owner"]),
            (&json!(text), &json!(text))
        );
        let filter = json!({ "filters": { "name": { "eq": text } } });
        assert_eq!(PROJECTS.find(&client, filter).await?.len(), 1, "{text:?}");
    }
    Ok(())
}

async fn nul_characters(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let text = "a\u{0}b";
    let answer = client
        .send(&PROJECTS.create_one(), json!({ "data": { "name": text } }))
        .await?;
    let find = client
        .send(
            &PROJECTS.query(),
            json!({ "filters": { "name": { "eq": text } } }),
        )
        .await?;
    let changes = watch.read().await?;
    if matches!(server.kind, Database::Postgres(_)) {
        // PostgreSQL's text has no NUL.
        assert_eq!(
            (answer.code()?, find.code()?, changes.len()),
            ("BAD_INPUT", "BAD_INPUT", 0)
        );
        let project = given::project(&client, "p").await?;
        let data = json!({ "projectId": project, "title": "t", "details": { "a": text } });
        assert_eq!(
            client
                .code(&TASKS.create_one(), json!({ "data": data }))
                .await?,
            "BAD_INPUT"
        );
        let query =
            "query($a: String) { changes(actor: $a, transactionId: $a) { nodes { cursor } } }";
        assert_eq!(client.code(query, json!({ "a": text })).await?, "BAD_INPUT");
    } else {
        assert_eq!(answer.data()?["row"]["name"], text);
        assert_eq!(find.data()?["page"]["nodes"][0]["name"], text);
        assert_eq!(changes[0]["after"]["name"], text);
    }
    Ok(())
}

async fn long_text(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    let mut watch = Watch::start(server).await?;
    let long = "0123456789abcdé\n".repeat(64 * 1024);
    let data = json!({ "projectId": project, "title": long });
    let row = TASKS.create(&client, data).await?;
    assert_eq!(row["title"].as_str(), Some(long.as_str()));
    assert_eq!(
        watch.only().await?["after"]["title"].as_str(),
        Some(long.as_str())
    );
    Ok(())
}

async fn unique_text(server: &TestServer) -> Outcome {
    let client = server.client();
    LABELS.create(&client, json!({ "name": "a" })).await?;
    for (name, is_same) in [
        ("a", true),
        ("A", false),
        ("a ", false),
        ("á", false),
        ("", false),
    ] {
        let answer = client
            .send(&LABELS.create_one(), json!({ "data": { "name": name } }))
            .await?;
        if is_same {
            assert_eq!(answer.code()?, "CONFLICT");
        } else {
            answer.data()?;
        }
    }
    let variables = json!({ "data": { "name": "a" }, "filter": { "name": { "eq": "A" } } });
    assert_eq!(client.code(&LABELS.update(), variables).await?, "CONFLICT");
    // Longer than an index holds on some databases; different, so that nothing compresses.
    let long: String = (0..300).map(|_| Uuid::new_v4().to_string()).collect();
    let answer = client
        .send(&LABELS.create_one(), json!({ "data": { "name": long } }))
        .await?;
    if matches!(server.kind, Database::Sqlite) {
        assert_eq!(answer.data()?["row"]["name"], long);
    } else {
        assert_eq!(answer.code()?, "BAD_INPUT");
    }
    Ok(())
}

async fn deep_json(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "p").await?;
    for depth in [10_usize, 60, 100, 120, 200, 5_000, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let body = format!(
                r#"{{"query":"mutation($d: Json) {{ taskUpdate(data: {{ details: $d }}, all: true) {{ id }} }}","variables":{{"d":{deep}}}}}"#
            );
            let answer = client.post_text(body).await?;
            // Kept or refused, and the server lives.
            if answer.body.get("errors").is_some() {
                assert!(
                    matches!(answer.code()?, "BAD_INPUT" | "LIMIT_EXCEEDED"),
                    "{answer:?}"
                );
            }
            assert!(depth > 60 || answer.data().is_ok(), "{depth} {answer:?}");
            let literal = deep.replace('"', "");
            let query = format!(
                "mutation {{ taskUpdate(data: {{ details: {literal} }}, all: true) {{ id }} }}"
            );
            let answer = client.send(&query, json!({})).await?;
            if answer.body.get("errors").is_some() {
                assert!(
                    matches!(answer.code()?, "BAD_INPUT" | "LIMIT_EXCEEDED"),
                    "{answer:?}"
                );
            }
        }
    }
    Ok(())
}

async fn literals(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "p").await?;
    for (literal, expected) in [
        (r#"title: "a\u00e9\n\"""#, Some(json!("aé\n\""))),
        (
            r#"title: """block "quoted" text""""#,
            Some(json!("block \"quoted\" text")),
        ),
        (r#"title: "\ud83d\ude00""#, None),
        (r#"title: "\ud83d""#, None),
        (r#"title: "\u{1F600}""#, None),
        (r#"title: "\x41""#, None),
        (r#"title: 5"#, None),
        (r#"title: todo"#, None),
        (r#"title: null"#, None),
        (r#"title: "a", priority: 99999999999999999999999999"#, None),
        (r#"title: "a", priority: 1e2"#, None),
        (
            r#"title: "a", details: {a: [1, 1.5, true, null, "x", ENUM]}"#,
            Some(json!("a")),
        ),
        (r#"title: "a", estimate: 1.5"#, None),
        (r#"title: "a", nothing: 1"#, None),
    ] {
        let query = format!(
            "mutation {{ taskCreateOne(data: {{ projectId: \"{project}\", {literal} }}) {{ title }} }}"
        );
        let answer = client.send(&query, json!({})).await?;
        match expected {
            Some(title) => assert_eq!(answer.data()?["taskCreateOne"]["title"], title, "{literal}"),
            // A surrogate pair may also be understood.
            None if answer.body.get("errors").is_none() => {
                assert_eq!(answer.data()?["taskCreateOne"]["title"], "😀", "{literal}");
            }
            None => assert_eq!(answer.code()?, "BAD_INPUT", "{literal}"),
        }
    }
    Ok(())
}

async fn text_in_filters(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let comment = json!({ "taskId": task, "author": "a", "body": "back\\slash 100%_!'" });
    COMMENTS.create(&client, comment).await?;
    let long = "x".repeat(100_000);
    for (test, expected) in [
        (json!({ "contains": "\\" }), 1),
        (json!({ "contains": "k\\s" }), 1),
        (json!({ "ends_with": "%_!'" }), 1),
        (json!({ "starts_with": "back\\" }), 1),
        (json!({ "contains": "%%" }), 0),
        (json!({ "contains": &long[..20_000] }), 0),
        (json!({ "contains": "_".repeat(20_000) }), 0),
        (json!({ "eq": long }), 0),
        (json!({ "like": "%" }), 1),
        (json!({ "like": "" }), 0),
        (json!({ "is_in": vec!["x"; 1_000] }), 0),
    ] {
        let rows = COMMENTS
            .find(&client, json!({ "filters": { "body": test } }))
            .await?;
        assert_eq!(rows.len(), expected, "{test:.200}");
    }
    let filter = json!({ "filters": { "body": { "contains": long } } });
    assert_eq!(
        client.code(&COMMENTS.query(), filter).await?,
        "LIMIT_EXCEEDED"
    );
    // A pattern that ends in the escape character means nothing on some databases.
    let answer = client
        .send(
            &COMMENTS.query(),
            json!({ "filters": { "body": { "like": "back\\" } } }),
        )
        .await?;
    assert!(answer.data().is_ok() || answer.code()? == "BAD_INPUT");
    Ok(())
}
