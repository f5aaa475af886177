//! What the program shows on a terminal and nowhere else, and what help and completions say.

use seachange_testkit::{Outcome, OwnDatabase, Process, Terminal};
use serde_json::{Value as Json, json};

use crate::harness::{command, run, serve};

seachange_testkit::cases! {
    Every: the_last_changes_first;
    Sqlite: help_of_each_command, completions, colours, pruning_is_confirmed, meters,
        errors_name_the_cure;
}

/// Settings of the server, of which every command has some.
const SETTINGS: [&str; 3] = ["--listen", "--page-rows", "--jwt-secret"];

async fn help_of_each_command(_: &OwnDatabase) -> Outcome {
    let help = async |arguments: &[&str]| -> anyhow::Result<String> {
        let ended = run("sqlite://none.db", &[arguments, &["--help"]].concat()).await?;
        anyhow::ensure!(ended.code() == Some(0), "{arguments:?}: {ended:?}");
        Ok(ended.stdout)
    };
    let of_serve = help(&["serve"]).await?;
    for word in SETTINGS
        .into_iter()
        .chain(["--database-url", "--listen 127.0.0.1:9000"])
    {
        assert!(of_serve.contains(word), "no `{word}` in {of_serve}");
    }
    for (name, words) in [
        (
            &["tail"][..],
            &[
                "--after",
                "--last",
                "--entity",
                "--json",
                "--database-url",
                "tail -n 20",
            ][..],
        ),
        (&["verify"], &["--keys-in-memory", "--database-url"]),
        (&["baseline"], &["--all", "baseline --all"]),
        (
            &["prune"],
            &[
                "--older-than",
                "--dry-run",
                "--yes",
                "prune --older-than 90d",
            ],
        ),
        (&["migrate"], &["migrate status"]),
        (&["migrate", "up"], &["--database-url"]),
        (&["epoch", "new"], &["--database-url"]),
        (&["doctor"], &["doctor --json"]),
        (&["torture"], &["--seconds"]),
        (&["schema"], &["schema > schema.graphql"]),
        (&["completions"], &["bash"]),
        (&[], &["serve --help", "--database-url"]),
    ] {
        let help = help(name).await?;
        for word in words {
            assert!(help.contains(word), "{name:?}: no `{word}` in {help}");
        }
        for word in SETTINGS {
            assert!(!help.contains(word), "{name:?}: `{word}` in {help}");
        }
        assert!(!help.contains("PROGRAM"), "{help}");
    }
    assert!(!help(&["schema"]).await?.contains("--database-url"));
    Ok(())
}

async fn completions(_: &OwnDatabase) -> Outcome {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run("sqlite://none.db", &["completions", shell]).await?;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        for word in ["baseline", "older-than", "seachange-app"] {
            assert!(ended.stdout.contains(word), "{shell}: no `{word}`");
        }
    }
    let unknown = run("sqlite://none.db", &["completions", "cmd"]).await?;
    assert_eq!(unknown.code(), Some(2), "{unknown:?}");
    Ok(())
}

const CREATE: &str = "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";

async fn the_last_changes_first(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    for n in 0..5 {
        let name = format!("p{n}");
        client.data(CREATE, json!({ "name": name })).await?;
        let label = "mutation ($name: String!) { labelCreateOne(data: { name: $name }) { id } }";
        client.data(label, json!({ "name": name })).await?;
    }
    let mut all = client
        .data("{ changes { nodes { cursor entity } } }", json!({}))
        .await?;
    let all: Vec<Json> = serde_json::from_value(all["changes"]["nodes"].take())?;
    for (count, entity) in [
        (1, None),
        (4, None),
        (10, None),
        (99, None),
        (3, Some("label")),
    ] {
        let of_it = |change: &&Json| entity.is_none_or(|entity| change["entity"] == entity);
        let wanted: Vec<&Json> = all
            .iter()
            .filter(of_it)
            .map(|change| &change["cursor"])
            .collect();
        let count_text = count.to_string();
        let mut arguments = vec!["tail", "--json", "-n", &count_text];
        arguments.extend(entity.iter().flat_map(|entity| ["--entity", entity]));
        let mut tail = Process::start(command(&database.url, &arguments))?;
        let first = wanted.len().saturating_sub(count);
        for cursor in &wanted[first..] {
            let change: Json = serde_json::from_str(&tail.line().await?)?;
            assert_eq!(&change["cursor"], *cursor, "{arguments:?}");
        }
        // And on with what comes.
        if count == 99 {
            client.data(CREATE, json!({ "name": "later" })).await?;
            let change: Json = serde_json::from_str(&tail.line().await?)?;
            assert_eq!(change["after"]["name"], "later");
        }
        tail.kill()?;
    }
    for wrong in [&["-n", "0"][..], &["-n", "x"], &["-n", "3", "--after", "0"]] {
        let ended = run(&database.url, &[&["tail"], wrong].concat()).await?;
        assert_eq!(ended.code(), Some(2), "{wrong:?}: {ended:?}");
    }
    server.stop().await
}

