//! Whether the triggers are what this version would make of the tables as they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult};

use super::catalogue::{Found, Table, columns as columns_of};
use super::install::{KINDS, Piece, Plan, piece_name};
use super::schema::{Column, Schemas, Version};
use super::switch::schema_name;
use super::{postgres, statement};
use crate::capture::Registry;

/// Something by which changes escape or cannot be read, now or with the next write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerFinding {
    /// Triggers write for the table and one is not there.
    #[error("`{entity}`: trigger {trigger} is missing; cure: track_by_triggers in a migration")]
    Missing {
        /// The table.
        entity: String,
        /// The trigger or function.
        trigger: String,
    },
    /// A trigger is there and switched off.
    #[error("`{entity}`: trigger {trigger} is disabled; cure: ALTER TABLE … ENABLE TRIGGER")]
    Disabled {
        /// The table.
        entity: String,
        /// The trigger.
        trigger: String,
    },
    /// A trigger is not what this version would make.
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
        /// The columns that came, went or changed.
        columns: Vec<String>,
    },
    /// Hooks write for the table, and its columns have changed without
    /// [`change_tables`](crate::change_tables) since they were last known.
    #[error(
        "`{entity}`: {columns:?} are not as the log knows them: if one was renamed, older changes have \
         it under its old name; cure: change_tables in a migration, which may come later"
    )]
    Reshaped {
        /// The table.
        entity: String,
        /// The columns that came, went or changed.
        columns: Vec<String>,
    },
    /// The log has values that the `track!` line hides: triggers go by their migration's options.
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
    /// A migration has not come to its end.
    #[error("`{entity}`: a migration between hooks and triggers is half-done; cure: run it again")]
    Unfinished {
        /// The table.
        entity: String,
    },
    /// The table is not there.
    #[error("`{entity}`: {reason}; cure: bring the table back, or track_by_hooks in a migration")]
    Unreadable {
        /// The table.
        entity: String,
        /// What the catalogue says.
        reason: String,
    },
    /// MariaDB: a foreign key's action changes the table and fires no trigger.
    #[error(
        "`{entity}`: rows of `{parent}` take rows along by a foreign key, unrecorded; \
         cure: a foreign key that restricts"
    )]
    Cascade {
        /// The table.
        entity: String,
        /// The table it refers to.
        parent: String,
    },
    /// MariaDB: rows of a partition can go without a trigger.
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

