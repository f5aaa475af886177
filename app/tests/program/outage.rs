//! The database away, silent or held by another, under load: what was acknowledged stays, the feed
//! goes on by itself, and `readyz` says what is the case.

use std::convert::Infallible;
use std::process::Command;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database as SeaDatabase, Statement};
use seachange_testkit::{Outcome, OwnDatabase, Proxy, Random, Server, measured};
use serde_json::json;

use crate::harness::{command, ready, serve, verify};
use crate::load::{self, Load, progress};

seachange_testkit::cases! {
    Servers: connections_are_cut, the_database_is_silent_and_away;
    Sqlite: another_process_holds_the_file;
}

const SEED: u64 = 0xca_b1e;
/// Names a shell command that restarts the database server: it is run where otherwise the database
/// ends its connections. For a server of one's own.
const RESTART: &str = "SEACHANGE_TEST_RESTART";
/// Cuts, by turns on the way and by the database.
const CUTS: usize = 4;
/// From the loss of the database to `readyz` saying so: a query waits 5 s for a connection, then two
/// seconds for the machine.
const TOLD_AWAY: Duration = Duration::from_secs(7);
/// From its return to `readyz` saying so: the longest wait between attempts is 2 s, then three
/// for the machine: with as many others at work it took 3.7 s once.
const TOLD_BACK: Duration = Duration::from_secs(5);

async fn server_through(proxy: &Proxy) -> anyhow::Result<Server> {
    Server::start(command(&proxy.url, &["--listen", "127.0.0.1:0"])).await
}

/// Ends the load and the server. The subscription must have lived through everything.
async fn finish(database: &OwnDatabase, server: Server, load: Load) -> Outcome {
    progress(&load.acknowledged, 30).await?;
    let (acknowledged, refused) = (load.acknowledged.clone(), load.refused.clone());
    for seen in load::finish(vec![load], &server.client()).await? {
        measured(format_args!(
            "{}: {} mutations acknowledged, {} refused, {} changes read, longest gap {:?}",
            database.kind.name(),
            *acknowledged.borrow(),
            *refused.borrow(),
            seen.changes.len(),
            seen.gap,
        ));
        anyhow::ensure!(seen.connections == 1, "{} connections", seen.connections);
    }
    server.stop().await?;
    verify(database).await
}

fn shell(command: &str) -> Outcome {
    let done = Command::new("sh").args(["-c", command]).status()?;
    anyhow::ensure!(done.success(), "{command}: {done}");
    Ok(())
}

/// The database ends every connection to this database but the one that asks.
async fn terminate(url: &str) -> Outcome {
    let db = SeaDatabase::connect(url).await?;
    let backend = db.get_database_backend();
    if backend == sea_orm::DbBackend::Postgres {
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        db.execute_unprepared(others).await?;
        return Ok(());
    }
    let others = "SELECT CAST(ID AS SIGNED) AS id FROM information_schema.PROCESSLIST
        WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
    let others = db.query_all_raw(Statement::from_string(backend, others));
    for other in others.await? {
        // One that has ended meanwhile is what was asked for.
        let id: i64 = other.try_get("", "id")?;
        let _ = db
            .execute_unprepared(&format!("KILL CONNECTION {id}"))
            .await;
    }
    Ok(())
}

async fn connections_are_cut(database: &OwnDatabase) -> Outcome {
    let proxy = Proxy::start(&database.url).await?;
    let server = server_through(&proxy).await?;
    let load = Load::start(&server.url, SEED);
    // A subscription that begins while the database is away is answered with an error. One that has begun lives
    // through it.
    progress(&load.received, 1).await?;
    let mut random = Random::seeded(SEED);
    for cut in 0..CUTS {
        progress(&load.acknowledged, 5 + random.below(40)).await?;
        match cut % 2 {
            0 => proxy.cut(),
            _ => match std::env::var(RESTART) {
                Ok(restart) => shell(&restart)?,
                Err(_) => terminate(&database.url).await?,
            },
        }
        progress(&load.received, 20).await?;
    }
    ready(&server, 200).await?;
    finish(database, server, load).await
}

/// Silent first: connections stay, and nothing comes, as from a machine that hangs. Then away: none
/// are left, and none are taken.
async fn the_database_is_silent_and_away(database: &OwnDatabase) -> Outcome {
    let mut proxy = Proxy::start(&database.url).await?;
    let server = server_through(&proxy).await?;
    let load = Load::start(&server.url, SEED);
    progress(&load.received, 50).await?;

    proxy.freeze();
    let silent = ready(&server, 503).await?;
    proxy.thaw();
    told(&server, database, "silent", silent).await?;
    progress(&load.received, 20).await?;

    proxy.refuse().await;
    let away = ready(&server, 503).await?;
    progress(&load.refused, 1).await?;
    proxy.accept().await?;
    told(&server, database, "away", away).await?;
    finish(database, server, load).await
}

/// The database has just come back after this was told.
async fn told(server: &Server, database: &OwnDatabase, what: &str, after: Duration) -> Outcome {
    let back = ready(server, 200).await?;
    let name = database.kind.name();
    measured(format_args!(
        "{name}: told after {after:?} that it is {what}, after {back:?} that it is back"
    ));
    anyhow::ensure!(after <= TOLD_AWAY, "{what}: told after {after:?}");
    anyhow::ensure!(back <= TOLD_BACK, "back: told after {back:?}");
    Ok(())
}

/// Reads, and asks for health, for ever.
async fn reads_on(server: &Server) -> anyhow::Result<Infallible> {
    let client = server.client();
    loop {
        let query = "{ changesHead project { nodes { id } } }";
        client.data(query, json!({})).await?;
        ready(server, 200).await?;
    }
}

/// Longer than a write waits for its turn: writers are told, readers and the feed notice nothing.
async fn another_process_holds_the_file(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let load = Load::start(&server.url, SEED);
    progress(&load.received, 50).await?;
    let other = SeaDatabase::connect(&database.url).await?;
    other.execute_unprepared("BEGIN IMMEDIATE").await?;
    let held = progress(&load.refused, 1);
    tokio::select! {
        held = held => held?,
        failed = reads_on(&server) => match failed? {},
    }
    let mut socket = seachange_testkit::Socket::open(&server.url).await?;
    let replay = "subscription { changes(after: \"0\") { cursor } }";
    socket.subscribe(replay, json!({})).await?;
    socket.next().await?;
    other.execute_unprepared("ROLLBACK").await?;
    other.close().await?;
    finish(database, server, load).await
}
