//! `baseline`: what it prints, how it ends, and that it may be killed.

use sea_orm::{ConnectionTrait, Database as SeaDatabase, DatabaseConnection, Statement};
use seachange_testkit::{Database, Outcome, OwnDatabase, Process, eventually, measured};

use crate::harness::{command, run};

seachange_testkit::cases! {
    Every: of_all_tables, killed_and_run_again;
    Sqlite: refused;
}

/// Labels that another program has written, unrecorded.
async fn old_labels(db: &DatabaseConnection, count: usize) -> Outcome {
    let names: Vec<String> = (0..count).map(|n| format!("('label {n}')")).collect();
    for names in names.chunks(1_000) {
        let sql = format!("INSERT INTO label (name) VALUES {}", names.join(", "));
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

async fn migrated(database: &OwnDatabase) -> anyhow::Result<DatabaseConnection> {
    let migrated = run(&database.url, &["migrate", "up"]).await?;
    anyhow::ensure!(migrated.code() == Some(0), "{migrated:?}");
    Ok(SeaDatabase::connect(&database.url).await?)
}

/// What `verify` must say in the end.
async fn sound(database: &OwnDatabase, told: &str) -> Outcome {
    let ended = run(&database.url, &["verify"]).await?;
    assert_eq!((ended.code(), &*ended.stdout), (Some(0), told), "{ended:?}");
    Ok(())
}

async fn of_all_tables(database: &OwnDatabase) -> Outcome {
    let db = migrated(database).await?;
    old_labels(&db, 450).await?;
    sound(
        database,
        "sound: 0 changes replayed, 450 rows compared, 450 without baseline, 0 faults\n",
    )
    .await?;
    let one = run(&database.url, &["baseline", "label"]).await?;
    assert_eq!(one.code(), Some(0), "{one:?}");
    assert_eq!(one.stdout, "label: 450 of 450 rows recorded\n");
    assert_eq!(one.stderr, "", "no meter where there is no terminal");
    let all = run(&database.url, &["baseline", "--all"]).await?;
    assert_eq!(all.code(), Some(0), "{all:?}");
    let told = [
        "project: 0 of 0 rows recorded",
        "task: 0 of 0 rows recorded",
        "comment: 0 of 0 rows recorded",
        "label: 0 of 450 rows recorded",
        "task_label: 0 of 0 rows recorded",
        "sync_conflict: 0 of 0 rows recorded",
    ];
    assert_eq!(all.stdout.lines().collect::<Vec<_>>(), told);
    sound(
        database,
        "sound: 450 changes replayed, 450 rows compared, 0 without baseline, 0 faults\n",
    )
    .await?;
    Ok(db.close().await?)
}

async fn refused(database: &OwnDatabase) -> Outcome {
    let unmigrated = run(&database.url, &["baseline", "label"]).await?;
    assert_eq!(unmigrated.code(), Some(1), "{unmigrated:?}");
    assert!(unmigrated.stderr.contains("migrate up"), "{unmigrated:?}");
    migrated(database).await?.close().await?;
    for (arguments, told) in [
        (&["baseline"][..], "--help"),
        (&["baseline", "label", "--all"], "--help"),
        (&["baseline", "nowhere"], "there is no table `nowhere`"),
        (
            &["baseline", "seaql_migrations"],
            "table `seaql_migrations` is not tracked; cure: ",
        ),
    ] {
        let ended = run(&database.url, arguments).await?;
        assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.contains(told), "{arguments:?}: {ended:?}");
    }
    Ok(())
}

const LABELS: usize = 6_000;
const KILLS: i64 = 3;

async fn killed_and_run_again(database: &OwnDatabase) -> Outcome {
    let db = migrated(database).await?;
    old_labels(&db, LABELS).await?;
    let recorded = async || {
        let tables = match database.kind {
            Database::MariaDb(_) => {
                "(SELECT id FROM change_log UNION ALL SELECT id FROM change_inbox)"
            }
            _ => "(SELECT id FROM change_log)",
        };
        let sql = format!("SELECT COUNT(*) AS count FROM {tables} AS recorded");
        let count = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(count).await?;
        row.map_or(Ok(0), |row| row.try_get::<i64>("", "count"))
    };
    for _ in 0..KILLS {
        let before = recorded().await?;
        let running = Process::start(command(&database.url, &["baseline", "label"]))?;
        eventually(async || Ok((recorded().await? > before + 300).then_some(()))).await?;
        running.kill()?;
    }
    let before = recorded().await?;
    let rest = run(&database.url, &["baseline", "label"]).await?;
    // What was under way when it was killed may commit until its connection is found dead.
    let left = LABELS as i64 - before;
    measured(format_args!(
        "{}: {left} left after {KILLS} kills",
        database.kind.name()
    ));
    assert_eq!(rest.code(), Some(0), "{rest:?}");
    assert_eq!(recorded().await?, LABELS as i64);
    sound(
        database,
        "sound: 6000 changes replayed, 6000 rows compared, 0 without baseline, 0 faults\n",
    )
    .await?;
    Ok(db.close().await?)
}
