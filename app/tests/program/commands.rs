//! The commands that end by themselves, and what wrong use is told.

use seachange_testkit::{Outcome, OwnDatabase};

use crate::harness::{run, workspace};

seachange_testkit::cases! {
    Every: migrations;
    Sqlite: help_and_version, wrong_use, schema_as_committed;
}

async fn help_and_version(database: &OwnDatabase) -> Outcome {
    let help = run(&database.url, &["--help"]).await?;
    assert_eq!(help.code(), Some(0), "{help:?}");
    for word in [
        "serve",
        "migrate",
        "schema",
        "tail",
        "verify",
        "baseline",
        "completions",
        "SEACHANGE_LISTEN",
        "DATABASE_URL",
    ] {
        assert!(help.stdout.contains(word), "no `{word}` in {}", help.stdout);
    }
    let version = run(&database.url, &["--version"]).await?;
    assert_eq!(version.code(), Some(0), "{version:?}");
    assert_eq!(
        version.stdout,
        format!("seachange-app {}\n", env!("CARGO_PKG_VERSION"))
    );
    let about = "The reference application of seachange";
    assert!(help.stdout.contains(about), "{}", help.stdout);
    Ok(())
}

async fn wrong_use(database: &OwnDatabase) -> Outcome {
    for arguments in [
        &["sail"][..],
        &["--page-rows", "none"],
        &["--listen", "somewhere"],
        &["migrate"],
        &["migrate", "sideways"],
        &["tail", "--after"],
        &["verify", "now"],
        &["verify", "--keys-in-memory", "0"],
    ] {
        let ended = run(&database.url, arguments).await?;
        assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(
            ended.stderr.contains("--help"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    Ok(())
}

async fn schema_as_committed(_: &OwnDatabase) -> Outcome {
    // Needs no database: this one cannot be reached.
    let printed = run("postgres://nobody@127.0.0.1:1/none", &["schema"]).await?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    let committed = std::fs::read_to_string(workspace().join("schema.graphql"))?;
    let differs = printed
        .stdout
        .lines()
        .zip(committed.lines())
        .position(|(a, b)| a != b);
    anyhow::ensure!(
        printed.stdout == committed,
        "the schema is not the committed one (first difference: {differs:?}, counted in lines from \
         0); if it is meant to change: cargo run -- schema > schema.graphql"
    );
    Ok(())
}

async fn migrations(database: &OwnDatabase) -> Outcome {
    let status = async |arguments: &[&str]| -> anyhow::Result<Vec<String>> {
        let ended = run(&database.url, arguments).await?;
        anyhow::ensure!(ended.code() == Some(0), "{arguments:?}: {ended:?}");
        let words = ended
            .stdout
            .lines()
            .filter_map(|line| line.split(' ').next());
        Ok(words.map(str::to_owned).collect())
    };
    assert_eq!(status(&["migrate", "status"]).await?, ["pending"; 7]);
    // No log yet: what reads it says so, and what to do.
    let unmigrated = run(&database.url, &["verify"]).await?;
    assert_eq!(unmigrated.code(), Some(1), "{unmigrated:?}");
    assert!(
        unmigrated.stderr.contains("migrate up"),
        "{}",
        unmigrated.stderr
    );
    for _ in 0..2 {
        assert_eq!(status(&["migrate", "up"]).await?, ["applied"; 7]);
    }
    // One by one, and once more when there is none left.
    for applied in [6, 5, 4, 3, 2, 1, 0, 0] {
        let mut wanted = ["pending"; 7];
        wanted[..applied].fill("applied");
        assert_eq!(status(&["migrate", "down"]).await?, wanted);
    }
    assert_eq!(status(&["migrate", "up"]).await?, ["applied"; 7]);
    assert_eq!(status(&["migrate", "status"]).await?, ["applied"; 7]);
    crate::harness::verify(database).await
}
