//! The subscription `changes`: where it begins, what it lets through, that nobody misses anything.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange_entity::project;
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, LABELS, PROJECTS};
use super::watch::{Watch, head};

seachange_testkit::cases! {
    Every: from_now, from_the_oldest, from_each_cursor, selections, nothing_selected,
        many_subscribers_see_the_same, several_on_one_socket, across_a_restart, from_another_server,
        a_large_transaction, while_others_write;
    Servers: a_slow_transaction;
}

/// Names of what the changes made.
fn names(changes: &[Json]) -> Vec<&str> {
    changes
        .iter()
        .filter_map(|change| change["after"]["name"].as_str())
        .collect()
}

async fn watch(server: &TestServer, arguments: Json) -> anyhow::Result<Watch> {
    Watch::on(server.socket().await?, server.client(), arguments).await
}

async fn from_now(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "before").await?;
    for arguments in [json!({}), json!({ "after": null })] {
        let mut watch = watch(server, arguments).await?;
        watch.wait_until_it_runs().await?;
        given::project(&client, "after").await?;
        let seen = watch.read().await?;
        let projects = seen.iter().filter(|change| change["entity"] == "project");
        assert_eq!(names(&projects.cloned().collect::<Vec<_>>()), ["after"]);
    }
    Ok(())
}

async fn from_the_oldest(server: &TestServer) -> Outcome {
    let client = server.client();
    for name in ["a", "b", "c"] {
        given::project(&client, name).await?;
    }
    let mut watch = watch(server, json!({ "after": "0" })).await?;
    assert_eq!(names(&watch.read().await?), ["a", "b", "c"]);
    given::project(&client, "d").await?;
    assert_eq!(names(&watch.read().await?), ["d"]);
    Ok(())
}

async fn from_each_cursor(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..5).map(|n| json!({ "name": n.to_string() })).collect();
    PROJECTS.create_all(&client, json!(rows)).await?;
    given::project(&client, "5").await?;
    let mut all = watch(server, json!({ "after": "0" })).await?;
    let all = all.take(6).await?;
    for (index, change) in all.iter().enumerate() {
        // Also inside a transaction.
        let mut watch = watch(server, json!({ "after": change["cursor"] })).await?;
        let rest = watch.take(all.len() - index - 1).await?;
        assert_eq!(rest, all[index + 1..], "after change {index}");
    }
    Ok(())
}

async fn selections(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    given::task(&client, "t").await?;
    LABELS.create(&client, json!({ "name": "old" })).await?;
    let variables = json!({ "data": { "name": "new" }, "all": true });
    client.data(&LABELS.update(), variables).await?;
    let filter = json!({ "name": { "eq": "new" } });
    client
        .data(&LABELS.delete(), json!({ "filter": filter }))
        .await?;
    for (arguments, expected) in [
        (
            json!({}),
            "project INSERT, task INSERT, label INSERT, label UPDATE, label DELETE",
        ),
        (
            json!({ "entities": null, "operations": null }),
            "project INSERT, task INSERT, label INSERT, label UPDATE, label DELETE",
        ),
        (
            json!({ "entities": ["label"] }),
            "label INSERT, label UPDATE, label DELETE",
        ),
        (
            json!({ "entities": ["label", "task"], "operations": ["INSERT"] }),
            "task INSERT, label INSERT",
        ),
        (
            json!({ "operations": ["INSERT"] }),
            "project INSERT, task INSERT, label INSERT",
        ),
        (
            json!({ "entities": "label", "operations": "INSERT" }),
            "label INSERT",
        ),
    ] {
        // Read from the log: the marks are labels too, so only what was there before counts.
        let mut arguments = arguments;
        arguments["after"] = json!(after);
        let mut watch = watch(server, arguments.clone()).await?;
        let seen = watch.take(expected.split(", ").count()).await?;
        let seen: Vec<String> = seen
            .iter()
            .filter_map(|change| {
                Some(format!(
                    "{} {}",
                    change["entity"].as_str()?,
                    change["operation"].as_str()?
                ))
            })
            .collect();
        assert_eq!(seen.join(", "), expected, "{arguments}");
    }
    Ok(())
}

async fn nothing_selected(server: &TestServer) -> Outcome {
    let client = server.client();
    let query = "subscription($entities: [String!], $operations: [ChangeOperation!]) { \
                 changes(after: \"0\", entities: $entities, operations: $operations) { cursor } }";
    let mut socket = server.socket().await?;
    for arguments in [
        json!({ "entities": [] }),
        json!({ "operations": [] }),
        json!({ "entities": ["project"], "operations": [] }),
    ] {
        socket.subscribe(query, arguments).await?;
    }
    // Beside them, one that sees what they must not.
    let beside = socket.subscribe(query, json!({})).await?;
    for name in ["a", "b", "c", "d"] {
        given::project(&client, name).await?;
        let message = socket.message().await?;
        assert_eq!(
            (&message["id"], &message["type"]),
            (&json!(beside), &json!("next"))
        );
    }
    Ok(())
}

