//! Mutations that come again under their idempotency key.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, EntityTrait};
use seachange::changelog::internal::request::{self, forget};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::auth::{guarded, token};
use super::given::{self, COMMENTS, LABELS, PROJECTS, TASKS};
use super::history::changes;
use super::revert;
use crate::bulk::hidden;

seachange_testkit::cases![
    each_mutation,
    the_answer_is_the_first,
    another_request,
    another_actor,
    all_at_once,
    what_failed_is_done_again,
    several_fields,
    over_both_transports,
    keys_live_for_a_time,
    a_server_removes_what_has_expired,
    keys_that_are_only_recorded,
    without_a_key,
    hidden_columns,
];

/// What a server may take to look for what has expired.
const PATIENCE: Duration = Duration::from_secs(30);
const HEADER: &str = "idempotency-key";

/// A client with a key that nobody has used.
fn keyed(server: &TestServer) -> Client {
    let key = uuid::Uuid::new_v4().to_string();
    server.client().with_header(HEADER, &key)
}

/// Sends it twice under a key: the answers are the same, and the second has written nothing.
async fn twice(server: &TestServer, query: &str, variables: Json) -> anyhow::Result<Json> {
    let client = keyed(server);
    let first = client.data(query, variables.clone()).await?;
    let log = server.logged().await?;
    anyhow::ensure!(!log.is_empty(), "nothing was written");
    again(server, &client, query, variables, &first).await?;
    assert_eq!(server.logged().await?, log, "{query}");
    Ok(first)
}

/// Sends what was answered so: it writes nothing.
async fn again(
    server: &TestServer,
    client: &Client,
    query: &str,
    variables: Json,
    first: &Json,
) -> Outcome {
    let log = server.logged().await?.len();
    assert_eq!(client.data(query, variables).await?, *first, "{query}");
    assert_eq!(server.logged().await?.len(), log, "{query}");
    Ok(())
}

/// Rows that tell of requests.
async fn kept(server: &TestServer) -> anyhow::Result<Vec<request::Model>> {
    Ok(request::Entity::find().all(server.db().reader()).await?)
}

/// Moves all claims and answers a day and an hour back.
async fn a_day_passes(server: &TestServer) -> Outcome {
    let before = Utc::now() - TimeDelta::hours(25);
    let update = Query::update()
        .table(request::Entity)
        .value(request::Column::CreatedAt, before)
        .take();
    server.db().writer().execute(&update).await?;
    Ok(())
}

async fn each_mutation(server: &TestServer) -> Outcome {
    let data = json!({ "name": "Ship", "owner": null, "archived": true });
    let project = twice(server, &PROJECTS.create_one(), json!({ "data": data })).await?;
    let data = json!({ "projectId": project["row"]["id"], "title": "Caulk", "estimate": "1.50",
        "dueOn": "2026-12-01", "details": { "b": [1, null], "a": -0.0 }, "status": "doing" });
    let task = twice(server, &TASKS.create_one(), json!({ "data": data })).await?["row"].clone();
    let of_task = json!({ "id": { "eq": task["id"] } });
    let data = json!({ "body": "\u{1F6A2}", "priority": -7, "details": null });
    let update = json!({ "data": data, "filter": of_task });
    twice(server, &TASKS.update(), update).await?;
    // One row of these is as it shall be.
    let labels = json!({ "data": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] });
    let labels = twice(server, &LABELS.create_batch(), labels).await?["rows"].clone();
    let first = json!({ "data": { "name": "a" }, "filter": { "id": { "eq": labels[0]["id"] } } });
    let unchanged = twice(server, &LABELS.update(), first).await?;
    assert_eq!(unchanged["rows"][0], labels[0]);
    // Triggers record these.
    let data = json!({ "taskId": task["id"], "author": "ann", "body": "b" });
    twice(server, &COMMENTS.create_one(), json!({ "data": data })).await?;
    let data = json!({ "data": { "body": "c" }, "all": true });
    twice(server, &COMMENTS.update(), data).await?;
    let deleted = twice(server, &COMMENTS.delete(), json!({ "all": true })).await?;
    assert_eq!(deleted["count"], 1);
    let none = json!({ "filter": { "name": { "eq": "nobody's" } } });
    assert_eq!(twice(server, &LABELS.delete(), none).await?["count"], 0);
    let last = changes(&server.client()).await?.pop().unwrap_or_default();
    let undone = twice(server, revert::CHANGE, json!({ "cursor": last["cursor"] })).await?;
    assert_eq!(undone["done"][0]["operation"], "INSERT");
    let id = &undone["done"][0]["transactionId"];
    let undone = twice(
        server,
        revert::transactions::TRANSACTION,
        json!({ "id": id }),
    )
    .await?;
    assert_eq!(undone["done"][0]["operation"], "DELETE");
    Ok(())
}

