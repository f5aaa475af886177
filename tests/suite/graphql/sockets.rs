//! `graphql-transport-ws`: the probe table of the design, and what runs over a socket.

pub mod fuzz;
pub mod operations;

use std::time::Duration;

use seachange_testkit::{Outcome, Socket, TestServer};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::watch::head;

seachange_testkit::cases![
    before_init,
    init_never_sent,
    a_second_init,
    malformed_messages,
    an_id_in_use,
    invalid_operations,
    pings,
    subprotocols,
    messages_at_the_limit,
];

const FOLLOW: &str = "subscription($after: String) { changes(after: $after) { cursor entity } }";

/// Sends a frame to an initialised socket and tells the close code.
async fn close_code(server: &TestServer, frame: Message) -> anyhow::Result<u16> {
    let mut socket = server.socket().await?;
    socket.send_frame(frame).await?;
    socket.closed().await
}

async fn before_init(server: &TestServer) -> Outcome {
    let payload = json!({ "query": "{ changesHead }" });
    let mut socket = Socket::connect(&server.url()).await?;
    socket
        .send(&json!({ "id": "1", "type": "subscribe", "payload": payload }))
        .await?;
    assert_eq!(socket.closed().await?, 4401);
    let mut socket = Socket::connect(&server.url()).await?;
    socket
        .send(&json!({ "type": "ping", "payload": { "early": true } }))
        .await?;
    assert_eq!(
        socket.message().await?,
        json!({ "type": "pong", "payload": { "early": true } })
    );
    socket
        .send(&json!({ "id": "1", "type": "complete" }))
        .await?;
    socket.send(&json!({ "type": "connection_init" })).await?;
    assert_eq!(socket.message().await?["type"], "connection_ack");
    Ok(())
}

async fn init_never_sent(server: &TestServer) -> Outcome {
    let hasty = server
        .beside(|settings| settings.limits.init_wait = Duration::from_millis(200))
        .await?;
    let mut silent = Socket::connect(&hasty.url()).await?;
    let mut chatty = Socket::connect(&hasty.url()).await?;
    chatty.send(&json!({ "type": "ping" })).await?;
    let mut ready = hasty.socket().await?;
    assert_eq!(silent.closed().await?, 4408);
    assert_eq!(chatty.closed().await?, 4408);
    let answer = ready.run(json!({ "query": "{ changesHead }" })).await?;
    assert!(answer["data"]["changesHead"].is_string());
    hasty.stop().await
}

async fn a_second_init(server: &TestServer) -> Outcome {
    let init = Message::text(json!({ "type": "connection_init" }).to_string());
    assert_eq!(close_code(server, init.clone()).await?, 4429);
    // Both at once.
    let mut socket = Socket::connect(&server.url()).await?;
    socket.send_frame(init.clone()).await?;
    socket.send_frame(init).await?;
    assert_eq!(socket.closed().await?, 4429);
    Ok(())
}

