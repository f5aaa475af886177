//! A row with a value that its entity or its driver cannot hold hides no other: the whole table is pulled,
//! subscribed to, written, reverted and verified, and such a row can be changed, repaired and deleted.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

pub mod gauge;
pub mod keys;
pub mod listed;
mod related;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Finding, FindingCode, Retry, Target, TriggerOptions, Written, track_by_triggers,
};
use serde_json::{Value as Json, json};

use gauge::{GAUGES, Odd, id_of, odd};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    they_are_pulled,
    they_are_initial_rows,
    other_columns_are_changed_and_reverted,
    they_are_repaired,
    they_are_deleted,
    other_rows_are_pushed,
    hooks_read_them_as_triggers_do,
    doctor_names_them,
];

fn all_odd(server: &TestServer) -> Vec<(i32, Odd)> {
    let odd = odd(server.db().get_database_backend());
    (0..).map(id_of).zip(odd).collect()
}

/// What the changes of a row say, oldest first.
async fn history(server: &TestServer, id: i32) -> anyhow::Result<Vec<Json>> {
    let query = "query($key: Json!) { gaugeHistory(key: $key) { nodes { operation before after \
                 cursor transactionId changedFields } } }";
    let data = server
        .client()
        .data(query, json!({ "key": { "id": id } }))
        .await?;
    crate::graphql::given::list(data["gaugeHistory"]["nodes"].clone())
}

/// Every document, by pages of a few.
async fn pulled(server: &TestServer) -> anyhow::Result<Vec<Json>> {
    let query = format!(
        "query($checkpoint: GaugeInputCheckpoint) {{ bulk: pullGauge(checkpoint: $checkpoint, \
         limit: 3) {{ documents {{ {} _deleted }} checkpoint {{ cursor }} }} }}",
        GAUGES.all
    );
    let (mut all, mut checkpoint) = (Vec::new(), Json::Null);
    loop {
        let variables = json!({ "checkpoint": checkpoint });
        let bulk = server.client().data(&query, variables).await?["bulk"].take();
        let documents = crate::graphql::given::list(bulk["documents"].clone())?;
        let is_last = documents.len() < 3;
        all.extend(documents);
        checkpoint = bulk["checkpoint"].clone();
        if is_last {
            return Ok(all);
        }
    }
}

/// What GraphQL gives for the value: what its image has, an object as text.
fn shown(Odd { column, image, .. }: &Odd) -> Json {
    match image {
        unfit @ Json::Object(_) if *column != "note" => json!(unfit.to_string()),
        image => image.clone(),
    }
}

async fn they_are_pulled(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let documents = pulled(&server).await?;
    let document = |id: i32| {
        let mut documents = documents.iter();
        let found = documents.find(|document| document["id"] == json!(id.to_string()));
        found
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("no {id} in {documents:?}"))
    };
    assert_eq!(document(1)?["mood"], "calm");
    assert_eq!(document(99)?["mood"], "calm");
    for (id, odd) in all_odd(&server) {
        assert_eq!(
            document(id)?[odd.column],
            shown(&odd),
            "{} of {id}",
            odd.column
        );
    }
    server.finish().await
}

async fn they_are_initial_rows(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let mut socket = server.socket().await?;
    let query =
        "subscription { gaugeChanges(includeInitial: true) { kind key record { id name } } }";
    socket.subscribe(query, json!({})).await?;
    let mut keys = Vec::new();
    loop {
        let item = socket.next().await?["gaugeChanges"].take();
        if item["kind"] == "CAUGHT_UP" {
            break;
        }
        keys.push(item["key"]["id"].clone());
    }
    let odd = all_odd(&server).into_iter().map(|(id, _)| json!(id));
    let expected: Vec<Json> = [json!(1)]
        .into_iter()
        .chain(odd)
        .chain([json!(99)])
        .collect();
    assert_eq!(keys, expected);
    server.finish().await
}