/// Whatever has become of the rows since.
async fn the_answer_is_the_first(server: &TestServer) -> Outcome {
    let (client, plain) = (keyed(server), server.client());
    let label = LABELS.create(&plain, json!({ "name": "none" })).await?;
    let filter = json!({ "id": { "eq": label["id"] } });
    let update = json!({ "data": { "name": "mine" }, "filter": filter });
    let first = client.data(&LABELS.update(), update.clone()).await?;
    let other = json!({ "data": { "name": "theirs" }, "filter": filter });
    plain.data(&LABELS.update(), other).await?;
    again(server, &client, &LABELS.update(), update.clone(), &first).await?;
    let found = LABELS.find(&plain, json!({})).await?;
    assert_eq!(found[0]["name"], "theirs");
    let deleted = json!({ "filter": filter });
    plain.data(&LABELS.delete(), deleted).await?;
    again(server, &client, &LABELS.update(), update, &first).await
}

async fn another_request(server: &TestServer) -> Outcome {
    let client = server.client().with_header(HEADER, "k-1");
    let create = LABELS.create_one();
    let variables = json!({ "data": { "name": "a" } });
    client.data(&create, variables.clone()).await?;
    let log = server.logged().await?.len();
    let named = format!(
        "{} query Other {{ changesHead }}",
        create.replacen('(', " Mine(", 1)
    );
    let other_word = json!({ "query": named, "operationName": "Mine", "variables": variables });
    let reverted = changes(&server.client()).await?[0]["cursor"].clone();
    for body in [
        json!({ "query": create, "variables": { "data": { "name": "b" } } }),
        json!({ "query": format!("{create} "), "variables": variables }),
        json!({ "query": LABELS.delete(), "variables": { "all": true } }),
        json!({ "query": revert::CHANGE, "variables": { "cursor": reverted } }),
        other_word,
    ] {
        let answer = client.post(&body).await?;
        assert_eq!(answer.code()?, "CONFLICT", "{body}");
        let extensions = &answer.body["errors"][0]["extensions"];
        assert_eq!(extensions["idempotencyKey"], "k-1");
        assert_eq!(extensions["later"], Json::Null);
    }
    // Queries write nothing, so their keys mean nothing.
    client.data("{ changesHead }", json!({})).await?;
    assert_eq!(server.logged().await?.len(), log);
    Ok(())
}

async fn another_actor(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let client = guarded.client().with_header(HEADER, "k");
    let (ann, bob) = (
        client.with_token(token("ann")?),
        client.with_token(token("bob")?),
    );
    let named = |name: &str| json!({ "data": { "name": name } });
    let first = ann.data(&LABELS.create_one(), named("ann's")).await?;
    let second = bob.data(&LABELS.create_one(), named("bob's")).await?;
    again(server, &ann, &LABELS.create_one(), named("ann's"), &first).await?;
    again(server, &bob, &LABELS.create_one(), named("bob's"), &second).await?;
    let answer = bob.send(&LABELS.create_one(), named("ann's")).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    guarded.stop().await
}

