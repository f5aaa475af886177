//! What a baseline records: every kind of key and table, images as capture writes them.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, Statement,
    TransactionTrait,
};
use seachange::changelog::{
    CaptureError, SetupRefusal, Source, TableChange, TriggerOptions, baseline, change_tables,
    track_by_triggers,
};
use seachange_entity::{comment, label, project, task, task_label};
use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::{forget, images, old_notes, unbroken};
use crate::bulk::hidden::{self, vault};
use crate::triggers::{note, other};

seachange_testkit::cases![
    the_reference_application,
    nothing_that_is_hidden,
    a_table_without_an_entity,
    keys_that_have_had_other_names,
    what_is_not_tracked,
    inside_a_migration,
];

/// Uuid, 64-bit and composite keys; hooks and triggers; more rows than a step.
async fn the_reference_application(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let id = uuid::Uuid::now_v7;
    let project = project::ActiveModel {
        id: Set(id()),
        name: Set("Ship's \"log\" \\ ?".to_owned()),
        ..Default::default()
    };
    let project = project.insert(&tx).await?;
    let tasks = (0..3).map(|n| task::ActiveModel {
        id: Set(id()),
        project_id: Set(project.id),
        title: Set(format!("task {n}")),
        estimate: Set(Some("12.50".parse().expect("a number"))),
        details: Set(Some(json!({ "a": [1, 0.1, null], "ü": "\u{1}" }))),
        ..Default::default()
    });
    let tasks = tx.insert_many::<task::Entity>(tasks).await?;
    let comments = (0..250).map(|n| comment::ActiveModel {
        id: Set(id()),
        task_id: Set(tasks[n % 3].id),
        author: Set("Ann".to_owned()),
        body: Set(format!("comment {n}")),
        ..Default::default()
    });
    tx.insert_many::<comment::Entity>(comments).await?;
    let labels = (0..150).map(|n| label::ActiveModel {
        name: Set(format!("label {n}")),
        ..Default::default()
    });
    let labels = tx.insert_many::<label::Entity>(labels).await?;
    let worn = tasks.iter().flat_map(|task| {
        labels.iter().map(|label| task_label::ActiveModel {
            task_id: Set(task.id),
            label_id: Set(label.id),
        })
    });
    tx.insert_many::<task_label::Entity>(worn).await?;
    tx.commit().await?;
    let told = images(&server.logged().await?);
    forget(server).await?;

    let db = server.db().writer();
    let mut counts = BTreeMap::new();
    for table in ["project", "task", "comment", "label", "task_label"] {
        counts.insert(table, baseline(db, table).await?);
        assert_eq!(baseline(db, table).await?, 0, "{table} again");
    }
    let expected = [
        ("comment", 250),
        ("label", 150),
        ("project", 1),
        ("task", 3),
        ("task_label", 450),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    let changes = server.logged().await?;
    assert_eq!(unbroken(&changes)?, 854);
    assert_eq!(images(&changes), told);
    let verdict = server.verdict().await?;
    assert_eq!((verdict.faults, verdict.without_baseline), (0, 0));
    // What comes after it is one change more.
    let tx = server.db().begin().await?;
    let rename = project::ActiveModel {
        id: Set(project.id),
        name: Set("Boat".to_owned()),
        ..Default::default()
    };
    rename.update(&tx).await?;
    tx.commit().await?;
    let changes = server.logged().await?;
    assert_eq!(changes.len(), 855);
    unbroken(&changes)?;
    Ok(())
}

async fn nothing_that_is_hidden(server: &TestServer) -> Outcome {
    let server = &hidden::serve(server).await?;
    let tx = server.db().begin().await?;
    hidden::a_vault(1).insert(&tx).await?;
    tx.commit().await?;
    let by_hooks = images(&server.logged().await?);
    forget(server).await?;
    let db = server.db().writer();
    assert_eq!(baseline(db, "vault").await?, 1);
    assert_eq!(images(&server.logged().await?), by_hooks);

    let options = TriggerOptions::new().redact("secret").redact("pin");
    track_by_triggers(&other(server).await?, "vault", options.exclude("opened")).await?;
    forget(server).await?;
    assert_eq!(baseline(db, "vault").await?, 1);
    let changes = server.logged().await?;
    assert_eq!(images(&changes), by_hooks);
    assert!(!format!("{changes:?}").contains("hunter2"));
    let stored = vault::Entity::find_by_id(1).one(server.db()).await?;
    assert_eq!(
        stored.and_then(|row| row.secret).as_deref(),
        Some("hunter2")
    );
    Ok(())
}

/// Triggers record it; the program has never heard of it.
async fn a_table_without_an_entity(server: &TestServer) -> Outcome {
    let db = &other(server).await?;
    for sql in [
        "CREATE TABLE crate (port varchar(20) NOT NULL, number integer NOT NULL, weight integer,
         PRIMARY KEY (number, port))",
        "INSERT INTO crate (port, number, weight) VALUES ('Kiel', 1, 5), ('Oslo', 1, NULL),
         ('a''b\"c?$1', 2, 7)",
    ] {
        db.execute_unprepared(sql).await?;
    }
    track_by_triggers(db, "crate", TriggerOptions::new()).await?;
    db.execute_unprepared("UPDATE crate SET weight = 6 WHERE port = 'Kiel'")
        .await?;
    assert_eq!(baseline(db, "crate").await?, 2);
    assert_eq!(baseline(db, "crate").await?, 0);
    db.execute_unprepared("UPDATE crate SET weight = 8").await?;
    let changes = server.logged().await?;
    assert_eq!(unbroken(&changes)?, 2);
    assert_eq!(changes.len(), 1 + 2 + 3);
    Ok(())
}