async fn malformed_messages(server: &TestServer) -> Outcome {
    let deep = format!(
        r#"{{"type":"ping","payload":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for text in [
        "",
        "x",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":""}"#,
        r#"{"type":"start","id":"1","payload":{"query":"{ changesHead }"}}"#,
        r#"{"type":"next","id":"1","payload":{}}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ changesHead }"}}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{ changesHead }"}}"#,
        r#"{"type":"subscribe","payload":{"query":"{ changesHead }"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":[]}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ changesHead }","variables":[]}}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"complete","id":1}"#,
        r#"{"type":"ping","payload":"x"}"#,
        r#"[{"type":"ping"}]"#,
        &deep,
    ] {
        assert_eq!(
            close_code(server, Message::text(text)).await?,
            4400,
            "{text:.80}"
        );
    }
    let unknown = format!(r#"{{"type":"{}"}}"#, "long ".repeat(1_000));
    assert_eq!(
        close_code(server, Message::text(unknown)).await?,
        4400,
        "a reason too long for its frame"
    );
    assert_eq!(close_code(server, Message::binary(vec![1, 2])).await?, 4400);
    Ok(())
}

async fn an_id_in_use(server: &TestServer) -> Outcome {
    let after = head(&server.client()).await?;
    let mut socket = server.socket().await?;
    let payload = json!({ "query": FOLLOW, "variables": { "after": after } });
    for _ in 0..2 {
        socket
            .send(&json!({ "id": "same", "type": "subscribe", "payload": payload }))
            .await?;
    }
    assert_eq!(socket.closed().await?, 4409);
    Ok(())
}

async fn invalid_operations(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    for (query, variables, code) in [
        ("{", json!({}), "BAD_INPUT"),
        ("", json!({}), "BAD_INPUT"),
        ("{ nothing }", json!({}), "BAD_INPUT"),
        ("subscription { nothing { id } }", json!({}), "BAD_INPUT"),
        (
            "subscription { changes { nothing } }",
            json!({}),
            "BAD_INPUT",
        ),
        (
            "subscription { changes(entities: [\"nothing\"]) { cursor } }",
            json!({}),
            "BAD_INPUT",
        ),
        (
            "subscription { changes(after: \"x\") { cursor } }",
            json!({}),
            "CURSOR_INVALID",
        ),
        (
            "subscription { taskChanges { kind } projectChanges { kind } }",
            json!({}),
            "BAD_INPUT",
        ),
        (
            "subscription($a: String!) { changes(after: $a) { cursor } }",
            json!({}),
            "BAD_INPUT",
        ),
        (
            "subscription($a: Int) { changes(after: $a) { cursor } }",
            json!({ "a": 1 }),
            "BAD_INPUT",
        ),
    ] {
        assert_eq!(socket.refused(query, variables).await?, code, "{query}");
    }
    let deep = format!(
        "{{ project {{ nodes {{ {} id {} }} }} }}",
        "task { nodes { project { ".repeat(9),
        "} } } ".repeat(9)
    );
    assert_eq!(socket.refused(&deep, json!({})).await?, "LIMIT_EXCEEDED");
    assert_eq!(
        socket.refused(&"{".repeat(100_000), json!({})).await?,
        "LIMIT_EXCEEDED"
    );
    // A fault of a field is an answer, not a refusal.
    let answer = socket
        .run(json!({ "query": "{ changes(first: 0) { endCursor } }" }))
        .await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT");
    Ok(())
}

async fn pings(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    for payload in [
        json!({}),
        json!({ "a": [1, { "b": null }], "ü": "🏴" }),
        json!({ "big": 9_007_199_254_740_993_i64 }),
    ] {
        socket
            .send(&json!({ "type": "ping", "payload": payload }))
            .await?;
        assert_eq!(
            socket.message().await?,
            json!({ "type": "pong", "payload": payload })
        );
    }
    for ping in [
        json!({ "type": "ping" }),
        json!({ "type": "ping", "payload": null }),
    ] {
        socket.send(&ping).await?;
        assert_eq!(socket.message().await?, json!({ "type": "pong" }));
    }
    socket.send(&json!({ "type": "pong" })).await?;
    socket
        .send(&json!({ "type": "pong", "payload": { "a": 1 } }))
        .await?;
    socket.run(json!({ "query": "{ changesHead }" })).await?;
    Ok(())
}

async fn subprotocols(server: &TestServer) -> Outcome {
    for protocol in [None, Some("graphql-ws"), Some("nothing")] {
        let mut socket = Socket::connect_offering(&server.url(), protocol).await?;
        assert_eq!(socket.closed().await?, 4406, "{protocol:?}");
    }
    let several = Some("graphql-ws, graphql-transport-ws");
    let mut socket = Socket::connect_offering(&server.url(), several).await?;
    socket.send(&json!({ "type": "connection_init" })).await?;
    assert_eq!(socket.message().await?["type"], "connection_ack");
    Ok(())
}

async fn messages_at_the_limit(server: &TestServer) -> Outcome {
    let limit = server.settings.limits.message_bytes;
    assert_eq!(limit, 1024 * 1024);
    let ping = |bytes: usize| {
        let (start, end) = (r#"{"type":"ping","payload":{"a":""#, r#""}}"#);
        format!(
            "{start}{}{end}",
            "x".repeat(bytes - start.len() - end.len())
        )
    };
    let mut socket = server.socket().await?;
    socket.send_frame(Message::text(ping(limit))).await?;
    assert_eq!(socket.message().await?["type"], "pong");
    for bytes in [limit + 1, 2 * limit] {
        assert_eq!(
            close_code(server, Message::text(ping(bytes))).await?,
            1009,
            "{bytes}"
        );
    }
    assert_eq!(
        close_code(server, Message::binary(vec![0; limit + 1])).await?,
        1009
    );
    // What is far too large may be cut off while it is being sent.
    let huge = close_code(server, Message::text(ping(8 * limit))).await;
    assert!(huge.is_err() || huge.is_ok_and(|code| code == 1009));
    Ok(())
}
