//! Statements of many rows, whose changes PostgreSQL's triggers log at once: which old row is which new
//! one's, in what order they come, and where they must come row by row.

use sea_orm::ConnectionTrait;
use seachange::changelog::{Operation, TriggerOptions, check_triggers, track_by_triggers};
use seachange_testkit::{Outcome, TestServer};

use super::{note, other, whole_log};

seachange_testkit::cases! {
    Postgres: many_rows_by_one_statement, many_rows_after_few, a_row_changed_twice_by_one_statement,
        a_trigger_that_writes_between, a_partition_row_by_row;
}

/// Statements, and what becomes of the log.
const STEPS: [(&str, &[&str]); 8] = [
    (
        "INSERT INTO note (id, name, body) SELECT n, 'n' || n, 'one' FROM generate_series(3, 1, -1) n",
        &[
            "insert 3 - n3=one",
            "insert 2 - n2=one",
            "insert 1 - n1=one",
        ],
    ),
    ("UPDATE note SET body = 'two' WHERE id > 9", &[]),
    ("UPDATE note SET body = 'one'", &[]),
    (
        "UPDATE note SET body = CASE id WHEN 2 THEN 'one' ELSE 'two' END, name = name",
        &["update 3 n3=one n3=two", "update 1 n1=one n1=two"],
    ),
    // Every key changes, and one body.
    (
        "UPDATE note SET id = id + 10, body = CASE id WHEN 1 THEN 'ten' ELSE body END",
        &[
            "delete 3 n3=two -",
            "insert 13 - n3=two",
            "delete 2 n2=one -",
            "insert 12 - n2=one",
            "delete 1 n1=two -",
            "insert 11 - n1=ten",
        ],
    ),
    (
        "INSERT INTO note (id, name, body) VALUES (11, 'x', 'eleven'), (14, 'n4', 'one')
         ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        &["update 11 n1=ten n1=eleven", "insert 14 - n4=one"],
    ),
    // The same key goes and comes back.
    (
        "WITH gone AS (DELETE FROM note WHERE id = 14 RETURNING *)
         INSERT INTO note (id, name, body) SELECT id, name, 'again' FROM gone",
        &["delete 14 n4=one -", "insert 14 - n4=again"],
    ),
    (
        "DELETE FROM note WHERE id IN (12, 13, 99)",
        &["delete 13 n3=two -", "delete 12 n2=one -"],
    ),
];

async fn many_rows_by_one_statement(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    let mut before = 0;
    for (sql, expected) in STEPS {
        db.execute_unprepared(sql).await?;
        let told = note::all_told(server).await?;
        assert_eq!(told[before..], *expected, "{sql}");
        before = told.len();
        server.verify().await?;
    }
    Ok(())
}

/// The plan that the database has made for one row must do for many.
async fn many_rows_after_few(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let mut sql = "INSERT INTO note (id, name, body)
        SELECT n, 'n' || n, 'one' FROM generate_series(1, 20000) n;"
        .to_owned();
    for n in 1..=20 {
        sql.push_str(&format!("UPDATE note SET body = 'two' WHERE id = {n};"));
    }
    // By nested loops it would take 400,000,000 steps.
    sql.push_str("SET statement_timeout = '20s'; UPDATE note SET body = 'three';");
    other(server).await?.execute_unprepared(&sql).await?;
    assert_eq!(whole_log(server).await?.len(), 40_020);
    server.verify().await
}

/// Two foreign keys empty two columns of one row.
async fn a_row_changed_twice_by_one_statement(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "CREATE TABLE leaf (id bigint PRIMARY KEY,
           one bigint REFERENCES book ON DELETE SET NULL ON UPDATE CASCADE,
           two bigint REFERENCES book ON DELETE SET NULL ON UPDATE CASCADE)",
        "INSERT INTO book VALUES (1), (2)",
    ] {
        db.execute_unprepared(sql).await?;
    }
    track_by_triggers(&db, "leaf", TriggerOptions::new()).await?;
    for sql in [
        "INSERT INTO leaf SELECT n, 1, 2 FROM generate_series(1, 50) n",
        "UPDATE book SET id = id + 10",
        "DELETE FROM book",
    ] {
        db.execute_unprepared(sql).await?;
    }
    let log = whole_log(server).await?;
    for id in 1..=50_i64 {
        let id = id.to_string();
        let of_row = log
            .iter()
            .filter(|change| change.row_key["id"].as_str() == Some(&id));
        let of_row: Vec<_> = of_row.collect();
        assert_eq!(of_row.len(), 5, "{of_row:?}");
        assert_eq!(of_row[0].operation, Operation::Insert);
        for pair in of_row.windows(2) {
            assert_eq!(pair[0].after, pair[1].before);
        }
        let last = of_row[4].after.as_ref().expect("an update");
        assert!(last["one"].is_null() && last["two"].is_null());
    }
    Ok(())
}

/// A trigger of the adopter's changes the rows of a statement before it is through.
async fn a_trigger_that_writes_between(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN UPDATE note SET body = 'marked' WHERE id = NEW.id; RETURN NULL; END$$",
        "CREATE TRIGGER zz_mark AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION mark()",
    ] {
        db.execute_unprepared(sql).await?;
    }
    assert_ne!(check_triggers(&db).await?, [], "the doctor sees it");
    track_by_triggers(&db, "note", TriggerOptions::new()).await?;
    assert_eq!(check_triggers(&db).await?, []);
    db.execute_unprepared(
        "INSERT INTO note (id, name, body) VALUES (1, 'a', 'one'), (2, 'b', 'one')",
    )
    .await?;
    let expected = [
        "insert 1 - a=one",
        "update 1 a=one a=marked",
        "insert 2 - b=one",
        "update 2 b=one b=marked",
    ];
    assert_eq!(note::all_told(server).await?, expected);
    db.execute_unprepared("DROP TRIGGER zz_mark ON note")
        .await?;
    assert_ne!(check_triggers(&db).await?, []);
    track_by_triggers(&db, "note", TriggerOptions::new()).await?;
    assert_eq!(check_triggers(&db).await?, []);
    db.execute_unprepared("DELETE FROM note").await?;
    assert_eq!(note::all_told(server).await?.len(), 6);
    server.verify().await
}

/// Rows of a partitioned table can be written through their partition.
async fn a_partition_row_by_row(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    for sql in [
        "CREATE TABLE part (id bigint PRIMARY KEY, body text) PARTITION BY RANGE (id)",
        "CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20)",
    ] {
        db.execute_unprepared(sql).await?;
    }
    track_by_triggers(&db, "part", TriggerOptions::new()).await?;
    for sql in [
        "INSERT INTO part_low VALUES (1, 'one')",
        "INSERT INTO part VALUES (11, 'one')",
        "UPDATE part_high SET body = 'two'",
        "UPDATE part SET id = 12 WHERE id = 1",
    ] {
        db.execute_unprepared(sql).await?;
    }
    let log = whole_log(server).await?;
    let told: Vec<String> = log
        .iter()
        .map(|change| format!("{} {}", change.operation, change.row_key["id"]))
        .collect();
    let expected = [
        "insert \"1\"",
        "insert \"11\"",
        "update \"11\"",
        "delete \"1\"",
        "insert \"12\"",
    ];
    assert_eq!(told, expected);
    Ok(())
}
