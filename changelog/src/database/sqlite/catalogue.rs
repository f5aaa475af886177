//! SQLite's catalogue.

use std::collections::BTreeMap;

use sea_orm::DbErr;

use super::{Dialect, Session, Sqlite};
use crate::collation::{Equality, Undecided};
use crate::database::facts::Catalogue;
use crate::error::SetupRefusal;
use crate::shape::Unique;

pub(super) static CATALOGUE: Catalogue = Catalogue {
    columns: "SELECT name, type AS ty, pk AS is_key FROM pragma_table_xinfo(?)
    WHERE hidden <> 1 ORDER BY cid",
    key: "SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk",
    computed: "SELECT name FROM pragma_table_xinfo(?)
    WHERE hidden IN (2, 3) ORDER BY cid",
    // Unless it is the row number, a key has an index, and may be null if it is not declared otherwise.
    indexes: r#"SELECT x.seqno + 1 AS place,
    CASE WHEN x."desc" = 0 THEN COALESCE(x.name, '') ELSE '' END AS name
    FROM pragma_index_list(?) i JOIN pragma_index_xinfo(i.name) x
    WHERE i.partial = 0 AND x.key = 1 AND NOT EXISTS (
      SELECT 1 FROM pragma_table_xinfo(?) k JOIN pragma_index_list(?) p ON p.origin = 'pk'
      WHERE k.pk > 0 AND k."notnull" = 0)
    ORDER BY i.seq, x.seqno"#,
    tables: "SELECT name FROM sqlite_master WHERE type = 'table'",
    is_there: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
    foreign_keys: r#"SELECT t.name AS "child", f."table" AS "parent",
    COALESCE(f."to", 'rowid') AS "col", f.on_delete AS "del", f.on_update AS "upd"
    FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'"#,
    triggers: "SELECT name, sql AS text, 1 AS is_on FROM sqlite_master
     WHERE type = 'trigger' AND tbl_name = ?",
};

/// Whether the table has no hidden row number.
pub(super) async fn is_without_rowid(db: &dyn Session, table: &str) -> Result<bool, DbErr> {
    let sql = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?";
    let row = db.row(Sqlite.statement(sql, vec![table.into()])).await?;
    row.map_or(Ok(false), |row| Sqlite.read_flag(&row, "wr"))
}

/// The unique indexes other than the primary key.
pub(super) async fn uniques(db: &dyn Session, table: &str) -> Result<Vec<Unique>, DbErr> {
    let sql = "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 AND origin <> 'pk'";
    let indexes = db.rows(Sqlite.statement(sql, vec![table.into()])).await?;
    let mut uniques = Vec::new();
    for index in indexes {
        let index: String = index.try_get("", "name")?;
        let sql =
            "SELECT COALESCE(name, '') AS name, coll FROM pragma_index_xinfo(?) WHERE key = 1";
        let rows = db
            .rows(Sqlite.statement(sql, vec![index.as_str().into()]))
            .await?;
        let columns: Vec<(String, String)> = rows
            .iter()
            .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "coll")?)))
            .collect::<Result<_, DbErr>>()?;
        if columns.iter().any(|(column, _)| column.is_empty()) {
            let index = Sqlite.quote(&index);
            return Err(SetupRefusal::ExpressionIndex { index }.into());
        }
        uniques.push(Unique { columns });
    }
    Ok(uniques)
}

/// The catalogue has collations only in the text of `CREATE TABLE`. Which one SQLite uses for a column is
/// read from the program that it compiles for a comparison, which is not run.
pub(super) async fn equalities(
    db: &dyn Session,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let mut found = BTreeMap::new();
    let columns = db
        .rows(Sqlite.statement(CATALOGUE.columns, vec![table.into()]))
        .await?;
    for column in columns {
        let column: String = column.try_get("", "name")?;
        let sql = format!(
            "EXPLAIN SELECT {} = '' FROM {}",
            Sqlite.quote(&column),
            Sqlite.quote(table)
        );
        let program = db.rows(Sqlite.statement(&sql, Vec::new())).await?;
        let mut collation = "?-".to_owned();
        // A computed column may contain comparisons too; they come earlier in the program.
        for step in program {
            if step.try_get::<String>("", "opcode")? == "Eq" {
                let named: Option<String> = step.try_get("", "p4")?;
                // A comparison of row numbers names no collation.
                collation = named.unwrap_or_else(|| "BINARY-".to_owned());
            }
        }
        found.insert(column, equality(&collation));
    }
    Ok(found)
}

/// The equality of a collation such as `NOCASE-8`: its name and the encoding that it compares.
fn equality(collation: &str) -> Equality {
    let (name, _) = collation.rsplit_once('-').unwrap_or((collation, ""));
    match name.to_ascii_uppercase().as_str() {
        "BINARY" => Equality::Exact,
        "NOCASE" => Equality::AsciiCase,
        "RTRIM" => Equality::Padded,
        _ => Equality::Undecided(Undecided {
            collation: name.to_owned(),
            cure: "rebuild the table with the collation BINARY, NOCASE or RTRIM",
        }),
    }
}
