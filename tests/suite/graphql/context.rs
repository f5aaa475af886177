//! What a request carries into the log beside its data: the idempotency key and metadata.

use std::time::Duration;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{LABELS, PROJECTS};
use super::watch::Watch;

seachange_testkit::cases![
    idempotency_keys,
    malformed_idempotency_keys,
    metadata,
    metadata_of_a_batch,
    metadata_over_a_socket,
    metadata_that_is_none,
    too_much_metadata,
    nothing_leaks_to_the_next,
];

/// A mutation's request body with extensions.
fn body(name: &str, extensions: Json) -> Json {
    let data = json!({ "data": { "name": name } });
    json!({ "query": PROJECTS.create_one(), "variables": data, "extensions": extensions })
}

async fn idempotency_keys(server: &TestServer) -> Outcome {
    // Each is used twice here.
    let recording = server
        .beside(|settings| settings.limits.idempotency = Duration::ZERO)
        .await?;
    let server = &recording;
    let mut watch = Watch::start(server).await?;
    let longest = "k".repeat(255);
    for key in [
        "k-1",
        "018f2d3c-0000-7000-8000-000000000000",
        "\"quoted;'--\"",
        longest.as_str(),
    ] {
        let client = server.client().with_header("idempotency-key", key);
        PROJECTS.create(&client, json!({ "name": "x" })).await?;
        assert_eq!(watch.only().await?["mutationId"], key);
        let mut socket = server.socket().await?;
        socket
            .run(body("y", json!({ "idempotencyKey": key })))
            .await?;
        assert_eq!(watch.only().await?["mutationId"], key, "over a socket");
    }
    let mut socket = server.socket().await?;
    socket
        .run(body("z", json!({ "idempotencyKey": null })))
        .await?;
    assert_eq!(watch.only().await?["mutationId"], Json::Null);
    recording.stop().await
}

async fn malformed_idempotency_keys(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let too_long = "k".repeat(256);
    for key in ["", " ", "a b", too_long.as_str()] {
        let client = server.client().with_header("idempotency-key", key);
        let answer = client
            .send(&PROJECTS.create_one(), json!({ "data": { "name": "x" } }))
            .await?;
        assert_eq!(
            (answer.status, answer.code()?),
            (400, "BAD_INPUT"),
            "{key:?}"
        );
    }
    let mut socket = server.socket().await?;
    for key in [
        json!(""),
        json!("a b"),
        json!(too_long),
        json!("ä"),
        json!("\u{0}"),
        json!(1),
        json!([]),
        json!({}),
    ] {
        let id = socket
            .start(body("x", json!({ "idempotencyKey": key })))
            .await?;
        let message = socket.message().await?;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!(id)),
            "{key}"
        );
        assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_INPUT");
    }
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn metadata(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    for metadata in [
        json!({}),
        json!({ "reason": "why not" }),
        json!({ "ü": "🏴 'x' \"y\" \\ \n", "": null }),
        json!({ "deep": { "list": [1, -2.5, 1e300, true, null, ["x"]] } }),
        json!({ "long": 9_007_199_254_740_993_i64, "most": u64::MAX }),
        json!({ "nul": "a\u{0}b", "zero": -0.0 }),
    ] {
        let answer = client
            .post(&body("x", json!({ "metadata": metadata })))
            .await?;
        answer.data()?;
        let recorded = watch.only().await?["metadata"].take();
        assert_eq!(recorded.to_string(), metadata.to_string());
    }
    for extensions in [json!({ "metadata": null }), json!({}), Json::Null] {
        client.post(&body("x", extensions)).await?.data()?;
        assert_eq!(watch.only().await?["metadata"], Json::Null);
    }
    Ok(())
}

async fn metadata_of_a_batch(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let rows = json!({ "data": [{ "name": "a" }, { "name": "b" }] });
    let body = json!({ "query": LABELS.create_batch(), "variables": rows, "extensions": { "metadata": { "a": 1 } } });
    let client = server.client().with_header("idempotency-key", "batch");
    client.post(&body).await?.data()?;
    let changes = watch.read().await?;
    assert_eq!(changes.len(), 2);
    for change in &changes {
        assert_eq!(
            (&change["metadata"], &change["mutationId"]),
            (&json!({ "a": 1 }), &json!("batch"))
        );
    }
    Ok(())
}

async fn metadata_over_a_socket(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let mut socket = server.socket().await?;
    let extensions = json!({ "metadata": { "a": [1] }, "idempotencyKey": "k", "other": 1 });
    socket.run(body("x", extensions)).await?;
    let change = watch.only().await?;
    assert_eq!(
        (&change["metadata"], &change["mutationId"]),
        (&json!({ "a": [1] }), &json!("k"))
    );
    Ok(())
}

/// Both transports refuse these extensions with this code.
async fn refused(server: &TestServer, client: &Client, extensions: Json, code: &str) -> Outcome {
    let body = body("x", extensions);
    assert_eq!(client.post(&body).await?.code()?, code, "{body:.200}");
    let mut socket = server.socket().await?;
    socket.start(body).await?;
    let message = socket.message().await?;
    assert_eq!(message["type"], "error");
    assert_eq!(message["payload"][0]["extensions"]["code"], code);
    Ok(())
}

async fn metadata_that_is_none(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    for metadata in [json!("text"), json!(1), json!(true), json!([]), json!([{}])] {
        refused(
            server,
            &client,
            json!({ "metadata": metadata }),
            "BAD_INPUT",
        )
        .await?;
    }
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn too_much_metadata(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut watch = Watch::start(server).await?;
    let sized = |bytes: usize| json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) });
    for metadata in [sized(4_097), sized(100_000), json!(vec![1; 5_000])] {
        refused(
            server,
            &client,
            json!({ "metadata": metadata }),
            "LIMIT_EXCEEDED",
        )
        .await?;
    }
    // Bytes, not characters.
    let wide = json!({ "a": "ü".repeat(2_100) });
    refused(
        server,
        &client,
        json!({ "metadata": wide }),
        "LIMIT_EXCEEDED",
    )
    .await?;
    assert_eq!(watch.read().await?.len(), 0);
    let largest = sized(4_096);
    client
        .post(&body("x", json!({ "metadata": largest })))
        .await?
        .data()?;
    assert_eq!(watch.only().await?["metadata"], largest);
    Ok(())
}

async fn nothing_leaks_to_the_next(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    for n in 0..12 {
        let key = format!("mine-{n}");
        let with = server.client().with_header("idempotency-key", &key);
        with.post(&body("x", json!({ "metadata": { "mine": true } })))
            .await?
            .data()?;
        server.client().post(&body("y", Json::Null)).await?.data()?;
    }
    for (n, pair) in watch.read().await?.chunks(2).enumerate() {
        assert_eq!(
            (&pair[0]["mutationId"], &pair[0]["metadata"]),
            (&json!(format!("mine-{n}")), &json!({ "mine": true }))
        );
        assert_eq!(
            (&pair[1]["mutationId"], &pair[1]["metadata"]),
            (&Json::Null, &Json::Null)
        );
    }
    Ok(())
}
