//! What `doctor` says of a column whose times are spelled in more than one way.

use sea_orm::ConnectionTrait;
use seachange::changelog::FindingCode;
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{event, image};
use crate::triggers::other;

seachange_testkit::cases![doctor_names_the_spellings];

async fn doctor_names_the_spellings(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let mixed = async || {
        let findings = server.doctor().await?.into_iter();
        anyhow::Ok(
            findings
                .filter(|finding| finding.code == FindingCode::TimesMixed)
                .collect::<Vec<_>>(),
        )
    };
    let create = "mutation ($data: [EventInsertInput!]!) { eventCreateBatch(data: $data) { id } }";
    let data: Vec<Json> = (0..4)
        .map(|id| json!({ "id": id, "at": image(id), "clock": "12:30:00.5" }))
        .collect();
    server
        .client()
        .data(create, json!({ "data": data }))
        .await?;
    assert_eq!(mixed().await?, []);
    fill_two(server).await?;
    let found = mixed().await?;
    if !matches!(server.kind, Database::Sqlite) {
        assert_eq!(found, []);
        return Ok(());
    }
    let [finding] = &found[..] else {
        anyhow::bail!("{found:?}")
    };
    assert_eq!(finding.table, "event");
    for part in [
        "`at`",
        "YYYY-MM-DD HH:MM:SS in 2 rows (such as id 50)",
        "YYYY-MM-DDTHH:MM:SS+00:00 in 4 rows",
    ] {
        assert!(
            finding.message.contains(part),
            "{part}: {}",
            finding.message
        );
    }
    Ok(())
}

async fn fill_two(server: &TestServer) -> Outcome {
    let db = other(server).await?;
    for id in [50, 51] {
        let sql = format!("INSERT INTO event (id, at) VALUES ({id}, '2026-11-30 12:00:00')");
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}
