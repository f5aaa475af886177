//! What the text of a query builder says that its audit leaves out.

use sea_orm::DatabaseBackend::{self, MySql, Postgres, Sqlite};

use crate::database;
use crate::raw_sql::{Existing, InsertEffects, SqlText};

fn text(sql: &str, backend: DatabaseBackend) -> SqlText<'_> {
    SqlText::of(sql, database::on(backend).syntax())
}

#[test]
fn columns_that_an_update_assigns() {
    for (backend, sql, expected) in [
        (Postgres, r#"UPDATE "t" SET "id" = $1 WHERE "x" = $2"#, true),
        (Postgres, r#"update "t" set "ID"=$1"#, true),
        (MySql, "UPDATE `t` SET `id` = ?", true),
        (Sqlite, r#"UPDATE "t" SET "x" = ? WHERE "id" = ?"#, false),
        (
            Postgres,
            r#"UPDATE "t" SET "x" = (SELECT "y" FROM "u" WHERE "z" = $1), "id" = $2"#,
            true,
        ),
        (
            Postgres,
            r#"UPDATE "t" SET "x" = (SELECT (1) FROM "u" WHERE ")" = $1) WHERE "id" = $2"#,
            false,
        ),
        (
            Sqlite,
            r#"UPDATE "t" SET "x" = ' where ', "id" = 1 WHERE TRUE"#,
            true,
        ),
        (
            Postgres,
            r#"UPDATE "t" SET "x" = '"id" = 1', "y" = "id" WHERE "id" = 1"#,
            false,
        ),
        (
            Sqlite,
            r#"INSERT INTO "t" ("id") SELECT ? WHERE "id" = ? ON CONFLICT ("x") WHERE "id" = 3
               DO UPDATE SET "x" = "excluded"."x" WHERE "t"."id" = 4"#,
            false,
        ),
        (
            Postgres,
            r#"INSERT INTO "t" ("id") VALUES ($1) ON CONFLICT ("x") DO UPDATE SET "id" = "excluded"."id""#,
            true,
        ),
        (
            MySql,
            "INSERT INTO `t` (`id`) VALUES (?) ON DUPLICATE KEY UPDATE `x` = 1, `id` = VALUES(`id`)",
            true,
        ),
        // A backslash that escapes the quote under one setting and not under another.
        (
            Postgres,
            r#"UPDATE "t" SET "x" = '\', "id" = 1, "y" = '' WHERE "x" = ''"#,
            true,
        ),
        // What cannot be read may assign anything.
        (Postgres, r#"UPDATE "t" SET "x" = 'half"#, true),
    ] {
        assert_eq!(text(sql, backend).may_assign("id"), expected, "{sql}");
    }
}

#[test]
fn inserts_that_change_rows() {
    let nothing = InsertEffects::default();
    let deletes = InsertEffects {
        deletes: true,
        ..nothing
    };
    let updates = InsertEffects {
        updates: true,
        ..nothing
    };
    for (backend, sql, expected) in [
        (
            Sqlite,
            r#"INSERT INTO "t" ("x") VALUES (' do update set ')"#,
            nothing,
        ),
        (
            Postgres,
            r#"INSERT INTO "t" ("replace", "updated_at", "update") VALUES ($1, $2, $3)"#,
            nothing,
        ),
        (
            Postgres,
            r#"INSERT INTO "t" ("x") VALUES (replace($1, 'a', 'b')) ON CONFLICT DO NOTHING"#,
            nothing,
        ),
        (MySql, "REPLACE INTO `t` (`x`) VALUES (?)", deletes),
        (
            Sqlite,
            r#"INSERT OR REPLACE INTO "t" ("x") VALUES (?)"#,
            deletes,
        ),
        (
            MySql,
            "INSERT INTO `t` (`x`) VALUES (?) ON DUPLICATE KEY UPDATE `x` = 1",
            updates,
        ),
        (
            Postgres,
            "INSERT INTO \"t\" (\"x\") VALUES ($1) ON CONFLICT (\"x\")\nDO UPDATE\n SET \"x\" = 1",
            updates,
        ),
        (
            Postgres,
            r#"WITH "a" AS (INSERT INTO "t" ("x") VALUES ($1) ON CONFLICT ("x") DO UPDATE SET "x" = 1)
               SELECT 1"#,
            updates,
        ),
        (
            Sqlite,
            "INSERT INTO \"t\" VALUES ('half update ",
            InsertEffects::ANY,
        ),
    ] {
        assert_eq!(text(sql, backend).insert_effects(), expected, "{sql}");
    }
}

#[test]
fn how_a_text_begins() {
    for (sql, first, is_query) in [
        ("SELECT 1", "SELECT", true),
        (" \n select\t1", "select", true),
        ("SELECT(1)", "SELECT(1)", true),
        ("(SELECT 1)", "(SELECT", false),
        ("selected", "selected", false),
        ("INSERT INTO t", "INSERT", false),
        ("", "", false),
    ] {
        let text = text(sql, Sqlite);
        assert_eq!(text.first_word(), first);
        assert_eq!(text.begins_as_query(), is_query, "{sql}");
    }
}

#[test]
fn what_becomes_of_a_row_that_an_insert_finds() {
    let kept = "INSERT INTO `t` (`id`, `x`) VALUES (?, ?)";
    for (backend, clause, expected) in [
        (MySql, "", Existing::Kept),
        (
            Postgres,
            r#" ON CONFLICT ("id") DO NOTHING"#,
            Existing::Kept,
        ),
        (
            MySql,
            " ON DUPLICATE KEY UPDATE `id` = `id`",
            Existing::SetToItself,
        ),
        (
            MySql,
            " ON DUPLICATE KEY UPDATE `id` = `id`, `x` = `x`",
            Existing::SetToItself,
        ),
        (
            MySql,
            " ON DUPLICATE KEY UPDATE `id` = `id`, `x` = `id`",
            Existing::Written,
        ),
        (
            MySql,
            " ON DUPLICATE KEY UPDATE `x` = VALUES(`x`)",
            Existing::Written,
        ),
        (
            MySql,
            " ON DUPLICATE KEY UPDATE `id` = `id` RETURNING `id`",
            Existing::Written,
        ),
        (
            MySql,
            ", (?, (?)) ON DUPLICATE KEY UPDATE `id` = `id`",
            Existing::Written,
        ),
        (
            Sqlite,
            r#" ON CONFLICT ("id") DO UPDATE SET "id" = "excluded"."id""#,
            Existing::Written,
        ),
    ] {
        let sql = format!("{kept}{clause}");
        let text = text(&sql, backend);
        assert_eq!(text.existing(), expected, "{sql}");
        if expected == Existing::SetToItself {
            assert_eq!(text.upsert_begins(), Some(kept.len()));
        }
    }
    let replace = text("REPLACE INTO `t` (`id`) VALUES (?)", MySql);
    assert_eq!(replace.existing(), Existing::Written);
}
