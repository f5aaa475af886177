//! The server's life: how soon it listens, when it refuses to, what it says of itself, how it ends.

use std::time::Duration;

use anyhow::Context;
use seachange_testkit::{Database, Outcome, OwnDatabase, Process, Server, Socket, measured};
use serde_json::json;

use crate::harness::{command, serve, verify};

/// From start to listening on a SQLite file that is there.
const SOON: Duration = Duration::from_millis(300);
/// The same on a server, whose connections and catalogue take longer.
const SOON_ON_A_SERVER: Duration = Duration::from_millis(600);
/// Of these starts the best counts: a machine that does something else as well slows single ones.
const STARTS: usize = 5;

seachange_testkit::cases! {
    Every: listens_soon, a_signal_ends_it_cleanly, several_at_once_on_an_empty_database;
    Sqlite: probes, open_to_the_world, a_key_that_is_none, origins_that_cannot_be_read,
        an_address_in_use;
}

async fn listens_soon(database: &OwnDatabase) -> Outcome {
    serve(&database.url).await?.stop().await?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let server = serve(&database.url).await?;
        times.push(server.started_in);
        server.stop().await?;
    }
    measured(format_args!(
        "start to listening, {}: {times:?}",
        database.kind.name()
    ));
    let best = times.into_iter().min().context("no start")?;
    let soon = match database.kind {
        Database::Sqlite => SOON,
        _ => SOON_ON_A_SERVER,
    };
    anyhow::ensure!(
        best <= soon,
        "the best start took {best:?}, more than {soon:?}"
    );
    Ok(())
}

/// Each migrates at its start; one does it, the others wait.
async fn several_at_once_on_an_empty_database(database: &OwnDatabase) -> Outcome {
    let url = &database.url;
    let (one, two, three) = tokio::try_join!(serve(url), serve(url), serve(url))?;
    for server in [one, two, three] {
        server.stop().await?;
    }
    verify(database).await
}

async fn a_signal_ends_it_cleanly(database: &OwnDatabase) -> Outcome {
    for signal in ["TERM", "INT"] {
        let server = serve(&database.url).await?;
        let mut socket = Socket::open(&server.url).await?;
        socket
            .subscribe("subscription { changes { cursor } }", json!({}))
            .await?;
        server.process.signal(signal)?;
        let closed = socket.closed().await?;
        anyhow::ensure!(
            closed == 1001,
            "{signal}: closed with {closed}, not 1001 (going away)"
        );
        let ended = server.process.ended().await?;
        anyhow::ensure!(ended.code() == Some(0), "{signal}: {ended:?}");
    }
    // At the very moment it says that it listens, it can be told to end.
    serve(&database.url).await?.stop().await?;
    verify(database).await
}

async fn probes(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    let name = json!({ "name": "Sail" });
    let create = "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
    client.data(create, name).await?;
    let get = async |path: &str| -> anyhow::Result<(u16, String)> {
        let response = client
            .http()
            .get(format!("{}{path}", server.url))
            .send()
            .await?;
        Ok((response.status().as_u16(), response.text().await?))
    };
    assert_eq!(get("/healthz").await?, (200, "ok".to_owned()));
    assert_eq!(get("/readyz").await?, (200, "ready".to_owned()));
    let (status, metrics) = get("/metrics").await?;
    assert_eq!(status, 200);
    for line in [
        "# TYPE seachange_requests_total counter",
        r#"seachange_requests_total{kind="mutation",code="OK"} 1"#,
        "seachange_sockets_open 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "no line `{line}` in {metrics}"
        );
    }
    let (status, page) = get("/").await?;
    assert!(
        status == 200 && page.contains("<script"),
        "{status}: {page}"
    );
    assert_eq!(get("/nowhere").await?.0, 404);
    server.stop().await
}

async fn open_to_the_world(database: &OwnDatabase) -> Outcome {
    for (address, secret) in [
        ("0.0.0.0:0", None),
        ("[::]:0", None),
        ("0.0.0.0:0", Some("")),
    ] {
        let mut command = command(&database.url, &["--listen", address]);
        if let Some(secret) = secret {
            command.env("SEACHANGE_JWT_SECRET", secret);
        }
        let ended = Process::start(command)?.ended().await?;
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert_eq!(ended.stdout, "");
        for word in [address, "SEACHANGE_JWT_SECRET", "loopback"] {
            assert!(
                ended.stderr.contains(word),
                "no `{word}` in {}",
                ended.stderr
            );
        }
    }
    let mut command = command(&database.url, &["--listen", "0.0.0.0:0"]);
    command.env("SEACHANGE_JWT_SECRET", "a key");
    let server = Server::start(command).await?;
    anyhow::ensure!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
    server.stop().await
}

async fn a_key_that_is_none(database: &OwnDatabase) -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(&file, "no key")?;
    let path = file.path().to_string_lossy().into_owned();
    for (variables, told) in [
        (vec![("SEACHANGE_JWT_PUBLIC_KEY", path.as_str())], "PEM"),
        (vec![("SEACHANGE_JWT_PUBLIC_KEY", "/nowhere")], "/nowhere"),
        (
            vec![
                ("SEACHANGE_JWT_PUBLIC_KEY", path.as_str()),
                ("SEACHANGE_JWT_SECRET", "a key"),
            ],
            "keep one",
        ),
    ] {
        let mut command = command(&database.url, &["--listen", "127.0.0.1:0"]);
        command.envs(variables);
        let ended = Process::start(command)?.ended().await?;
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    Ok(())
}

/// The message names the setting, the entry and the cure.
async fn origins_that_cannot_be_read(database: &OwnDatabase) -> Outcome {
    for (list, said) in [
        ("https://a.example,b.example", "`b.example` has no scheme"),
        ("https://a.example/", "`https://a.example/` has a path"),
        ("*,https://a.example", "must stand alone"),
    ] {
        let mut command = command(&database.url, &["--listen", "127.0.0.1:0"]);
        command.env("SEACHANGE_ALLOW_ORIGINS", list);
        let ended = Process::start(command)?.ended().await?;
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        for word in ["--allow-origins", said, "like https://app.example.com"] {
            assert!(ended.stderr.contains(word), "{}", ended.stderr);
        }
    }
    // An empty variable is one that is not set.
    let mut command = command(&database.url, &["--listen", "127.0.0.1:0"]);
    command.env("SEACHANGE_ALLOW_ORIGINS", "");
    Server::start(command).await?.stop().await
}

async fn an_address_in_use(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let address = server.url.trim_start_matches("http://").to_owned();
    let ended = Process::start(command(&database.url, &["--listen", &address]))?
        .ended()
        .await?;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let told = format!("cannot listen on {address}");
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    server.stop().await
}
