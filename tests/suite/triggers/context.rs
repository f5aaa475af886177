//! On whose behalf a table was written: right for every change, and gone with its transaction.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel,
    TransactionTrait,
};
use seachange::changelog::{CaptureError, Retry, TriggerOptions};
use seachange::changelog::{Context, TrackedConnection, track_by_hooks, track_by_triggers};
use seachange::{DatabaseSettings, connect};

use super::{a_comment, a_task, note, other, whole_log};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    every_part_of_it,
    rollback_takes_it_along,
    savepoints,
    it_never_leaks,
    a_stale_hint_is_told,
    another_program_says_who_writes,
    what_another_program_says_is_not_ours,
];

async fn every_part_of_it(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let metadata = serde_json::json!({ "why": "'\u{1F6A2}'", "n": 1.5 });
    let context = Context {
        actor: Some(String::new()),
        mutation_id: Some("m-1".to_owned()),
        metadata: metadata.as_object().cloned(),
    };
    let tx = server.db().with_context(context).begin().await?;
    a_comment(&task, "first").insert(&tx).await?;
    tx.commit().await?;
    let change = server.logged().await?.pop();
    let change = change.ok_or_else(|| anyhow::anyhow!("nothing logged"))?;
    assert_eq!(change.actor.as_deref(), Some(""));
    assert_eq!(change.mutation_id.as_deref(), Some("m-1"));
    assert_eq!(change.metadata, Some(metadata));
    Ok(())
}

/// The actors of the log's changes from the third on.
async fn actors(server: &TestServer) -> anyhow::Result<Vec<String>> {
    let changes = server.logged().await?.into_iter().skip(2);
    Ok(changes
        .map(|change| change.actor.unwrap_or("-".to_owned()))
        .collect())
}

async fn rollback_takes_it_along(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let db = TrackedConnection::new(other(server).await?);
    let tx = db.with_context(Context::actor("ann")).begin().await?;
    a_comment(&task, "gone").insert(&tx).await?;
    tx.rollback().await?;
    let tx = db.with_context(Context::actor("bob")).begin().await?;
    a_comment(&task, "dropped").insert(&tx).await?;
    drop(tx);
    let tx = db.begin().await?;
    let row = a_comment(&task, "kept").insert(&tx).await?;
    tx.commit().await?;
    // The same connection of the pool, untracked.
    let plain = other(server).await?;
    seachange_entity::comment::Entity::delete_by_id(row.id)
        .exec(&plain)
        .await?;
    assert_eq!(actors(server).await?, ["-", "-"]);
    Ok(())
}

async fn savepoints(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let tx = server
        .db()
        .with_context(Context::actor("ann"))
        .begin()
        .await?;
    let savepoint = tx.begin().await?;
    a_comment(&task, "gone").insert(&savepoint).await?;
    savepoint.rollback().await?;
    a_comment(&task, "after a rollback").insert(&tx).await?;
    let savepoint = tx.begin().await?;
    let inner = savepoint.begin().await?;
    a_comment(&task, "inner").insert(&inner).await?;
    inner.commit().await?;
    savepoint.rollback().await?;
    let savepoint = tx.begin().await?;
    a_comment(&task, "released").insert(&savepoint).await?;
    savepoint.commit().await?;
    tx.commit().await?;

    // First written in a savepoint that is released, then outside of it.
    let tx = server
        .db()
        .with_context(Context::actor("bob"))
        .begin()
        .await?;
    let savepoint = tx.begin().await?;
    a_comment(&task, "released").insert(&savepoint).await?;
    savepoint.commit().await?;
    a_comment(&task, "outside").insert(&tx).await?;
    tx.commit().await?;
    assert_eq!(actors(server).await?, ["ann", "ann", "bob", "bob"]);
    let left = other(server).await?;
    if !matches!(server.kind, seachange_testkit::Database::Postgres(_)) {
        let sql = "SELECT actor FROM change_context";
        let statement = sea_orm::Statement::from_string(left.get_database_backend(), sql);
        assert_eq!(left.query_all_raw(statement).await?.len(), 0);
    }
    Ok(())
}

/// Requests: `SEACHANGE_TEST_REQUESTS`, 400 unless given.
fn requests() -> usize {
    let requests = std::env::var("SEACHANGE_TEST_REQUESTS");
    let requests = requests.ok().and_then(|requests| requests.parse().ok());
    requests.unwrap_or(400)
}

