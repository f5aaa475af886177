//! How each server reads comments, quotes, numbers and parameters, and what that can hide.

use sea_orm::DbBackend;

use super::Expected::{Passes, Refused, Transaction, Unclear, Writes};
use super::{LONG, MYSQL, POSTGRES, SQLITE, on, run};

#[test]
fn mysql_quotes_and_comments() {
    on(
        MYSQL,
        Passes,
        &[
            "SELECT 5--3 FROM task",
            "SELECT 5 -- '\n FROM task",
            "SELECT 5 # '\n FROM task",
            "DELETE FROM `a``b`",
            "INSERT INTO other VALUES ('it''s \\n a task')",
            "SELECT /*+ NO_CACHE */ 1",
        ],
    );
    on(
        MYSQL,
        Refused,
        &[
            "SELECT 1 --\u{a0}",
            "SELECT 1 --'\n; DELETE FROM task; -- '",
            "SELECT '\\'', \"\\\", \"; DELETE FROM task; -- \"",
        ],
    );
    on(
        MYSQL,
        Writes("DELETE"),
        &[
            "SELECT 5 # \n; DELETE FROM task",
            "DELETE FROM `task`",
            "SELECT '\\'; DELETE FROM task; -- '",
            "SELECT '\\''; DELETE FROM task; -- '",
            "SELECT \"\\\"; DELETE FROM task; -- \"",
            "CREATE PROCEDURE p() BEGIN SELECT 1; DELETE FROM task; END",
        ],
    );
    on(
        MYSQL,
        Unclear("DELETE"),
        &["DELETE FROM [task]", "DELETE FROM $task"],
    );
    on(
        MYSQL,
        Unclear("SET"),
        &["SET sql_mode = ''; SELECT 'a\\nb'"],
    );
    on(MYSQL, Unclear("SELECT"), &["SELECT /*+ QB_NAME(`*/`) */ 1"]);
    on(
        MYSQL,
        Writes("CREATE"),
        &["CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM task"],
    );
    on(
        MYSQL,
        Unclear("CREATE"),
        &[
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO CALL f()",
            "CREATE FUNCTION f() RETURNS int LANGUAGE JAVASCRIPT AS 'x'",
        ],
    );
}

#[test]
fn mysql_executable_comments() {
    on(
        MYSQL,
        Passes,
        &[
            "/*!40101 SET foreign_key_checks = 0 */;",
            "SELECT /*!40001 SQL_NO_CACHE */ * FROM task",
        ],
    );
    on(
        MYSQL,
        Refused,
        &[
            "/*!500000DELETE FROM task*/",
            "/*!99999 ' */ DELETE FROM task /*!99999 ' */",
            "/*!99999 -- */ DELETE FROM task",
            "/*!99999 /* */ DELETE FROM task */",
            "SELECT 1 /*!99999 ; */",
            "SELECT 1 /*! x",
            "EXPLAIN ANALYZE /*!99999 SELECT 1 */ DELETE FROM task",
        ],
    );
    on(
        MYSQL,
        Writes("DELETE"),
        &[
            "/*!50000 DELETE FROM task */",
            "/*M! DELETE FROM task */",
            "/*!50000DELETE FROM task*/",
            "DELETE FROM /*! task */",
        ],
    );
    on(MYSQL, Unclear("SELECT"), &["/*!99999 SELECT */ CALL f()"]);
    on(
        MYSQL,
        Writes("SELECT"),
        &[
            "/*!99999 SELECT */ DELETE FROM task",
            "/*!99999 SELECT 1, */ /*! DELETE FROM task */",
        ],
    );
    on(
        MYSQL,
        Writes("UPDATE"),
        &["WITH x AS (SELECT 1) /*!99999 SELECT 1 FOR */ UPDATE task SET a = 1"],
    );
    on(
        MYSQL,
        Unclear("DROP"),
        &["DROP /*!99999 TABLE x, */ SCHEMA y"],
    );
}

