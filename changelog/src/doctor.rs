//! Looks in the database's catalogue and the log's own tables for anything that could let a write escape, or
//! keep the log from being read.
//!
//! It changes nothing, not even a log that has been moved to another server. It knows only the names and
//! columns of tables that the caller passes; whether rows and log agree is not examined here.

mod shape;
mod times;

pub use shape::examine_entity;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, EntityTrait};
use serde::Serialize;

use crate::admission::{self, Refused};
use crate::catalogue::{column_names, computed_columns, equalities};
use crate::collation::Undecided;
use crate::database;
use crate::epoch;
use crate::registry::Registry;
use crate::tracked::escaping;
use crate::triggers::{TriggerFinding, captured_tables, check_triggers};

/// The kind of a flaw. A word never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlawCode {
    /// A table of the log is missing.
    LogMissing,
    /// A table of the log has an older shape.
    LogOutdated,
    /// The role may not write a table of the log.
    RightsMissing,
    /// The database takes no writes, or has no order of commits.
    Unservable,
    /// The log has no epoch.
    EpochMissing,
    /// The log was written on another server.
    EpochElsewhere,
    /// A trigger is missing.
    TriggerMissing,
    /// A trigger is switched off.
    TriggerDisabled,
    /// A trigger differs from the one that this version creates.
    TriggerDifferent,
    /// The table has changed without its triggers.
    TriggerOutdated,
    /// A table recorded by hooks has changed without `change_tables`, so the log does not know which columns
    /// were renamed.
    TableReshaped,
    /// Triggers show columns that the `track!` line hides.
    ColumnShown,
    /// A switch between hooks and triggers is unfinished.
    CaptureUnfinished,
    /// A foreign key's action changes the table unrecorded.
    Cascade,
    /// Rows can be removed with their partition, unrecorded.
    Partitioned,
    /// A tracked table is missing.
    TableMissing,
    /// A column of the entity is not in the table.
    ColumnMissing,
    /// A column of the table is not in the entity.
    ColumnUnknown,
    /// A column's texts are compared by rules that only the database knows.
    CollationUndecided,
    /// A column of SQLite has times in several spellings.
    TimesMixed,
    /// The database fills a column, but the `track!` line does not declare it.
    ColumnComputed,
    /// A row has a value that its entity cannot hold.
    ValueUnfit,
    /// No process is running a consumer.
    ConsumerUnheld,
    /// A consumer is paused.
    ConsumerPaused,
    /// Changes that a consumer has not handled yet are no longer retained.
    ConsumerExpired,
    /// A consumer's checkpoint belongs to another log.
    ConsumerAstray,
}

/// A defect, and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The kind.
    pub code: FlawCode,
    /// The table that has it.
    pub table: String,
    /// What is wrong.
    pub message: String,
    /// The remedy.
    pub fix: String,
}

impl Flaw {
    /// A flaw of a table.
    pub fn new(
        code: FlawCode,
        table: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            code,
            table: table.into(),
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// A flaw from the text of an error that includes its cure.
    fn from_error(code: FlawCode, table: impl Into<String>, text: &str) -> Self {
        let (message, fix) = text.split_once("; cure: ").unwrap_or((text, ""));
        Self::new(code, table, message, fix)
    }
}

/// A table as the program's entity declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The table's name.
    pub table: &'static str,
    /// The entity's columns.
    pub columns: Vec<&'static str>,
}

/// Looks for flaws in the log's tables, in capture and in the tables of these entities. If the log's tables
/// have flaws, only they and the entities' tables are examined.
///
/// # Errors
/// Errors of the database.
pub async fn examine(db: &DatabaseConnection, entities: &[Expected]) -> Result<Vec<Flaw>, DbErr> {
    let mut flaws = shape::of_log(db).await?;
    if flaws.is_empty() {
        flaws.extend(service(db).await?);
        flaws.extend(identity(db).await?);
        flaws.extend(capture(db).await?);
    }
    flaws.extend(check_computed(db).await?);
    for entity in entities {
        // A missing table is already reported with its triggers.
        let is_told =
            |flaw: &Flaw| flaw.table == entity.table && flaw.code == FlawCode::TableMissing;
        if !flaws.iter().any(is_told) {
            flaws.extend(shape::examine_entity(db, entity).await?);
            flaws.extend(collations(db, entity).await?);
            flaws.extend(times::mixed(db, entity).await?);
        }
    }
    Ok(flaws)
}

/// Whether a server could work here.
async fn service(db: &DatabaseConnection) -> Result<Option<Flaw>, DbErr> {
    let refused = match admission::check_rights(db).await {
        Ok(()) => return Ok(None),
        Err(Refused::Database(error)) => return Err(error),
        Err(refused) => refused,
    };
    let (code, table) = match &refused {
        Refused::NoRights { table, .. } => (FlawCode::RightsMissing, *table),
        _ => (FlawCode::Unservable, "change_log"),
    };
    Ok(Some(Flaw::from_error(code, table, &refused.to_string())))
}