/// Mixed requests on few connections: with and without an actor, committed, rolled back and dropped,
/// on hook tables and trigger tables, tracked and not. Each change names its own actor.
async fn it_never_leaks(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let task = a_task(server).await?;
    let settings = DatabaseSettings {
        connections: 2,
        ..DatabaseSettings::new(&server.settings.database_url)
    };
    let db = connect(&settings).await?;
    let workers = (0..4).map(|worker: usize| {
        let (db, task) = (db.clone(), task.clone());
        tokio::spawn(async move {
            for n in (worker..requests()).step_by(4) {
                request(&db, &task, n).await?;
            }
            Ok::<(), sea_orm::DbErr>(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    let mut after = None;
    let mut checked = 0;
    for change in whole_log(server).await? {
        after = Some(change.id).max(after);
        let Some(image) = change.after.as_ref() else {
            continue;
        };
        let expected = match change.entity.as_str() {
            "note" => image["name"].as_str(),
            "comment" => image["body"].as_str(),
            _ => continue,
        };
        let expected = expected.filter(|name| !name.starts_with("nobody"));
        assert_eq!(change.actor.as_deref(), expected, "change {}", change.id);
        checked += 1;
    }
    assert!(checked > requests() / 2, "{checked}");
    Ok(())
}

async fn request(
    db: &TrackedConnection,
    task: &seachange_entity::task::Model,
    n: usize,
) -> Result<(), sea_orm::DbErr> {
    let row = |name: &str| note::ActiveModel {
        id: Set(n as i64 + 1),
        book_id: Set(None),
        name: Set(name.to_owned()),
        body: Set(String::new()),
    };
    let name = format!("actor {n}");
    match n % 7 {
        0 => {
            // Another program's, on a connection of the same pool.
            note::Entity::insert(row(&format!("nobody {n}")))
                .exec_without_returning(db.writer())
                .await?;
            return Ok(());
        }
        1 => {
            let tx = db.begin().await?;
            row(&format!("nobody {n}")).insert(&tx).await?;
            return tx.commit().await;
        }
        _ => {}
    }
    let tx = db.with_context(Context::actor(&name)).begin().await?;
    match n % 7 {
        2 => {
            row(&name).insert(&tx).await?;
            tx.rollback().await
        }
        3 => {
            row(&name).insert(&tx).await?;
            drop(tx);
            Ok(())
        }
        4 => {
            // A hook table first, then one of triggers.
            let mut changed = task.clone().into_active_model();
            changed.priority = Set(i32::try_from(n).unwrap_or(0));
            changed.update(&tx).await?;
            a_comment(task, &name).insert(&tx).await?;
            tx.commit().await
        }
        _ => {
            row(&name).insert(&tx).await?;
            tx.commit().await
        }
    }
}

/// A connection that believes hooks to write finds triggers at it: the change has no actor, so the
/// transaction does not commit, and the next try does.
async fn a_stale_hint_is_told(server: &TestServer) -> Outcome {
    note::create(server).await?;
    let server = &note::beside(server).await?;
    let db = server.db().with_context(Context::actor("ann"));
    let insert = async |id: i64| {
        let tx = db.begin().await?;
        let row = note::ActiveModel {
            id: Set(id),
            book_id: Set(None),
            name: Set(format!("n{id}")),
            body: Set(String::new()),
        };
        match row.insert(&tx).await {
            Ok(_) => tx.commit().await,
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    };
    insert(1).await?;
    let migration = other(server).await?;
    track_by_triggers(&migration, "note", TriggerOptions::new()).await?;
    let error = insert(2).await.expect_err("without an actor");
    assert!(
        matches!(
            CaptureError::of(&error),
            Some(CaptureError::Retry(Retry::Switched { .. }))
        ),
        "{error}"
    );
    insert(2).await?;
    track_by_hooks(&migration, "note").await?;
    insert(3).await?;
    let logged = server.logged().await?;
    let told: Vec<_> = logged
        .iter()
        .map(|change| {
            (
                note::told(change),
                change.actor.as_deref(),
                change.source.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("insert 1 - n1=".to_owned(), Some("ann"), "hook"),
            ("insert 2 - n2=".to_owned(), Some("ann"), "trigger"),
            ("insert 3 - n3=".to_owned(), Some("ann"), "hook"),
        ]
    );
    server.verify().await
}

/// How another program says who writes and why, and takes it back, in a transaction around its write.
fn says(backend: DbBackend, actor: &str, metadata: &str) -> (String, &'static str) {
    let quoted = |text: &str| {
        let text = text.replace('\'', "''");
        match backend {
            DbBackend::MySql => format!("'{}'", text.replace('\\', "\\\\")),
            _ => format!("'{text}'"),
        }
    };
    let (actor, metadata) = (quoted(actor), quoted(metadata));
    match backend {
        DbBackend::Postgres => (
            format!(
                "SET LOCAL seachange.actor = {actor}; SET LOCAL seachange.metadata = {metadata}"
            ),
            "SELECT 1",
        ),
        DbBackend::MySql => (
            format!("SET @seachange_actor = {actor}, @seachange_metadata = {metadata}"),
            "SET @seachange_actor = NULL, @seachange_metadata = NULL",
        ),
        _ => (
            format!(
                "INSERT OR REPLACE INTO change_context (id, actor, metadata)
                 VALUES (1, {actor}, {metadata})"
            ),
            "DELETE FROM change_context",
        ),
    }
}

/// As the text is: no mark, no JSON needed; and whatever it is, the program's write succeeds and every
/// reader reads on.
async fn another_program_says_who_writes(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let (long, deep) = ("\u{1F6A2}".repeat(300), "[".repeat(400) + &"]".repeat(400));
    let oversize = format!("\"{}\"", "x".repeat(5_000));
    let cases = [
        ("alice", r#"{"why": "import", "n": 1.5}"#),
        ("=alice", "=1"),
        ("", ""),
        (" O'Brien \u{1F6A2}", "only text"),
        (&long, r#"{"half": "#),
        ("deep", &deep),
        ("oversize", &oversize),
        ("surrogate", r#""\ud83d""#),
        ("a number that no reader takes", "1e999"),
    ];
    for (id, (actor, metadata)) in (1..).zip(cases) {
        let tx = db.begin().await?;
        let (before, after) = says(db.get_database_backend(), actor, metadata);
        tx.execute_unprepared(&before).await?;
        let insert = format!("INSERT INTO note (id, name, body) VALUES ({id}, 'n{id}', '')");
        tx.execute_unprepared(&insert).await?;
        tx.execute_unprepared(after).await?;
        tx.commit().await?;
        let insert = format!("INSERT INTO note (id, name, body) VALUES (-{id}, 'n-{id}', '')");
        db.execute_unprepared(&insert).await?;

        let mut log = server.logged().await?;
        let nobodys = log.pop().expect("a change");
        assert_eq!((nobodys.actor, nobodys.metadata), (None, None));
        let change = log.pop().expect("a change");
        let first: String = actor.chars().take(255).collect();
        assert_eq!(change.actor, Some(first).filter(|actor| !actor.is_empty()));
        let kept: String = metadata.chars().take(4_096).collect();
        let expected = serde_json::from_str(&kept).unwrap_or(serde_json::Value::String(kept));
        let expected = (!metadata.is_empty()).then_some(expected);
        assert_eq!(change.metadata, expected, "{metadata}");
    }
    server.verify().await
}

/// A connection on which another program has said something writes on behalf of ours.
async fn what_another_program_says_is_not_ours(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let mut options = sea_orm::ConnectOptions::new(&server.settings.database_url);
    options.max_connections(1);
    let pool = sea_orm::Database::connect(options).await?;
    let leaked = match pool.get_database_backend() {
        DbBackend::Postgres => {
            "SET seachange.actor = 'alice'; SET seachange.metadata = 'x'".to_owned()
        }
        backend => says(backend, "alice", "x").0,
    };
    pool.execute_unprepared(&leaked).await?;
    let db = TrackedConnection::new(pool);
    for (id, context) in (1..).zip([Context::default(), Context::actor("bob")]) {
        let tx = db.with_context(context.clone()).begin().await?;
        let row = note::ActiveModel {
            id: Set(id),
            book_id: Set(None),
            name: Set(format!("n{id}")),
            body: Set(String::new()),
        };
        row.insert(&tx).await?;
        tx.commit().await?;
        let change = server.logged().await?.pop().expect("a change");
        assert_eq!((change.actor, change.metadata), (context.actor, None));
    }
    Ok(())
}