#[test]
fn postgres_quotes_and_comments() {
    let overlong = format!("DELETE FROM {LONG}and_more");
    assert!(run(&overlong, DbBackend::Postgres).is_err());
    on(
        POSTGRES,
        Passes,
        &[
            "SELECT a[1], '{1}'::int[], $1, 1.5 FROM task WHERE a @> b",
            "/* /* */ DELETE FROM task */ SELECT 1",
            "SELECT E'\\'; DELETE FROM task; --'",
            "INSERT INTO other VALUES (E'a\\'b', 'c')",
            "INSERT INTO other VALUES (E'a\\nb', 'c')",
            "SELECT $$ '; DELETE FROM task; $$",
        ],
    );
    on(
        POSTGRES,
        Writes("DELETE"),
        &[
            "SELECT 1 --x'\r; DELETE FROM task; --'",
            "SELECT '\\'; DELETE FROM task; --'",
            "SELECT '\\''; DELETE FROM task; --'",
            "SELECT $a$ $$ $b$ $a$; DELETE FROM task",
            "SELECT a$$, b$$; DELETE FROM task; --$$",
            "CREATE RULE r AS ON INSERT TO other DO (SELECT 1; DELETE FROM task)",
        ],
    );
    on(
        POSTGRES,
        Unclear("SELECT"),
        &[
            "SELECT 1 /* /* */; DELETE FROM task",
            "SELECT $a$ x",
            "SELECT `; DELETE FROM task; --`",
        ],
    );
    on(
        POSTGRES,
        Refused,
        &[
            "SELECT E'a'\n'\\'', '\\'; DELETE FROM task; --'",
            "SELECT $1$$; DELETE FROM task; $$",
        ],
    );
    on(
        POSTGRES,
        Unclear("DELETE"),
        &["DELETE FROM U&\"t\\0061sk\""],
    );
}

#[test]
fn postgres_routine_bodies() {
    on(
        POSTGRES,
        Passes,
        &[
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1 $x$",
            "CREATE FUNCTION f() RETURNS int AS $$ BEGIN FOR i IN 1..9 LOOP END LOOP; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION f()",
        ],
    );
    on(
        POSTGRES,
        Writes("CREATE"),
        &[
            "CREATE OR REPLACE FUNCTION f() RETURNS trigger AS $$ BEGIN DELETE FROM \"my task\"; END $$ LANGUAGE plpgsql",
            "CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN FOR i IN 1..9 LOOP PERFORM g('task'); END LOOP; END $$ LANGUAGE plpgsql",
            "CREATE PROCEDURE f() AS 'DELETE FROM task' LANGUAGE sql",
        ],
    );
    on(
        POSTGRES,
        Unclear("CREATE"),
        &[
            "CREATE PROCEDURE f() AS 'DELETE FROM ta'\n'sk' LANGUAGE sql",
            "CREATE PROCEDURE f() AS E'DELETE FROM t\\x61sk' LANGUAGE sql",
            "CREATE PROCEDURE f() AS $$ BEGIN EXECUTE 'DELETE FROM ta' || 'sk'; END $$ LANGUAGE plpgsql",
            "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE plperl",
        ],
    );
}

#[test]
fn sqlite_quotes_parameters_and_triggers() {
    on(
        SQLITE,
        Writes("DELETE"),
        &[
            "DELETE FROM [task]",
            "DELETE FROM `task`",
            "DELETE FROM 'task'",
            "DELETE FROM main.'task'",
            "SELECT '\\'; DELETE FROM task; --'",
        ],
    );
    on(
        SQLITE,
        Passes,
        &[
            "INSERT INTO other VALUES ('task', :task, ?1, @a::b)",
            "SELECT '\\''; DELETE FROM task; --'",
            "SELECT 1 --\r; DELETE FROM task",
            "EXPLAIN QUERY PLAN DELETE FROM task",
            "CREATE TEMP TRIGGER t AFTER INSERT ON other BEGIN INSERT INTO log VALUES (new.id); SELECT 1; END; SELECT 1",
        ],
    );
    on(SQLITE, Refused, &["SELECT [a]]; DELETE FROM task; --]"]);
    on(
        SQLITE,
        Unclear("SELECT"),
        &[
            "SELECT $a('); DELETE FROM task; --')",
            "SELECT :a('); DELETE FROM task; --')",
        ],
    );
    on(
        SQLITE,
        Writes("CREATE"),
        &[
            "CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1; DELETE FROM task; END",
            "CREATE TRIGGER t AFTER INSERT ON task BEGIN SELECT 1; END",
        ],
    );
    on(
        SQLITE,
        Transaction("END"),
        &["CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1; END; END"],
    );
    on(
        SQLITE,
        Unclear("COMMIT"),
        &["CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1; COMMIT; END"],
    );
    on(
        SQLITE,
        Unclear("CREATE"),
        &["CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1;"],
    );
}