/// What a change of another column leaves of an odd value.
async fn other_columns_are_changed_and_reverted(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    for (id, Odd { column, image, .. }) in all_odd(&server) {
        let (other, set) = match column {
            "count" => (
                "name",
                gauge::ActiveModel {
                    name: Set("renamed".to_owned()),
                    ..Default::default()
                },
            ),
            _ => (
                "count",
                gauge::ActiveModel {
                    count: Set(Some(7)),
                    ..Default::default()
                },
            ),
        };
        let tx = server.db().begin().await?;
        let target = Target::matching(gauge::Column::Id.eq(id));
        let written = tx.update_rows::<gauge::Entity>(target, set).await?;
        tx.commit().await?;
        let [Written::Updated(row)] = <[_; 1]>::try_from(written).expect("one row") else {
            panic!("{column} of {id}: not updated");
        };
        assert_eq!(row.into_image()?[column], image, "{column} of {id}");
        let changes = history(&server, id).await?;
        let last = changes.last().expect("a change");
        assert_eq!(last["changedFields"], json!([other]), "{column} of {id}");
        assert_eq!(last["before"][column], image);
        assert_eq!(last["after"][column], image);
        let revert = "mutation($c: String!) { revertChange(cursor: $c) { after } }";
        let variables = json!({ "c": last["cursor"] });
        let reverted = server.client().data(revert, variables).await?;
        assert_eq!(reverted["revertChange"][0]["after"], last["before"]);
    }
    server.finish().await
}

/// A value of the column that its entity holds.
fn good(column: &str) -> gauge::ActiveModel {
    let mut model = <gauge::ActiveModel as ActiveModelTrait>::default();
    match column {
        "name" => model.name = Set("repaired".to_owned()),
        "mood" => model.mood = Set(gauge::Mood::Wild),
        "count" => model.count = Set(Some(1)),
        "amount" => model.amount = Set(Some(1.into())),
        "token" => model.token = Set(Some(uuid::Uuid::nil())),
        "day" => model.day = Set(chrono::NaiveDate::from_ymd_opt(2026, 11, 29)),
        "clock" => model.clock = Set(chrono::NaiveTime::from_hms_opt(12, 0, 0)),
        "at" => model.at = Set(Some(chrono::DateTime::UNIX_EPOCH)),
        _ => model.note = Set(Some(json!({}))),
    }
    model
}

async fn they_are_repaired(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    for (id, Odd { column, image, .. }) in all_odd(&server) {
        // As an adopter's own code would.
        let tx = server.db().begin().await?;
        let model = gauge::ActiveModel {
            id: Set(id),
            ..good(column)
        };
        let repaired = model.update(&tx).await?;
        tx.commit().await?;
        assert_eq!(repaired.id, id);
        let changes = history(&server, id).await?;
        let last = changes.last().expect("a change");
        assert_eq!(last["changedFields"], json!([column]), "{column} of {id}");
        assert_eq!(last["before"][column], image);
        let revert = "mutation($c: String!) { revertChange(cursor: $c) { after } }";
        let variables = json!({ "c": last["cursor"] });
        let reverted = server.client().send(revert, variables).await?;
        // MariaDB takes no zero date from anybody who does not ask for it.
        if reverted.body.get("errors").is_some() {
            assert_eq!(
                reverted.code()?,
                "CONFLICT",
                "{column} of {id}: {reverted:?}"
            );
            assert_eq!(server.kind.name(), "mariadb");
        } else {
            let after = &reverted.data()?["revertChange"][0]["after"];
            assert_eq!(*after, last["before"], "{column} of {id}");
        }
    }
    server.finish().await
}

async fn they_are_deleted(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    for (place, (id, Odd { column, image, .. })) in all_odd(&server).into_iter().enumerate() {
        if place % 2 == 0 {
            let filter = json!({ "filter": { "id": { "eq": id } } });
            let deleted = server.client().data(&GAUGES.delete(), filter).await?;
            assert_eq!(deleted["count"], 1, "{column} of {id}");
        } else {
            // As an adopter's own code would.
            let tx = server.db().begin().await?;
            let model = gauge::ActiveModel {
                id: Set(id),
                ..Default::default()
            };
            model.delete(&tx).await?;
            tx.commit().await?;
        }
        let changes = history(&server, id).await?;
        let last = changes.last().expect("a change");
        assert_eq!(last["operation"], "DELETE");
        assert_eq!(last["before"][column], image, "{column} of {id}");
        let revert = "mutation($c: String!) { revertChange(cursor: $c) { after } }";
        let variables = json!({ "c": last["cursor"] });
        let reverted = server.client().send(revert, variables).await?;
        if reverted.body.get("errors").is_some() {
            assert_eq!(
                reverted.code()?,
                "CONFLICT",
                "{column} of {id}: {reverted:?}"
            );
            assert_eq!(server.kind.name(), "mariadb");
        } else {
            let after = &reverted.data()?["revertChange"][0]["after"];
            assert_eq!(*after, last["before"], "{column} of {id}");
        }
    }
    server.finish().await
}

