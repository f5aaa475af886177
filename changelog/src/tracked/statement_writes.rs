//! What a statement would do to tracked tables, before it runs.

use std::collections::BTreeSet;

use sea_orm::sea_query::audit::AccessType;
use sea_orm::{Statement, StatementBuilder};

use super::cascades::{Cascades, beside_insert};
use crate::database::Syntax;
use crate::error::CaptureError;
use crate::log::Operation;
use crate::raw_sql::{self, RawRefusal};
use crate::registry::Registry;

/// A table and what a statement does to it.
pub(super) type Write = (String, Operation);

/// What a statement writes.
pub(super) struct Writes {
    /// Every table that a query statement writes.
    pub(super) all: Vec<Write>,
    /// Those that are tracked.
    pub(super) tracked: Vec<Write>,
    /// Whether it is no query statement but SQL text, to be judged by [`check_raw`].
    pub(super) is_raw: bool,
}

impl Writes {
    /// Of SQL text.
    pub(super) fn raw() -> Self {
        Self {
            all: Vec::new(),
            tracked: Vec::new(),
            is_raw: true,
        }
    }
}

/// The writes of a built statement.
pub(super) fn writes_of<S: StatementBuilder>(
    source: &S,
    built: &Statement,
    tracked: Registry,
) -> Writes {
    // SeaORM's `audit()` panics on schema statements: ask it only for these.
    let verb = built.sql.split_ascii_whitespace().next().unwrap_or("");
    let is_query = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].contains(&verb);
    let audit = if is_query { source.audit().ok() } else { None };
    let is_raw = audit.is_none();
    let requests = audit.map(|audit| audit.requests).unwrap_or_default();
    let mut all: Vec<Write> = requests
        .iter()
        .filter_map(|request| {
            let operation = match request.access_type {
                AccessType::Insert => Operation::Insert,
                AccessType::Update => Operation::Update,
                AccessType::Delete => Operation::Delete,
                AccessType::Select | AccessType::Schema(_) => return None,
            };
            Some((request.schema_table.1.to_string(), operation))
        })
        .collect();
    let tracked = all.iter().filter(|(table, _)| tracked.is_tracked(table));
    let tracked = tracked.cloned().collect();
    // Which the audit does not tell.
    let is_insert = |write: &&Write| write.1 == Operation::Insert;
    if let Some(inserted) = all.iter().find(is_insert).map(|(table, _)| table.clone())
        && let Some(operation) = beside_insert(&built.sql)
    {
        all.push((inserted, operation));
    }
    Writes {
        tracked,
        all,
        is_raw,
    }
}

/// Whether raw SQL may run on a tracked connection.
///
/// # Errors
/// [`CaptureError`] with the cure if it may not.
pub(super) fn check_raw(
    sql: &str,
    syntax: &'static Syntax,
    tracked: Registry,
    cascades: &Cascades,
    captured: &BTreeSet<String>,
) -> Result<(), CaptureError> {
    let is_tracked = |table: &str| {
        // The triggers that record have such names.
        table.starts_with("change_capture_")
            || tracked.is_tracked(table) && !captured.contains(table)
            || cascades.concerns(table, captured)
    };
    raw_sql::check(sql, syntax, &is_tracked).map_err(|refusal| match refusal {
        RawRefusal::Writes { table, verb } => CaptureError::RawWrite { table, verb },
        RawRefusal::Unclear { verb } => CaptureError::RawUnclear { verb },
        RawRefusal::TransactionControl { verb } => CaptureError::RawTransaction { verb },
    })
}
