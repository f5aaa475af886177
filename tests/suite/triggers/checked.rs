//! What a check of the triggers finds.

use sea_orm::{ConnectionTrait, DbBackend};
use seachange::changelog::{
    CaptureError, Finding, FindingCode, SetupRefusal, TriggerOptions, baseline, check_triggers,
    create_change_log, track_by_hooks, track_by_triggers,
};
use seachange_testkit::{Outcome, OwnDatabase, TestServer};

use super::{note, other};

seachange_testkit::cases![
    nothing_of_what_is_right,
    what_is_wrong,
    nothing_to_write_into
];

/// The kind of a finding about the note, and the trigger, column or table that it names.
type Found<'a> = (FindingCode, &'a str);

fn assert_found(findings: &[Finding], expected: &[Found<'_>]) {
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code, &*finding.table, &*finding.names))
        .collect();
    let names: Vec<_> = expected
        .iter()
        .map(|(_, name)| [(*name).to_owned()])
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .zip(&names)
        .map(|((code, _), names)| (*code, "note", names.as_slice()))
        .collect();
    assert_eq!(found, expected);
}

async fn findings(server: &TestServer) -> anyhow::Result<Vec<Finding>> {
    let found = check_triggers(&other(server).await?).await?;
    // MariaDB: the note's own foreign key.
    Ok(found
        .into_iter()
        .filter(|finding| finding.code != FindingCode::Cascade)
        .collect())
}

async fn nothing_of_what_is_right(server: &TestServer) -> Outcome {
    assert_eq!(check_triggers(&other(server).await?).await?, []);
    let server = &note::start(server).await?;
    assert_eq!(findings(server).await?, []);
    let db = other(server).await?;
    let cascade: &[Found<'_>] = match db.get_database_backend() {
        DbBackend::MySql => &[(FindingCode::Cascade, "book")],
        _ => &[],
    };
    assert_found(&check_triggers(&db).await?, cascade);
    Ok(())
}

async fn what_is_wrong(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let backend = db.get_database_backend();
    db.execute_unprepared("ALTER TABLE note ADD COLUMN stars integer")
        .await?;
    let outdated = (FindingCode::TriggerOutdated, "stars");
    assert_found(&findings(server).await?, &[outdated]);
    let name = "change_capture_update_note";
    if backend == DbBackend::Postgres {
        db.execute_unprepared("ALTER TABLE note DISABLE TRIGGER change_capture_update_note")
            .await?;
        let disabled = (FindingCode::TriggerDisabled, name);
        assert_found(&findings(server).await?, &[outdated, disabled]);
        db.execute_unprepared(
            "CREATE OR REPLACE FUNCTION change_capture_row_note() RETURNS trigger
             LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'",
        )
        .await?;
        db.execute_unprepared("ALTER TABLE note ENABLE TRIGGER change_capture_update_note")
            .await?;
        let function = "function change_capture_row_note";
        let different = (FindingCode::TriggerDifferent, function);
        assert_found(&findings(server).await?, &[outdated, different]);
        return Ok(());
    }
    db.execute_unprepared(&format!("DROP TRIGGER {name}"))
        .await?;
    let missing = (FindingCode::TriggerMissing, name);
    assert_found(&findings(server).await?, &[outdated, missing]);
    let body = match backend {
        DbBackend::MySql => {
            format!("CREATE TRIGGER {name} AFTER UPDATE ON note FOR EACH ROW BEGIN END")
        }
        _ => format!("CREATE TRIGGER {name} AFTER UPDATE ON note BEGIN SELECT 1; END"),
    };
    db.execute_unprepared(&body).await?;
    let different = (FindingCode::TriggerDifferent, name);
    assert_found(&findings(server).await?, &[outdated, different]);
    Ok(())
}

/// Without a change log triggers would make every later write of the table fail.
async fn nothing_to_write_into(server: &TestServer) -> Outcome {
    let database = OwnDatabase::create(&server.kind).await?;
    let db = sea_orm::Database::connect(&database.url).await?;
    db.execute_unprepared("CREATE TABLE shop (id int NOT NULL PRIMARY KEY)")
        .await?;
    let errors = [
        track_by_triggers(&db, "shop", TriggerOptions::new()).await,
        track_by_hooks(&db, "shop").await,
        baseline(&db, "shop").await.map(|_| ()),
    ];
    for error in errors {
        let error = error.expect_err("there is no log");
        assert!(
            matches!(
                CaptureError::of(&error),
                Some(CaptureError::Setup(SetupRefusal::NoChangeLog))
            ),
            "{error}"
        );
        assert!(error.to_string().contains("create_change_log"), "{error}");
    }
    db.execute_unprepared("INSERT INTO shop VALUES (1)").await?;
    create_change_log(&db).await?;
    track_by_triggers(&db, "shop", TriggerOptions::new()).await?;
    db.execute_unprepared("INSERT INTO shop VALUES (2)").await?;
    db.close().await?;
    database.drop().await
}