async fn other_rows_are_pushed(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let query =
        "mutation($rows: [GaugeInputPushRow!]) { rows: pushGauge(gaugePushRow: $rows) { id } }";
    let document = |id: &str, name: &str| {
        json!({ "id": id, "name": name, "mood": "calm", "count": null, "amount": null, "token": null,
            "day": null, "clock": null, "at": null, "note": null, "_deleted": false })
    };
    let rows = json!([
        { "assumedMasterState": document("1", "gauge"), "newDocumentState": document("1", "pushed") },
        { "assumedMasterState": null, "newDocumentState": document("200", "new") },
    ]);
    let answer = server.client().data(query, json!({ "rows": rows })).await?;
    assert_eq!(answer["rows"], json!([]));
    // One row that is odd beside one that is not: its edit is stored, or its row comes back.
    for (id, Odd { column, .. }) in all_odd(&server) {
        let documents = pulled(&server).await?;
        let mut found = documents
            .iter()
            .filter(|document| document["id"] == json!(id.to_string()));
        let mut edited = found.next().cloned().expect("the row");
        edited[column] = match column {
            "name" => json!("repaired"),
            "mood" => json!("wild"),
            _ => Json::Null,
        };
        let rows = json!([
            { "assumedMasterState": null, "newDocumentState": edited },
            { "assumedMasterState": document("200", "new"), "newDocumentState": document("200", "new") },
        ]);
        let answer = server.client().data(query, json!({ "rows": rows })).await?;
        assert_eq!(answer["rows"], json!([]), "{column} of {id}");
    }
    server.finish().await
}

fn is_switched(error: &DbErr) -> bool {
    matches!(
        CaptureError::of(error),
        Some(CaptureError::Retry(Retry::Switched { .. }))
    )
}

/// The same writes once by hooks and once by triggers: the log has the same images.
async fn hooks_read_them_as_triggers_do(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let rename = |id: i32, column: &'static str, to: &'static str| {
        let server = &server;
        async move {
            let set = match column {
                "name" => gauge::ActiveModel {
                    count: Set(Some(i32::try_from(to.len()).unwrap_or_default())),
                    ..Default::default()
                },
                _ => gauge::ActiveModel {
                    name: Set(to.to_owned()),
                    ..Default::default()
                },
            };
            let write = || async {
                let tx = server.db().begin().await?;
                let target = Target::matching(gauge::Column::Id.eq(id));
                tx.update_rows::<gauge::Entity>(target, set.clone()).await?;
                tx.commit().await
            };
            match write().await {
                // The first write after a switch is tried again.
                Err(error) if is_switched(&error) => write().await?,
                written => written?,
            }
            anyhow::Ok(history(server, id).await?.pop().expect("a change"))
        }
    };
    let mut by_hooks = Vec::new();
    for (id, Odd { column, .. }) in all_odd(&server) {
        by_hooks.push(rename(id, column, "hook").await?);
    }
    track_by_triggers(server.db().writer(), "gauge", TriggerOptions::new()).await?;
    for ((id, Odd { column, .. }), hook) in all_odd(&server).into_iter().zip(by_hooks) {
        let trigger = rename(id, column, "trigger").await?;
        assert_eq!(trigger["before"], hook["after"], "{column} of {id}");
        assert_eq!(trigger["after"][column], hook["after"][column]);
    }
    server.finish().await
}

async fn doctor_names_them(server: &TestServer) -> Outcome {
    let server = gauge::start(server).await?;
    let named = |findings: Vec<Finding>| {
        let unfit = findings
            .into_iter()
            .filter(|finding| finding.code == FindingCode::ValueUnfit);
        unfit.collect::<Vec<_>>()
    };
    let findings = named(server.doctor().await?);
    let all = all_odd(&server);
    assert_eq!(findings.len(), all.len(), "{findings:?}");
    for (finding, (id, Odd { column, .. })) in findings.iter().zip(&all) {
        assert_eq!(finding.table, "gauge");
        let names_row = finding.message.contains(&format!("{{\"id\":{id}}}"));
        let names_column = finding.message.contains(&format!("`{column}`"));
        assert!(names_row && names_column, "{finding:?} of {id}");
    }
    for (id, Odd { column, .. }) in all {
        let tx = server.db().begin().await?;
        let model = gauge::ActiveModel {
            id: Set(id),
            ..good(column)
        };
        model.update(&tx).await?;
        tx.commit().await?;
    }
    assert_eq!(named(server.doctor().await?), []);
    server.finish().await
}
