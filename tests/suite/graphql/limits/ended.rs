//! A request ends when its time is over and when its client has gone: at the next field, with no statement
//! and no transaction cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sea_orm::TransactionTrait;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait};
use seachange::App;
use seachange::async_graphql::Value;
use seachange::async_graphql::dynamic::{Field, FieldFuture, TypeRef};
use seachange_entity::label;
use seachange_testkit::{Database, Outcome, TestServer, reference_app};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::graphql::given::LABELS;
use crate::graphql::watch::head;

seachange_testkit::cases![
    time,
    a_mutation_whose_time_is_over_writes_nothing,
    a_query_ends_with_its_socket,
    a_query_ends_with_its_connection,
    a_mutation_does_not,
    a_statement_that_takes_too_long,
];

/// Fields that wait until they are let on, and how many of them have begun.
#[derive(Clone)]
struct Gate {
    begun: Arc<AtomicUsize>,
    passes: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        Self {
            begun: Arc::default(),
            passes: Arc::new(Semaphore::new(0)),
        }
    }

    /// The reference application with the field `wait: Int!`.
    fn app(&self) -> App {
        let gate = self.clone();
        reference_app().extend(move |mut builder| {
            let gate = gate.clone();
            let field = Field::new("wait", TypeRef::named_nn(TypeRef::INT), move |_| {
                let gate = gate.clone();
                FieldFuture::new(async move {
                    let number = gate.begun.fetch_add(1, Ordering::SeqCst);
                    gate.passes.acquire().await?.forget();
                    Ok(Some(Value::from(number)))
                })
            });
            builder.queries.push(field);
            builder
        })
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    async fn until_begun(&self) {
        while self.begun() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

const WAITS: usize = 200;

fn waits() -> String {
    let fields: Vec<String> = (0..WAITS).map(|n| format!("a{n}: wait")).collect();
    format!("{{ {} }}", fields.join(" "))
}

async fn with_gate(server: &TestServer, gate: &Gate, most: Duration) -> anyhow::Result<TestServer> {
    let mut settings = server.settings.clone();
    settings.limits.request_time = most;
    TestServer::start_with(server.kind.clone(), gate.app(), settings).await
}

/// Until so much time has passed, with a server that goes on answering.
async fn pass(server: &TestServer, time: Duration) -> Outcome {
    let began = Instant::now();
    while began.elapsed() <= time {
        head(&server.client()).await?;
    }
    Ok(())
}

async fn time(server: &TestServer) -> Outcome {
    let gate = Gate::closed();
    let most = Duration::from_millis(300);
    let slow = with_gate(server, &gate, most).await?;
    let client = slow.client();
    let running = tokio::spawn(async move { client.code(&waits(), json!({})).await });
    gate.until_begun().await;
    pass(server, most).await?;
    let begun = gate.begun();
    assert!(begun < WAITS, "one request holds all there is");
    gate.passes.add_permits(WAITS);
    assert_eq!(running.await??, "LIMIT_EXCEEDED");
    assert_eq!(gate.begun(), begun, "nothing begins after its time");
    slow.stop().await
}

async fn a_mutation_whose_time_is_over_writes_nothing(server: &TestServer) -> Outcome {
    let most = Duration::from_millis(300);
    let slow = server
        .beside(|settings| settings.limits.request_time = Duration::from_millis(300))
        .await?;
    let held = LABELS
        .create(&server.client(), json!({ "name": "held" }))
        .await?;
    let before = head(&server.client()).await?;
    // Whoever writes the row waits for this.
    let tx = slow.db().begin().await?;
    let id = held["id"]
        .as_i64()
        .or_else(|| held["id"].as_str()?.parse().ok());
    let mine = label::ActiveModel {
        id: Set(id.unwrap_or_default()),
        name: Set("mine".to_owned()),
    };
    mine.update(&tx).await?;
    let client = slow.client();
    let running = tokio::spawn(async move {
        let change =
            json!({ "data": { "name": "theirs" }, "filter": { "name": { "ne": "none" } } });
        client.code(&LABELS.update(), change).await
    });
    pass(server, most * 2).await?;
    tx.rollback().await?;
    assert_eq!(running.await??, "LIMIT_EXCEEDED");
    assert_eq!(head(&server.client()).await?, before);
    let rows = LABELS.find(&server.client(), json!({})).await?;
    assert_eq!(rows, [held]);
    slow.stop().await
}

/// Lets waiting fields on one by one, and sees that no more of them begin than were about to.
async fn ends(server: &TestServer, gate: &Gate) -> Outcome {
    for _ in 0..WAITS {
        gate.passes.add_permits(1);
        head(&server.client()).await?;
    }
    let begun = gate.begun();
    assert!(
        begun < WAITS / 2,
        "{begun} fields for a client that has gone"
    );
    Ok(())
}

async fn a_query_ends_with_its_socket(server: &TestServer) -> Outcome {
    let gate = Gate::closed();
    let slow = with_gate(server, &gate, Duration::from_secs(30)).await?;
    let mut socket = slow.socket().await?;
    let id = socket.subscribe(&waits(), json!({})).await?;
    gate.until_begun().await;
    socket
        .send(&json!({ "id": id, "type": "complete" }))
        .await?;
    socket.send(&json!({ "type": "ping" })).await?;
    assert_eq!(socket.message().await?["type"], "pong");
    ends(server, &gate).await?;
    slow.stop().await
}

async fn a_query_ends_with_its_connection(server: &TestServer) -> Outcome {
    for accept in ["application/json", "text/event-stream"] {
        let gate = Gate::closed();
        let slow = with_gate(server, &gate, Duration::from_secs(30)).await?;
        let client = slow.client();
        let headers = [("accept", accept)];
        let body = json!({ "query": waits() });
        let running = tokio::spawn(async move {
            let response = client.raw(&body, &headers).await?;
            anyhow::Ok(response.text().await?)
        });
        gate.until_begun().await;
        running.abort();
        assert!(running.await.is_err_and(|error| error.is_cancelled()));
        ends(server, &gate).await?;
        slow.stop().await?;
    }
    Ok(())
}

async fn a_mutation_does_not(server: &TestServer) -> Outcome {
    let held = LABELS
        .create(&server.client(), json!({ "name": "held" }))
        .await?;
    let tx = server.db().begin().await?;
    let id = held["id"]
        .as_i64()
        .or_else(|| held["id"].as_str()?.parse().ok());
    let mine = label::ActiveModel {
        id: Set(id.unwrap_or_default()),
        name: Set("mine".to_owned()),
    };
    mine.update(&tx).await?;
    let mut socket = server.socket().await?;
    let variables = json!({ "data": { "name": "theirs" }, "filter": { "name": { "ne": "none" } } });
    let id = socket
        .start(json!({ "query": LABELS.update(), "variables": variables }))
        .await?;
    pass(server, Duration::from_millis(200)).await?;
    socket
        .send(&json!({ "id": id, "type": "complete" }))
        .await?;
    socket.send(&json!({ "type": "ping" })).await?;
    assert_eq!(socket.message().await?["type"], "pong");
    tx.rollback().await?;
    loop {
        let rows = LABELS.find(&server.client(), json!({})).await?;
        if rows[0]["name"] == "theirs" {
            return Ok(());
        }
    }
}

/// SQLite knows no such bound, and its readers wait for nobody.
async fn a_statement_that_takes_too_long(server: &TestServer) -> Outcome {
    let (lock, unlock) = match server.kind {
        Database::Sqlite => return Ok(()),
        Database::Postgres(_) => (
            "BEGIN; LOCK TABLE task IN ACCESS EXCLUSIVE MODE",
            "ROLLBACK",
        ),
        Database::MariaDb(_) => ("LOCK TABLES task WRITE", "UNLOCK TABLES"),
    };
    let quick = server
        .beside(|settings| settings.limits.request_time = Duration::from_millis(300))
        .await?;
    let client = quick.client();
    // Everything is prepared and read once.
    client.data("{ task { nodes { id } } }", json!({})).await?;
    let mut options = ConnectOptions::new(&server.settings.database_url);
    let other = sea_orm::Database::connect(options.max_connections(1).to_owned()).await?;
    other.execute_unprepared(lock).await?;
    let began = Instant::now();
    let code = client.code("{ task { nodes { id } } }", json!({})).await?;
    let took = began.elapsed();
    other.execute_unprepared(unlock).await?;
    assert_eq!(code, "LIMIT_EXCEEDED");
    assert!(took < Duration::from_secs(10), "{took:?}");
    client.data("{ task { nodes { id } } }", json!({})).await?;
    other.close().await?;
    quick.stop().await
}
