//! Compares tables with the shape that they should have.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::{Expected, Flaw, FlawCode, columns};
use crate::{database, migration};

/// The tables of the log.
pub(super) async fn of_log(db: &DatabaseConnection) -> Result<Vec<Flaw>, DbErr> {
    let mut flaws = Vec::new();
    for (table, expected) in migration::shapes(database::of(db)) {
        let Some(found) = columns(db, table).await? else {
            let message = format!("`{table}`, a table of the log, is not there");
            let fix = "run `migrate up`; if that was done, put it back from a copy, or, where the role \
                       may not see it, grant it rights there";
            flaws.push(Flaw::new(FlawCode::LogMissing, table, message, fix));
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
            let fix = "a migration that brings the log to this version's shape";
            flaws.push(Flaw::new(FlawCode::LogOutdated, table, message, fix));
        }
    }
    Ok(flaws)
}

/// Compares an entity with its table: the table may be missing, or columns of either.
///
/// # Errors
/// What the database says.
pub async fn examine_entity<C: ConnectionTrait>(
    db: &C,
    entity: &Expected,
) -> Result<Vec<Flaw>, DbErr> {
    let dialect = database::of(db);
    let table = entity.table;
    let Some(found) = columns(db, table).await? else {
        let message = format!("`{table}` is tracked and not there");
        let fix = "run `migrate up`, or take the entity out of the program";
        return Ok(vec![Flaw::new(FlawCode::TableMissing, table, message, fix)]);
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
    let mut flaws = Vec::new();
    if !missing.is_empty() {
        let message = format!(
            "`{table}` has no {}, which its entity has",
            missing.join(", ")
        );
        let fix = "a migration that adds them, or an entity without them";
        flaws.push(Flaw::new(FlawCode::ColumnMissing, table, message, fix));
    }
    if !unknown.is_empty() {
        let message = format!(
            "the entity of `{table}` does not know {}",
            unknown.join(", ")
        );
        let fix = "add them to the entity: what it does not know, hooks do not record";
        flaws.push(Flaw::new(FlawCode::ColumnUnknown, table, message, fix));
    }
    Ok(flaws)
}
