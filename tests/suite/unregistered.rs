//! `verify` looks at tracked tables whose entities nobody has registered, and says which tables it did not
//! look at.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use seachange::changelog::{TriggerOptions, baseline, track_by_triggers};
use seachange::{Fault, Verdict};
use seachange_testkit::{Outcome, TestServer};

use crate::triggers::other;
use crate::unreadable::gauge;

seachange_testkit::cases![
    a_table_of_hooks,
    a_table_of_triggers,
    a_table_that_is_away,
    a_registered_table_that_its_entity_cannot_read,
];

/// What was found: one fault of each of these rows, in the order of their tables.
fn assert_found(verdict: &Verdict, expected: &[(&str, &str, &str)]) {
    assert!(!verdict.is_sound());
    assert_eq!(verdict.faults, expected.len() as u64, "{verdict:?}");
    for (finding, (entity, key, fault)) in verdict.listed.iter().zip(expected) {
        let Fault {
            entity: found,
            key: at,
            fault: told,
            ..
        } = finding;
        assert_eq!(
            (found.as_str(), at.as_str()),
            (*entity, *key),
            "{finding:?}"
        );
        assert!(told.contains(fault), "{finding:?}");
    }
}

/// Odd values included, which hooks write as `baseline` reads them.
async fn a_table_of_hooks(server: &TestServer) -> Outcome {
    gauge::create(server).await?;
    let before = server.verdict().await?;
    assert!(before.is_sound(), "{before:?}");
    baseline(server.db().writer(), "gauge").await?;
    let sound = server.verdict().await?;
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!(sound.rows, before.rows);
    assert!(
        sound.without_baseline < before.without_baseline,
        "{sound:?}"
    );
    gauge::write(
        server,
        &["UPDATE gauge SET name = 'other' WHERE id = 99".to_owned()],
    )
    .await?;
    let differs = ("gauge", "{\"id\":99}", "in name");
    assert_found(&server.verdict().await?, &[differs]);
    gauge::write(server, &["DELETE FROM gauge WHERE id = 1".to_owned()]).await?;
    let gone = ("gauge", "{\"id\":1}", "not in the table");
    assert_found(&server.verdict().await?, &[differs, gone]);
    let back = [
        gauge::insertion(1, None),
        "UPDATE gauge SET name = 'gauge' WHERE id = 99".to_owned(),
    ];
    gauge::write(server, &back).await?;
    server.verify().await
}

async fn ledger(server: &TestServer) -> Outcome {
    let writer = server.db().writer();
    let columns = match server.db().get_database_backend() {
        DbBackend::Postgres => "amount numeric(10, 2), at timestamptz, token uuid",
        DbBackend::MySql => "amount decimal(10, 2), at timestamp(6) NULL, token binary(16)",
        _ => "amount decimal(10, 2), at timestamp_with_timezone_text, token uuid_text",
    };
    let table = format!(
        "CREATE TABLE ledger (id bigint NOT NULL PRIMARY KEY, title varchar(40) NOT NULL, {columns})"
    );
    writer.execute_unprepared(&table).await?;
    track_by_triggers(writer, "ledger", TriggerOptions::new()).await?;
    let rows = (1..=1_050).map(|id| format!("({id}, 'entry {id}', 12.50, '2026-11-30 01:00:00')"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO ledger (id, title, amount, at) VALUES {rows}");
    let db = other(server).await?;
    db.execute_unprepared(&insert).await?;
    db.execute_unprepared("UPDATE ledger SET title = 'first' WHERE id = 1")
        .await?;
    db.execute_unprepared("DELETE FROM ledger WHERE id = 2")
        .await?;
    Ok(db.close().await?)
}

/// Runs a statement on the table that its triggers do not see.
async fn unseen(server: &TestServer, sql: &str) -> Outcome {
    let db = other(server).await?;
    let backend = db.get_database_backend();
    let names = match backend {
        DbBackend::Postgres => None,
        DbBackend::MySql => Some(
            "SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
             WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'ledger'",
        ),
        _ => Some("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"),
    };
    match names {
        None => {
            let disable = "ALTER TABLE ledger DISABLE TRIGGER USER";
            db.execute_unprepared(disable).await?;
        }
        Some(names) => {
            for row in db
                .query_all_raw(Statement::from_string(backend, names))
                .await?
            {
                let name: String = row.try_get("", "name")?;
                db.execute_unprepared(&format!("DROP TRIGGER {name}"))
                    .await?;
            }
        }
    }
    db.execute_unprepared(sql).await?;
    Ok(db.close().await?)
}

async fn a_table_of_triggers(server: &TestServer) -> Outcome {
    ledger(server).await?;
    let sound = server.verdict().await?;
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!((sound.rows, sound.without_baseline), (1_049, 0));
    unseen(server, "UPDATE ledger SET amount = 1 WHERE id IN (1, 1050)").await?;
    let differs = |key| ("ledger", key, "in amount");
    let expected = [differs("{\"id\":\"1\"}"), differs("{\"id\":\"1050\"}")];
    assert_found(&server.verdict().await?, &expected);
    unseen(
        server,
        "UPDATE ledger SET amount = 12.5 WHERE id IN (1, 1050)",
    )
    .await?;
    server.verify().await
}

/// What cannot be looked at is named, and nothing is called sound.
async fn a_table_that_is_away(server: &TestServer) -> Outcome {
    ledger(server).await?;
    let writer = server.db().writer();
    let rename = |from, to| format!("ALTER TABLE {from} RENAME TO {to}");
    let away = rename("ledger", "ledger_of_last_year");
    writer.execute_unprepared(&away).await?;
    let verdict = server.verdict().await?;
    assert!(!verdict.is_sound());
    assert_eq!(verdict.faults, 0);
    let unverified = verdict.unverified.iter();
    let unverified: Vec<&str> = unverified.map(|table| &*table.entity).collect();
    assert_eq!(unverified, ["ledger"]);
    let back = rename("ledger_of_last_year", "ledger");
    writer.execute_unprepared(&back).await?;
    server.verify().await
}

/// The others are looked at all the same, and nothing is called sound.
async fn a_registered_table_that_its_entity_cannot_read(server: &TestServer) -> Outcome {
    let writer = server.db().writer();
    let task = server.verdict().await?.rows;
    let changes = [
        ("ALTER TABLE label RENAME TO", "tag", "label"),
        ("ALTER TABLE label RENAME COLUMN name TO", "title", "name"),
    ];
    for (alter, other, own) in changes {
        writer
            .execute_unprepared(&format!("{alter} {other}"))
            .await?;
        let verdict = server.verdict().await?;
        assert!(!verdict.is_sound());
        assert_eq!((verdict.faults, verdict.rows), (0, task));
        let [unverified] = verdict.unverified.as_slice() else {
            anyhow::bail!("not one table: {verdict:?}");
        };
        assert_eq!(unverified.entity, "label");
        assert!(unverified.why.contains(own), "{unverified:?}");
        let back = alter
            .replace("TABLE label RENAME TO", "TABLE tag RENAME TO")
            .replace("COLUMN name", "COLUMN title");
        writer.execute_unprepared(&format!("{back} {own}")).await?;
    }
    server.verify().await
}