/// Looks at every table for which triggers write. A server does it when it starts.
///
/// # Errors
/// What the database says.
pub async fn check_triggers<C: ConnectionTrait>(db: &C) -> Result<Vec<TriggerFinding>, DbErr> {
    let backend = db.get_database_backend();
    let sql = "SELECT entity, writer, wanted FROM change_capture ORDER BY entity";
    let rows = db.query_all_raw(statement(backend, sql, [])).await?;
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
            let found = columns_of(db, &entity).await?;
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
/// What the database says.
pub async fn tables_by_triggers<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let sql = "SELECT entity FROM change_capture WHERE writer = 'trigger'";
    let rows = db
        .query_all_raw(statement(db.get_database_backend(), sql, []))
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
    let table = match Table::read(db, entity).await {
        Ok(table) => table,
        Err(DbErr::Custom(reason)) => {
            return Ok(vec![TriggerFinding::Unreadable {
                entity: own(),
                reason,
            }]);
        }
        Err(error) => return Err(error),
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
    let schema = schema_name(db).await?;
    let plan = Plan {
        entity,
        schema: &schema,
        version,
        table: &table,
    };
    let made = made(db, entity).await?;
    let pieces = plan.pieces(db.get_database_backend());
    for piece in &pieces {
        findings.extend(check_piece(&plan, piece, &made, db.get_database_backend()));
    }
    // One of ours that is not among them would log what another logs.
    for kind in KINDS {
        let trigger = piece_name(kind, entity);
        let is_wanted = |piece: &Piece| piece.name == trigger && !piece.is_function();
        if made.contains_key(&trigger) && !pieces.iter().any(is_wanted) {
            let entity = own();
            findings.push(TriggerFinding::Different { entity, trigger });
        }
    }
    if db.get_database_backend() == DbBackend::MySql {
        findings.extend(unseen(db, entity).await?);
    }
    Ok(findings)
}

/// The columns that came, went or changed since a version.
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

/// What triggers show more of than the `track!` line of this program says.
fn shown(entity: &str, version: &Version) -> Option<TriggerFinding> {
    let hidden = Registry::linked().hidden(entity)?;
    let is_more = |column: &&Column| column.shown < hidden.of_column(&column.name);
    let columns = version.columns.iter().filter(is_more);
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    let entity = entity.to_owned();
    (!columns.is_empty()).then_some(TriggerFinding::Shown { entity, columns })
}

/// A trigger or function that is there.
struct Made {
    text: String,
    is_enabled: bool,
}

/// What is there for the table, by name.
async fn made<C: ConnectionTrait>(db: &C, entity: &str) -> Result<BTreeMap<String, Made>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        // The functions' texts; of triggers their names and whether they are on.
        DbBackend::Postgres => {
            "SELECT t.tgname::text AS name, '' AS text, (t.tgenabled IN ('O', 'A'))::int AS is_on
             FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
             UNION ALL
             SELECT 'function ' || p.proname, p.prosrc, p.prosecdef::int FROM pg_proc p
             WHERE p.pronamespace = current_schema()::regnamespace
               AND p.proname LIKE 'change\\_capture\\_%'"
        }
        DbBackend::MySql => {
            "SELECT TRIGGER_NAME AS name, ACTION_STATEMENT AS text, CAST(1 AS SIGNED) AS is_on
             FROM information_schema.TRIGGERS
             WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?"
        }
        _ => {
            "SELECT name, sql AS text, 1 AS is_on FROM sqlite_master
             WHERE type = 'trigger' AND tbl_name = ?"
        }
    };
    let rows = db
        .query_all_raw(statement(backend, sql, [entity.into()]))
        .await?;
    let mut made = BTreeMap::new();
    for row in rows {
        let is_enabled = match backend {
            DbBackend::Postgres => row.try_get::<i32>("", "is_on")? != 0,
            _ => row.try_get::<i64>("", "is_on")? != 0,
        };
        let text: String = row.try_get("", "text")?;
        made.insert(row.try_get("", "name")?, Made { text, is_enabled });
    }
    Ok(made)
}

fn check_piece(
    plan: &Plan<'_>,
    piece: &Piece,
    made: &BTreeMap<String, Made>,
    backend: DbBackend,
) -> Option<TriggerFinding> {
    let is_function = piece.is_function();
    let called = match is_function {
        true => format!("function {}", piece.name),
        false => piece.name.clone(),
    };
    let (entity, trigger) = (plan.entity.to_owned(), called.clone());
    let Some(found) = made.get(&called) else {
        return Some(TriggerFinding::Missing { entity, trigger });
    };
    let is_same = match backend {
        DbBackend::Postgres if is_function => {
            found.is_enabled && found.text == postgres::body(plan)
        }
        DbBackend::Postgres => true,
        DbBackend::MySql => piece.sql.ends_with(&format!("FOR EACH ROW {}", found.text)),
        _ => found.text == piece.sql,
    };
    if !is_same {
        return Some(TriggerFinding::Different { entity, trigger });
    }
    (!found.is_enabled).then_some(TriggerFinding::Disabled { entity, trigger })
}

/// What of MariaDB fires no trigger.
async fn unseen<C: ConnectionTrait>(db: &C, entity: &str) -> Result<Vec<TriggerFinding>, DbErr> {
    let sql = "SELECT REFERENCED_TABLE_NAME AS parent
        FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ?
          AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
            OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))";
    let rows = db
        .query_all_raw(statement(DbBackend::MySql, sql, [entity.into()]))
        .await?;
    let mut findings = Vec::new();
    for row in rows {
        findings.push(TriggerFinding::Cascade {
            entity: entity.to_owned(),
            parent: row.try_get("", "parent")?,
        });
    }
    let sql = "SELECT PARTITION_NAME FROM information_schema.PARTITIONS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND PARTITION_NAME IS NOT NULL LIMIT 1";
    let partition = db
        .query_one_raw(statement(DbBackend::MySql, sql, [entity.into()]))
        .await?;
    findings.extend(partition.map(|_| TriggerFinding::Partitioned {
        entity: entity.to_owned(),
    }));
    Ok(findings)
}
