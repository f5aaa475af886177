//! `verify`: sound after anything that went through the API, and never fooled by what did not.

pub mod memory;
pub mod missed;
mod voyage;

use std::time::Instant;

use anyhow::Context;
use sea_orm::{ConnectionTrait, Database as SeaDatabase};
use serde_json::{Value as Json, json};

use crate::harness::{run, serve};
use seachange_testkit::{Database, Outcome, OwnDatabase, measured};
use voyage::Voyage;

seachange_testkit::cases! {
    Every: sound_after_ten_thousand_operations, what_happened_behind_its_back,
        a_table_that_nobody_knows;
    Sqlite: one_change_changed_in_the_log;
}

const OPERATIONS: usize = 10_000;
const SEED: u64 = 20_261_101;

async fn sound_after_ten_thousand_operations(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let mut voyage = Voyage::new(server.client(), SEED);
    let begin = Instant::now();
    voyage
        .sail(OPERATIONS)
        .await
        .with_context(|| format!("seed {SEED}"))?;
    let sailed = begin.elapsed();
    // While the server runs: a snapshot does not mind writers.
    let begin = Instant::now();
    let ended = run(&database.url, &["verify"]).await?;
    measured(format_args!(
        "{}: {} operations in {sailed:.1?}, verified in {:.1?}: {}",
        database.kind.name(),
        voyage.operations,
        begin.elapsed(),
        ended.stdout.trim_end(),
    ));
    assert_eq!(ended.code(), Some(0), "seed {SEED}: {ended:?}");
    let told = format!("sound: {} changes replayed, ", voyage.changes);
    assert!(
        ended.stdout.starts_with(&told),
        "no `{told}` in {}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains(" 0 without baseline, 0 faults"),
        "{}",
        ended.stdout
    );
    // The same in many passes.
    let passes = run(&database.url, &["verify", "--keys-in-memory", "2000"]).await?;
    assert_eq!(passes.stdout, ended.stdout);
    server.stop().await
}

/// Runs SQL as another program would.
async fn behind_its_back(database: &OwnDatabase, sql: &str) -> Outcome {
    let db = SeaDatabase::connect(&database.url).await?;
    db.execute_unprepared(sql).await?;
    Ok(db.close().await?)
}

/// `verify` must find exactly this row, and say what is wrong (changes by any number).
async fn finds(database: &OwnDatabase, table: &str, key: &str, fault: &str) -> Outcome {
    let ended = run(&database.url, &["verify"]).await?;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let [finding, total] = lines[..] else {
        anyhow::bail!("not one finding: {}", ended.stdout);
    };
    let (row, told) = finding.split_once(": ").unwrap_or_default();
    let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let words = told.split([' ', '(', ')', ',']);
    let told: Vec<&str> = words
        .filter(|word| !word.is_empty() && !is_number(word))
        .collect();
    assert_eq!(row, format!("{table} {key}"), "{finding}");
    assert_eq!(told.join(" "), fault, "{finding}");
    assert!(
        total.starts_with("NOT SOUND: ") && total.ends_with(", 1 faults"),
        "{total}"
    );
    // The same row by row, as JSON.
    let passes = run(
        &database.url,
        &["verify", "--json", "--keys-in-memory", "1"],
    )
    .await?;
    assert_eq!(passes.code(), Some(1), "{passes:?}");
    let verdict: Json = serde_json::from_str(&passes.stdout)?;
    let (row, told) = finding.split_once(": ").unwrap_or_default();
    let (entity, key) = row.split_once(' ').unwrap_or_default();
    let finding = json!({ "entity": entity, "key": key, "fault": told });
    assert_eq!(verdict["findings"], json!([finding]));
    assert_eq!(
        (&verdict["sound"], &verdict["faults"]),
        (&json!(false), &json!(1))
    );
    for (count, word) in [("changes", "changes replayed"), ("rows", "rows compared")] {
        let told = format!("{} {word}", verdict[count]);
        assert!(total.contains(&told), "no `{told}` in {total}");
    }
    Ok(())
}