async fn colours(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let created = server
        .client()
        .data(CREATE, json!({ "name": "Sail" }))
        .await?;
    let update = "mutation ($id: String!) { projectUpdate(data: { name: \"Row\" }, filter: { id: { eq: $id } }) { id } }";
    let id = &created["projectCreateOne"]["id"];
    server.client().data(update, json!({ "id": id })).await?;
    let arguments = ["tail", "-n", "2"];
    let mut terminal = Terminal::start(command(&database.url, &arguments))?;
    let screen = terminal.shows("\"Row\"").await?.to_owned();
    assert!(screen.contains("\u{1b}["), "no colour: {screen:?}");
    drop(terminal);
    let mut pipe = Process::start(command(&database.url, &arguments))?;
    let insert = pipe.line().await?;
    let update = pipe.line().await?;
    pipe.kill()?;
    for line in [&insert, &update] {
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(line.contains("  hook "), "{line}");
    }
    assert!(
        insert.contains("insert project") && insert.contains("name: \"Sail\""),
        "{insert}"
    );
    assert!(!insert.contains("owner"), "{insert}");
    assert!(update.contains("name: \"Sail\" → \"Row\""), "{update}");
    assert!(!update.contains("archived"), "{update}");
    // The cursor is one to go on from.
    let cursor = insert.rsplit(' ').next().unwrap_or_default();
    let mut on = Process::start(command(&database.url, &["tail", "--after", cursor]))?;
    assert_eq!(on.line().await?, update);
    on.kill()?;
    server.stop().await
}

async fn pruning_is_confirmed(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    for name in ["Sail", "Row"] {
        server
            .client()
            .data(CREATE, json!({ "name": name }))
            .await?;
    }
    server.stop().await?;
    let all = ["prune", "--older-than", "0s"];
    let dry = [&all[..], &["--dry-run"]].concat();
    for _ in 0..2 {
        let ended = run(&database.url, &dry).await?;
        assert_eq!(ended.stdout, "2 changes would be removed\n", "{ended:?}");
        assert_eq!(ended.code(), Some(0));
    }
    let young = run(&database.url, &["prune", "--older-than", "1d", "--dry-run"]).await?;
    assert_eq!(young.stdout, "0 changes would be removed\n", "{young:?}");
    for answer in ["n", "", "never"] {
        let mut terminal = Terminal::start(command(&database.url, &all))?;
        terminal.shows("Remove 2 changes").await?;
        terminal.type_line(answer)?;
        let (code, screen) = terminal.ended().await?;
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("nothing removed"), "{screen}");
    }
    // Not asked where there is nothing to lose, nor with --yes.
    let old = Terminal::start(command(&database.url, &["prune", "--older-than", "1d"]))?;
    let (_, screen) = old.ended().await?;
    assert_eq!(screen.trim(), "0 changes removed");
    let mut terminal = Terminal::start(command(&database.url, &all))?;
    terminal.shows("[y/N]").await?;
    terminal.type_line("y")?;
    let (code, screen) = terminal.ended().await?;
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("2 changes removed"), "{screen}");
    let yes = Terminal::start(command(&database.url, &[&all[..], &["--yes"]].concat()))?;
    let (_, screen) = yes.ended().await?;
    assert_eq!(screen.trim(), "0 changes removed");
    Ok(())
}

/// A meter is shown on a terminal, and the result below it is the same as elsewhere.
async fn meters(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    server
        .client()
        .data(CREATE, json!({ "name": "Sail" }))
        .await?;
    server.stop().await?;
    for (arguments, meter, result) in [
        (&["verify"][..], " %", "sound: "),
        (
            &["baseline", "--all"],
            "project [",
            "project: 0 of 1 rows recorded",
        ),
        (&["torture", "--seconds", "1"], "seed 1 [", "seed 1: sound"),
    ] {
        let (code, screen) = Terminal::start(command(&database.url, arguments))?
            .ended()
            .await?;
        assert_eq!(code, Some(0), "{arguments:?}: {screen}");
        assert!(
            screen.contains(meter),
            "{arguments:?}: no meter in {screen:?}"
        );
        assert!(screen.contains(result), "{arguments:?}: {screen:?}");
    }
    let piped = run(&database.url, &["verify"]).await?;
    assert_eq!(piped.stderr, "");
    assert!(piped.stdout.starts_with("sound: "), "{piped:?}");
    Ok(())
}

async fn errors_name_the_cure(_: &OwnDatabase) -> Outcome {
    for (url, words) in [
        (
            "sqlite:///nowhere/at/all.db?mode=rwc",
            ["/nowhere/at/all.db", "directory"],
        ),
        ("sqlite://nowhere.db", ["nowhere.db", "mode=rwc"]),
        (
            "postgres://nobody:hidden@127.0.0.1:1/none",
            ["DATABASE_URL", "--database-url"],
        ),
        ("boat://x", ["boat", "sqlite://"]),
    ] {
        for arguments in [&["verify"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let ended = run(url, arguments).await?;
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            for word in words.into_iter().chain(["DATABASE_URL"]) {
                assert!(
                    ended.stderr.contains(word),
                    "no `{word}` in {}",
                    ended.stderr
                );
            }
            assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
        }
    }
    Ok(())
}
