//! The commands of a page, typed one after the other by Bash, against a server of the page's own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use seachange_testkit::{Outcome, OwnDatabase, Process, Server, command_of};
use serde_json::json;

use super::blocks::{Block, Place};
use super::pages::Page;
use crate::harness::serve;

/// The time that all commands of a page have.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where pages say that the server listens.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// How an operation begins.
const KINDS: [&str; 3] = ["query", "mutation", "subscription"];

/// What a page expects of its reader's machine. `cargo run` without a command is the server, which runs.
const PRELUDE: &str = r#"
set -euo pipefail
cargo() {
    [ "${1:-}" = run ] || { echo "not a command for these tests: cargo $*" >&2; return 2; }
    shift
    [ "${1:-}" != -- ] || shift
    "$PROGRAM" "$@"
}
until_it_prints() {
    local job text=$1 pipe
    pipe=$(mktemp -u ./pipe.XXXXXX)
    mkfifo "$pipe"
    set -m
    follow >"$pipe" 2>&1 &
    job=$!
    set +m
    grep --max-count=1 --fixed-strings -- "$text" <"$pipe"
    kill -- "-$job" 2>/dev/null || true
    wait "$job" 2>/dev/null || true
}
"#;

/// Runs the page's commands, and asks the server about its GraphQL. Returns whether there was anything to do.
pub async fn run(page: &Page, database: &OwnDatabase) -> anyhow::Result<bool> {
    let blocks = page.blocks()?;
    let script = script(&blocks);
    let documents: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.language == "graphql" && block.place.is_none())
        .collect();
    if script.is_none() && documents.is_empty() {
        return Ok(false);
    }
    let server = serve(&database.url).await?;
    if let Some(script) = script {
        type_in(&script, &server, database).await?;
    }
    for document in documents {
        check(&document.text, &server).await?;
    }
    server.stop().await?;
    Ok(true)
}

fn script(blocks: &[Block]) -> Option<String> {
    let mut script = PRELUDE.to_owned();
    let mut is_empty = true;
    for block in blocks.iter().filter(|block| block.language == "sh") {
        let text = &block.text;
        match &block.place {
            None => script.push_str(text),
            Some(Place::UntilItPrints(expected)) => {
                let quoted = expected.replace('\'', "'\\''");
                script.push_str(&format!(
                    "follow() {{\n{text}}}\nuntil_it_prints '{quoted}'\n"
                ));
            }
            Some(_) => continue,
        }
        is_empty = false;
    }
    (!is_empty).then_some(script)
}

async fn type_in(script: &str, server: &Server, database: &OwnDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let program = Path::new(env!("CARGO_BIN_EXE_seachange-app"));
    let script = script.replace(ADDRESS, &server.url);
    let mut bash = command_of("bash", &database.url, &["-c", &script]);
    bash.env("PROGRAM", program).current_dir(folder.path());
    let ended = Process::start(bash)?.ended_within(PATIENCE).await?;
    ensure!(ended.code() == Some(0), "{ended:?}");
    ensure!(!ended.stdout.contains("\"errors\""), "{}", ended.stdout);
    Ok(())
}

/// Has the server check a document without running it: all of its operations are checked, and another is chosen.
async fn check(document: &str, server: &Server) -> Outcome {
    let named = document.lines().enumerate().map(|(number, line)| {
        let named = KINDS.iter().find_map(|kind| {
            let rest = line.strip_prefix(kind)?.trim_start();
            let is_anonymous = rest.starts_with(['{', '(']);
            is_anonymous.then(|| format!("{kind} Block{number} {rest}\n"))
        });
        named.unwrap_or_else(|| format!("{line}\n"))
    });
    let mut query: String = named.collect();
    query.push_str("query Chosen { __typename }");
    let client = server.client();
    let request = json!({ "query": query, "operationName": "Chosen" });
    let answer: serde_json::Value = client
        .http()
        .post(format!("{}/graphql", server.url))
        .json(&request)
        .send()
        .await?
        .json()
        .await?;
    ensure!(answer["data"]["__typename"] == "Query", "{answer}: {query}");
    Ok(())
}

/// Whether this machine has what pages ask for.
pub fn has_shell() -> bool {
    let has = |name: &str| {
        let mut command = Command::new(name);
        command.arg("--version").output().is_ok()
    };
    has("bash") && has("curl")
}
