use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::client::{Client, connect, open, ready};
use super::*;

#[tokio::test]
async fn counts_to_the_end_and_frees_the_id() {
    let server = start(Auth::open(), Limits::default()).await;
    let mut client = ready(&server).await;
    for _ in 0..20 {
        client
            .subscribe("1", "subscription { count(to: 100) }")
            .await;
        for number in 0..100 {
            let expected =
                json!({"id": "1", "type": "next", "payload": {"data": {"count": number}}});
            assert_eq!(client.hear().await, expected);
        }
        assert_eq!(client.hear().await, json!({"id": "1", "type": "complete"}));
    }
    let line = "seachange_requests_total{kind=\"subscription\",code=\"OK\"} 20";
    server.metric(line).await;
    server.metric("seachange_subscriptions_open 0").await;
    client.socket.close(None).await.expect("closed");
    server
        .metric("seachange_socket_closes_total{code=\"1005\"} 1")
        .await;
    server.metric("seachange_sockets_open 0").await;
}

#[tokio::test]
async fn every_kind_of_operation() {
    let server = start(Auth::open(), Limits::default()).await;
    let mut client = ready(&server).await;
    for (query, payload) in [
        ("{ hello }", json!({"data": {"hello": "world"}})),
        ("mutation { touch }", json!({"data": {"touch": true}})),
        ("{ caller }", json!({"data": {"caller": "None None"}})),
    ] {
        client.subscribe("a", query).await;
        let expected = json!({"id": "a", "type": "next", "payload": payload});
        assert_eq!(client.hear().await, expected, "{query}");
        assert_eq!(
            client.hear().await,
            json!({"id": "a", "type": "complete"}),
            "{query}"
        );
    }
    for (query, expected) in [
        ("{", "BAD_INPUT"),
        ("{ nothing }", "BAD_INPUT"),
        ("subscription { count }", "BAD_INPUT"),
        // An adopter's own error, which no client may read.
        ("subscription { broken }", "INTERNAL"),
    ] {
        client.subscribe("a", query).await;
        let answer = client.hear().await;
        assert_eq!(
            (&answer["id"], &answer["type"]),
            (&json!("a"), &json!("error")),
            "{query}"
        );
        let code = &answer["payload"][0]["extensions"]["code"];
        assert_eq!(code, expected, "{answer}");
        assert!(!answer.to_string().contains("no source"), "{answer}");
    }
    client.subscribe("a", "{ required }").await;
    let answer = client.hear().await;
    assert_eq!(answer["type"], "next");
    assert_eq!(answer["payload"]["data"], json!(null));
    assert_eq!(
        answer["payload"]["errors"][0]["extensions"]["code"],
        "CONFLICT"
    );
    assert_eq!(client.hear().await["type"], "complete");
    for (key, expected) in [
        (json!("k-1"), "next"),
        (json!("a b"), "error"),
        (json!(1), "error"),
    ] {
        let payload = json!({"query": "{ caller }", "extensions": {"idempotencyKey": key}});
        let message = json!({"id": "k", "type": "subscribe", "payload": payload});
        client.say(&message.to_string()).await;
        let answer = client.hear().await;
        assert_eq!(answer["type"], expected);
        if expected == "next" {
            assert_eq!(answer["payload"]["data"]["caller"], "None Some(\"k-1\")");
            assert_eq!(client.hear().await["type"], "complete");
        }
    }
    client
        .say(r#"{"type":"ping","payload":{"b":1.0,"a":[]}}"#)
        .await;
    assert_eq!(
        client.hear().await,
        json!({"type": "pong", "payload": {"a": [], "b": 1.0}})
    );
}

#[tokio::test]
async fn stops_on_complete_and_refuses_too_many() {
    let limits = Limits {
        subscriptions_per_socket: 2,
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    let mut client = ready(&server).await;
    for id in ["1", "2"] {
        client.subscribe(id, "subscription { wait(to: 1) }").await;
        assert_eq!(client.hear().await["id"], id);
    }
    server.metric("seachange_subscriptions_open 2").await;
    client.subscribe("3", "{ hello }").await;
    let answer = client.hear().await;
    assert_eq!(
        (&answer["id"], &answer["type"]),
        (&json!("3"), &json!("error"))
    );
    assert_eq!(answer["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    client.say(r#"{"id":"1","type":"complete"}"#).await;
    server.metric("seachange_subscriptions_open 1").await;
    client.subscribe("3", "{ hello }").await;
    assert_eq!(client.hear().await["type"], "next");
    assert_eq!(client.hear().await["type"], "complete");
    drop(client);
    server.metric("seachange_subscriptions_open 0").await;
    server.metric("seachange_sockets_open 0").await;
    server
        .metric("seachange_socket_closes_total{code=\"1006\"} 1")
        .await;
}

#[tokio::test]
async fn no_more_operations_than_the_server_may_have() {
    let limits = Limits {
        subscriptions: 2,
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    let (mut one, mut two) = (ready(&server).await, ready(&server).await);
    for client in [&mut one, &mut two] {
        client.subscribe("1", "subscription { wait(to: 1) }").await;
        assert_eq!(client.hear().await["type"], "next");
    }
    two.subscribe("2", "{ hello }").await;
    let answer = two.hear().await;
    assert_eq!(
        (&answer["id"], &answer["type"]),
        (&json!("2"), &json!("error"))
    );
    assert_eq!(answer["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    drop(one);
    server.metric("seachange_subscriptions_open 1").await;
    server.metric("seachange_sockets_open 1").await;
    two.subscribe("2", "{ hello }").await;
    assert_eq!(two.hear().await["type"], "next");
}

#[tokio::test]
async fn closes_with_code_and_reason() {
    let limits = Limits {
        message_bytes: 10_000,
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    let wait = r#"{"id":"ä","type":"subscribe","payload":{"query":"subscription{wait(to:0)}"}}"#;
    let init = r#"{"type":"connection_init"}"#;
    let text = |text: &str| Message::text(text);
    let ping = |bytes: usize| {
        let padding = "x".repeat(bytes - r#"{"type":"ping","payload":{"p":""}}"#.len());
        Message::text(format!(
            r#"{{"type":"ping","payload":{{"p":"{padding}"}}}}"#
        ))
    };
    for (messages, code, reason) in [
        (vec![text(wait)], 4401, "Unauthorized"),
        (
            vec![text(init), text(init)],
            4429,
            "Too many initialisation requests",
        ),
        (
            vec![text(init), text(wait), text(wait)],
            4409,
            "Subscriber for ä already exists",
        ),
        (
            vec![text("{")],
            4400,
            "Invalid message: EOF while parsing an object at line 1 column 1",
        ),
        (
            vec![text(r#"{"type":"start"}"#)],
            4400,
            "Invalid message: unknown type \"start\"",
        ),
        (
            vec![Message::binary(init)],
            4400,
            "Invalid message: binary messages are not part of the protocol",
        ),
        (
            vec![ping(10_000), ping(10_001)],
            1009,
            "Message larger than 10000 bytes",
        ),
        (
            vec![ping(1_000_000)],
            1009,
            "Message larger than 10000 bytes",
        ),
        (
            vec![Message::binary(vec![0; 20_000])],
            1009,
            "Message larger than 10000 bytes",
        ),
    ] {
        let mut client = open(&server).await;
        for message in &messages {
            // The last message may be more than the server reads.
            let _ = client.socket.send(message.clone()).await;
        }
        assert_eq!(client.closed().await, (code, reason.to_owned()));
    }
    server.metric("seachange_sockets_open 0").await;
    server.metric("seachange_subscriptions_open 0").await;
}

#[tokio::test]
async fn subprotocols_and_initialisation() {
    let limits = Limits {
        init_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    for protocol in [None, Some("graphql-ws"), Some("a, b")] {
        let mut client = connect(&server, protocol, None).await.expect("socket");
        let expected = (4406, "Subprotocol not acceptable".to_owned());
        assert_eq!(client.closed().await, expected, "{protocol:?}");
    }
    let both = Some("graphql-ws, graphql-transport-ws");
    let mut client = connect(&server, both, None).await.expect("socket");
    let expected = (4408, "Connection initialisation timeout".to_owned());
    assert_eq!(client.closed().await, expected);
    let mut client = ready(&server).await;
    client.subscribe("1", "subscription { wait(to: 1) }").await;
    assert_eq!(client.hear().await["type"], "next");
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.say(r#"{"type":"ping"}"#).await;
    assert_eq!(client.hear().await["type"], "pong");
}

#[tokio::test]
async fn who_asks() {
    let token = |sub: &str| {
        let key = jsonwebtoken::EncodingKey::from_secret(b"secret");
        jsonwebtoken::encode(&Default::default(), &json!({"sub": sub}), &key).expect("token")
    };
    let (ada, bob) = (token("ada"), format!("Bearer {}", token("bob")));
    let server = start(Auth::hs256("secret"), Limits::default()).await;
    let header = Some(("authorization", bob.as_str()));
    for (header, payload, expected) in [
        (
            None,
            json!({"authorization": format!("Bearer {ada}")}),
            Some("ada"),
        ),
        (
            None,
            json!({"headers": {"Authorization": ada}}),
            Some("ada"),
        ),
        (header, json!(null), Some("bob")),
        (header, json!({"Authorization": ada}), Some("ada")),
        (header, json!({"Authorization": "wrong"}), None),
        (None, json!({}), None),
    ] {
        let protocol = Some("graphql-transport-ws");
        let mut client = connect(&server, protocol, header).await.expect("socket");
        let init = json!({"type": "connection_init", "payload": payload});
        client.say(&init.to_string()).await;
        let Some(sub) = expected else {
            assert_eq!(
                client.closed().await,
                (4403, "Forbidden".to_owned()),
                "{payload}"
            );
            continue;
        };
        assert_eq!(client.hear().await["type"], "connection_ack", "{payload}");
        client.subscribe("1", "{ caller }").await;
        let caller = format!("Some({sub:?}) None");
        assert_eq!(client.hear().await["payload"]["data"]["caller"], caller);
    }
}

#[tokio::test]
async fn no_more_sockets_than_allowed_and_none_from_other_sites() {
    let limits = Limits {
        sockets: 1,
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    let status = |result: Result<Client, WsError>| match result {
        Err(WsError::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    };
    let protocol = Some("graphql-transport-ws");
    let foreign = connect(&server, protocol, Some(("origin", "https://example.org"))).await;
    assert_eq!(status(foreign), 403);
    let client = ready(&server).await;
    assert_eq!(status(connect(&server, protocol, None).await), 503);
    drop(client);
    server.metric("seachange_sockets_open 0").await;
    ready(&server).await;
}

/// A client that stops reading delays only its own operations; its messages are still read.
#[tokio::test]
async fn a_slow_reader() {
    let server = start(Auth::open(), Limits::default()).await;
    let mut slow = ready(&server).await;
    slow.subscribe("1", "subscription { count(to: 1000000) }")
        .await;
    assert_eq!(slow.hear().await["id"], "1");
    let mut other = ready(&server).await;
    other
        .subscribe("1", "subscription { count(to: 1000) }")
        .await;
    while other.hear().await["type"] != "complete" {}
    server.metric("seachange_subscriptions_open 1").await;
    slow.say(r#"{"id":"1","type":"complete"}"#).await;
    server.metric("seachange_subscriptions_open 0").await;
    slow.subscribe("1", "{ hello }").await;
    // These answers were on their way before the id was free again: they are in order and have no end.
    let mut number = 0;
    let answer = loop {
        let answer = slow.hear().await;
        match answer["payload"]["data"]["count"].as_i64() {
            Some(found) => assert_eq!(found, number + 1),
            None => break answer,
        }
        number += 1;
    };
    assert!(number < 999_999);
    assert_eq!(answer["payload"]["data"]["hello"], "world");
    assert_eq!(slow.hear().await, json!({"id": "1", "type": "complete"}));
}

/// Many concurrent operations share the socket, and each ends after its own answers.
#[tokio::test]
async fn many_operations_at_once() {
    let server = start(Auth::open(), Limits::default()).await;
    let mut client = ready(&server).await;
    for id in 0..100 {
        client
            .subscribe(&id.to_string(), "subscription { count(to: 50) }")
            .await;
    }
    let mut counts = vec![0; 100];
    for _ in 0..100 * 51 {
        let answer = client.hear().await;
        let id: usize = answer["id"].as_str().expect("id").parse().expect("number");
        match answer["type"].as_str() {
            Some("next") => {
                assert_eq!(answer["payload"]["data"]["count"], counts[id]);
                counts[id] += 1;
            }
            _ => assert_eq!(
                (answer["type"].as_str(), counts[id]),
                (Some("complete"), 50)
            ),
        }
    }
}

#[tokio::test]
async fn stopping_tells_every_socket() {
    let server = start(Auth::open(), Limits::default()).await;
    let mut idle = open(&server).await;
    let mut busy = ready(&server).await;
    busy.subscribe("1", "subscription { wait(to: 1) }").await;
    assert_eq!(busy.hear().await["type"], "next");
    // This client never reads, so it never answers the close frame.
    let deaf = ready(&server).await;
    server.stop.send(()).expect("running");
    for client in [&mut idle, &mut busy] {
        assert_eq!(client.closed().await.0, 1001);
        assert!(client.message().await.is_none());
    }
    let ended = tokio::time::timeout(Duration::from_secs(4), server.serving).await;
    ended
        .expect("in time")
        .expect("no panic")
        .expect("no error");
    drop(deaf);
}
