//! Statements that control transactions, and statements that change settings.

use sea_orm::DbBackend;

use super::Expected::{Passes, Transaction, Unclear};
use super::{ALL, MYSQL, POSTGRES, SQLITE, on};

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
