//! Transactions, locks and errors.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use seachange::changelog::internal::{After, Begin, Dialect, RowLock, database_error, of_error};
use seachange::changelog::{Cause, cause, is_transient, is_unavailable};
use seachange_testkit::{Outcome, TestServer};
use tokio::time::timeout;

use super::{open, run, texts};
use crate::triggers::other;

seachange_testkit::cases![
    a_locked_row_is_left_out_by_others,
    a_lock_of_rows_as_sql,
    locks_of_a_table,
    bounds_of_time,
    what_an_error_leaves,
    an_error_is_its_databases,
    what_was_wrong_with_a_statement,
    what_was_committed_meanwhile_is_seen,
    statements_that_change_tables,
];

const LONG: Duration = Duration::from_secs(10);

async fn a_row(db: &DatabaseConnection, dialect: &dyn Dialect) -> Outcome {
    let tail = dialect.facts().table_tail;
    let table = format!("CREATE TABLE held (id integer NOT NULL PRIMARY KEY, n integer){tail}");
    run(db, &[&table, "INSERT INTO held VALUES (1, 0)"]).await
}

/// The clause of a lock, as SeaORM writes it.
fn locking(dialect: &dyn Dialect, lock: RowLock) -> String {
    use sea_orm::QuerySelect;
    use sea_orm::QueryTrait;
    let select = <seachange_entity::task::Entity as sea_orm::EntityTrait>::find();
    let plain = select.clone().build(dialect.backend()).sql;
    let locked = match dialect.row_lock(lock) {
        Some(strength) => select.lock(strength).build(dialect.backend()).sql,
        None => plain.clone(),
    };
    locked.replacen(&plain, "", 1)
}

async fn a_locked_row_is_left_out_by_others(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    for lock in [RowLock::Update, RowLock::Delete] {
        let clause = locking(dialect, lock);
        assert_eq!(clause.is_empty(), dialect.row_lock(lock).is_none());
        if clause.is_empty() {
            continue;
        }
        let sql = format!("SELECT 'held' AS found FROM held WHERE id = 1{clause}");
        let tx = db.begin().await?;
        assert_eq!(texts(&tx, &sql).await?, ["held"]);
        let rival = other(server).await?.begin().await?;
        let skip = format!("{sql}{}", dialect.facts().skip_locked);
        let found = timeout(LONG, texts(&rival, &skip)).await??;
        assert!(found.is_empty(), "{skip}");
        rival.rollback().await?;
        tx.rollback().await?;
    }
    Ok(())
}

async fn a_lock_of_rows_as_sql(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let tx = db.begin().await?;
    let sql = format!(
        "SELECT 'held' AS found FROM held WHERE id = 1{}",
        dialect.facts().share_lock
    );
    assert_eq!(texts(&tx, &sql).await?, ["held"]);
    tx.rollback().await?;
    Ok(())
}

/// A switch waits for who writes, and keeps out who comes after it.
async fn locks_of_a_table(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let (Some(write), Some(switch)) = (dialect.write_lock("held"), dialect.switch_lock("held"))
    else {
        assert_eq!(dialect.write_lock("held"), dialect.switch_lock("held"));
        return Ok(());
    };
    let tx = db.begin().await?;
    tx.execute_unprepared(&write).await?;
    let rival = other(server).await?.begin().await?;
    // Those who write do not wait for each other.
    timeout(LONG, rival.execute_unprepared(&write)).await??;
    rival.rollback().await?;
    let rival = other(server).await?.begin().await?;
    if let Some(bound) = dialect.limit_lock_waits(Duration::from_millis(200)) {
        rival.execute_unprepared(&bound).await?;
    }
    let Err(error) = timeout(LONG, rival.execute_unprepared(&switch)).await? else {
        anyhow::bail!("a switch did not wait");
    };
    assert!(is_transient(&error), "{error}");
    rival.rollback().await?;
    tx.rollback().await?;
    db.begin().await?.execute_unprepared(&switch).await?;
    Ok(())
}

