//! The steps of the pages, taken on a copy of the workspace: an entity is added to the reference application
//! (`docs/how-to/add-an-entity.md`, `docs/how-to/hooks.md`), a program of one file is made (README), and the
//! example of `docs/how-to/write-from-rust.md` is run.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::sync::OnceCell;

use super::blocks::Block;
use super::copy::{self, Built};
use super::pages::Page;
use seachange_testkit::{
    Client, Outcome, OwnDatabase, Process, Server, Socket, command_of, eventually,
};

seachange_testkit::cases![an_entity_is_added, a_program_of_one_file];

/// The pages that have steps, in the order in which they are taken.
const PAGES: [&str; 3] = [
    "README.md",
    "docs/how-to/add-an-entity.md",
    "docs/how-to/hooks.md",
];

fn steps() -> anyhow::Result<Vec<Block>> {
    let mut steps = Vec::new();
    for path in PAGES {
        steps.extend(Page::read(path)?.blocks()?);
    }
    Ok(steps)
}

/// Built once for all databases.
async fn built() -> anyhow::Result<&'static Built> {
    static BUILT: OnceCell<Result<Built, String>> = OnceCell::const_new();
    let build = async || copy::build(&steps()?).await;
    let built = BUILT
        .get_or_init(async || build().await.map_err(|error| format!("{error:#}")))
        .await;
    built.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

async fn an_entity_is_added(database: &OwnDatabase) -> Outcome {
    let built = built().await?;
    let program = built.program.to_str().context("path")?;
    let serve = command_of(program, &database.url, &["--listen", "127.0.0.1:0"]);
    let server = Server::start(serve).await?;
    let client = server.client();
    let mut socket = Socket::open(&server.url).await?;
    socket
        .subscribe(
            "subscription { reminderChanges(after: \"0\") { kind record { note } } }",
            json!({}),
        )
        .await?;
    ensure!(socket.next().await?["reminderChanges"]["kind"] == "CAUGHT_UP");

    let task = a_task(&client).await?;
    let remind = async |note: &str| {
        let query = "mutation ($task: String!, $note: String!) { reminderCreateOne(data: {
            taskId: $task, remindAt: \"2027-01-01T08:00:00Z\", note: $note }) { note } }";
        client
            .send(query, json!({ "task": task, "note": note }))
            .await
    };
    ensure!(remind("Tar the hull").await?.data()?["reminderCreateOne"]["note"] == "Tar the hull");
    let related = client
        .data("{ reminder { nodes { task { title } } } }", json!({}))
        .await?;
    ensure!(
        related["reminder"]["nodes"] == json!([{ "task": { "title": "Hull" } }]),
        "{related}"
    );
    let change = socket.next().await?;
    let expected = json!({ "kind": "INSERT", "record": { "note": "Tar the hull" } });
    ensure!(change["reminderChanges"] == expected, "{change}");

    // The hook of its own refuses, in its own words.
    let refused = remind(" ").await?;
    ensure!(refused.code()? == "BAD_INPUT", "{refused:?}");
    let message = &refused.body["errors"][0]["message"];
    ensure!(
        message == "a note says something or is left out",
        "{message}"
    );

    write_from_rust(built, database, &client).await?;
    server.stop().await?;
    let verified = Process::start(command_of(program, &database.url, &["verify"]))?
        .ended()
        .await?;
    ensure!(verified.code() == Some(0), "{verified:?}");
    Ok(())
}

async fn a_task(client: &Client) -> anyhow::Result<String> {
    let project = "mutation { projectCreateOne(data: { name: \"Refit\" }) { id } }";
    let project = client.data(project, json!({})).await?["projectCreateOne"]["id"].take();
    let task = "mutation ($project: String!) {
        taskCreateOne(data: { projectId: $project, title: \"Hull\" }) { id } }";
    let task = client.data(task, json!({ "project": project })).await?;
    Ok(task["taskCreateOne"]["id"]
        .as_str()
        .context("no id")?
        .to_owned())
}

/// The README's program that writes beside the server.
async fn write_from_rust(built: &Built, database: &OwnDatabase, client: &Client) -> Outcome {
    let mut write = Command::new(&built.write);
    write.env("DATABASE_URL", &database.url);
    let ended = Process::start(write)?.ended().await?;
    ensure!(ended.code() == Some(0), "{ended:?}");
    let query = "{ changes(actor: \"importer\") { nodes { operation changedFields } } }";
    let nodes = eventually(async || {
        let nodes = client.data(query, json!({})).await?["changes"]["nodes"].take();
        Ok((!nodes[1].is_null()).then_some(nodes))
    })
    .await?;
    ensure!(nodes[0]["operation"] == "INSERT", "{nodes}");
    let update = json!({ "operation": "UPDATE", "changedFields": ["archived", "updated_at"] });
    ensure!(nodes[1] == update && nodes.get(2).is_none(), "{nodes}");
    Ok(())
}

/// The README's program: its table is served, and its history kept.
async fn a_program_of_one_file(database: &OwnDatabase) -> Outcome {
    let built = built().await?;
    let program = built.notes.to_str().context("path")?;
    let serve = command_of(program, &database.url, &["--listen", "127.0.0.1:0"]);
    let server = Server::start(serve).await?;
    let client = server.client();
    let note = "mutation { noteCreateOne(data: { text: \"hello\" }) { id } }";
    let id = client.data(note, json!({})).await?["noteCreateOne"]["id"].take();
    let query = "query ($key: Json!) { noteHistory(key: $key) { nodes { operation after } } }";
    let history = client.data(query, json!({ "key": { "id": id } })).await?;
    let change = &history["noteHistory"]["nodes"][0];
    ensure!(change["operation"] == "INSERT", "{history}");
    ensure!(change["after"]["text"] == "hello", "{history}");
    server.stop().await?;
    let verified = Process::start(command_of(program, &database.url, &["verify"]))?
        .ended()
        .await?;
    ensure!(verified.code() == Some(0), "{verified:?}");
    Ok(())
}