/// Changes from before a key column got its name are changes of the row.
async fn keys_that_have_had_other_names(server: &TestServer) -> Outcome {
    let db = &other(server).await?;
    db.execute_unprepared("CREATE TABLE mast (number bigint NOT NULL PRIMARY KEY, height integer)")
        .await?;
    track_by_triggers(db, "mast", TriggerOptions::new()).await?;
    db.execute_unprepared("INSERT INTO mast VALUES (1, 20)")
        .await?;
    let renamed = [TableChange::of("mast").rename("number", "id")];
    change_tables(db, &renamed, |db| {
        Box::pin(async move {
            db.execute_unprepared("ALTER TABLE mast RENAME COLUMN number TO id")
                .await?;
            Ok(())
        })
    })
    .await?;
    assert_eq!(baseline(db, "mast").await?, 0);
    Ok(())
}

async fn what_is_not_tracked(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let db = server.db().writer();
    let refused = async |table: &str| {
        let error = baseline(db, table).await.expect_err("refused");
        CaptureError::of(&error).cloned()
    };
    let unknown = refused("nowhere").await;
    assert!(
        matches!(unknown, Some(CaptureError::Setup(SetupRefusal::NoTable { table })) if table == "nowhere")
    );
    for table in ["book", "change_epoch"] {
        let untracked = refused(table).await;
        assert!(
            matches!(&untracked, Some(CaptureError::Setup(SetupRefusal::NotTracked { table: named })) if named == table),
            "{untracked:?}"
        );
    }
    assert_eq!(server.logged().await?, []);
    Ok(())
}

/// On PostgreSQL a migration is one transaction, which goes on with its settings as they were.
async fn inside_a_migration(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    old_notes(server, 300).await?;
    if server.db().get_database_backend() != DbBackend::MySql {
        let tx = server.db().writer().begin().await?;
        let setting = async || match tx.get_database_backend() {
            DbBackend::Postgres => {
                let ask = Statement::from_string(DbBackend::Postgres, "SHOW timezone");
                let row = tx.query_one_raw(ask).await?.expect("a row");
                row.try_get::<String>("", "TimeZone")
            }
            _ => Ok(String::new()),
        };
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared("SET LOCAL timezone = 'Asia/Tokyo'")
                .await?;
        }
        let before = setting().await?;
        assert_eq!(baseline(&tx, "note").await?, 300);
        assert_eq!(setting().await?, before);
        tx.rollback().await?;
        assert_eq!(server.logged().await?, []);
        let tx = server.db().writer().begin().await?;
        baseline(&tx, "note").await?;
        tx.commit().await?;
    }
    baseline(server.db().writer(), "note").await?;
    let changes = server.logged().await?;
    assert!(
        changes
            .iter()
            .all(|change| change.source == Source::Baseline)
    );
    assert_eq!(unbroken(&changes)?, 300);
    server.verify().await
}