/// The log tells of a table that this program does not have.
async fn a_table_that_nobody_knows(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let create = "mutation { labelCreateOne(data: { name: \"urgent\" }) { id } }";
    server.client().data(create, json!({})).await?;
    server.stop().await?;
    crate::harness::verify(database).await?;
    let rename =
        |log: &str| format!("UPDATE {log} SET entity = 'elsewhere' WHERE entity = 'label'");
    behind_its_back(database, &rename("change_log")).await?;
    if matches!(database.kind, Database::MariaDb(_)) {
        behind_its_back(database, &rename("change_inbox")).await?;
    }
    let ended = run(&database.url, &["verify"]).await?;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let [unverified, total] = lines[..] else {
        anyhow::bail!("not one table: {}", ended.stdout);
    };
    assert!(
        unverified.starts_with("elsewhere: not verified: "),
        "{unverified}"
    );
    assert!(total.starts_with("NOT COMPLETE: "), "{total}");
    assert!(
        total.ends_with(", 0 faults, 1 tables not verified"),
        "{total}"
    );
    let ended = run(&database.url, &["verify", "--json"]).await?;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let verdict: Json = serde_json::from_str(&ended.stdout)?;
    assert_eq!(
        (&verdict["sound"], &verdict["faults"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(verdict["unverified"][0]["entity"], "elsewhere");
    Ok(())
}

/// How a UUID stands in SQL text.
fn uuid_literal(database: &OwnDatabase, id: &str) -> String {
    match database.kind {
        Database::Postgres(_) => format!("'{id}'"),
        _ => format!("x'{}'", id.replace('-', "")),
    }
}

async fn what_happened_behind_its_back(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let created = server
        .client()
        .data(
            "mutation { projectCreateOne(data: { name: \"Sail\" }) { id }
               labelCreateOne(data: { name: \"urgent\" }) { id } }",
            json!({}),
        )
        .await?;
    server.stop().await?;
    crate::harness::verify(database).await?;
    let id = created["projectCreateOne"]["id"]
        .as_str()
        .context("no id")?;
    let (key, literal) = (format!("{{\"id\":\"{id}\"}}"), uuid_literal(database, id));

    let update = |name: &str| format!("UPDATE project SET name = '{name}' WHERE id = {literal}");
    behind_its_back(database, &update("Row")).await?;
    finds(database, "project", &key, "differs from change in name").await?;
    behind_its_back(database, &update("Sail")).await?;
    crate::harness::verify(database).await?;

    let insert = |id: &str, at: &str| {
        format!(
            "INSERT INTO project (id, name, archived, created_at, updated_at) \
             VALUES ({id}, 'Sail', {archived}, {at}, {at})",
            archived = "false",
        )
    };
    let other = "0193a3f0-0000-7000-8000-000000000001";
    let other_key = format!("{{\"id\":\"{other}\"}}");
    let other_literal = uuid_literal(database, other);
    behind_its_back(database, &insert(&other_literal, "'2999-01-01 00:00:00'")).await?;
    finds(
        database,
        "project",
        &other_key,
        "in the table written after tracking began not in the log",
    )
    .await?;
    behind_its_back(
        database,
        &format!("DELETE FROM project WHERE id = {other_literal}"),
    )
    .await?;
    crate::harness::verify(database).await?;

    behind_its_back(
        database,
        &format!("DELETE FROM project WHERE id = {literal}"),
    )
    .await?;
    finds(
        database,
        "project",
        &key,
        "in the log change not in the table",
    )
    .await?;
    older_than_tracking(
        database,
        &insert(&other_literal, "'1999-01-01 00:00:00'"),
        &key,
    )
    .await
}

/// A row that no change tells of, and that may be older than the log, is counted and no fault.
async fn older_than_tracking(database: &OwnDatabase, insert: &str, gone: &str) -> Outcome {
    behind_its_back(database, insert).await?;
    finds(
        database,
        "project",
        gone,
        "in the log change not in the table",
    )
    .await?;
    let ended = run(&database.url, &["verify"]).await?;
    assert!(
        ended.stdout.contains(", 1 without baseline, 1 faults"),
        "{}",
        ended.stdout
    );
    Ok(())
}

async fn one_change_changed_in_the_log(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    let rename =
        "mutation ($name: String!) { labelUpdate(data: { name: $name }, all: true) { id } }";
    client
        .data(
            "mutation { labelCreateOne(data: { name: \"a\" }) { id } }",
            json!({}),
        )
        .await?;
    client.data(rename, json!({ "name": "b" })).await?;
    client.data(rename, json!({ "name": "c" })).await?;
    server.stop().await?;
    crate::harness::verify(database).await?;
    let forge = "UPDATE change_log SET after = replace(after, '\"b\"', '\"x\"') WHERE id = 2";
    behind_its_back(database, forge).await?;
    // 64-bit keys are strings in images.
    let fault = "change does not begin where change ended";
    finds(database, "label", "{\"id\":\"1\"}", fault).await
}
