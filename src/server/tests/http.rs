use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::*;

const GRAPHQL: &str = "application/graphql-response+json";

struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Json,
}

impl Got {
    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or("none")
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

async fn send(request: RequestBuilder) -> Got {
    let response = request.send().await.expect("answer");
    Got {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.json().await.expect("JSON"),
    }
}

fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

#[tokio::test]
async fn bodies() {
    let limits = Limits {
        request_bytes: 1000,
        ..Limits::default()
    };
    let server = start(Auth::open(), limits).await;
    let query = body("{hello}");
    let padded = |bytes: usize| query.clone() + &" ".repeat(bytes - query.len());
    for (name, body, status, code) in [
        ("query", body("{hello}"), 200, "none"),
        ("mutation", body("mutation{touch}"), 200, "none"),
        ("as large as may be", padded(1000), 200, "none"),
        ("too large", padded(1001), 413, "LIMIT_EXCEEDED"),
        ("far too large", padded(9_000_000), 413, "LIMIT_EXCEEDED"),
        ("empty", String::new(), 400, "BAD_INPUT"),
        ("no JSON", "hello".to_owned(), 400, "BAD_INPUT"),
        ("no query", "{}".to_owned(), 400, "BAD_INPUT"),
        ("batch", format!("[{}]", body("{hello}")), 400, "BAD_INPUT"),
    ] {
        let got = send(Client::new().post(server.url("/graphql")).body(body)).await;
        let found = (got.status, got.code());
        assert_eq!(found, (status, code), "{name} {}", got.body);
    }
    let metrics = server.metrics().await;
    for line in [
        "seachange_requests_total{kind=\"query\",code=\"OK\"} 2\n",
        "seachange_requests_total{kind=\"mutation\",code=\"OK\"} 1\n",
        "seachange_requests_total{kind=\"unknown\",code=\"LIMIT_EXCEEDED\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn statuses_by_media_type() {
    let server = start(Auth::open(), Limits::default()).await;
    for (query, code, as_json, as_graphql) in [
        ("{hello}", "none", 200, 200),
        ("{", "BAD_INPUT", 200, 400),
        ("{nothing}", "BAD_INPUT", 200, 400),
        ("query($a:Int!){hello}", "BAD_INPUT", 200, 400),
        ("subscription{count(to:1)}", "BAD_INPUT", 200, 400),
        ("{required}", "CONFLICT", 200, 200),
        ("{denied}", "UNAUTHENTICATED", 401, 401),
    ] {
        for (accept, status) in [("application/json", as_json), (GRAPHQL, as_graphql)] {
            let request = Client::new().post(server.url("/graphql")).body(body(query));
            let got = send(request.header("accept", accept)).await;
            let found = (got.status, got.code());
            assert_eq!(found, (status, code), "{query} {accept} {}", got.body);
            let media = got.header("content-type");
            assert_eq!(media, format!("{accept}; charset=utf-8"), "{query}");
            // Nothing ran, so there is no `data`.
            let has_data = got.body.get("data").is_some();
            assert_eq!(has_data, as_graphql != 400, "{query}");
        }
    }
    let metrics = server.metrics().await;
    let line = "seachange_requests_total{kind=\"subscription\",code=\"BAD_INPUT\"} 2\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn queries_by_get() {
    let server = start(Auth::open(), Limits::default()).await;
    let two = "query%20A{hello}%20mutation%20B{touch}";
    for (parameters, status, code) in [
        ("query={hello}".to_owned(), 200, "none"),
        (
            "query={hello}&variables={}&operationName=".to_owned(),
            200,
            "none",
        ),
        ("query={hello}&operationName=A".to_owned(), 200, "BAD_INPUT"),
        (format!("query={two}&operationName=A"), 200, "none"),
        (format!("query={two}&operationName=B"), 405, "BAD_INPUT"),
        (format!("query={two}"), 200, "BAD_INPUT"),
        ("query=mutation{touch}".to_owned(), 405, "BAD_INPUT"),
        ("query={hello}&variables=[1".to_owned(), 400, "BAD_INPUT"),
        ("query={hello}&variables=[]".to_owned(), 400, "BAD_INPUT"),
        (
            "query=subscription{count(to:1)}".to_owned(),
            200,
            "BAD_INPUT",
        ),
        (String::new(), 400, "BAD_INPUT"),
    ] {
        let url = server.url(&format!("/graphql?{parameters}"));
        let got = send(Client::new().get(url)).await;
        let found = (got.status, got.code());
        assert_eq!(found, (status, code), "{parameters} {}", got.body);
        let allow = if status == 405 { "POST" } else { "" };
        assert_eq!(got.header("allow"), allow, "{parameters}");
    }
}

#[tokio::test]
async fn other_methods_paths_and_sites() {
    let server = start(Auth::open(), Limits::default()).await;
    let client = Client::new();
    for (method, path, status, code, allow) in [
        (Method::GET, "/nothing", 404, "NOT_FOUND", ""),
        (Method::POST, "/graphql/more", 404, "NOT_FOUND", ""),
        (Method::PUT, "/graphql", 405, "BAD_INPUT", "GET,HEAD,POST"),
        (Method::POST, "/healthz", 405, "BAD_INPUT", "GET,HEAD"),
    ] {
        let got = send(client.request(method.clone(), server.url(path))).await;
        let found = (got.status, got.code(), got.header("allow"));
        assert_eq!(found, (status, code, allow), "{method} {path}");
    }
    let other_site = client.get(server.url("/graphql?query={hello}"));
    let got = send(other_site.header("origin", "https://example.org")).await;
    assert_eq!((got.status, got.code()), (403, "FORBIDDEN"));
    let no_socket = client.get(server.url("/graphql"));
    let got = send(no_socket.header("upgrade", "websocket")).await;
    assert_eq!((got.status, got.code()), (400, "BAD_INPUT"));
}

#[tokio::test]
async fn who_asks() {
    let token = {
        let key = jsonwebtoken::EncodingKey::from_secret(b"secret");
        jsonwebtoken::encode(&Default::default(), &json!({"sub": "ada"}), &key).expect("token")
    };
    let server = start(Auth::hs256("secret"), Limits::default()).await;
    let client = Client::new();
    let ask = || {
        let request = client.post(server.url("/graphql"));
        // A token suffices, whatever the page: the browser does not let it read the answer.
        let request = request.header("origin", "https://example.org");
        request.json(&json!({"query": "{caller}"}))
    };
    let got = send(ask().bearer_auth(&token)).await;
    assert_eq!(got.body, json!({"data": {"caller": "Some(\"ada\") None"}}));
    let got = send(ask().bearer_auth(&token).header("Idempotency-Key", "k-1")).await;
    assert_eq!(got.body["data"]["caller"], "Some(\"ada\") Some(\"k-1\")");
    let got = send(ask().bearer_auth(&token).header("Idempotency-Key", "a b")).await;
    assert_eq!((got.status, got.code()), (400, "BAD_INPUT"));
    for refused in [
        ask(),
        ask().bearer_auth("wrong"),
        ask().basic_auth("ada", Some("x")),
    ] {
        let got = send(refused).await;
        assert_eq!((got.status, got.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(got.header("www-authenticate"), "Bearer");
        assert!(got.body.get("data").is_none());
    }
    let got = send(client.get(server.url("/graphql?query={caller}"))).await;
    assert_eq!((got.status, got.code()), (401, "UNAUTHENTICATED"));
    for open in ["/", "/healthz", "/readyz", "/metrics"] {
        let response = reqwest::get(server.url(open)).await.expect("answer");
        assert_eq!(response.status(), 200, "{open}");
    }
}

#[tokio::test]
async fn health_and_console() {
    let health = Health::new(|| Box::pin(async { Err("no database".to_owned()) }));
    let server = start_with(Auth::open(), Limits::default(), health).await;
    let response = reqwest::get(server.url("/readyz")).await.expect("answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.expect("text"), "no database");
    let response = reqwest::get(server.url("/healthz")).await.expect("answer");
    assert_eq!(response.text().await.expect("text"), "ok");
    let response = reqwest::get(server.url("/")).await.expect("answer");
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    let nonce = nonce.expect("nonce").to_owned();
    let page = response.text().await.expect("text");
    assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
}

#[tokio::test]
async fn stops_at_once_when_nothing_runs() {
    let server = start(Auth::open(), Limits::default()).await;
    // This leaves an idle connection behind.
    let client = Client::new();
    send(client.get(server.url("/graphql?query={hello}"))).await;
    server.stop.send(()).expect("running");
    let ended = tokio::time::timeout(Duration::from_secs(2), server.serving).await;
    ended
        .expect("in time")
        .expect("no panic")
        .expect("no error");
}
