//! Pages of other origins: preflights, answers that they may read, sockets and event streams.

use reqwest::{Client as Http, Method, Response};
use serde_json::json;

use super::client::connect;
use super::*;

const PAGE: &str = "http://localhost:5173";
const ELSEWHERE: &str = "https://elsewhere.example";
const TOKENS: &str = "a secret of thirty-two bytes or more";

/// The question of a browser before a request that a form could not make.
async fn preflight(server: &Running, origin: &str) -> Response {
    let headers = "authorization,content-type,idempotency-key,last-event-id";
    let request = Http::new()
        .request(Method::OPTIONS, server.url("/graphql"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    request.send().await.expect("answer")
}

async fn post(server: &Running, origin: &str) -> Response {
    let request = Http::new().post(server.url("/graphql"));
    let body = json!({ "query": "{hello}" }).to_string();
    let request = request.header("origin", origin).body(body);
    request.send().await.expect("answer")
}

async fn events(server: &Running, origin: &str) -> Response {
    let query = "/graphql?query=subscription{count(to:1)}";
    let request = Http::new().get(server.url(query));
    let request = request.header("accept", "text/event-stream");
    let request = request.header("origin", origin);
    request.send().await.expect("answer")
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |value| {
        value.to_str().expect("text").to_owned()
    })
}

/// Checks that a page of this origin can do everything, and that answers allow it by this word, or that it
/// can do nothing.
async fn assert_allowed(server: &Running, origin: &str, word: Option<&str>) {
    let asked = preflight(server, origin).await;
    let answers = [post(server, origin).await, events(server, origin).await];
    for response in [&asked].into_iter().chain(&answers) {
        let found = header(response, "access-control-allow-origin");
        assert_eq!(found, word.unwrap_or_default(), "{origin}: {response:?}");
    }
    let header = Some(("origin", origin));
    let socket = connect(server, Some("graphql-transport-ws"), header).await;
    assert_eq!(socket.is_ok(), word.is_some(), "{origin}");
    let [_, streamed] = answers;
    if word.is_none() {
        assert_eq!(streamed.status(), 403);
        let body = streamed.text().await.expect("text");
        assert!(body.contains("FORBIDDEN"), "{body}");
        assert!(body.contains("SEACHANGE_ALLOW_ORIGINS"), "{body}");
    }
}

#[tokio::test]
async fn pages_of_this_machine_in_open_mode() {
    let server = start(Auth::open(), Limits::default()).await;
    for origin in [
        PAGE,
        "https://localhost",
        "http://127.0.0.1:3000",
        "http://[::1]:4200",
    ] {
        assert_allowed(&server, origin, Some(origin)).await;
    }
    assert_allowed(&server, ELSEWHERE, None).await;
    assert_allowed(&server, "null", None).await;
    assert_eq!(post(&server, ELSEWHERE).await.status(), 403);
    assert_eq!(post(&server, PAGE).await.status(), 200);
    assert_eq!(events(&server, PAGE).await.status(), 200);
}

#[tokio::test]
async fn a_preflight_is_answered_in_full() {
    let server = start(Auth::open(), Limits::default()).await;
    let asked = preflight(&server, PAGE).await;
    assert_eq!(asked.status(), 200);
    let methods = header(&asked, "access-control-allow-methods");
    assert_eq!(methods, "GET,POST");
    let headers = header(&asked, "access-control-allow-headers");
    for name in [
        "authorization",
        "content-type",
        "idempotency-key",
        "last-event-id",
    ] {
        assert!(
            headers.split(',').any(|found| found == name),
            "{name} in {headers}"
        );
    }
    assert_eq!(header(&asked, "access-control-max-age"), "7200");
    assert_eq!(header(&asked, "access-control-allow-credentials"), "true");
    let answer = post(&server, PAGE).await;
    assert!(header(&answer, "vary").contains("origin"), "{answer:?}");
    let exposed = header(&answer, "access-control-expose-headers");
    assert_eq!(exposed, "retry-after,www-authenticate");
}

#[tokio::test]
async fn with_a_key_and_no_list_no_other_origin() {
    let server = start(Auth::hs256(TOKENS), Limits::default()).await;
    assert_allowed(&server, PAGE, None).await;
    assert_allowed(&server, ELSEWHERE, None).await;
    // The server's own page may send requests, and learns that it needs a token.
    let own = server.url("");
    assert_eq!(post(&server, &own).await.status(), 401);
    let header = Some(("origin", own.as_str()));
    let socket = connect(&server, Some("graphql-transport-ws"), header).await;
    assert!(socket.is_ok());
}

#[tokio::test]
async fn the_origins_of_a_list() {
    let list = format!("https://app.example, {PAGE}");
    for auth in [Auth::open(), Auth::hs256(TOKENS)] {
        let server = start_for(auth, Limits::default(), Health::always(), &list).await;
        assert_allowed(&server, PAGE, Some(PAGE)).await;
        assert_allowed(&server, "https://app.example", Some("https://app.example")).await;
        assert_allowed(&server, "http://localhost:5174", None).await;
        assert_allowed(&server, ELSEWHERE, None).await;
    }
}

#[tokio::test]
async fn every_origin_without_credentials() {
    for auth in [Auth::open(), Auth::hs256(TOKENS)] {
        let server = start_for(auth, Limits::default(), Health::always(), "*").await;
        assert_allowed(&server, ELSEWHERE, Some("*")).await;
        let asked = preflight(&server, ELSEWHERE).await;
        assert_eq!(header(&asked, "access-control-allow-credentials"), "");
        let headers = header(&asked, "access-control-allow-headers");
        assert!(
            headers.contains("authorization"),
            "a star would not cover it: {headers}"
        );
    }
}
