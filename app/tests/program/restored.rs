//! Databases put back from a copy: cursors of the original are refused, and whoever begins anew
//! misses nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use seachange_testkit::{Client, Database, Outcome, OwnDatabase, Socket};
use serde_json::{Value as Json, json};

use crate::harness::{run, serve, verify};
use crate::load::{self, Load, progress};

seachange_testkit::cases! {
    Servers: a_dump_of_a_database_being_written;
    Sqlite: a_file_from_yesterday;
}

const SEED: u64 = 0xd0_bb1e;

const HEAD: &str = "{ changesHead }";
const CREATE: &str = "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
const FOLLOW: &str = "subscription ($after: String!) { changes(after: $after) { key } }";

async fn head(client: &Client) -> anyhow::Result<Json> {
    Ok(client.data(HEAD, json!({})).await?["changesHead"].clone())
}

/// Runs a database's own tool to its end.
fn tool(package: &str, command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output();
    let done = done.with_context(|| format!("{name} is needed: install {package}"))?;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    anyhow::ensure!(done.status.success(), "{name}: {}: {told}", done.status);
    Ok(())
}

/// User, host, port and database of a URL.
fn parts(url: &str) -> anyhow::Result<(String, String, String, String)> {
    let (_, rest) = url.split_once("://").context("not a URL")?;
    let (authority, name) = rest.split_once('/').context("no database")?;
    let (user, host) = authority.split_once('@').context("no user")?;
    let (host, port) = host.split_once(':').context("no port")?;
    let name = name.split('?').next().unwrap_or_default();
    // A password, where there is one, reaches the tools by their own variables.
    let user = user.split(':').next().unwrap_or_default();
    Ok((user.into(), host.into(), port.into(), name.into()))
}

fn password(url: &str) -> String {
    let authority = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('@').next());
    let password = authority.and_then(|user| user.split_once(':'));
    password.map_or_else(String::new, |(_, password)| password.to_owned())
}

fn dump(database: &OwnDatabase, file: &Path) -> Outcome {
    let (user, host, port, name) = parts(&database.url)?;
    if matches!(database.kind, Database::Postgres(_)) {
        let mut dump = Command::new("pg_dump");
        dump.env("PGPASSWORD", password(&database.url));
        dump.args(["-U", &user, "-h", &host, "-p", &port, "-d", &name, "-f"]);
        return tool("postgresql-client", dump.arg(file));
    }
    let mut dump = Command::new("mariadb-dump");
    dump.env("MYSQL_PWD", password(&database.url));
    // One snapshot of all tables, as of any dump of a database in use.
    dump.args([
        "--single-transaction",
        "-u",
        &user,
        "-h",
        &host,
        "-P",
        &port,
        "--result-file",
    ]);
    tool("mariadb-client", dump.arg(file).arg(&name))
}

fn restore(database: &OwnDatabase, file: &Path) -> Outcome {
    let (user, host, port, name) = parts(&database.url)?;
    if matches!(database.kind, Database::Postgres(_)) {
        let mut restore = Command::new("psql");
        restore.env("PGPASSWORD", password(&database.url));
        restore.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        restore.args(["-U", &user, "-h", &host, "-p", &port, "-d", &name, "-f"]);
        return tool("postgresql-client", restore.arg(file));
    }
    let mut restore = Command::new("mariadb");
    restore.env("MYSQL_PWD", password(&database.url));
    restore.args(["-u", &user, "-h", &host, "-P", &port, "-D", &name, "-e"]);
    tool(
        "mariadb-client",
        restore.arg(format!("source {}", file.display())),
    )
}

/// The restored database is served: old cursors end, readers from its head and from the oldest
/// change get exactly what is written now.
async fn serves_anew(database: &OwnDatabase, old: &[Json]) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    for cursor in old {
        let mut socket = Socket::open(&server.url).await?;
        let code = socket.refused(FOLLOW, json!({ "after": cursor })).await;
        let code = code.with_context(|| format!("after {cursor}"))?;
        assert_eq!(code, "RESYNC_REQUIRED", "{cursor}");
    }
    let mut readers = Vec::new();
    for after in [head(&client).await?, json!("0")] {
        let mut socket = Socket::open(&server.url).await?;
        socket.subscribe(FOLLOW, json!({ "after": after })).await?;
        readers.push(socket);
    }
    let mut written = Vec::new();
    for name in ["Sail", "Row", "Drift"] {
        let created = client.data(CREATE, json!({ "name": name })).await?;
        written.push(created["projectCreateOne"]["id"].clone());
    }
    for reader in &mut readers {
        for key in &written {
            let change = reader.next().await?;
            assert_eq!(
                &change["changes"]["key"]["id"], key,
                "not what was written now"
            );
        }
    }
    server.stop().await?;
    verify(database).await
}

async fn a_dump_of_a_database_being_written(database: &OwnDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("dump.sql");
    let server = serve(&database.url).await?;
    let load = Load::start(&server.url, SEED);
    progress(&load.received, 500).await?;
    let before = head(&server.client()).await?;
    dump(database, &file)?;
    progress(&load.received, 50).await?;
    let after = head(&server.client()).await?;
    load::finish(vec![load], &server.client()).await?;
    server.stop().await?;

    let copy = OwnDatabase::create(&database.kind).await?;
    let restored = async {
        restore(&copy, &file)?;
        if !matches!(copy.kind, Database::Postgres(_)) {
            let renewed = run(&copy.url, &["epoch", "new"]).await?;
            anyhow::ensure!(renewed.code() == Some(0), "{renewed:?}");
        }
        serves_anew(&copy, &[before, after]).await
    };
    let restored = restored.await;
    copy.drop().await?;
    restored?;
    verify(database).await
}

async fn a_file_from_yesterday(database: &OwnDatabase) -> Outcome {
    let file = database.url.trim_start_matches("sqlite://");
    let file = Path::new(file.split('?').next().unwrap_or_default());
    let yesterday = file.with_extension("yesterday");
    let server = serve(&database.url).await?;
    server
        .client()
        .data(CREATE, json!({ "name": "Oar" }))
        .await?;
    let before = head(&server.client()).await?;
    server.stop().await?;
    std::fs::copy(file, &yesterday)?;

    let server = serve(&database.url).await?;
    for name in ["Hull", "Keel"] {
        server
            .client()
            .data(CREATE, json!({ "name": name }))
            .await?;
    }
    let after = head(&server.client()).await?;
    server.stop().await?;
    std::fs::copy(&yesterday, file)?;
    let renewed = run(&database.url, &["epoch", "new"]).await?;
    anyhow::ensure!(renewed.code() == Some(0), "{renewed:?}");
    serves_anew(database, &[before, after]).await
}
