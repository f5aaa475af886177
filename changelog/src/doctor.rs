//! Looks in the database's catalogue and the log's own tables for anything that could let a write escape, or
//! keep the log from being read.
//!
//! It changes nothing, not even a log that has been moved to another server. It knows only the names and
//! columns of tables that the caller passes; whether rows and log agree is not examined here.

mod shape;
mod times;
mod untracked;

pub use shape::examine_entity;
pub use untracked::check_untracked;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, EntityTrait};

use crate::admission::{self, Refused};
use crate::catalogue::{column_names, computed_columns, equalities};
use crate::collation::Undecided;
use crate::database;
use crate::epoch;
use crate::finding::{Finding, FindingCode};
use crate::format::check_format;
use crate::registry::Registry;
use crate::tracked::escaping;
use crate::triggers::{captured_tables, check_triggers};

/// A table as the program's entity declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The table's name.
    pub table: &'static str,
    /// The entity's columns.
    pub columns: Vec<&'static str>,
}

/// Examines the log's tables, capture and the tables of these entities. If there are findings about the log's
/// tables, capture is not examined.
///
/// # Errors
/// Errors of the database.
pub async fn examine(
    db: &DatabaseConnection,
    entities: &[Expected],
) -> Result<Vec<Finding>, DbErr> {
    // A newer log may have another shape, of which nothing is known here.
    match check_format(db).await {
        Ok(()) => {}
        Err(Refused::Database(error)) => return Err(error),
        Err(refused) => {
            let cure = refused.cure().unwrap_or_default();
            let newer = FindingCode::LogNewer;
            return Ok(vec![Finding::new(
                newer,
                "change_epoch",
                refused.message(),
                cure,
            )]);
        }
    }
    let mut findings = shape::of_log(db).await?;
    if findings.is_empty() {
        findings.extend(service(db).await?);
        findings.extend(identity(db).await?);
        findings.extend(capture(db).await?);
    }
    findings.extend(check_computed(db).await?);
    for entity in entities {
        // A missing table is already reported with its triggers.
        let is_told = |finding: &Finding| {
            finding.table == entity.table && finding.code == FindingCode::TableMissing
        };
        if !findings.iter().any(is_told) {
            findings.extend(shape::examine_entity(db, entity).await?);
            findings.extend(collations(db, entity).await?);
            findings.extend(times::mixed(db, entity).await?);
        }
    }
    Ok(findings)
}

/// Whether a server could work here.
async fn service(db: &DatabaseConnection) -> Result<Option<Finding>, DbErr> {
    let refused = match admission::check_rights(db).await {
        Ok(()) => return Ok(None),
        Err(Refused::Database(error)) => return Err(error),
        Err(refused) => refused,
    };
    let (code, table) = match &refused {
        Refused::NoRights { table, .. } => (FindingCode::RightsMissing, *table),
        _ => (FindingCode::Unservable, "change_log"),
    };
    let cure = refused.cure().unwrap_or_default();
    Ok(Some(Finding::new(code, table, refused.message(), cure)))
}

async fn identity(db: &DatabaseConnection) -> Result<Option<Finding>, DbErr> {
    const TABLE: &str = "change_epoch";
    if epoch::Entity::find_by_id(epoch::ONLY)
        .one(db)
        .await?
        .is_none()
    {
        return Ok(Some(Finding::new(
            FindingCode::EpochMissing,
            TABLE,
            "the row that names the log is gone",
            "put it back from a copy, then run `epoch new`",
        )));
    }
    let moved = admission::has_moved(db).await?;
    Ok(moved.then(|| {
        Finding::new(
            FindingCode::EpochElsewhere,
            TABLE,
            "the log was written on another server, and cursors of that one would be taken for its own",
            "run `epoch new`, or start a server: on PostgreSQL that begins a new epoch by itself",
        )
    }))
}

/// Findings that could let writes escape capture.
async fn capture(db: &DatabaseConnection) -> Result<Vec<Finding>, DbErr> {
    let mut findings = Vec::new();
    for finding in check_triggers(db).await? {
        // Cascades are found below, for every tracked table.
        if finding.code != FindingCode::Cascade {
            findings.push(finding);
        }
    }
    let captured: BTreeSet<String> = captured_tables(db).await?;
    for (child, parent) in escaping(db, &captured).await? {
        let message = format!(
            "`{child}`: a foreign key changes its rows along with those of `{parent}`, unrecorded"
        );
        let cure = if database::of(db).facts().cascades_fire_triggers {
            "a foreign key that restricts, or track_by_triggers in a migration"
        } else {
            "a foreign key that restricts: no trigger sees its actions here"
        };
        findings.push(Finding::new(FindingCode::Cascade, child, message, cure));
    }
    findings.extend(check_untracked(db).await?);
    Ok(findings)
}

/// Columns that a subscription cannot test for equality.
async fn collations(db: &DatabaseConnection, entity: &Expected) -> Result<Vec<Finding>, DbErr> {
    let dialect = database::of(db);
    let known = |column: &str| {
        let mut own = entity.columns.iter();
        own.any(|own| dialect.fold(own) == dialect.fold(column))
    };
    let found = equalities(db, entity.table).await?;
    let findings = found.iter().filter_map(|(column, equality)| {
        let Undecided { collation, cure } = equality.undecided().filter(|_| known(column))?;
        let table = entity.table;
        let message = format!(
            "`{table}`.`{column}` holds texts equal by {collation}, as the database alone can judge: \
             subscriptions cannot test it"
        );
        let code = FindingCode::CollationUndecided;
        Some(Finding::new(code, table, message, *cure))
    });
    Ok(findings.collect())
}

/// Looks in every table of a `track!` line for columns that only the database fills and that the line does
/// not declare: writes would set them, and fail. A server does this when it starts.
///
/// # Errors
/// Errors of the database.
pub async fn check_computed<C: ConnectionTrait>(db: &C) -> Result<Vec<Finding>, DbErr> {
    let mut findings = Vec::new();
    for (table, named) in Registry::computed() {
        let mut columns = computed_columns(db, table).await?;
        columns.retain(|column| !named.contains(&column.as_str()));
        if columns.is_empty() {
            continue;
        }
        let columns = columns.join(", ");
        let message = format!("the database alone fills {columns} of `{table}`");
        let cure = "name them on the entity's line: track!(computed: [Column])";
        findings.push(Finding::new(
            FindingCode::ColumnComputed,
            table,
            message,
            cure,
        ));
    }
    Ok(findings)
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
