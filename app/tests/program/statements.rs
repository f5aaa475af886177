//! What a user's transaction asks of the database: the rows it is about and the log, and nothing
//! that makes writers wait for each other.

use anyhow::Context;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Database as SeaDatabase, IntoActiveModel,
    ModelTrait, Statement, TransactionTrait,
};
use seachange::DatabaseSettings;
use seachange_entity::project;
use seachange_testkit::{Database, Outcome, OwnDatabase, Proxy, statements};

use crate::harness::{run, verify};

seachange_testkit::cases! {
    Servers: a_transaction_takes_no_lock_of_its_own;
}

/// How each statement on a writer's connection may begin, `?` being the quote of identifiers. All
/// of them must be there, so that none of them hides what is not looked at.
fn allowed(kind: &Database) -> Vec<String> {
    let (quote, own) = match kind {
        Database::Postgres(_) => (
            "\"",
            // Which foreign keys act on tracked tables, asked once; how long to wait for a lock, set when
            // it connects.
            &[
                "INSERT INTO ?change_log? ",
                "SELECT c.relname AS ",
                "SET lock_timeout = ",
                // Where it looks for tables, asked once and set when it connects.
                "SELECT format('SELECT set_config(",
                "SELECT set_config('search_path', ",
                // Whether it is inside a transaction, asked when the pool hands it out.
                "SELECT 1 WHERE now() <> statement_timestamp()",
            ][..],
        ),
        _ => (
            "`",
            &[
                "INSERT INTO ?change_inbox? ",
                "SELECT u.TABLE_NAME AS ",
                // The driver's, when it connects.
                "SET sql_mode=",
                // How long to wait for a lock, set when it connects.
                "SET SESSION innodb_lock_wait_timeout = ",
                // Whether it is inside a transaction, asked when the pool hands it out.
                "SELECT 1 FROM DUAL WHERE @@in_transaction = 1",
            ][..],
        ),
    };
    let of_users = [
        "BEGIN",
        // Which tables triggers capture, asked once.
        "SELECT entity FROM change_capture WHERE ",
        "SELECT ?project?.",
        "INSERT INTO ?project? ",
        "UPDATE ?project? SET ",
        "DELETE FROM ?project? ",
        "COMMIT",
    ];
    let all = of_users.iter().chain(own);
    all.map(|text| text.replace('?', quote)).collect()
}

async fn a_transaction_takes_no_lock_of_its_own(database: &OwnDatabase) -> Outcome {
    let migrated = run(&database.url, &["migrate", "up"]).await?;
    anyhow::ensure!(migrated.code() == Some(0), "{migrated:?}");
    let proxy = Proxy::start(&database.url).await?;
    let settings = DatabaseSettings {
        connections: 1,
        ..DatabaseSettings::new(&proxy.url)
    };
    let db = seachange::connect(&settings).await?;
    let tx = db.begin().await?;
    let row = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set("Sail".to_owned()),
        ..Default::default()
    };
    let mut row = row.insert(&tx).await?.into_active_model();
    row.name = Set("Row".to_owned());
    let row = row.update(&tx).await?;
    row.delete(&tx).await?;
    if matches!(database.kind, Database::Postgres(_)) {
        check_locks(&database.url).await?;
    }
    tx.commit().await?;

    let allowed = allowed(&database.kind);
    let mut missing: Vec<&String> = allowed.iter().collect();
    for sent in proxy.sent() {
        for statement in statements(&database.kind, &sent)? {
            let is = |text: &&String| statement.starts_with(text.as_str());
            let found = allowed.iter().find(is);
            let found =
                found.with_context(|| format!("not a statement of a write: {statement}"))?;
            missing.retain(|text| *text != found);
        }
    }
    anyhow::ensure!(missing.is_empty(), "not sent: {missing:?}");
    verify(database).await
}

/// What the one open transaction holds: locks on tables that writers share, and its own identity.
/// A lock that keeps writers apart is of another type (`advisory`, `object`) or mode.
async fn check_locks(url: &str) -> Outcome {
    const HELD: &str = "SELECT l.locktype, COALESCE(c.relname, '') AS name, l.mode
        FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
        LEFT JOIN pg_class c ON c.oid = l.relation
        WHERE a.datname = current_database() AND a.state = 'idle in transaction'";
    let watcher = SeaDatabase::connect(url).await?;
    let backend = watcher.get_database_backend();
    let held = watcher.query_all_raw(Statement::from_string(backend, HELD));
    let mut tables = Vec::new();
    for lock in held.await? {
        let text = |name: &str| lock.try_get::<String>("", name);
        let (kind, name, mode) = (text("locktype")?, text("name")?, text("mode")?);
        let is_shared =
            ["AccessShareLock", "RowShareLock", "RowExclusiveLock"].contains(&mode.as_str());
        let is_feeds = ["change_tick", "change_epoch"].contains(&name.as_str());
        match kind.as_str() {
            "relation" if is_shared && !is_feeds => tables.push(name),
            "transactionid" | "virtualxid" => {}
            _ => anyhow::bail!("the transaction holds {kind} {name} {mode}"),
        }
    }
    for table in ["project", "change_log"] {
        anyhow::ensure!(tables.iter().any(|held| held == table), "{tables:?}");
    }
    watcher.close().await?;
    Ok(())
}
