//! The program that the tests of this folder start: the one that Cargo has built with them.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use seachange_testkit::{Ended, Outcome, OwnDatabase, Process, Server, command_of, eventually};

/// The program with these arguments and no setting but its database.
pub fn command(url: &str, arguments: &[&str]) -> Command {
    command_of(env!("CARGO_BIN_EXE_seachange-app"), url, arguments)
}

/// Runs a command of the program to its end.
pub async fn run(url: &str, arguments: &[&str]) -> anyhow::Result<Ended> {
    Process::start(command(url, arguments))?.ended().await
}

/// Starts the program's server on this database, on a free port.
pub async fn serve(url: &str) -> anyhow::Result<Server> {
    Server::start(command(url, &["--listen", "127.0.0.1:0"])).await
}

/// Waits until `readyz` answers with this status, and tells how long that took.
pub async fn ready(server: &Server, status: u16) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let client = server.client();
    let url = format!("{}/readyz", server.url);
    eventually(async || {
        let answer = client.http().get(&url).send().await?;
        Ok((answer.status().as_u16() == status).then(|| begin.elapsed()))
    })
    .await
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// `verify` on the database must find it sound.
pub async fn verify(database: &OwnDatabase) -> Outcome {
    let ended = run(&database.url, &["verify"]).await?;
    anyhow::ensure!(ended.code() == Some(0), "not sound: {ended:?}");
    anyhow::ensure!(ended.stdout.starts_with("sound: "), "{ended:?}");
    Ok(())
}