async fn bounds_of_time(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let second = Duration::from_secs(1);
    if let Some(bound) = dialect.limit_statements(second) {
        // On a connection that nobody uses after this.
        let db = other(server).await?.begin().await?;
        db.execute_unprepared(&bound).await?;
    }
    let Some(bound) = dialect.limit_lock_waits(second) else {
        assert_eq!(dialect.facts().restore_lock_waits, None);
        return Ok(());
    };
    let holder = db.begin().await?;
    holder.execute_unprepared("UPDATE held SET n = 1").await?;
    let waiter = other(server).await?.begin().await?;
    waiter.execute_unprepared(&bound).await?;
    let waited = timeout(LONG, waiter.execute_unprepared("UPDATE held SET n = 2")).await?;
    let Err(error) = waited else {
        anyhow::bail!("did not wait");
    };
    assert!(is_transient(&error) && !is_unavailable(&error), "{error}");
    if let Some(restore) = dialect.facts().restore_lock_waits {
        waiter.execute_unprepared(restore).await?;
    }
    waiter.rollback().await?;
    holder.rollback().await?;
    Ok(())
}

async fn what_an_error_leaves(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let tx = db.begin().await?;
    let Err(error) = tx
        .execute_unprepared("INSERT INTO held VALUES (1, 0)")
        .await
    else {
        anyhow::bail!("a key twice");
    };
    let after = dialect.after_error(&tx, &error).await;
    assert_ne!(after, After::Ended);
    // It goes on exactly if the dialect says so.
    let goes_on = tx.execute_unprepared("UPDATE held SET n = 1").await.is_ok();
    assert_eq!(goes_on, after == After::Alive);
    tx.rollback().await?;
    Ok(())
}

async fn an_error_is_its_databases(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let Err(error) = db.execute_unprepared("SELECT nothing FROM nowhere").await else {
        anyhow::bail!("no such table");
    };
    let said = database_error(&error).ok_or_else(|| anyhow::anyhow!("{error}"))?;
    let of = of_error(said).map(Dialect::backend);
    assert_eq!(of, Some(dialect.backend()));
    assert!(!dialect.is_transient(said) && !dialect.is_unavailable(said));
    assert!(!is_transient(&error) && !is_unavailable(&error));
    Ok(())
}

async fn what_was_wrong_with_a_statement(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let tail = dialect.facts().table_tail;
    let parents = format!("CREATE TABLE one (id integer NOT NULL PRIMARY KEY){tail}");
    let children = format!(
        "CREATE TABLE many (id integer NOT NULL PRIMARY KEY, one integer NOT NULL,
         FOREIGN KEY (one) REFERENCES one (id)){tail}"
    );
    let rows = [
        "INSERT INTO one VALUES (1)",
        "INSERT INTO many VALUES (1, 1)",
    ];
    run(&db, &[&parents, &children, rows[0], rows[1]]).await?;
    for (sql, expected) in [
        ("INSERT INTO one VALUES (1)", Cause::Unique),
        ("INSERT INTO many VALUES (2, 2)", Cause::ForeignKey),
        ("DELETE FROM one", Cause::ForeignKey),
        ("INSERT INTO many VALUES (2, NULL)", Cause::Value),
        ("INSERT INTO nowhere VALUES (1)", Cause::NoTable),
    ] {
        let error = db.execute_unprepared(sql).await.expect_err(sql);
        assert_eq!(cause(&error), Some(expected), "{sql}: {error}");
        assert!(!is_transient(&error) && !is_unavailable(&error), "{error}");
    }
    Ok(())
}

async fn what_was_committed_meanwhile_is_seen(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let options = dialect.begin(Begin::WriteSeeingCommits);
    let tx = db.begin_with_options(options).await?;
    let sql = "SELECT CASE n WHEN 0 THEN 'before' ELSE 'after' END AS found FROM held";
    assert_eq!(texts(&tx, sql).await?, ["before"]);
    let rival = other(server).await?;
    if dialect.facts().is_file {
        // Nobody else can write before it ends.
        run(&rival, &["PRAGMA busy_timeout = 0"]).await?;
        let Err(error) = rival.execute_unprepared("UPDATE held SET n = 1").await else {
            anyhow::bail!("two write at a time");
        };
        assert!(is_transient(&error), "{error}");
    } else {
        run(&rival, &["UPDATE held SET n = 1"]).await?;
        assert_eq!(texts(&tx, sql).await?, ["after"]);
    }
    tx.rollback().await?;
    Ok(())
}

async fn statements_that_change_tables(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    a_row(&db, dialect).await?;
    let tx = db.begin_with_options(dialect.begin(Begin::Write)).await?;
    tx.execute_unprepared("ALTER TABLE held ADD COLUMN more integer")
        .await?;
    tx.rollback().await?;
    let is_gone = db
        .execute_unprepared("SELECT more FROM held")
        .await
        .is_err();
    assert_eq!(is_gone, dialect.facts().transactional_ddl);
    Ok(())
}
