//! Cursors of the log that lead nowhere: malformed, of another log, ahead of this one.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given;
use super::watch::head;

seachange_testkit::cases![
    malformed,
    of_another_epoch,
    ahead_of_the_log,
    everywhere_the_same
];

const QUERY: &str = "query($after: String) { changes(after: $after) { nodes { cursor } } }";
const CHANGES: &str = "subscription($after: String) { changes(after: $after) { cursor } }";
const TASK_CHANGES: &str = "subscription($after: String) { taskChanges(after: $after) { cursor } }";

/// Every place that takes a cursor refuses this one.
async fn refused(server: &TestServer, client: &Client, after: &str, code: &str) -> Outcome {
    let variables: Json = json!({ "after": after });
    assert_eq!(
        client.code(QUERY, variables.clone()).await?,
        code,
        "{after:?}"
    );
    let mut socket = server.socket().await?;
    for query in [CHANGES, TASK_CHANGES] {
        assert_eq!(
            socket.refused(query, variables.clone()).await?,
            code,
            "{after:?}"
        );
    }
    Ok(())
}

async fn malformed(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    let good = head(&client).await?;
    let (epoch, _) = good.split_once('.').expect("a cursor has dots");
    for after in [
        String::new(),
        " ".to_owned(),
        "00".to_owned(),
        "1".to_owned(),
        "-1".to_owned(),
        "null".to_owned(),
        "0 ".to_owned(),
        epoch.to_owned(),
        format!("{epoch}."),
        format!("{good}.0"),
        format!("{good} "),
        format!(" {good}"),
        format!("{epoch}.0.0.-1"),
        format!("{epoch}.0.0.1e3"),
        format!("{epoch}.0.0.01"),
        format!("{epoch}.0.0.9223372036854775808"),
        format!("{epoch}.0.0.999999999999999999999999999"),
        format!("{epoch}.0.0.1;DROP TABLE task"),
        format!("{epoch}.0.0.\u{0}"),
        "'; --".to_owned(),
        "🦀.0.0.1".to_owned(),
        "x".repeat(100_000),
    ] {
        refused(server, &client, &after, "CURSOR_INVALID").await?;
    }
    Ok(())
}

async fn of_another_epoch(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    let good = head(&client).await?;
    let (epoch, position) = good.split_once('.').expect("a cursor has dots");
    let other: String = epoch.chars().rev().collect();
    for after in [
        format!("{other}.{position}"),
        format!("{other}.0.0.0"),
        "0123456789abcdef.0.0.1".to_owned(),
    ] {
        refused(server, &client, &after, "RESYNC_REQUIRED").await?;
    }
    Ok(())
}

async fn ahead_of_the_log(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    let good = head(&client).await?;
    let (epoch, position) = good.split_once('.').expect("a cursor has dots");
    let parts: Vec<i64> = position
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [batch, last, id] = parts[..] else {
        anyhow::bail!("{good}")
    };
    for (batch, last, id) in [
        (batch, last, id + 1),
        (batch, last, i64::MAX),
        (batch, i64::MAX, id),
        (batch + 1, last, id),
        (i64::MAX, i64::MAX, i64::MAX),
    ] {
        refused(
            server,
            &client,
            &format!("{epoch}.{batch}.{last}.{id}"),
            "RESYNC_REQUIRED",
        )
        .await?;
    }
    Ok(())
}

async fn everywhere_the_same(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    let good = head(&client).await?;
    let upper = good.to_uppercase();
    // A cursor is opaque: in capitals it is either the same one or none.
    let answer = client.send(QUERY, json!({ "after": upper })).await?;
    if answer.body.get("errors").is_some() && upper != good {
        assert!(["CURSOR_INVALID", "RESYNC_REQUIRED"].contains(&answer.code()?));
    }
    Ok(())
}
