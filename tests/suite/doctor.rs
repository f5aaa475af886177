//! What `doctor` finds, on every database: nothing where all is well, and each finding by its code.

use chrono::{TimeDelta, Utc};
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait};
use seachange::changelog::{
    FindingCode, check_format, consumer, new_epoch, prune, track_by_hooks, upgrade_change_log,
};
use seachange_testkit::{Outcome, TestServer};

use crate::triggers::{note, other};

seachange_testkit::cases![
    nothing_where_all_is_well,
    triggers_and_columns,
    what_hooks_cannot_see,
    tables_of_the_log,
    a_log_of_a_later_version,
    consumers_that_stand_still,
];

/// Code and table of each finding, in the order found. Each says what to do.
async fn found(server: &TestServer) -> anyhow::Result<Vec<(FindingCode, String)>> {
    let findings = server.doctor().await?;
    for finding in &findings {
        assert!(
            !finding.cure.is_empty() && !finding.message.is_empty(),
            "{finding:?}"
        );
        assert!(!finding.message.contains("cure"), "{finding:?}");
    }
    Ok(findings
        .into_iter()
        .map(|finding| (finding.code, finding.table))
        .collect())
}

fn of_note(codes: &[FindingCode]) -> Vec<(FindingCode, String)> {
    codes
        .iter()
        .map(|code| (*code, "note".to_owned()))
        .collect()
}

async fn nothing_where_all_is_well(server: &TestServer) -> Outcome {
    assert_eq!(found(server).await?, []);
    Ok(())
}

async fn triggers_and_columns(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let backend = db.get_database_backend();
    // No trigger sees what MariaDB's foreign keys do.
    let cascade: &[FindingCode] = match backend {
        DbBackend::MySql => &[FindingCode::Cascade],
        _ => &[],
    };
    assert_eq!(found(server).await?, of_note(cascade));
    db.execute_unprepared("ALTER TABLE note ADD COLUMN stars integer")
        .await?;
    let expected = [
        &[FindingCode::TriggerOutdated],
        cascade,
        &[FindingCode::ColumnUnknown],
    ];
    assert_eq!(found(server).await?, of_note(&expected.concat()));
    db.execute_unprepared("ALTER TABLE note DROP COLUMN stars")
        .await?;
    assert_eq!(found(server).await?, of_note(cascade));
    let (drop, code) = match backend {
        DbBackend::Postgres => (
            "ALTER TABLE note DISABLE TRIGGER change_capture_update_note",
            FindingCode::TriggerDisabled,
        ),
        _ => (
            "DROP TRIGGER change_capture_delete_note",
            FindingCode::TriggerMissing,
        ),
    };
    db.execute_unprepared(drop).await?;
    assert_eq!(found(server).await?, of_note(&[&[code], cascade].concat()));
    Ok(())
}

async fn what_hooks_cannot_see(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    assert_eq!(found(server).await?, of_note(&[FindingCode::Cascade]));
    let db = other(server).await?;
    db.execute_unprepared("ALTER TABLE note DROP COLUMN body")
        .await?;
    let expected = of_note(&[FindingCode::Cascade, FindingCode::ColumnMissing]);
    assert_eq!(found(server).await?, expected);
    db.execute_unprepared("DROP TABLE note").await?;
    assert_eq!(found(server).await?, of_note(&[FindingCode::TableMissing]));
    // With triggers that are told to write it, too, and once.
    let wanted = "INSERT INTO change_capture (entity, writer, wanted, version)
        VALUES ('note', 'trigger', 'hook', 1)";
    db.execute_unprepared(wanted).await?;
    let expected = of_note(&[FindingCode::CaptureUnfinished, FindingCode::TableMissing]);
    assert_eq!(found(server).await?, expected);
    // What `verify` cannot look at it does not call sound.
    db.execute_unprepared("DELETE FROM change_capture WHERE entity = 'note'")
        .await?;
    Ok(())
}

async fn tables_of_the_log(server: &TestServer) -> Outcome {
    let db = other(server).await?;
    let of = |code: FindingCode| vec![(code, "change_consumer".to_owned())];
    db.execute_unprepared("ALTER TABLE change_consumer DROP COLUMN paused")
        .await?;
    assert_eq!(found(server).await?, of(FindingCode::LogOutdated));
    db.execute_unprepared("DROP TABLE change_consumer").await?;
    assert_eq!(found(server).await?, of(FindingCode::LogMissing));
    Ok(())
}

