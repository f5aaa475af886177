//! Queries that write, and tables that are read beside one that is written.

use sea_orm::DbBackend;

use super::Expected::{Passes, Refused, Writes};
use super::{ALL, MYSQL, POSTGRES, SQLITE, on};

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
