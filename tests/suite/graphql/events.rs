//! GraphQL over server-sent events: one operation a request, resumed by `Last-Event-ID`.

use seachange_testkit::{Events, Outcome, TestServer};
use serde_json::json;

use super::auth;

seachange_testkit::cases![
    a_subscription_resumes,
    initial_rows_are_not_resumed,
    a_query_is_one_event,
    what_is_wrong_is_an_event,
    tokens_and_methods,
    a_token_that_expires,
];

const FOLLOW: &str = "subscription($after: String) { changes(after: $after) { cursor key } }";

async fn a_subscription_resumes(server: &TestServer) -> Outcome {
    server.label("first").await?;
    let body = json!({ "query": FOLLOW, "variables": { "after": "0" } });
    let mut events = Events::open(&server.client(), &body, None).await?;
    let first = events.expect().await?;
    assert_eq!(first.name, "next");
    assert_eq!(
        first.id.as_deref(),
        first.data["data"]["changes"]["cursor"].as_str()
    );
    server.label("second").await?;
    let second = events.expect().await?;
    drop(events);
    server.label("third").await?;
    // As a browser reconnects: the same request, and how far it came.
    let mut events = Events::open(&server.client(), &body, first.id.as_deref()).await?;
    let again = events.expect().await?;
    assert_eq!(again.id, second.id);
    let third = events.expect().await?;
    assert_ne!(third.id, second.id);
    server.label("fourth").await?;
    events.expect().await?;
    Ok(())
}

async fn initial_rows_are_not_resumed(server: &TestServer) -> Outcome {
    server.label("a").await?;
    server.label("b").await?;
    let query = "subscription { labelChanges(includeInitial: true) { kind record { name } } }";
    let body = json!({ "query": query });
    let mut events = Events::open(&server.client(), &body, None).await?;
    for _ in 0..2 {
        let row = events.expect().await?;
        assert_eq!(row.data["data"]["labelChanges"]["kind"], "INITIAL");
        assert_eq!(row.id, None, "cut off here, it has to start again");
    }
    let caught_up = events.expect().await?;
    assert_eq!(caught_up.data["data"]["labelChanges"]["kind"], "CAUGHT_UP");
    server.label("c").await?;
    let id = caught_up.id.as_deref();
    assert!(id.is_some());
    let mut events = Events::open(&server.client(), &body, id).await?;
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let event = events.expect().await?;
        kinds.push(event.data["data"]["labelChanges"]["kind"].clone());
    }
    assert_eq!(kinds, ["INSERT", "CAUGHT_UP"]);
    Ok(())
}

async fn a_query_is_one_event(server: &TestServer) -> Outcome {
    for query in [
        "{ changesHead }",
        "mutation { labelCreateOne(data: { name: \"x\" }) { id } }",
    ] {
        let mut events = Events::open(&server.client(), &json!({ "query": query }), None).await?;
        let next = events.expect().await?;
        assert_eq!(next.name, "next");
        assert!(next.data["data"].is_object(), "{:?}", next.data);
        assert_eq!(events.expect().await?.name, "complete");
        assert!(events.next().await?.is_none());
    }
    Ok(())
}

async fn what_is_wrong_is_an_event(server: &TestServer) -> Outcome {
    for (query, last, code) in [
        ("subscription { nothing }", None, "BAD_INPUT"),
        ("subscription {", None, "BAD_INPUT"),
        (
            "subscription { changes(after: \"x\") { cursor } }",
            None,
            "CURSOR_INVALID",
        ),
        (
            "subscription { changes { cursor } }",
            Some("x"),
            "CURSOR_INVALID",
        ),
        (
            "subscription { changes { cursor } }",
            Some("0123456789abcdef.0.0.1"),
            "RESYNC_REQUIRED",
        ),
    ] {
        let body = json!({ "query": query });
        let mut events = Events::open(&server.client(), &body, last).await?;
        let next = events.expect().await?;
        assert_eq!(next.name, "next");
        assert_eq!(
            next.data["errors"][0]["extensions"]["code"], code,
            "{query}"
        );
        assert_eq!(events.expect().await?.name, "complete");
    }
    Ok(())
}

async fn tokens_and_methods(server: &TestServer) -> Outcome {
    let guarded = server
        .beside(|settings| settings.jwt_secret = Some("secret".to_owned()))
        .await?;
    let body = json!({ "query": "{ changesHead }" });
    let headers = [("accept", "text/event-stream")];
    let refused = guarded.client().raw(&body, &headers).await?;
    assert_eq!(refused.status().as_u16(), 401);
    guarded.finish().await?;
    let url = format!("{}/graphql", server.url());
    for (query, status, media) in [
        ("{ changesHead }", 200, "text/event-stream"),
        (
            "mutation { labelCreateOne(data: { name: \"x\" }) { id } }",
            405,
            "application/json",
        ),
    ] {
        let url = reqwest::Url::parse_with_params(&url, [("query", query)])?;
        let request = server
            .client()
            .http()
            .get(url)
            .header("accept", "text/event-stream");
        let response = request.send().await?;
        assert_eq!(response.status().as_u16(), status);
        let found = response.headers()["content-type"].to_str()?;
        assert!(found.starts_with(media), "{found}");
    }
    Ok(())
}

async fn a_token_that_expires(server: &TestServer) -> Outcome {
    let guarded = auth::guarded(server).await?;
    let expiry = auth::in_seconds(2);
    let client = guarded
        .client()
        .with_token(auth::token_until("ann", expiry)?);
    let body = json!({ "query": FOLLOW });
    let mut events = Events::open(&client, &body, None).await?;
    let last = events.next().await?;
    assert!(
        last.is_none(),
        "no `complete`: a client shall come back: {last:?}"
    );
    assert!(auth::in_seconds(0) >= expiry, "ended too early");
    let again = client
        .raw(&body, &[("accept", "text/event-stream")])
        .await?;
    assert_eq!(again.status().as_u16(), 401);
    guarded.stop().await
}