/// A log of a later version is named by the doctor, and neither served nor upgraded.
async fn a_log_of_a_later_version(server: &TestServer) -> Outcome {
    let db = other(server).await?;
    db.execute_unprepared("UPDATE change_epoch SET format = 2")
        .await?;
    let of = |code: FindingCode| vec![(code, "change_epoch".to_owned())];
    assert_eq!(found(server).await?, of(FindingCode::LogNewer));
    let started = server.beside(|_| ()).await.map(|_| ());
    let upgraded = upgrade_change_log(&db).await;
    for refused in [
        started.expect_err("served").to_string(),
        upgraded.expect_err("upgraded").to_string(),
        check_format(&db).await.expect_err("known").to_string(),
    ] {
        for word in ["format 2", env!("CARGO_PKG_VERSION"), "run a version"] {
            assert!(refused.contains(word), "no `{word}` in {refused}");
        }
    }
    // One from before the format was there is served, and upgraded by a migration.
    db.execute_unprepared("ALTER TABLE change_epoch DROP COLUMN format")
        .await?;
    assert_eq!(found(server).await?, of(FindingCode::LogOutdated));
    server.beside(|_| ()).await?.stop().await?;
    for _ in 0..2 {
        upgrade_change_log(&db).await?;
        assert_eq!(found(server).await?, []);
    }
    server.beside(|_| ()).await?.stop().await
}

/// A consumer as its row is left behind; held if `until` is in the future.
async fn consumer(
    server: &TestServer,
    name: &str,
    cursor: &str,
    paused: bool,
    until: Option<TimeDelta>,
) -> Outcome {
    use consumer::Column;
    let insert = Query::insert()
        .into_table(consumer::Entity)
        .columns([
            Column::Name,
            Column::Cursor,
            Column::Paused,
            Column::Holder,
            Column::HeldUntil,
        ])
        .values([
            name.into(),
            cursor.into(),
            paused.into(),
            until.map(|_| "somebody").into(),
            until.map(|until| Utc::now() + until).into(),
        ])?
        .take();
    server.db().writer().execute(&insert).await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
async fn consumers_that_stand_still(server: &TestServer) -> Outcome {
    let held = Some(TimeDelta::hours(1));
    let here = server.server().feed().head().await?.to_string();
    consumer(server, "works", &here, false, held).await?;
    assert_eq!(found(server).await?, []);
    let dead = Some(TimeDelta::hours(-1));
    consumer(server, "dead", &here, false, dead).await?;
    consumer(server, "left", &here, false, None).await?;
    consumer(server, "paused", &here, true, None).await?;
    consumer(server, "nonsense", "x", false, held).await?;
    // In the order of their names.
    let expected = [
        (FindingCode::ConsumerUnheld, "`dead`"),
        (FindingCode::ConsumerUnheld, "`left`"),
        (FindingCode::ConsumerAstray, "`nonsense`"),
        (FindingCode::ConsumerPaused, "`paused`"),
    ];
    let told = server.doctor().await?;
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (finding, (code, name)) in told.iter().zip(expected) {
        assert_eq!(finding.code, code);
        assert!(finding.message.contains(name), "{finding:?}");
    }
    consumer::Entity::delete_many()
        .exec(server.db().writer())
        .await?;

    consumer(server, "late", &here, false, held).await?;
    let create = "mutation { labelCreateOne(data: { name: \"a\" }) { id } }";
    server.client().data(create, serde_json::json!({})).await?;
    server.server().feed().head().await?;
    prune(server.db().writer(), Utc::now() + TimeDelta::hours(1)).await?;
    let of = |code: FindingCode| vec![(code, "change_consumer".to_owned())];
    assert_eq!(found(server).await?, of(FindingCode::ConsumerExpired));
    new_epoch(server.db().writer()).await?;
    assert_eq!(found(server).await?, of(FindingCode::ConsumerAstray));
    // Switching to hooks what they write already is nothing to find.
    track_by_hooks(server.db().writer(), "label").await?;
    assert_eq!(found(server).await?, of(FindingCode::ConsumerAstray));
    Ok(())
}
