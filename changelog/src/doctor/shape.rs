//! Compares tables with the shape that they should have.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::{Expected, Finding, FindingCode, columns};
use crate::{database, migration};

/// The tables of the log.
pub(super) async fn of_log(db: &DatabaseConnection) -> Result<Vec<Finding>, DbErr> {
    let mut findings = Vec::new();
    for (table, expected) in migration::shapes(database::of(db)) {
        let Some(found) = columns(db, table).await? else {
            let message = format!("`{table}`, a table of the log, is not there");
            let cure = "run `migrate up`; if that was done, put it back from a copy, or, where the role \
                       may not see it, grant it rights there";
            findings.push(Finding::new(FindingCode::LogMissing, table, message, cure));
            continue;
        };
        let missing: Vec<&str> = expected
            .into_iter()
            .filter(|name| !found.contains(*name))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "`{table}` has an older shape, without {}",
                missing.join(", ")
            );
            let cure = "call upgrade_change_log in a new migration, and run `migrate up`";
            findings.push(Finding::new(FindingCode::LogOutdated, table, message, cure));
        }
    }
    Ok(findings)
}

/// Compares an entity with its table: the table may be missing, or columns of either.
///
/// # Errors
/// What the database says.
pub async fn examine_entity<C: ConnectionTrait>(
    db: &C,
    entity: &Expected,
) -> Result<Vec<Finding>, DbErr> {
    let dialect = database::of(db);
    let table = entity.table;
    let Some(found) = columns(db, table).await? else {
        let message = format!("`{table}` is tracked and not there");
        let cure = "run `migrate up`, or take the entity out of the program";
        return Ok(vec![Finding::new(
            FindingCode::TableMissing,
            table,
            message,
            cure,
        )]);
    };
    let known = |name: &&&str| found.contains(&dialect.fold(name));
    let missing: Vec<&str> = entity
        .columns
        .iter()
        .filter(|name| !known(name))
        .copied()
        .collect();
    let is_known = |name: &&String| entity.columns.iter().any(|own| dialect.fold(own) == **name);
    let unknown: Vec<&str> = found
        .iter()
        .filter(|name| !is_known(name))
        .map(String::as_str)
        .collect();
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let message = format!(
            "`{table}` has no {}, which its entity has",
            missing.join(", ")
        );
        let cure = "a migration that adds them, or an entity without them";
        findings.push(Finding::new(
            FindingCode::ColumnMissing,
            table,
            message,
            cure,
        ));
    }
    if !unknown.is_empty() {
        let message = format!(
            "the entity of `{table}` does not know {}",
            unknown.join(", ")
        );
        let cure = "add them to the entity: what it does not know, hooks do not record";
        findings.push(Finding::new(
            FindingCode::ColumnUnknown,
            table,
            message,
            cure,
        ));
    }
    Ok(findings)
}
