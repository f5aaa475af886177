//! Tables of cases: what each verb does on every server, then (in `text`) how each server reads its
//! text, and (in `random`) many texts at once.

mod random;
mod text;

use sea_orm::DbBackend;

use crate::database;

use super::{RawRefusal, check};

const MYSQL: &[DbBackend] = &[DbBackend::MySql];
const POSTGRES: &[DbBackend] = &[DbBackend::Postgres];
const SQLITE: &[DbBackend] = &[DbBackend::Sqlite];
const ALL: &[DbBackend] = &[DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite];

/// A tracked name as long as PostgreSQL allows.
const LONG: &str = "a_name_of_just_sixty_three_bytes_which_is_all_that_postgres_kee";

#[derive(Clone, Copy, Debug)]
enum Expected {
    Passes,
    Writes(&'static str),
    Unclear(&'static str),
    Transaction(&'static str),
    /// Which refusal it is does not matter.
    Refused,
}
use Expected::{Passes, Refused, Transaction, Unclear, Writes};

fn run(sql: &str, backend: DbBackend) -> Result<(), RawRefusal> {
    let tracked = ["task", "my task", LONG];
    let syntax = database::on(backend).syntax();
    check(sql, syntax, &|name| tracked.contains(&name))
}

fn on(backends: &[DbBackend], expected: Expected, texts: &[&str]) {
    for sql in texts {
        for backend in backends {
            let result = run(sql, *backend);
            let met = match (&result, expected) {
                (Ok(()), Passes) | (Err(_), Refused) => true,
                (Err(RawRefusal::Writes { verb, .. }), Writes(v))
                | (Err(RawRefusal::Unclear { verb }), Unclear(v))
                | (Err(RawRefusal::TransactionControl { verb }), Transaction(v)) => verb == v,
                _ => false,
            };
            assert!(met, "{backend:?}: {sql}\n{result:?}, not {expected:?}");
        }
    }
}

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
fn transactions_go_through_the_api() {
    on(ALL, Transaction("BEGIN"), &["begin"]);
    on(ALL, Transaction("START"), &["START TRANSACTION"]);
    on(ALL, Transaction("COMMIT"), &["SELECT 1; COMMIT"]);
    on(ALL, Transaction("ROLLBACK"), &["ROLLBACK TO x"]);
    on(ALL, Transaction("SAVEPOINT"), &["SAVEPOINT x"]);
    on(ALL, Transaction("RELEASE"), &["RELEASE x"]);
    on(ALL, Transaction("END"), &["END"]);
    on(ALL, Transaction("ABORT"), &["ABORT"]);
    on(ALL, Transaction("XA"), &["XA START 'x'"]);
    on(
        ALL,
        Transaction("SET"),
        &["SET autocommit = 0", "SET completion_type = 'CHAIN'"],
    );
    on(
        MYSQL,
        Transaction("SET"),
        &["SET @@session.`autocommit` = 0"],
    );
    on(
        ALL,
        Passes,
        &["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"],
    );
}

#[test]
fn settings() {
    on(
        ALL,
        Passes,
        &[
            "SET search_path TO public",
            "SET foreign_key_checks = 0",
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
            "SET client_encoding = 'UTF8'",
        ],
    );
    on(
        ALL,
        Unclear("SET"),
        &[
            "SET NAMES gbk",
            "SET NAMES utf8, character_set_client = gbk",
            "SET session_replication_role = replica",
            "SET LOCAL \"session_replication_role\" TO replica",
            "SET STATEMENT a = 1 FOR DELETE FROM task",
        ],
    );
    on(
        ALL,
        Unclear("ALTER"),
        &["ALTER ROLE x SET session_replication_role = replica"],
    );
    on(
        ALL,
        Unclear("UPDATE"),
        &["UPDATE pg_settings SET setting = 'replica'"],
    );
    on(
        POSTGRES,
        Passes,
        &["SELECT set_config('app.user', $1, true)"],
    );
    on(
        POSTGRES,
        Unclear("SELECT"),
        &[
            "SELECT set_config('session_replication_role', 'replica', false)",
            "SELECT set_config('a' || 'b', 'c', false)",
            "SELECT set_config(E'a', 'c', false)",
        ],
    );
    on(
        SQLITE,
        Passes,
        &["PRAGMA table_info(task)", "PRAGMA foreign_keys = OFF"],
    );
    on(
        SQLITE,
        Unclear("PRAGMA"),
        &[
            "PRAGMA main.writable_schema = 1",
            "PRAGMA 'writable_schema'(1)",
        ],
    );
    on(
        &[DbBackend::MySql, DbBackend::Postgres],
        Unclear("PRAGMA"),
        &["PRAGMA x"],
    );
}

#[test]
fn queries_that_write() {
    on(
        ALL,
        Writes("SELECT INTO"),
        &["SELECT * INTO task FROM other"],
    );
    on(
        &[DbBackend::MySql, DbBackend::Sqlite],
        Writes("SELECT INTO"),
        &[
            "SELECT * INTO backup FROM task",
            "TABLE task INTO OUTFILE 'x'",
        ],
    );
    on(
        ALL,
        Passes,
        &[
            "SELECT * INTO backup FROM other",
            "SELECT 'into' FROM task",
            "WITH x AS (SELECT 1) SELECT * FROM task",
            "WITH x AS (SELECT 1) SELECT replace(a, 'b', 'c') FROM task",
            "WITH x AS (SELECT 1) SELECT * FROM task FOR UPDATE",
            "WITH x AS (SELECT 1) SELECT * FROM task FOR NO KEY UPDATE",
            "WITH x AS (SELECT 1) UPDATE other SET a = 1",
        ],
    );
    on(MYSQL, Writes("SELECT INTO"), &["SELECT 1 INTO @task"]);
    on(
        ALL,
        Writes("UPDATE"),
        &["WITH x AS (SELECT 1) UPDATE task SET a = 1"],
    );
    on(
        ALL,
        Writes("INSERT"),
        &["WITH x AS (SELECT 1) INSERT INTO task SELECT 1"],
    );
    on(
        ALL,
        Writes("DELETE"),
        &[
            "WITH x AS (DELETE FROM task RETURNING *) SELECT * FROM x",
            "(WITH x AS (DELETE FROM task RETURNING *) SELECT 1)",
            "SELECT * FROM (WITH x AS (DELETE FROM task) SELECT 1)",
        ],
    );
    on(
        ALL,
        Writes("MERGE"),
        &["WITH x AS (SELECT 1) MERGE INTO task USING x ON a = b"],
    );
    on(
        ALL,
        Writes("REPLACE"),
        &["WITH x AS (SELECT 1) REPLACE INTO task SELECT 1"],
    );
}

#[test]
fn a_table_that_is_only_read_may_be_tracked() {
    on(
        ALL,
        Passes,
        &[
            "INSERT INTO other SELECT * FROM task",
            "INSERT INTO other (a, task) SELECT a, b FROM public.task t WHERE replace(c, 'x', '') = 'y'",
            "REPLACE INTO other SELECT * FROM \"Task\"",
            "WITH x AS (SELECT * FROM task) INSERT INTO other SELECT * FROM x",
            "UPDATE other SET task = 1",
            "UPDATE other SET a = (SELECT count(*) FROM task)",
            "DELETE FROM other WHERE id IN (SELECT id FROM task)",
            "CREATE TABLE other AS SELECT * FROM task",
            "CREATE TEMPORARY TABLE IF NOT EXISTS x.other AS WITH y AS (TABLE task) SELECT * FROM y",
        ],
    );
    on(
        &[DbBackend::Postgres, DbBackend::Sqlite],
        Passes,
        &[
            "UPDATE other SET a = task.a FROM task WHERE task.id = other.id",
            "INSERT INTO other SELECT * FROM task ON CONFLICT (id) DO UPDATE SET a = excluded.a",
        ],
    );
    on(
        MYSQL,
        Passes,
        &[
            "INSERT IGNORE INTO other SELECT * FROM task ON DUPLICATE KEY UPDATE a = task.a",
            "CREATE TABLE other SELECT * FROM task",
        ],
    );
    on(
        SQLITE,
        Passes,
        &["INSERT OR REPLACE INTO other SELECT * FROM task"],
    );
    on(
        POSTGRES,
        Passes,
        &[
            "DELETE FROM other USING task WHERE task.id = other.id",
            "MERGE INTO other o USING task t ON o.id = t.id WHEN MATCHED THEN DELETE \
             WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id)",
            "SELECT * INTO backup FROM task",
            "COPY (SELECT * FROM task) TO STDOUT",
            "COPY task (id) TO STDOUT",
            "WITH gone AS (DELETE FROM other RETURNING *) SELECT * FROM gone JOIN task USING (id)",
        ],
    );
}

#[test]
fn a_table_that_may_be_written_is_refused_among_others_that_are_read() {
    on(
        ALL,
        Refused,
        &[
            "INSERT INTO task SELECT * FROM task",
            "WITH x AS (INSERT INTO task SELECT 1) INSERT INTO other SELECT * FROM x",
            "CREATE TABLE task AS SELECT * FROM other",
            "CREATE TABLE other (LIKE task)",
            "CREATE TABLE other (id int REFERENCES task ON DELETE CASCADE)",
            "CREATE TABLE other AS WITH x AS (DELETE FROM task RETURNING *) SELECT * FROM x",
            "CREATE VIEW other AS SELECT * FROM task",
            "CREATE INDEX other ON task (id)",
            "UPDATE other JOIN task ON a = b SET task.a = 1",
            "INSERT other SELECT * FROM task",
            "DELETE t FROM other o JOIN task t ON t.id = o.id",
        ],
    );
    on(
        MYSQL,
        Refused,
        &[
            "DELETE FROM t USING other o, task t WHERE t.id = o.id",
            "CREATE OR REPLACE TABLE task AS SELECT * FROM other",
            "CREATE TABLE other LIKE task",
            "REPLACE task SELECT * FROM other",
        ],
    );
    on(
        POSTGRES,
        Refused,
        &[
            "CREATE TABLE other PARTITION OF task FOR VALUES IN (1)",
            "CREATE TABLE other () INHERITS (task)",
            "MERGE INTO task USING other ON a = b WHEN MATCHED THEN DELETE",
            "COPY (DELETE FROM task RETURNING *) TO STDOUT",
            "COPY task (id) FROM STDIN",
            "DELETE FROM ONLY (task)",
            "WITH x AS (DELETE FROM task RETURNING *) INSERT INTO other SELECT * FROM x",
        ],
    );
    on(
        SQLITE,
        Refused,
        &["INSERT OR REPLACE INTO 'task' SELECT * FROM other"],
    );
}
