//! However little memory `verify` is given, it finds the same; what has no room goes to disk.

use anyhow::Context;
use seachange_testkit::{Client, Database, Ended, Outcome, OwnDatabase, Process};
use serde_json::{Value as Json, json};

use super::{behind_its_back, uuid_literal};
use crate::harness::{command, run, serve};

seachange_testkit::cases! {
    Every: every_fault_with_little_memory;
    Sqlite: a_disk_that_takes_nothing;
}

/// Projects that are made, and renamed once.
const PROJECTS: usize = 40;

/// Their ids in the order of the table.
async fn projects(client: &Client) -> anyhow::Result<Vec<String>> {
    let rows: Vec<Json> = (0..PROJECTS)
        .map(|n| json!({ "name": format!("p{n}") }))
        .collect();
    let create =
        "mutation ($rows: [ProjectInsertInput!]!) { projectCreateBatch(data: $rows) { id } }";
    let created = client.data(create, json!({ "rows": rows })).await?;
    let rename = "mutation { projectUpdate(data: { archived: true }, all: true) { id } }";
    client.data(rename, json!({})).await?;
    let created = created["projectCreateBatch"].as_array().context("rows")?;
    let ids = created.iter().filter_map(|row| row["id"].as_str());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    Ok(ids)
}

async fn found(database: &OwnDatabase, arguments: &[&str]) -> anyhow::Result<(Ended, Json)> {
    let arguments = [&["verify", "--json"][..], arguments].concat();
    let ended = run(&database.url, &arguments).await?;
    let verdict = serde_json::from_str(&ended.stdout).with_context(|| format!("{ended:?}"))?;
    Ok((ended, verdict))
}

async fn every_fault_with_little_memory(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    let client = server.client();
    let ids = projects(&client).await?;
    for id in &ids[30..34] {
        let delete = format!("mutation {{ projectDelete(filter: {{ id: {{ eq: \"{id}\" }} }}) }}");
        client.data(&delete, json!({})).await?;
    }
    server.stop().await?;
    crate::harness::verify(database).await?;
    let mut wanted = Vec::new();
    let mut damage = async |id: &str, sql: &str, fault: &'static str| {
        wanted.push((id.to_owned(), fault));
        behind_its_back(database, sql).await
    };
    let at = |id: &str| format!("WHERE id = {}", uuid_literal(database, id));
    let insert = |id: &str, at: &str| {
        let id = uuid_literal(database, id);
        format!(
            "INSERT INTO project (id, name, archived, created_at, updated_at)
             VALUES ({id}, 'new', false, '{at}', '{at}')"
        )
    };
    // The change that made it now leaves another name than the next one begins with.
    let image = match database.kind {
        Database::Postgres(_) => "replace(after::text, '\"p', '\"q')::json",
        _ => "replace(after, '\"p', '\"q')",
    };
    for id in &ids[..3] {
        let forge = format!(
            "UPDATE change_log SET after = {image}
             WHERE operation = 'insert' AND CAST(row_key AS char(60)) LIKE '%{id}%'"
        );
        damage(id, &forge, "begin").await?;
    }
    for id in &ids[10..13] {
        let rename = format!("UPDATE project SET name = 'other' {}", at(id));
        damage(id, &rename, "differs").await?;
    }
    let future = "2999-01-01 00:00:00";
    for id in &ids[30..32] {
        damage(id, &insert(id, future), "deleted in the log").await?;
    }
    for n in 1..4 {
        let id = format!("ffffffff-0000-7000-8000-00000000000{n}");
        damage(&id, &insert(&id, future), "not in the log").await?;
    }
    for id in &ids[20..23] {
        let delete = format!("DELETE FROM project {}", at(id));
        damage(id, &delete, "not in the table").await?;
    }
    let old = "ffffffff-0000-7000-8000-000000000009";
    behind_its_back(database, &insert(old, "1999-01-01 00:00:00")).await?;

    let (ended, verdict) = found(database, &[]).await?;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let findings = verdict["findings"].as_array().context("findings")?;
    let told: Vec<(&str, &str)> = findings
        .iter()
        .filter_map(|finding| Some((finding["key"].as_str()?, finding["fault"].as_str()?)))
        .collect();
    assert_eq!(told.len(), wanted.len(), "{verdict}");
    for ((key, told), (id, fault)) in told.iter().zip(&wanted) {
        assert_eq!(*key, json!({ "id": id }).to_string(), "{verdict}");
        assert!(told.contains(fault), "no `{fault}` in {verdict}");
    }
    assert_eq!(verdict["without_baseline"], 1);
    for keys in ["1", "2", "7", "20"] {
        let (ended, same) = found(database, &["--keys-in-memory", keys]).await?;
        assert_eq!(same, verdict, "{keys} keys in memory");
        assert_eq!(ended.code(), Some(1), "{ended:?}");
    }
    Ok(())
}

/// No verdict without the disk, and none of it is asked for what fits in memory.
async fn a_disk_that_takes_nothing(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    projects(&server.client()).await?;
    server.stop().await?;
    let verify = async |keys: &str| -> anyhow::Result<Ended> {
        let mut command = command(&database.url, &["verify", "--keys-in-memory", keys]);
        command.env("TMPDIR", "/nowhere");
        Process::start(command)?.ended().await
    };
    let ended = verify("40").await?;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let ended = verify("39").await?;
    assert_eq!((ended.code(), &*ended.stdout), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("/nowhere") && ended.stderr.contains("TMPDIR"),
        "{}",
        ended.stderr
    );
    Ok(())
}
