//! The application and the API that is mounted in it, on a database in memory.

use example_existing_axum::application;
use seachange::{Connections, DatabaseSettings};
use serde_json::{Value, json};

#[tokio::test]
async fn handlers_write_and_the_api_shows_it() -> anyhow::Result<()> {
    let connections = Connections::open(DatabaseSettings::new("sqlite::memory:")).await?;
    let (router, live) = application(connections).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let http = reqwest::Client::new();
    let post = |path: &str| http.post(format!("{url}{path}")).header("x-user", "ada");
    let task: String = post("/projects/garden").send().await?.json().await?;
    let done = post(&format!("/tasks/{task}/done")).send().await?;
    assert_eq!(done.status(), 204);

    let ask = async |query: &str| {
        let answer = post("/live/graphql").json(&json!({ "query": query }));
        anyhow::Ok(answer.send().await?.json::<Value>().await?)
    };
    let history =
        ask(r#"{ changes(entities: ["task"]) { nodes { operation actor changedFields } } }"#);
    let nodes = history.await?["data"]["changes"]["nodes"].clone();
    assert_eq!(nodes[0]["operation"], "INSERT");
    assert_eq!(nodes[1]["actor"], "ada");
    assert_eq!(nodes[1]["changedFields"], json!(["status", "updated_at"]));
    // Tasks are read there, not written, and their estimates are nowhere.
    let refused = ask("mutation { taskDelete(all: true) }").await?;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_INPUT");
    let hidden = ask("{ task { nodes { estimate } } }").await?;
    assert_eq!(hidden["errors"][0]["extensions"]["code"], "BAD_INPUT");
    // Who is not signed in sees nothing.
    let unknown = http.post(format!("{url}/live/graphql"));
    let unknown = unknown.json(&json!({ "query": "{ task { nodes { id } } }" }));
    assert_eq!(unknown.send().await?.status(), 401);
    live.stop().await;
    serving.abort();
    Ok(())
}
