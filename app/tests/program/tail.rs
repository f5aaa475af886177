//! `tail`: the same changes as GraphQL's, on a terminal.

use anyhow::Context;
use seachange_testkit::{Client, Outcome, OwnDatabase, Process};
use serde_json::{Value as Json, json};

use crate::harness::{command, run, serve};

seachange_testkit::cases! {
    Every: follows_from_the_oldest;
    Sqlite: only_some_entities, from_a_cursor, for_people, wrong_use;
}

const CHANGES: &str = "{ changes(after: \"0\") { nodes {
    cursor entity key operation before after changedFields actor mutationId metadata
    transactionId source recordedAt } } }";

/// A `tail --json` that is running.
struct Tail(Process);

impl Tail {
    fn start(database: &OwnDatabase, arguments: &[&str]) -> anyhow::Result<Self> {
        let arguments = [&["tail", "--json"], arguments].concat();
        Ok(Self(Process::start(command(&database.url, &arguments))?))
    }

    async fn next(&mut self) -> anyhow::Result<Json> {
        Ok(serde_json::from_str(&self.0.line().await?)?)
    }
}

/// A project and a label; the project renamed; the label gone.
async fn four_changes(client: &Client) -> Outcome {
    let data = client
        .data(
            "mutation { projectCreateOne(data: { name: \"Sail\" }) { id }
               labelCreateOne(data: { name: \"urgent\" }) { id } }",
            json!({}),
        )
        .await?;
    client
        .data(
            "mutation ($project: String!, $label: BigInt!) {
               projectUpdate(data: { name: \"Row\" }, filter: { id: { eq: $project } }) { name }
               labelDelete(filter: { id: { eq: $label } }) }",
            json!({
                "project": data["projectCreateOne"]["id"],
                "label": data["labelCreateOne"]["id"],
            }),
        )
        .await?;
    Ok(())
}

async fn changes(client: &Client) -> anyhow::Result<Vec<Json>> {
    let mut data = client.data(CHANGES, json!({})).await?;
    serde_json::from_value(data["changes"]["nodes"].take()).context("no nodes")
}

async fn follows_from_the_oldest(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    four_changes(&client).await?;
    let mut tail = Tail::start(database, &["--after", "0"])?;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(tail.next().await?);
    }
    assert_eq!(told, changes(&client).await?);
    // And on, in another process than the one that writes.
    client
        .post(&json!({
            "query": "mutation { labelCreateOne(data: { name: \"later\" }) { id } }",
            "extensions": { "metadata": { "why": "test" } },
        }))
        .await?
        .data()?;
    told.push(tail.next().await?);
    assert_eq!(told, changes(&client).await?);
    assert_eq!(told[4]["metadata"], json!({ "why": "test" }));
    tail.0.kill()?;
    server.stop().await
}

async fn only_some_entities(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    four_changes(&server.client()).await?;
    let of = async |names: &[&str], count: usize| -> anyhow::Result<Vec<String>> {
        let wanted = names.iter().flat_map(|name| ["--entity", name]);
        let arguments: Vec<&str> = ["--after", "0"].into_iter().chain(wanted).collect();
        let mut tail = Tail::start(database, &arguments)?;
        let mut told = Vec::new();
        for _ in 0..count {
            let change = tail.next().await?;
            let word = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
            told.push(format!("{} {}", word("operation"), word("entity")));
        }
        tail.0.kill()?;
        Ok(told)
    };
    assert_eq!(of(&["label"], 2).await?, ["INSERT label", "DELETE label"]);
    let both = [
        "INSERT project",
        "INSERT label",
        "UPDATE project",
        "DELETE label",
    ];
    assert_eq!(of(&["label", "project"], 4).await?, both);
    server.stop().await
}

async fn from_a_cursor(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    four_changes(&client).await?;
    let all = changes(&client).await?;
    let second = all[1]["cursor"].as_str().context("no cursor")?;
    let mut tail = Tail::start(database, &["--after", second])?;
    assert_eq!([tail.next().await?, tail.next().await?], all[2..]);
    tail.0.kill()?;
    server.stop().await
}

async fn for_people(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    four_changes(&server.client()).await?;
    let mut tail = Process::start(command(&database.url, &["tail", "--after", "0"]))?;
    for expected in [
        "insert project",
        "insert label",
        "name: \"Sail\" → \"Row\"",
        "delete label",
    ] {
        let line = tail.line().await?;
        assert!(line.contains(expected), "no `{expected}` in `{line}`");
    }
    // Told to end by whoever runs it: that is no fault.
    tail.signal("TERM")?;
    assert_eq!(tail.ended().await?.code(), Some(0));
    server.stop().await
}

async fn wrong_use(database: &OwnDatabase) -> Outcome {
    serve(&database.url).await?.stop().await?;
    for (arguments, code, told) in [
        (["--after", "yesterday"], 2, "cursor"),
        (["--after", "0123456789abcdef.0.0.-1"], 2, "cursor"),
        (["--entity", "boat"], 2, "boat"),
        // A cursor, but of another log: the data has to be read again.
        (["--after", "0123456789abcdef.0.0.1"], 1, "another log"),
    ] {
        let arguments = [&["tail"], &arguments[..]].concat();
        let ended = run(&database.url, &arguments).await?;
        assert_eq!(ended.code(), Some(code), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(told),
            "no `{told}` in {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
    }
    Ok(())
}