/// Eight at the same moment, on two servers: a row that must be the only one of its name, and rows
/// that need not be.
async fn all_at_once(server: &TestServer) -> Outcome {
    const ROUNDS: usize = 6;
    let beside = server.beside(|_| {}).await?;
    for round in 0..ROUNDS {
        let names = if round % 2 == 0 { LABELS } else { PROJECTS };
        let key = uuid::Uuid::new_v4().to_string();
        let data = json!({ "data": { "name": format!("the {round}") } });
        let sent = (0..8).map(|n| {
            let server = if n % 2 == 0 { server } else { &beside };
            let client = server.client().with_header(HEADER, &key);
            let data = data.clone();
            async move { client.data(&names.create_one(), data).await }
        });
        let answers = join_all(sent).await;
        let answers = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
    }
    assert_eq!(server.logged().await?.len(), ROUNDS);
    beside.stop().await
}

/// Nothing is kept of what fails.
async fn what_failed_is_done_again(server: &TestServer) -> Outcome {
    let (client, plain) = (keyed(server), server.client());
    let taken = LABELS.create(&plain, json!({ "name": "taken" })).await?;
    let data = json!({ "data": { "name": "taken" } });
    for _ in 0..2 {
        let answer = client.send(&LABELS.create_one(), data.clone()).await?;
        assert_eq!(answer.code()?, "CONFLICT");
        let extensions = &answer.body["errors"][0]["extensions"];
        assert_eq!(extensions["idempotencyKey"], Json::Null);
    }
    assert_eq!(kept(server).await?, []);
    let filter = json!({ "id": { "eq": taken["id"] } });
    plain
        .data(&LABELS.delete(), json!({ "filter": filter }))
        .await?;
    let first = client.data(&LABELS.create_one(), data.clone()).await?;
    assert_eq!(first["row"]["name"], "taken");
    again(server, &client, &LABELS.create_one(), data, &first).await
}

