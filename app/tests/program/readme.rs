//! The README kept true: its steps are taken, its excerpts and its settings compared. ARCHITECTURE names only
//! files that exist.

mod blocks;
mod copy;

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::harness::{run, workspace};
use blocks::{Block, Place};
use copy::Built;
use seachange_testkit::{
    Client, Outcome, OwnDatabase, Process, Server, Socket, command_of, eventually,
};

seachange_testkit::cases! {
    Every: an_entity_is_added;
    Sqlite: excerpts_are_the_files, settings_are_those_of_the_program, commands_are_all_named,
        the_architecture_names_files_that_exist;
}

fn readme() -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(workspace().join("README.md"))?)
}

async fn excerpts_are_the_files(_: &OwnDatabase) -> Outcome {
    let blocks = blocks::of(&readme()?)?;
    let mut shown = 0;
    for Block { place, text } in &blocks {
        let (path, is_whole) = match place {
            Place::File(path) => (path, true),
            Place::PartOf(path) => (path, false),
            Place::NewFile(_) | Place::After { .. } | Place::InsteadOf { .. } => continue,
        };
        let file = std::fs::read_to_string(workspace().join(path))?;
        let is_same = if is_whole {
            file == *text
        } else {
            file.contains(text)
        };
        ensure!(is_same, "README.md shows another {path}: {text}");
        shown += 1;
    }
    ensure!(
        shown >= 3,
        "only {shown} excerpts found: have the markers changed?"
    );
    Ok(())
}

/// `--help` shows variable and default of every setting, and the table has to show the same.
async fn settings_are_those_of_the_program(database: &OwnDatabase) -> Outcome {
    let help = run(&database.url, &["--help"]).await?.stdout;
    let between = |line: &str, start: &str| {
        let (_, rest) = line.split_once(start)?;
        Some(rest.split([']', '=']).next()?.to_owned())
    };
    let settings: BTreeMap<String, String> = help
        .lines()
        .filter_map(|line| {
            let default = line
                .split_once("[default: ")
                .map(|(_, rest)| rest.trim_end_matches(']'));
            Some((
                between(line, "[env: ")?,
                default.unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    let readme = readme()?;
    let documented: BTreeMap<String, String> = readme
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            let &["", name, _, default, _, ""] = &cells[..] else {
                return None;
            };
            let is_setting = name.starts_with("SEACHANGE_") || name == "DATABASE_URL";
            is_setting.then(|| (name.to_owned(), default.to_owned()))
        })
        .collect();
    ensure!(
        settings == documented,
        "--help has {settings:#?}, README.md {documented:#?}"
    );
    Ok(())
}

async fn commands_are_all_named(database: &OwnDatabase) -> Outcome {
    let help = run(&database.url, &["--help"]).await?.stdout;
    let (_, commands) = help.split_once("Commands:\n").context("no commands")?;
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.filter(|name| !["", "help"].contains(name)).collect();
    ensure!(names.contains(&"verify"), "no command found in {help}");
    let readme = readme()?;
    for name in names {
        let row = format!("\n| `{name}");
        ensure!(readme.contains(&row), "README.md does not tell of `{name}`");
    }
    Ok(())
}

/// Built once for all databases.
async fn built() -> anyhow::Result<&'static Built> {
    static BUILT: OnceCell<Result<Built, String>> = OnceCell::const_new();
    let build = async || copy::build(&blocks::of(&readme()?)?).await;
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

async fn the_architecture_names_files_that_exist(_: &OwnDatabase) -> Outcome {
    let text = std::fs::read_to_string(workspace().join("ARCHITECTURE.md"))?;
    let rooms = std::fs::read_dir(workspace())?.collect::<Result<Vec<_>, _>>()?;
    let rooms: Vec<String> = rooms
        .iter()
        .map(|room| format!("{}/", room.file_name().to_string_lossy()))
        .collect();
    // Every second piece stands between backticks.
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|quoted| rooms.iter().any(|room| quoted.starts_with(room)))
        .collect();
    let missing: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| !workspace().join(path).exists())
        .collect();
    ensure!(missing.is_empty(), "ARCHITECTURE.md names {missing:?}");
    ensure!(paths.len() > 50, "only {} paths found", paths.len());
    Ok(())
}
