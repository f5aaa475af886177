//! Checks whether the triggers are those that this version would create for the tables as they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::findings;
use super::schema::Schemas;
use super::switch::Recorder;
use crate::catalogue;
use crate::database::{self, Dialect, KINDS, Made, Piece, Plan, Unseen, piece_name};
use crate::error::CaptureError;
use crate::finding::Finding;
use crate::registry::Registry;
use crate::shape::{Column, Found, Version};

/// Checks every table for which triggers write. A server does this when it starts.
///
/// # Errors
/// Errors of the database.
pub async fn check_triggers<C: ConnectionTrait>(db: &C) -> Result<Vec<Finding>, DbErr> {
    let sql = "SELECT entity, writer, wanted FROM change_capture ORDER BY entity";
    let ask = database::of(db).statement(sql, Vec::new());
    let rows = db.query_all_raw(ask).await?;
    let schemas = Schemas::read(db).await?;
    let mut findings = Vec::new();
    for row in rows {
        let entity: String = row.try_get("", "entity")?;
        let (writer, wanted): (String, String) =
            (row.try_get("", "writer")?, row.try_get("", "wanted")?);
        if writer != wanted {
            findings.push(findings::unfinished(&entity));
        }
        if writer == "trigger" {
            findings.extend(check_table(db, &entity, &schemas).await?);
        } else if let Some(known) = schemas.newest(&entity).filter(|_| writer == "hook") {
            let found = catalogue::columns(db, &entity).await?;
            let columns = changed(known, &found);
            if !found.is_empty() && !columns.is_empty() {
                findings.push(findings::reshaped(&entity, columns));
            }
        }
    }
    Ok(findings)
}

/// The tables for which triggers write.
///
/// # Errors
/// Errors of the database.
pub async fn tables_by_triggers<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    tables_of(db, Recorder::Trigger).await
}

/// The tables that a migration has said to be recorded no more.
///
/// # Errors
/// Errors of the database.
pub async fn untracked_tables<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    tables_of(db, Recorder::Nothing).await
}

async fn tables_of<C: ConnectionTrait>(
    db: &C,
    recorder: Recorder,
) -> Result<BTreeSet<String>, DbErr> {
    let sql = "SELECT entity FROM change_capture WHERE writer = ?";
    let ask = database::of(db).statement(sql, vec![recorder.as_str().into()]);
    let rows = db.query_all_raw(ask).await?;
    let name = |row: &QueryResult| row.try_get::<String>("", "entity");
    rows.iter().map(name).collect()
}

/// The same in lower case.
pub(crate) async fn captured_tables<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let tables = tables_by_triggers(db).await?;
    Ok(tables.iter().map(|table| table.to_lowercase()).collect())
}

async fn check_table<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    schemas: &Schemas,
) -> Result<Vec<Finding>, DbErr> {
    let table = match catalogue::read(db, entity).await {
        Ok(table) => table,
        Err(error) => {
            let Some(refusal) = CaptureError::of(&error) else {
                return Err(error);
            };
            return Ok(vec![findings::unreadable(entity, refusal)]);
        }
    };
    let Some(version) = schemas.newest(entity) else {
        return Ok(vec![findings::unfinished(entity)]);
    };
    let mut findings = Vec::new();
    let columns = changed(version, &table.columns);
    if !columns.is_empty() {
        findings.push(findings::outdated(entity, columns));
    }
    findings.extend(shown(entity, version));
    let dialect = database::of(db);
    let schema = dialect.schema_name(db).await?;
    let plan = Plan {
        entity,
        schema: &schema,
        version,
        table: &table,
    };
    let made = made(db, entity).await?;
    let pieces = dialect.pieces(&plan);
    for piece in &pieces {
        findings.extend(check_piece(&plan, piece, &made, dialect));
    }
    // A leftover trigger of ours would log what another one logs.
    for kind in KINDS {
        let trigger = piece_name(kind, entity);
        let is_wanted = |piece: &Piece| piece.name == trigger && !piece.is_function();
        if made.contains_key(&trigger) && !pieces.iter().any(is_wanted) {
            findings.push(findings::different(entity, trigger));
        }
    }
    let unseen = dialect.unseen(db, entity).await?.into_iter();
    findings.extend(unseen.map(|unseen| match unseen {
        Unseen::Cascade(parent) => findings::cascade(entity, parent),
        Unseen::Partitions => findings::partitioned(entity),
    }));
    Ok(findings)
}

/// The columns that were added, removed or changed since a version.
fn changed(version: &Version, found: &[Found]) -> Vec<String> {
    let known = version.columns.iter();
    let known = known.map(|column| (&column.name, &column.ty, column.is_key));
    let found = found.iter();
    let found = found.map(|column| (&column.name, &column.ty, column.is_key));
    let (known, found): (Vec<_>, Vec<_>) = (known.collect(), found.collect());
    let gone = known.iter().filter(|column| !found.contains(column));
    let come = found.iter().filter(|column| !known.contains(column));
    let names: BTreeSet<String> = gone.chain(come).map(|(name, ..)| (*name).clone()).collect();
    names.into_iter().collect()
}

/// The columns of which triggers show more than the `track!` line of this program allows.
fn shown(entity: &str, version: &Version) -> Option<Finding> {
    let hidden = Registry::linked().hidden(entity)?;
    let is_more = |column: &&Column| column.shown < hidden.of_column(&column.name);
    let columns = version.columns.iter().filter(is_more);
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    (!columns.is_empty()).then(|| findings::shown(entity, columns))
}

/// The triggers and functions that exist for the table, by name.
async fn made<C: ConnectionTrait>(db: &C, entity: &str) -> Result<BTreeMap<String, Made>, DbErr> {
    let dialect = database::of(db);
    let ask = dialect.ask_of(dialect.catalogue().triggers, entity);
    let rows = db.query_all_raw(ask).await?;
    let mut made = BTreeMap::new();
    for row in rows {
        let is_enabled = dialect.read_flag(&row, "is_on")?;
        let text: String = row.try_get("", "text")?;
        made.insert(row.try_get("", "name")?, Made { text, is_enabled });
    }
    Ok(made)
}

fn check_piece(
    plan: &Plan<'_>,
    piece: &Piece,
    made: &BTreeMap<String, Made>,
    dialect: &dyn Dialect,
) -> Option<Finding> {
    let called = if piece.is_function() {
        format!("function {}", piece.name)
    } else {
        piece.name.clone()
    };
    let Some(found) = made.get(&called) else {
        return Some(findings::missing(plan.entity, called));
    };
    if !dialect.is_as_made(plan, piece, found) {
        return Some(findings::different(plan.entity, called));
    }
    (!found.is_enabled).then(|| findings::disabled(plan.entity, called))
}
