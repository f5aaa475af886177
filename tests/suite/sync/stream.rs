//! What a client is streamed: from the moment at which its socket was accepted, nothing missed, whole
//! transactions; and a close that it survives where it cannot go on.

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange_entity::label;
use seachange_testkit::{Outcome, Socket, TestServer};
use serde_json::{Value as Json, json};

use super::{a_task, delete_task, fields, pull, pull_all, pull_query, push, update_task, with};
use crate::graphql::given::{LABELS, Names, TASKS};

seachange_testkit::cases![
    from_the_moment_of_the_socket,
    whole_transactions,
    large_transactions,
    its_own_echo,
    another_log,
    behind_what_is_kept,
    larger_than_an_answer,
    over_http,
    on_each_server,
];

async fn listen(socket: &mut Socket, names: Names) -> anyhow::Result<String> {
    let Names { object, .. } = names;
    let fields = fields(names);
    let query = format!(
        "subscription($headers: {object}InputHeaders) {{ bulk: stream{object}(headers: $headers) {{ \
         documents {{ {fields} }} checkpoint {{ cursor }} }} }}"
    );
    let headers = json!({ "headers": { "anything": ["at", "all"] } });
    socket.subscribe(&query, headers).await
}

async fn next(socket: &mut Socket) -> anyhow::Result<(Vec<Json>, Json)> {
    let data = socket.next().await?;
    let bulk = &data["bulk"];
    let documents = bulk["documents"].as_array().cloned().unwrap_or_default();
    Ok((documents, bulk["checkpoint"].clone()))
}

/// What commits after the client was accepted and has pulled, and before it listens, is not lost.
async fn from_the_moment_of_the_socket(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let mut socket = server.socket().await?;
    let (_, checkpoint) = pull_all(&client, TASKS).await?;
    update_task(&client, &task["id"], json!({ "title": "between" })).await?;
    listen(&mut socket, TASKS).await?;
    let mut seen = Vec::new();
    while !seen.contains(&json!("between")) {
        let (documents, _) = next(&mut socket).await?;
        seen.extend(documents.iter().map(|task| task["title"].clone()));
    }
    delete_task(&client, &task["id"]).await?;
    let (documents, after) = next(&mut socket).await?;
    assert_eq!(documents[0]["_deleted"], true);
    assert_eq!(documents[0]["title"], "between");
    // Pulling from there brings nothing: the stream's checkpoint is one of pull's.
    let (rest, _) = pull(&client, TASKS, after, 10).await?;
    assert!(rest.is_empty());
    let (rest, _) = pull(&client, TASKS, checkpoint, 10).await?;
    assert_eq!(rest.len(), 1);
    Ok(())
}

async fn write_labels(server: &TestServer, from: i64, count: i64) -> anyhow::Result<()> {
    let tx = server.db().begin().await?;
    for id in from..from + count {
        let name = Set(format!("label {id}"));
        let label = label::ActiveModel { id: Set(id), name };
        label.insert(&tx).await?;
    }
    Ok(tx.commit().await?)
}

async fn whole_transactions(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    listen(&mut socket, LABELS).await?;
    for (from, count) in [(1, 3), (10, 1), (20, 120)] {
        write_labels(server, from, count).await?;
        let (documents, _) = next(&mut socket).await?;
        assert_eq!(documents.len(), usize::try_from(count)?, "{from}");
    }
    // A row that is written twice comes once, as it is.
    let tx = server.db().begin().await?;
    let first = label::ActiveModel {
        id: Set(1),
        name: Set("one".to_owned()),
    };
    let again = label::ActiveModel {
        name: Set("two".to_owned()),
        ..first.clone()
    };
    first.update(&tx).await?;
    again.update(&tx).await?;
    tx.commit().await?;
    let (documents, _) = next(&mut socket).await?;
    assert_eq!(
        documents,
        [json!({ "id": "1", "name": "two", "_deleted": false })]
    );
    Ok(())
}

/// One that is larger than a page comes in parts; one after it, which the page would cut, whole.
async fn large_transactions(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    write_labels(server, 1, 700).await?;
    write_labels(server, 1_001, 400).await?;
    write_labels(server, 2_001, 400).await?;
    // It reads all of it from the log.
    listen(&mut socket, LABELS).await?;
    let (mut ids, mut sizes) = (BTreeSet::new(), Vec::new());
    while ids.len() < 1_500 {
        let (documents, _) = next(&mut socket).await?;
        sizes.push(documents.len());
        ids.extend(documents.iter().map(|label| label["id"].to_string()));
    }
    assert_eq!(sizes.iter().sum::<usize>(), 1_500, "none twice: {sizes:?}");
    assert!(sizes.ends_with(&[400, 400]), "{sizes:?}");
    Ok(())
}

