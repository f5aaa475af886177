//! Databases that cannot be served: the reason, its cure, and exit code 1.

use sea_orm::{ConnectionTrait, Database as SeaDatabase};
use seachange_testkit::{Database, Ended, Outcome, OwnDatabase, Process};

use crate::harness::{command, run, serve};

seachange_testkit::cases! {
    Servers: a_role_that_may_not_write;
    Sqlite: a_file_to_read_only, an_address_that_is_none;
}

/// Starts a server that must refuse to.
async fn refused(url: &str, told: &[&str]) -> Outcome {
    let server = Process::start(command(url, &["--listen", "127.0.0.1:0"]))?;
    let ended: Ended = server.ended().await?;
    anyhow::ensure!(ended.code() == Some(1), "{ended:?}");
    for word in told {
        anyhow::ensure!(ended.stderr.contains(word), "no `{word}`: {ended:?}");
    }
    Ok(())
}

async fn an_address_that_is_none(_: &OwnDatabase) -> Outcome {
    let cure = "begin it with sqlite://, postgres:// or mysql://";
    for url in [
        "",
        "verify",
        "task.db",
        "postgres://me:secret@host:port/db",
        "oracle://me:secret@host",
    ] {
        refused(url, &["the database's address", cure]).await?;
        let ended = run(url, &["verify"]).await?;
        anyhow::ensure!(ended.code() == Some(1), "{ended:?}");
        anyhow::ensure!(!ended.stderr.contains("panicked"), "{ended:?}");
        anyhow::ensure!(!ended.stderr.contains("secret"), "{ended:?}");
    }
    Ok(())
}

async fn migrate(url: &str) -> Outcome {
    let migrated = run(url, &["migrate", "up"]).await?;
    anyhow::ensure!(migrated.code() == Some(0), "{migrated:?}");
    Ok(())
}

/// A role of its own, which may do everything but what is taken from it.
async fn a_role_that_may_not_write(database: &OwnDatabase) -> Outcome {
    migrate(&database.url).await?;
    let role = format!(
        "seachange_{}",
        &uuid::Uuid::new_v4().simple().to_string()[..16]
    );
    let db = SeaDatabase::connect(&database.url).await?;
    let (grant, drop) = match database.kind {
        Database::Postgres(_) => (
            vec![
                format!("CREATE ROLE {role} LOGIN"),
                format!("GRANT ALL ON SCHEMA public TO {role}"),
                format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"),
                format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"),
            ],
            vec![format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")],
        ),
        _ => (
            vec![format!("CREATE USER {role}@'%'")],
            vec![format!("DROP USER {role}@'%'")],
        ),
    };
    for sql in &grant {
        db.execute_unprepared(sql).await?;
    }
    let refused = each_right_is_missed(database, &db, &role).await;
    for sql in &drop {
        db.execute_unprepared(sql).await?;
    }
    db.close().await?;
    refused
}

async fn each_right_is_missed(
    database: &OwnDatabase,
    db: &impl ConnectionTrait,
    role: &str,
) -> Outcome {
    let (_, rest) = database.url.split_once('@').unwrap_or_default();
    let scheme = database.url.split("://").next().unwrap_or_default();
    let url = format!("{scheme}://{role}@{rest}");
    if matches!(database.kind, Database::Postgres(_)) {
        for (table, right) in [
            ("change_log", "INSERT"),
            ("change_tick", "INSERT"),
            ("change_epoch", "UPDATE"),
            ("change_request", "DELETE"),
        ] {
            let revoke = format!("REVOKE {right} ON {table} FROM {role}");
            db.execute_unprepared(&revoke).await?;
            refused(&url, &["may not write", table, "cure: grant it"]).await?;
            let grant = format!("GRANT {right} ON {table} TO {role}");
            db.execute_unprepared(&grant).await?;
        }
        return serve(&url).await?.stop().await;
    }
    let tables = [
        "project",
        "task",
        "comment",
        "label",
        "task_label",
        "seaql_migrations",
    ];
    for table in tables {
        db.execute_unprepared(&format!("GRANT ALL ON {table} TO {role}@'%'"))
            .await?;
    }
    db.execute_unprepared(&format!("GRANT SELECT ON change_epoch TO {role}@'%'"))
        .await?;
    for (table, rights) in [
        ("change_log", "SELECT, INSERT"),
        ("change_inbox", "SELECT, INSERT, DELETE"),
        ("change_epoch", "SELECT, UPDATE"),
        ("change_request", "SELECT, INSERT, UPDATE, DELETE"),
    ] {
        refused(&url, &["may not write", table, "cure: grant it"]).await?;
        let grant = format!("GRANT {rights} ON {table} TO {role}@'%'");
        db.execute_unprepared(&grant).await?;
    }
    serve(&url).await?.stop().await
}

async fn a_file_to_read_only(database: &OwnDatabase) -> Outcome {
    migrate(&database.url).await?;
    let url = database.url.replace("mode=rwc", "mode=ro");
    refused(&url, &["read-only", "cure: "]).await
}
