//! What each verb does on every server.

use sea_orm::DbBackend;

use super::Expected::{Passes, Refused, Unclear, Writes};
use super::{ALL, POSTGRES, RawRefusal, on, run};

#[test]
fn a_refusal_names_the_table_in_lower_case() {
    let refusal = run(
        "INSERT INTO \"My Task\" SELECT 1 FROM other",
        DbBackend::Sqlite,
    );
    let expected = RawRefusal::Writes {
        table: "my task".to_owned(),
        verb: "INSERT".to_owned(),
    };
    assert_eq!(refusal, Err(expected));
}

#[test]
fn what_names_no_tracked_table_passes() {
    on(
        ALL,
        Passes,
        &[
            "",
            " ;; -- nothing\n ; /* at all */",
            "SELECT * FROM task",
            "select 1; SELECT count(*) FROM task;",
            "(SELECT id FROM task) UNION (SELECT 1)",
            "VALUES (1, 'task')",
            "TABLE task",
            "SHOW TABLES",
            "DESCRIBE task",
            "DESC task",
            "SELECT * FROM task FOR UPDATE",
            "INSERT INTO other VALUES (1, 'task', 1.5e-3, 0xFF)",
            "UPDATE other SET a = 'x' -- task\n",
            "DELETE FROM task_archive",
            "TRUNCATE other",
            "CREATE TABLE other (id int)",
            "ALTER TABLE other ADD x int",
            "DROP TABLE other CASCADE",
            "ANALYZE; VACUUM; REINDEX; OPTIMIZE TABLE x; USE db; RESET ALL",
            "REVOKE ALL ON other FROM x",
            "REFRESH MATERIALIZED VIEW v",
            "LISTEN a; NOTIFY a, 'task'; UNLISTEN a",
            "DETACH x",
        ],
    );
}

#[test]
fn writes_by_name_are_refused() {
    on(
        ALL,
        Writes("DELETE"),
        &[
            "SELECT 1; DELETE FROM task",
            "delete/**/from/* x */ \"my task\"",
            "DELETE FROM \"TASK\"",
        ],
    );
    on(
        ALL,
        Writes("INSERT"),
        &[
            "INSERT INTO task (id) VALUES (1)",
            "INSERT INTO task SELECT * FROM other",
        ],
    );
    on(ALL, Writes("UPDATE"), &["UPDATE public.Task SET a = 1"]);
    on(ALL, Writes("REPLACE"), &["REPLACE INTO task VALUES (1)"]);
    on(ALL, Writes("TRUNCATE"), &["TRUNCATE task"]);
    on(ALL, Unclear("TRUNCATE"), &["TRUNCATE other CASCADE"]);
    on(
        ALL,
        Writes("MERGE"),
        &["MERGE INTO task USING x ON a = b WHEN MATCHED THEN DELETE"],
    );
    on(
        ALL,
        Writes("CREATE"),
        &[
            "CREATE TABLE task (id int)",
            "CREATE VIEW v AS SELECT * FROM task",
        ],
    );
    on(
        ALL,
        Unclear("CREATE"),
        &["CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p"],
    );
    on(ALL, Writes("ALTER"), &["ALTER TABLE task ADD x int"]);
    on(ALL, Writes("DROP"), &["DROP TABLE IF EXISTS task"]);
    on(
        ALL,
        Unclear("DROP"),
        &["DROP TYPE mood CASCADE", "DROP SCHEMA public"],
    );
    on(ALL, Writes("RENAME"), &["RENAME TABLE task TO old"]);
    on(ALL, Writes("COPY"), &["COPY task FROM STDIN"]);
    on(ALL, Unclear("COPY"), &["COPY other FROM PROGRAM 'x'"]);
    on(ALL, Writes("LOCK"), &["LOCK TABLE task"]);
    on(ALL, Writes("COMMENT"), &["COMMENT ON TABLE task IS 'x'"]);
    on(ALL, Writes("GRANT"), &["GRANT SELECT ON task TO x; "]);
    on(ALL, Unclear("ATTACH"), &["ATTACH 'file' AS x"]);
}

#[test]
fn what_cannot_be_told_is_refused() {
    on(ALL, Unclear("CALL"), &["CALL f()"]);
    on(
        ALL,
        Refused,
        &["DO $$ x $$", "SELECT x'\\', '\\'; DELETE FROM task; -- '"],
    );
    on(POSTGRES, Unclear("DO"), &["DO $$ BEGIN END $$"]);
    on(ALL, Unclear("EXECUTE"), &["EXECUTE p"]);
    on(
        ALL,
        Unclear("PREPARE"),
        &["PREPARE p FROM 'DELETE FROM task'"],
    );
    on(
        ALL,
        Unclear("LOAD"),
        &["LOAD DATA INFILE 'x' INTO TABLE other"],
    );
    on(ALL, Unclear("HANDLER"), &["HANDLER task OPEN"]);
    on(ALL, Unclear("FROBNICATE"), &["frobnicate"]);
    on(ALL, Unclear("X"), &["'x'"]);
    on(ALL, Unclear("("), &["("]);
    on(ALL, Unclear("DROP"), &["(DROP SCHEMA x)"]);
    on(
        ALL,
        Unclear("SELECT"),
        &[
            "SELECT 'x",
            "SELECT \"x",
            "SELECT `x",
            "SELECT 1 /* x",
            "SELECT \0",
            "SELECT \\",
            "SELECT 1INTO x",
            "SELECT 1.e5INTO x",
            "SELECT 1'x'",
        ],
    );
    on(
        ALL,
        Unclear("DELETE"),
        &["DELETE FROM \u{feff}task", "DELETE FROM\u{a0}task"],
    );
}

#[test]
fn explain_reads_unless_it_runs_a_write() {
    on(
        ALL,
        Passes,
        &[
            "EXPLAIN DELETE FROM task",
            "EXPLAIN ANALYZE SELECT * FROM task",
            "EXPLAIN (ANALYZE, BUFFERS) (SELECT * FROM task)",
            "DESC ANALYZE FORMAT=TREE SELECT * FROM task",
        ],
    );
    on(
        ALL,
        Unclear("EXPLAIN ANALYZE"),
        &[
            "EXPLAIN ANALYZE DELETE FROM task",
            "EXPLAIN (VERBOSE, \"analyze\") DELETE FROM task",
            "EXPLAIN ANALYSE VERBOSE DELETE FROM task",
            "EXPLAIN ANALYZE WITH x AS (DELETE FROM task RETURNING 1) SELECT 1",
        ],
    );
    on(
        ALL,
        Unclear("DESC ANALYZE"),
        &["DESC ANALYZE SELECT 1 INTO x"],
    );
}

#[test]
fn texts_that_may_control_a_transaction() {
    let may = |sql: &str, backend| {
        let text = crate::raw_sql::SqlText::of(sql, crate::database::on(backend).syntax());
        text.may_control_transactions()
    };
    for backend in [DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite] {
        for sql in [
            "COMMIT",
            "UPDATE task SET a = 1; COMMIT",
            "CALL anything()",
            "DO $$ BEGIN COMMIT; END $$",
            "EXECUTE prepared",
            "'",
        ] {
            assert!(may(sql, backend), "{sql}");
        }
        for sql in [
            "UPDATE task SET a = 'COMMIT'",
            "DELETE FROM task -- COMMIT",
            "(SELECT 1); TRUNCATE task;",
            "INSERT INTO task SELECT * FROM other",
        ] {
            assert!(!may(sql, backend), "{sql}");
        }
    }
    assert!(may(
        "UPDATE task SET a = 1 /*! ; COMMIT */",
        DbBackend::MySql
    ));
}
