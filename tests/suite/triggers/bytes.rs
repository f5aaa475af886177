//! Other programs write bytes that are not UTF-8, and say such things of themselves: the write succeeds, the
//! change has what can be shown of it, and every reader reads on.

use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use seachange::changelog::{TriggerOptions, baseline, track_by_triggers};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{note, other};
use crate::unreadable::keys::{half_pair, shown};

seachange_testkit::cases![
    what_a_program_says,
    what_a_program_writes,
    what_a_program_takes_for_a_key,
];

/// A word that a program says, as SQL, and what the log shows of it.
type Said = (&'static str, Option<&'static str>);

/// What is no text, or is one in a way of its own.
fn said(backend: DbBackend) -> Vec<Said> {
    let half = Some("\u{fffd}\u{fffd}\u{fffd}");
    match backend {
        DbBackend::Postgres => Vec::new(),
        DbBackend::MySql => vec![
            ("_ucs2 x'd800'", half),
            ("_utf8mb4 x'eda080'", half),
            // Bytes of no characters are taken for UTF-8; those that are not are left out.
            ("unhex('c3a4')", Some("\u{e4}")),
            ("unhex('eda080')", half),
            ("unhex('ff41')", None),
            ("unhex(repeat('ff', 300))", None),
            ("_latin1 x'e4'", Some("\u{e4}")),
            ("17", Some("17")),
        ],
        _ => vec![
            ("CAST(x'eda080' AS TEXT)", half),
            ("x'ff41'", Some("\u{fffd}A")),
            ("CAST(x'c3a4' AS TEXT)", Some("\u{e4}")),
        ],
    }
}

async fn what_a_program_says(server: &TestServer) -> Outcome {
    let server = note::start(server).await?;
    let db = other(&server).await?;
    let backend = db.get_database_backend();
    let mut socket = server.socket().await?;
    let query = "subscription { noteChanges(includeInitial: true) { kind key actor } }";
    socket.subscribe(query, json!({})).await?;
    assert_eq!(socket.next().await?["noteChanges"]["kind"], "CAUGHT_UP");
    for (id, (sql, expected)) in (1..).zip(said(backend)) {
        let (before, after) = match backend {
            DbBackend::MySql => (
                format!(
                    "SET @seachange_actor = {sql}, @seachange_mutation_id = {sql},
                     @seachange_metadata = {sql}"
                ),
                "SET @seachange_actor = NULL, @seachange_mutation_id = NULL,
                 @seachange_metadata = NULL",
            ),
            _ => (
                format!(
                    "INSERT INTO change_context (id, actor, mutation_id, metadata)
                     VALUES (1, {sql}, {sql}, {sql})"
                ),
                "DELETE FROM change_context",
            ),
        };
        let tx = db.begin().await?;
        tx.execute_unprepared(&before).await?;
        let insert = format!("INSERT INTO note (id, name, body) VALUES ({id}, 'n{id}', '')");
        tx.execute_unprepared(&insert).await?;
        tx.execute_unprepared(after).await?;
        tx.commit().await?;
        let change = server.logged().await?.pop().expect("a change");
        assert_eq!(change.row_key, json!({ "id": id.to_string() }), "{sql}");
        assert_eq!(change.actor.as_deref(), expected, "{sql}");
        assert_eq!(change.mutation_id.as_deref(), expected, "{sql}");
        let metadata = expected.map(|text| serde_json::from_str(text).unwrap_or(json!(text)));
        assert_eq!(change.metadata, metadata, "{sql}");
        let told = socket.next().await?["noteChanges"].take();
        assert_eq!(told["actor"], json!(expected), "{sql}");
    }
    server.finish().await
}

async fn what_a_program_writes(server: &TestServer) -> Outcome {
    let server = note::start(server).await?;
    let db = other(&server).await?;
    let Some(half) = half_pair(db.get_database_backend()) else {
        return Ok(());
    };
    let mut socket = server.socket().await?;
    let query = "subscription { noteChanges(includeInitial: true) { kind record { name body } } }";
    socket.subscribe(query, json!({})).await?;
    assert_eq!(socket.next().await?["noteChanges"]["kind"], "CAUGHT_UP");
    let insert = format!("INSERT INTO note (id, name, body) VALUES (1, 'n1', {half})");
    db.execute_unprepared(&insert).await?;
    let told = socket.next().await?["noteChanges"].take();
    let record = json!({ "name": "n1", "body": shown().to_string() });
    assert_eq!(told, json!({ "kind": "INSERT", "record": record }));
    // One with a sound row beside it.
    db.execute_unprepared("INSERT INTO note (id, name, body) VALUES (2, 'n2', 'sound')")
        .await?;
    let told = socket.next().await?["noteChanges"].take();
    assert_eq!(told["record"]["body"], "sound");
    let client = server.client();
    let update = "mutation { rows: noteUpdate(data: { name: \"renamed\" }, filter: { id: { eq: 1 } }) \
                  { name body } }";
    let rows = client.data(update, json!({})).await?["rows"].take();
    assert_eq!(
        rows,
        json!([{ "name": "renamed", "body": shown().to_string() }])
    );
    let all = "{ note(orderBy: { id: ASC }) { nodes { id body } } changes { nodes { after } } }";
    let data = client.data(all, json!({})).await?;
    assert_eq!(data["note"]["nodes"][0]["body"], shown().to_string());
    assert_eq!(data["note"]["nodes"][1]["body"], "sound");
    assert_eq!(data["changes"]["nodes"][0]["after"]["body"], shown());
    server.finish().await
}

/// What the log says of a row's key.
async fn keys(server: &TestServer) -> anyhow::Result<Vec<(String, Json)>> {
    let changes = server.logged().await?.into_iter();
    let of_tags = changes.filter(|change| change.entity == "tag");
    Ok(of_tags
        .map(|change| (change.operation.to_string(), change.row_key))
        .collect())
}

async fn what_a_program_takes_for_a_key(server: &TestServer) -> Outcome {
    let db = other(server).await?;
    let Some(half) = half_pair(db.get_database_backend()) else {
        return Ok(());
    };
    let tail = match db.get_database_backend() {
        DbBackend::MySql => "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        _ => "",
    };
    for sql in [
        format!(
            "CREATE TABLE tag (name varchar(40) NOT NULL PRIMARY KEY, colour varchar(40)) {tail}"
        ),
        "INSERT INTO tag (name) VALUES ('old')".to_owned(),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    track_by_triggers(&db, "tag", TriggerOptions::new()).await?;
    for sql in [
        format!("INSERT INTO tag (name, colour) VALUES ({half}, 'red')"),
        format!("UPDATE tag SET colour = 'blue' WHERE name = {half}"),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    let odd = json!({ "name": shown() });
    let mut expected = vec![
        ("insert".to_owned(), odd.clone()),
        ("update".to_owned(), odd.clone()),
    ];
    assert_eq!(keys(server).await?, expected);
    // Only of the row from before nothing is in the log yet.
    assert_eq!(baseline(&db, "tag").await?, 1);
    expected.push(("insert".to_owned(), json!({ "name": "old" })));
    assert_eq!(keys(server).await?, expected);
    server.verify().await?;
    db.execute_unprepared("DELETE FROM tag WHERE colour = 'blue'")
        .await?;
    expected.push(("delete".to_owned(), odd));
    assert_eq!(keys(server).await?, expected);
    server.verify().await
}
