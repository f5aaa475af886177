//! Checks whether the triggers are those that this version would create for the tables as they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::schema::Schemas;
use crate::catalogue;
use crate::database::{self, Dialect, KINDS, Made, Piece, Plan, Unseen, piece_name};
use crate::error::CaptureError;
use crate::registry::Registry;
use crate::shape::{Column, Found, Version};

/// A flaw by which changes escape or cannot be read, now or from the next write on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerFinding {
    /// Triggers write for the table, but one is missing.
    #[error("`{entity}`: trigger {trigger} is missing; cure: track_by_triggers in a migration")]
    Missing {
        /// The table.
        entity: String,
        /// The trigger or function.
        trigger: String,
    },
    /// A trigger exists but is switched off.
    #[error("`{entity}`: trigger {trigger} is disabled; cure: ALTER TABLE … ENABLE TRIGGER")]
    Disabled {
        /// The table.
        entity: String,
        /// The trigger.
        trigger: String,
    },
    /// A trigger differs from the one that this version would create.
    #[error("`{entity}`: trigger {trigger} is another; cure: track_by_triggers in a migration")]
    Different {
        /// The table.
        entity: String,
        /// The trigger or function.
        trigger: String,
    },
    /// The table's columns have changed without [`change_tables`](crate::change_tables).
    #[error(
        "`{entity}`: {columns:?} are not as the triggers know them; cure: change_tables in a migration"
    )]
    Outdated {
        /// The table.
        entity: String,
        /// The columns that were added, removed or changed.
        columns: Vec<String>,
    },
    /// Hooks write for the table, and its columns have changed without
    /// [`change_tables`](crate::change_tables) since the log last stored them.
    #[error(
        "`{entity}`: {columns:?} are not as the log knows them: if one was renamed, older changes have \
         it under its old name; cure: change_tables in a migration, which may come later"
    )]
    Reshaped {
        /// The table.
        entity: String,
        /// The columns that were added, removed or changed.
        columns: Vec<String>,
    },
    /// The log has values that the `track!` line hides: triggers follow their migration's options, not that
    /// line.
    #[error(
        "`{entity}`: triggers show {columns:?}, which `track!` hides; cure: track_by_triggers in a \
         migration, with TriggerOptions that redact or exclude them"
    )]
    Shown {
        /// The table.
        entity: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A migration has not finished.
    #[error("`{entity}`: a migration between hooks and triggers is half-done; cure: run it again")]
    Unfinished {
        /// The table.
        entity: String,
    },
    /// The table is missing.
    #[error("`{entity}`: {reason}; cure: bring the table back, or track_by_hooks in a migration")]
    Unreadable {
        /// The table.
        entity: String,
        /// What the catalogue reports.
        reason: String,
    },
    /// On MariaDB, a foreign key's action changes the table and fires no trigger.
    #[error(
        "`{entity}`: rows of `{parent}` take rows along by a foreign key, unrecorded; \
         cure: a foreign key that restricts"
    )]
    Cascade {
        /// The table.
        entity: String,
        /// The table that it refers to.
        parent: String,
    },
    /// On MariaDB, rows of a partition can be removed without a trigger.
    #[error(
        "`{entity}` has partitions, which can be emptied unrecorded; cure: delete rows instead of \
         truncating or dropping partitions, or a table without partitions"
    )]
    Partitioned {
        /// The table.
        entity: String,
    },
}

impl TriggerFinding {
    /// The table.
    pub fn entity(&self) -> &str {
        match self {
            Self::Missing { entity, .. }
            | Self::Disabled { entity, .. }
            | Self::Different { entity, .. }
            | Self::Outdated { entity, .. }
            | Self::Reshaped { entity, .. }
            | Self::Shown { entity, .. }
            | Self::Unfinished { entity }
            | Self::Unreadable { entity, .. }
            | Self::Cascade { entity, .. }
            | Self::Partitioned { entity } => entity,
        }
    }
}

/// Checks every table for which triggers write. A server does this when it starts.
///
/// # Errors
/// Errors of the database.
pub async fn check_triggers<C: ConnectionTrait>(db: &C) -> Result<Vec<TriggerFinding>, DbErr> {
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
            findings.push(TriggerFinding::Unfinished {
                entity: entity.clone(),
            });
        }
        if writer == "trigger" {
            findings.extend(check_table(db, &entity, &schemas).await?);
        } else if let Some(known) = schemas.newest(&entity) {
            let found = catalogue::columns(db, &entity).await?;
            let columns = changed(known, &found);
            if !found.is_empty() && !columns.is_empty() {
                findings.push(TriggerFinding::Reshaped { entity, columns });
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
    let sql = "SELECT entity FROM change_capture WHERE writer = 'trigger'";
    let rows = db
        .query_all_raw(database::of(db).statement(sql, Vec::new()))
        .await?;
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
) -> Result<Vec<TriggerFinding>, DbErr> {
    let own = || entity.to_owned();
    let table = match catalogue::read(db, entity).await {
        Ok(table) => table,
        Err(error) => {
            let Some(refusal) = CaptureError::of(&error) else {
                return Err(error);
            };
            return Ok(vec![TriggerFinding::Unreadable {
                entity: own(),
                reason: refusal.message(),
            }]);
        }
    };
    let Some(version) = schemas.newest(entity) else {
        return Ok(vec![TriggerFinding::Unfinished { entity: own() }]);
    };
    let mut findings = Vec::new();
    let columns = changed(version, &table.columns);
    if !columns.is_empty() {
        findings.push(TriggerFinding::Outdated {
            entity: own(),
            columns,
        });
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
            let entity = own();
            findings.push(TriggerFinding::Different { entity, trigger });
        }
    }
    let unseen = dialect.unseen(db, entity).await?.into_iter();
    findings.extend(unseen.map(|unseen| {
        let entity = own();
        match unseen {
            Unseen::Cascade(parent) => TriggerFinding::Cascade { entity, parent },
            Unseen::Partitions => TriggerFinding::Partitioned { entity },
        }
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
fn shown(entity: &str, version: &Version) -> Option<TriggerFinding> {
    let hidden = Registry::linked().hidden(entity)?;
    let is_more = |column: &&Column| column.shown < hidden.of_column(&column.name);
    let columns = version.columns.iter().filter(is_more);
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    let entity = entity.to_owned();
    (!columns.is_empty()).then_some(TriggerFinding::Shown { entity, columns })
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
) -> Option<TriggerFinding> {
    let called = if piece.is_function() {
        format!("function {}", piece.name)
    } else {
        piece.name.clone()
    };
    let (entity, trigger) = (plan.entity.to_owned(), called.clone());
    let Some(found) = made.get(&called) else {
        return Some(TriggerFinding::Missing { entity, trigger });
    };
    if !dialect.is_as_made(plan, piece, found) {
        return Some(TriggerFinding::Different { entity, trigger });
    }
    (!found.is_enabled).then_some(TriggerFinding::Disabled { entity, trigger })
}