async fn identity(db: &DatabaseConnection) -> Result<Option<Flaw>, DbErr> {
    const TABLE: &str = "change_epoch";
    if epoch::Entity::find_by_id(epoch::ONLY)
        .one(db)
        .await?
        .is_none()
    {
        return Ok(Some(Flaw::new(
            FlawCode::EpochMissing,
            TABLE,
            "the row that names the log is gone",
            "put it back from a copy, then run `epoch new`",
        )));
    }
    let moved = admission::has_moved(db).await?;
    Ok(moved.then(|| {
        Flaw::new(
            FlawCode::EpochElsewhere,
            TABLE,
            "the log was written on another server, and cursors of that one would be taken for its own",
            "run `epoch new`, or start a server: on PostgreSQL that begins a new epoch by itself",
        )
    }))
}

/// Flaws that could let writes escape capture.
async fn capture(db: &DatabaseConnection) -> Result<Vec<Flaw>, DbErr> {
    let mut flaws = Vec::new();
    for finding in check_triggers(db).await? {
        let code = match finding {
            TriggerFinding::Missing { .. } => FlawCode::TriggerMissing,
            TriggerFinding::Disabled { .. } => FlawCode::TriggerDisabled,
            TriggerFinding::Different { .. } => FlawCode::TriggerDifferent,
            TriggerFinding::Outdated { .. } => FlawCode::TriggerOutdated,
            TriggerFinding::Reshaped { .. } => FlawCode::TableReshaped,
            TriggerFinding::Shown { .. } => FlawCode::ColumnShown,
            TriggerFinding::Unfinished { .. } => FlawCode::CaptureUnfinished,
            TriggerFinding::Unreadable { .. } => FlawCode::TableMissing,
            TriggerFinding::Partitioned { .. } => FlawCode::Partitioned,
            // Cascades are found below, for every tracked table.
            TriggerFinding::Cascade { .. } => continue,
        };
        flaws.push(Flaw::from_error(
            code,
            finding.entity(),
            &finding.to_string(),
        ));
    }
    let captured: BTreeSet<String> = captured_tables(db).await?;
    for (child, parent) in escaping(db, &captured).await? {
        let message = format!(
            "`{child}`: a foreign key changes its rows along with those of `{parent}`, unrecorded"
        );
        let fix = if database::of(db).facts().cascades_fire_triggers {
            "a foreign key that restricts, or track_by_triggers in a migration"
        } else {
            "a foreign key that restricts: no trigger sees its actions here"
        };
        flaws.push(Flaw::new(FlawCode::Cascade, child, message, fix));
    }
    Ok(flaws)
}

/// Columns that a subscription cannot test for equality.
async fn collations(db: &DatabaseConnection, entity: &Expected) -> Result<Vec<Flaw>, DbErr> {
    let dialect = database::of(db);
    let known = |column: &str| {
        let mut own = entity.columns.iter();
        own.any(|own| dialect.fold(own) == dialect.fold(column))
    };
    let found = equalities(db, entity.table).await?;
    let flaws = found.iter().filter_map(|(column, equality)| {
        let Undecided { collation, cure } = equality.undecided().filter(|_| known(column))?;
        let table = entity.table;
        let message = format!(
            "`{table}`.`{column}` holds texts equal by {collation}, as the database alone can judge: \
             subscriptions cannot test it"
        );
        let code = FlawCode::CollationUndecided;
        Some(Flaw::new(code, table, message, *cure))
    });
    Ok(flaws.collect())
}

/// Looks in every table of a `track!` line for columns that only the database fills and that the line does
/// not declare: writes would set them, and fail. A server does this when it starts.
///
/// # Errors
/// Errors of the database.
pub async fn check_computed<C: ConnectionTrait>(db: &C) -> Result<Vec<Flaw>, DbErr> {
    let mut flaws = Vec::new();
    for (table, named) in Registry::computed() {
        let mut columns = computed_columns(db, table).await?;
        columns.retain(|column| !named.contains(&column.as_str()));
        if columns.is_empty() {
            continue;
        }
        let columns = columns.join(", ");
        let message = format!("the database alone fills {columns} of `{table}`");
        let fix = "name them on the entity's line: track!(computed: [Column])";
        flaws.push(Flaw::new(FlawCode::ColumnComputed, table, message, fix));
    }
    Ok(flaws)
}

/// The columns of a table, or `None` if it is missing.
async fn columns<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Option<BTreeSet<String>>, DbErr> {
    let dialect = database::of(db);
    let found = column_names(db, table).await?;
    let names: BTreeSet<String> = found.iter().map(|name| dialect.fold(name)).collect();
    Ok((!names.is_empty()).then_some(names))
}
