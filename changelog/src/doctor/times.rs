//! Columns of SQLite that hold times in several spellings.
//!
//! This crate compares such times as moments. Programs that compare texts do not, and neither do keys and
//! unique indexes: one moment in two spellings is two keys.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::{Expected, Finding, FindingCode, columns};
use crate::database::{self, Dialect, Sqlite};
use crate::registry::Registry;
use crate::sqlite_time::Times;

/// The most spellings of one column that a finding names.
const SPELLINGS: usize = 8;

/// One spelling in a column.
struct Spelling {
    form: String,
    rows: i64,
    /// A row that has this spelling.
    key: String,
}

/// The columns whose times differ in more than their digits. It reads the whole table.
pub(super) async fn mixed(
    db: &DatabaseConnection,
    entity: &Expected,
) -> Result<Vec<Finding>, DbErr> {
    if !database::of(db).facts().times_are_texts {
        return Ok(Vec::new());
    }
    let Some(there) = columns(db, entity.table).await? else {
        return Ok(Vec::new());
    };
    let is_there = |column: &str| there.contains(&column.to_lowercase());
    let registry = Registry::linked();
    let mut findings = Vec::new();
    for column in entity.columns.iter().filter(|column| is_there(column)) {
        let rust = registry.column(entity.table, column, is_there);
        let Some(times) = rust.and_then(|(_, rust)| Times::of(&rust)) else {
            continue;
        };
        let found = spellings(db, entity.table, column, times).await?;
        if found.len() > 1 {
            findings.push(finding(entity.table, column, &found));
        }
    }
    Ok(findings)
}

fn finding(table: &str, column: &str, found: &[Spelling]) -> Finding {
    let forms = found.iter().take(SPELLINGS).map(|spelling| {
        let Spelling { form, rows, key } = spelling;
        format!("{form} in {rows} rows (such as {key})")
    });
    let mut forms: Vec<String> = forms.collect();
    if found.len() > SPELLINGS {
        forms.push("others".to_owned());
    }
    let message = format!(
        "`{table}`.`{column}` has times in several spellings, which texts, keys and unique indexes treat as different: {}",
        forms.join(", ")
    );
    let cure = "write all as SeaORM does (of a moment 2026-11-30T12:00:00.123456+00:00), those of other programs \
               included; the API compares moments, however they are written";
    Finding::new(FindingCode::TimesMixed, table, message, cure)
}

/// The spellings of a column, the most frequent first.
async fn spellings(
    db: &DatabaseConnection,
    table: &str,
    column: &str,
    times: Times,
) -> Result<Vec<Spelling>, DbErr> {
    let key = key(db, table).await?;
    let quoted = |text: &str| Sqlite.quote(text);
    let t = quoted(column);
    let (form, of_key) = (times.form(&t), times.key(&t));
    let min_key = Sqlite.readable("min(row_key)");
    let sql = format!(
        "SELECT form, count(*) AS number, {min_key} AS row_key FROM (
         SELECT CASE WHEN typeof({t})<>'text' THEN typeof({t}) WHEN {of_key} IS NULL THEN 'what is not a time'
         ELSE {form} END AS form, {key} AS row_key FROM {} WHERE {t} IS NOT NULL)
         GROUP BY form ORDER BY number DESC, form LIMIT {}",
        quoted(table),
        SPELLINGS + 1
    );
    let found = db.query_all_raw(Sqlite.statement(&sql, Vec::new())).await?;
    // The key may hold texts that are not UTF-8.
    let key_text = |row: &sea_orm::QueryResult| {
        let bytes = Sqlite.read_text(row, "row_key")?.unwrap_or_default();
        Ok::<_, DbErr>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let spelling = |row: &sea_orm::QueryResult| {
        Ok(Spelling {
            form: row.try_get("", "form")?,
            rows: row.try_get("", "number")?,
            key: key_text(row)?,
        })
    };
    found.iter().map(spelling).collect()
}

/// The key of a row as a text, in SQL.
async fn key(db: &DatabaseConnection, table: &str) -> Result<String, DbErr> {
    let sql = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk";
    let found = db
        .query_all_raw(Sqlite.statement(sql, vec![table.into()]))
        .await?;
    let parts = found.iter().map(|row| {
        let column: String = row.try_get("", "name")?;
        let quoted = Sqlite.quote(&column);
        let start = column.replace('\'', "''");
        Ok(format!(
            "'{start} '||CASE typeof({quoted}) WHEN 'blob' THEN lower(hex({quoted})) ELSE {quoted} END"
        ))
    });
    let parts: Vec<String> = parts.collect::<Result<_, DbErr>>()?;
    Ok(if parts.is_empty() {
        "'row '||rowid".to_owned()
    } else {
        parts.join("||', '||")
    })
}
