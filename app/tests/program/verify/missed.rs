//! Divergences that are easy to pass over.

use anyhow::Context;
use sea_orm::prelude::ChronoUtc;
use seachange_testkit::{Client, Database, Outcome, OwnDatabase};
use serde_json::{Value as Json, json};

use super::{behind_its_back, finds, uuid_literal};
use crate::harness::{run, serve};

seachange_testkit::cases! {
    Every: rows_that_cannot_be_read, a_row_that_says_it_is_hidden,
        a_log_whose_first_write_was_taken_back;
}

/// Two pages of `verify`, and a few.
const TASKS: usize = 2_010;

async fn project(client: &Client) -> anyhow::Result<String> {
    let create = "mutation { projectCreateOne(data: { name: \"Sail\" }) { id } }";
    let created = client.data(create, json!({})).await?;
    let id = created["projectCreateOne"]["id"]
        .as_str()
        .context("no id")?;
    Ok(id.to_owned())
}

/// Ids of new tasks in the order of the table.
async fn tasks(client: &Client, count: usize) -> anyhow::Result<Vec<String>> {
    let project = project(client).await?;
    let rows = vec![json!({ "projectId": project, "title": "Sail" }); count];
    let create = "mutation ($rows: [TaskInsertInput!]!) { taskCreateBatch(data: $rows) { id } }";
    let mut ids: Vec<String> = Vec::with_capacity(count);
    for rows in rows.chunks(1_000) {
        let created = client.data(create, json!({ "rows": rows })).await?;
        let created = created["taskCreateBatch"].as_array().context("rows")?;
        let created = created.iter().filter_map(|row| row["id"].as_str());
        ids.extend(created.map(str::to_owned));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// A page of nothing else, and one at the end of a page: each is told once, under its key, and those
/// after it are read.
async fn rows_that_cannot_be_read(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let ids = tasks(&server.client(), TASKS).await?;
    server.stop().await?;
    let unreadable: Vec<&String> = ids[..1_000].iter().chain([&ids[1_999]]).collect();
    let literals = unreadable.iter().map(|id| uuid_literal(database, id));
    let literals = literals.collect::<Vec<_>>().join(", ");
    let spoil = format!("UPDATE task SET status = 'lost' WHERE id IN ({literals})");
    behind_its_back(database, &spoil).await?;
    for keys in ["900000", "300"] {
        let arguments = ["verify", "--json", "--keys-in-memory", keys];
        let ended = run(&database.url, &arguments).await?;
        let verdict: Json = serde_json::from_str(&ended.stdout)?;
        assert_eq!(verdict["faults"], unreadable.len(), "{keys} keys in memory");
        assert_eq!(verdict["rows"], TASKS + 1);
        let findings = verdict["findings"].as_array().context("findings")?;
        for (finding, id) in findings.iter().zip(&unreadable) {
            assert_eq!(finding["key"], json!({ "id": id }).to_string(), "{finding}");
            let fault = finding["fault"].as_str().unwrap_or_default();
            assert!(fault.contains("in status"), "{finding}");
        }
    }
    Ok(())
}

/// What the log writes for a hidden value hides nothing where it stands in a row.
async fn a_row_that_says_it_is_hidden(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let id = project(&server.client()).await?;
    server.stop().await?;
    let at = uuid_literal(database, &id);
    let write = format!("UPDATE project SET name = '[redacted]' WHERE id = {at}");
    behind_its_back(database, &write).await?;
    let key = json!({ "id": id }).to_string();
    finds(database, "project", &key, "differs from change in name").await
}

/// An id that is not there says nothing of retention: what is new is expected from the first change on.
async fn a_log_whose_first_write_was_taken_back(database: &OwnDatabase) -> Outcome {
    let migrated = run(&database.url, &["migrate", "up"]).await?;
    assert_eq!(migrated.code(), Some(0), "{migrated:?}");
    let skip = match database.kind {
        Database::Postgres(_) => "SELECT nextval('change_log_id_seq')",
        Database::MariaDb(_) => "ALTER TABLE change_log AUTO_INCREMENT = 2",
        Database::Sqlite => "INSERT INTO sqlite_sequence (name, seq) VALUES ('change_log', 1)",
    };
    behind_its_back(database, skip).await?;
    let server = serve(&database.url).await?;
    project(&server.client()).await?;
    server.stop().await?;
    let id = "ffffffff-0000-7000-8000-000000000001";
    let (literal, now) = (
        uuid_literal(database, id),
        ChronoUtc::now().format("%Y-%m-%d %H:%M:%S%.6f"),
    );
    let insert = format!(
        "INSERT INTO project (id, name, archived, created_at, updated_at)
         VALUES ({literal}, 'new', false, '{now}', '{now}')"
    );
    behind_its_back(database, &insert).await?;
    let key = json!({ "id": id }).to_string();
    let fault = "in the table written after tracking began not in the log";
    finds(database, "project", &key, fault).await
}
