//! What a document names, before anything is read: fields with their fragments spread, and the errors about them.

use std::time::Instant;

use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::{QUICK, aliases};

seachange_testkit::cases![
    names_are_counted_with_fragments_spread,
    by_every_way,
    errors_are_an_answer_too,
    introspection_is_an_answer_too,
];

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