async fn its_own_echo(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let mut socket = server.socket().await?;
    listen(&mut socket, TASKS).await?;
    let edited = with(&task, json!({ "title": "edited" }));
    assert!(push(&client, TASKS, &[(task, edited)]).await?.is_taken());
    loop {
        let (documents, _) = next(&mut socket).await?;
        if documents[0]["title"] == "edited" {
            return Ok(());
        }
    }
}

/// Errors end an RxDB client's stream for good, so the socket is closed, by a code that makes it
/// connect again.
async fn another_log(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    listen(&mut socket, TASKS).await?;
    a_task(&server.client(), "t").await?;
    next(&mut socket).await?;
    seachange::changelog::new_epoch(server.db().writer()).await?;
    assert_eq!(socket.closed().await?, 1013);
    Ok(())
}

async fn behind_what_is_kept(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut socket = server.socket().await?;
    a_task(&client, "one").await?;
    server.prune_all().await?;
    a_task(&client, "two").await?;
    listen(&mut socket, TASKS).await?;
    assert_eq!(socket.closed().await?, 1013);
    // Operators see such ends by their number.
    let metrics = client.http().get(format!("{}/metrics", server.url()));
    let metrics = metrics.send().await?.text().await?;
    let counted = "\nseachange_socket_closes_total{code=\"1013\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
    // Other clients' sockets are nobody's business.
    let mut other = server.socket().await?;
    listen(&mut other, TASKS).await?;
    a_task(&client, "three").await?;
    assert_eq!(next(&mut other).await?.0.len(), 1);
    Ok(())
}

/// A transaction whose rows are more than an answer may have: who listens pulls them instead, by pages that
/// are small enough. The refusal of larger ones says how.
async fn larger_than_an_answer(server: &TestServer) -> Outcome {
    let small = server
        .beside(|settings| settings.limits.answer_bytes = 8_000)
        .await?;
    let mut socket = small.socket().await?;
    listen(&mut socket, LABELS).await?;
    let (_, checkpoint) = pull_all(&small.client(), LABELS).await?;
    write_labels(server, 1, 3).await?;
    assert_eq!(next(&mut socket).await?.0.len(), 3);
    write_labels(server, 10, 300).await?;
    assert_eq!(socket.closed().await?, 1013);
    let mut again = small.socket().await?;
    listen(&mut again, LABELS).await?;
    let client = small.client();
    let asked = json!({ "checkpoint": checkpoint, "limit": 1_000 });
    let refused = client.send(&pull_query(LABELS), asked).await?;
    assert_eq!(refused.code()?, "LIMIT_EXCEEDED");
    let message = refused.body["errors"][0]["message"].to_string();
    assert!(message.contains("`batchSize`"), "{message}");
    let (mut pulled, mut checkpoint) = (0, checkpoint);
    loop {
        let (rows, after) = pull(&client, LABELS, checkpoint, 30).await?;
        pulled += rows.len();
        checkpoint = after;
        if rows.len() < 30 {
            break;
        }
    }
    assert_eq!(pulled, 303);
    // What comes next is streamed as ever.
    write_labels(server, 1_000, 2).await?;
    assert_eq!(next(&mut again).await?.0.len(), 2);
    small.stop().await
}

async fn over_http(server: &TestServer) -> Outcome {
    let client = server.client();
    let query =
        "subscription { streamTask { documents { title _deleted } checkpoint { cursor } } }";
    let accept = [("accept", "text/event-stream")];
    let mut response = client.raw(&json!({ "query": query }), &accept).await?;
    let mut text = String::new();
    let task = a_task(&client, "t").await?;
    for n in 0.. {
        update_task(&client, &task["id"], json!({ "title": format!("t{n}") })).await?;
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(1), response.chunk());
        if let Ok(chunk) = chunk.await {
            text.push_str(std::str::from_utf8(&chunk?.unwrap_or_default())?);
        }
        if text.contains("documents") {
            break;
        }
    }
    assert!(text.contains("id:"), "{text}");
    Ok(())
}

/// A client that pulls from one server and listens to another.
async fn on_each_server(server: &TestServer) -> Outcome {
    let other = server.beside(|_| {}).await?;
    let mut socket = other.socket().await?;
    listen(&mut socket, TASKS).await?;
    let task = a_task(&server.client(), "t").await?;
    let (documents, _) = next(&mut socket).await?;
    assert_eq!(documents, [task]);
    other.stop().await
}
