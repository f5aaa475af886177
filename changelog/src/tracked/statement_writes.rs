//! Determines what a statement would do to tracked tables, before it runs.

use std::collections::BTreeSet;

use sea_orm::StatementBuilder;
use sea_orm::sea_query::audit::AccessType;

use super::cascades::Cascades;
use crate::error::WriteRefusal;
use crate::log::Operation;
use crate::raw_sql::{RawRefusal, SqlText};
use crate::registry::Registry;

/// A table and what a statement does to it.
pub(super) type Write = (String, Operation);

/// What a statement writes.
pub(super) struct Writes {
    /// Every table that a query statement writes.
    pub(super) all: Vec<Write>,
    /// Those that are tracked.
    pub(super) tracked: Vec<Write>,
    /// Whether it is SQL text and not a query statement. [`check_raw`] then judges it.
    pub(super) is_raw: bool,
}

impl Writes {
    /// The writes of SQL text, which are not known.
    pub(super) fn raw() -> Self {
        Self {
            all: Vec::new(),
            tracked: Vec::new(),
            is_raw: true,
        }
    }
}

/// How query builders begin a statement.
const QUERIES: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];

/// The writes of a statement, which was built with this text.
pub(super) fn writes_of<S: StatementBuilder>(
    source: &S,
    text: &SqlText<'_>,
    tracked: Registry,
) -> Writes {
    // SeaORM's `audit()` panics on schema statements, so it is asked only about these.
    let is_query = QUERIES.contains(&text.first_word());
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
    // The audit does not report what becomes of rows that an insert finds.
    let is_insert = |write: &&Write| write.1 == Operation::Insert;
    if let Some(inserted) = all.iter().find(is_insert).map(|(table, _)| table.clone()) {
        let effects = text.insert_effects();
        if effects.deletes {
            all.push((inserted.clone(), Operation::Delete));
        }
        if effects.updates {
            all.push((inserted, Operation::Update));
        }
    }
    Writes {
        tracked,
        all,
        is_raw,
    }
}

/// Checks whether raw SQL may run on a tracked connection.
///
/// # Errors
/// The reason if it may not.
pub(super) fn check_raw(
    text: &SqlText<'_>,
    tracked: Registry,
    cascades: &Cascades,
    captured: &BTreeSet<String>,
) -> Result<(), WriteRefusal> {
    let is_tracked = |table: &str| {
        // The triggers that record changes have such names.
        table.starts_with("change_capture_")
            || tracked.is_tracked(table) && !captured.contains(table)
            || cascades.concerns(table, captured)
    };
    text.check(&is_tracked).map_err(|refusal| match refusal {
        RawRefusal::Writes { table, verb } => WriteRefusal::RawWrite { table, verb },
        RawRefusal::Unclear { verb } => WriteRefusal::RawUnclear { verb },
        RawRefusal::TransactionControl { verb } => WriteRefusal::RawTransaction { verb },
    })
}