/// Each field has an answer of its own, so that of a request that fails half-way the rest is done.
async fn several_fields(server: &TestServer) -> Outcome {
    let three = "mutation($c: String!) {
        a: labelCreateOne(data: { name: \"a\" }) { id name }
        labelCreateOne(data: { name: \"b\" }) { name }
        c: labelCreateOne(data: { name: $c }) { id name } }";
    let all = twice(server, three, json!({ "c": "c" })).await?;
    assert_eq!(all["labelCreateOne"]["name"], "b");
    assert_ne!(all["a"]["id"], all["c"]["id"]);
    assert_eq!(server.logged().await?.len(), 3);

    let two = "mutation { d: labelCreateOne(data: { name: \"d\" }) { id }
        e: labelCreateOne(data: { name: \"a\" }) { id } }";
    let client = keyed(server);
    assert_eq!(client.code(two, json!({})).await?, "CONFLICT");
    let done = server.logged().await?.len();
    assert_eq!(client.code(two, json!({})).await?, "CONFLICT");
    assert_eq!(server.logged().await?.len(), done);
    let filter = json!({ "filter": { "name": { "eq": "a" } } });
    server.client().data(&LABELS.delete(), filter).await?;
    let both = client.data(two, json!({})).await?;
    let labels = LABELS.find(&server.client(), json!({})).await?;
    let named = |name: &str| labels.iter().find(|label| label["name"] == *name);
    assert_eq!(named("d").map(|label| &label["id"]), Some(&both["d"]["id"]));
    assert_eq!(named("a").map(|label| &label["id"]), Some(&both["e"]["id"]));
    again(server, &client, two, json!({}), &both).await
}

async fn over_both_transports(server: &TestServer) -> Outcome {
    let body = json!({ "query": LABELS.create_one(), "variables": { "data": { "name": "a" } },
        "extensions": { "idempotencyKey": "k", "metadata": { "try": 1 } } });
    let mut socket = server.socket().await?;
    let first = socket.run(body.clone()).await?["data"].clone();
    assert_eq!(first["row"]["name"], "a");
    assert_eq!(socket.run(body.clone()).await?["data"], first);
    let mut second = server.socket().await?;
    assert_eq!(second.run(body.clone()).await?["data"], first);
    let client = server.client().with_header(HEADER, "k");
    assert_eq!(client.post(&body).await?.data()?, &first);
    let mut other = body;
    other["variables"]["data"]["name"] = json!("b");
    let refused = socket.run(other).await?;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "CONFLICT");
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn keys_live_for_a_time(server: &TestServer) -> Outcome {
    let client = keyed(server);
    let (create, named) = (
        LABELS.create_one(),
        |name: &str| json!({ "data": { "name": name } }),
    );
    client.data(&create, named("a")).await?;
    a_day_passes(server).await?;
    // As if it had never been: another request may have it, and the same is done again.
    let first = client.data(&create, named("b")).await?;
    again(server, &client, &create, named("b"), &first).await?;
    assert_eq!(client.code(&create, named("a")).await?, "CONFLICT");
    a_day_passes(server).await?;
    let answer = client.send(&create, named("b")).await?;
    assert_eq!(answer.code()?, "CONFLICT", "the name is taken");
    // What has expired goes, in steps, and nothing else.
    for n in 0..3 {
        let name = format!("old {n}");
        keyed(server).data(&create, named(&name)).await?;
    }
    a_day_passes(server).await?;
    let young = keyed(server);
    let answered = young.data(&create, named("young")).await?;
    let writer = server.db().writer();
    let day_ago = Utc::now() - TimeDelta::hours(24);
    assert_eq!(forget(writer, day_ago).await?, 8);
    assert_eq!(forget(writer, day_ago).await?, 0);
    assert_eq!(kept(server).await?.len(), 2);
    again(server, &young, &create, named("young"), &answered).await
}

async fn a_server_removes_what_has_expired(server: &TestServer) -> Outcome {
    LABELS
        .create(&keyed(server), json!({ "name": "a" }))
        .await?;
    a_day_passes(server).await?;
    // As soon as it starts.
    let beside = server.beside(|_| {}).await?;
    let removed = async {
        while !kept(server).await?.is_empty() {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, removed).await??;
    beside.stop().await
}

async fn keys_that_are_only_recorded(server: &TestServer) -> Outcome {
    let without = server
        .beside(|settings| settings.limits.idempotency = Duration::ZERO)
        .await?;
    let client = without.client().with_header(HEADER, "k");
    for _ in 0..2 {
        PROJECTS.create(&client, json!({ "name": "a" })).await?;
    }
    PROJECTS.create(&client, json!({ "name": "b" })).await?;
    assert_eq!(kept(server).await?, []);
    let log = server.logged().await?;
    assert!(
        log.iter()
            .all(|one| one.mutation_id.as_deref() == Some("k"))
    );
    assert_eq!(log.len(), 3);
    without.stop().await
}

async fn without_a_key(server: &TestServer) -> Outcome {
    let id = given::task(&server.client(), "t").await?;
    let data = json!({ "data": { "title": "u" }, "filter": { "id": { "eq": id } } });
    server.client().data(&TASKS.update(), data).await?;
    assert_eq!(kept(server).await?, []);
    Ok(())
}

/// What the log must not have is not kept either: it is as the row has it.
async fn hidden_columns(server: &TestServer) -> Outcome {
    let server = hidden::serve(server).await?;
    let create = "mutation { vaultCreateBatch(data: [
        { id: 1, name: \"one\", secret: \"hunter2\", pin: 4711, opened: 815 },
        { id: 2, name: \"two\", pin: 4712, opened: 816 }])
        { id name secret pin opened updatedAt } }";
    let client = keyed(&server);
    let first = client.data(create, json!({})).await?;
    assert_eq!(first["vaultCreateBatch"][0]["secret"], "hunter2");
    again(&server, &client, create, json!({}), &first).await?;
    for row in kept(&server).await? {
        let text = row.result.unwrap_or_default();
        for secret in ["hunter2", "4711", "4712", "815", "816"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let update = "mutation { vaultUpdate(data: { name: \"un\", pin: 1 }, filter: { id: { eq: 1 } })
        { id } }";
    server.client().data(update, json!({})).await?;
    let mut expected = first.clone();
    expected["vaultCreateBatch"][0]["pin"] = json!(1);
    again(&server, &client, create, json!({}), &expected).await?;
    let delete = "mutation { vaultDelete(filter: { id: { eq: 2 } }) }";
    server.client().data(delete, json!({})).await?;
    assert_eq!(client.code(create, json!({})).await?, "NOT_FOUND");
    server.finish().await
}