async fn many_subscribers_see_the_same(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let mut watches = Vec::new();
    for _ in 0..10 {
        watches.push(watch(server, json!({ "after": after })).await?);
    }
    let write = |client: Client, prefix: &'static str| async move {
        for n in 0..10 {
            given::project(&client, &format!("{prefix}{n}")).await?;
        }
        anyhow::Ok(())
    };
    let (one, two, three) = tokio::join!(
        write(server.client(), "a"),
        write(server.client(), "b"),
        write(client, "c")
    );
    one.and(two).and(three)?;
    let expected = watches[0].take(30).await?;
    for watch in &mut watches[1..] {
        assert_eq!(watch.take(30).await?, expected);
    }
    let mut late = watch(server, json!({ "after": after })).await?;
    assert_eq!(late.take(30).await?, expected);
    Ok(())
}

async fn several_on_one_socket(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut socket = server.socket().await?;
    let after = head(&client).await?;
    let query = "subscription($after: String, $entities: [String!]) { \
                 changes(after: $after, entities: $entities) { entity } }";
    let all = socket.subscribe(query, json!({ "after": after })).await?;
    let tasks = socket
        .subscribe(query, json!({ "after": after, "entities": ["task"] }))
        .await?;
    given::task(&client, "t").await?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = socket.message().await?;
        let entity = message["payload"]["data"]["changes"]["entity"].clone();
        seen.push((given::text(&message["id"])?, given::text(&entity)?));
    }
    seen.sort();
    let expected = [(&all, "project"), (&all, "task"), (&tasks, "task")];
    assert_eq!(
        seen,
        expected.map(|(id, entity)| (id.clone(), entity.to_owned()))
    );
    Ok(())
}

async fn across_a_restart(server: &TestServer) -> Outcome {
    let first = server.beside(|_| {}).await?;
    let mut before = Watch::start(&first).await?;
    for name in ["a", "b"] {
        given::project(&first.client(), name).await?;
    }
    let seen = before.take(2).await?;
    assert_eq!(names(&seen), ["a", "b"]);
    first.stop().await?;
    // Missed while away: through another process, as far as the database knows.
    given::project(&server.client(), "c").await?;
    let second = server.beside(|_| {}).await?;
    given::project(&second.client(), "d").await?;
    let mut again = watch(&second, json!({ "after": seen[1]["cursor"] })).await?;
    assert_eq!(names(&again.read().await?), ["c", "d"]);
    second.stop().await
}

async fn from_another_server(server: &TestServer) -> Outcome {
    let other = server.beside(|_| {}).await?;
    let mut here = Watch::start(server).await?;
    let mut there = Watch::start(&other).await?;
    for (n, client) in [server.client(), other.client()]
        .iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        given::project(client, &n.to_string()).await?;
    }
    let expected = here.take(8).await?;
    assert_eq!(names(&expected), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(
        there.take(8).await?,
        expected,
        "the same cursors on every server"
    );
    other.stop().await
}

async fn a_large_transaction(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..1_000)
        .map(|n| json!({ "name": format!("{n:04}") }))
        .collect();
    let mut live = Watch::start(server).await?;
    PROJECTS.create_all(&client, json!(rows)).await?;
    let seen = live.take(1_000).await?;
    assert!(names(&seen).is_sorted());
    assert!(
        seen.iter()
            .all(|change| change["transactionId"] == seen[0]["transactionId"])
    );
    let mut replayed = watch(server, json!({ "after": "0" })).await?;
    assert_eq!(replayed.take(1_000).await?, seen);
    Ok(())
}

/// A change with an earlier id than one that has long been seen.
///
/// SQLite writes one transaction at a time.
async fn a_slow_transaction(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut live = Watch::start(server).await?;
    let tx = server.db().begin().await?;
    let slow = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set("slow".to_owned()),
        ..Default::default()
    };
    slow.insert(&tx).await?;
    given::project(&client, "fast").await?;
    assert_eq!(names(&live.take(1).await?), ["fast"]);
    tx.commit().await?;
    assert_eq!(names(&live.read().await?), ["slow"]);
    let mut replayed = watch(server, json!({ "after": "0" })).await?;
    assert_eq!(names(&replayed.take(2).await?), ["fast", "slow"]);
    Ok(())
}

/// Subscribers that begin while others write: the join of replay and live is seamless.
async fn while_others_write(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let writer = tokio::spawn(async move {
        for n in 0..60 {
            given::project(&client, &format!("{n:03}")).await?;
        }
        anyhow::Ok(())
    });
    let mut watches = Vec::new();
    for n in 0..6 {
        // Each begins once the one before has come some way.
        let mut next = watch(server, json!({ "after": after })).await?;
        let seen = next.take(n * 8).await?;
        watches.push((next, seen));
    }
    writer.await??;
    for (mut watch, mut seen) in watches {
        seen.extend(watch.take(60 - seen.len()).await?);
        let expected: Vec<String> = (0..60).map(|n| format!("{n:03}")).collect();
        assert_eq!(names(&seen), expected);
    }
    Ok(())
}
