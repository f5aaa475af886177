//! Writing to the log: the one place where rows are added to it.
//!
//! Changes of one table go in by multi-row inserts. Knows the log's table and the limits of the
//! databases; nothing of how the changes were found, nor of the books.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Alias;
use sea_orm::{DbBackend, Statement, StatementBuilder};
use serde_json::Value as Json;

use crate::capture::Hidden;
use crate::context::Context;
use crate::image::{Image, text_of};
use crate::log::many::{Row, Shared};
use crate::log::{self, Operation, Source};
use crate::migration::INBOX;

/// Most changes in one statement: 12 parameters each stay far below the 65,535 that MariaDB takes, and
/// three each below the 32,766 of SQLite.
const MOST_ROWS: usize = 500;

/// Bytes of images after which a statement is sent, so that it stays below MariaDB's
/// `max_allowed_packet` (16 MiB unless set otherwise) whenever its largest row does.
const MOST_BYTES: usize = 2 << 20;

/// What became of one row.
#[derive(Debug, PartialEq)]
pub(crate) struct RowChange {
    pub(crate) key: Image,
    /// `None` for an insert.
    pub(crate) before: Option<Image>,
    /// `None` for a delete.
    pub(crate) after: Option<Image>,
}

/// What the changes of a statement have in common.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) context: &'a Context,
    /// The same for all changes committed together.
    pub(crate) transaction_id: &'a str,
    pub(crate) source: Source,
    /// What the log does not show of the table, if anything.
    pub(crate) hidden: Option<&'a Hidden>,
}

/// The statements that add these changes of one table, in their order, as the log shows them. A change
/// that is none is left out: the database may have stored what was there before (rounding, padding).
/// Without the table's `version` each asks whether triggers write instead, and for one row only.
pub(crate) fn insertions<'a>(
    origin: Origin<'a>,
    table: &'a str,
    operation: Operation,
    changes: Vec<RowChange>,
    version: Option<i32>,
    backend: DbBackend,
) -> impl Iterator<Item = Statement> + 'a {
    let now = chrono::Utc::now();
    let shown = move |change: RowChange| {
        let RowChange { key, before, after } = change;
        let (before, after) = match origin.hidden {
            Some(hidden) => hidden.shown(before, after)?,
            None => Hidden::default().shown(before, after)?,
        };
        Some(RowChange { key, before, after })
    };
    // On MariaDB a sequencer moves them into the log, in order.
    let into = match backend {
        DbBackend::MySql => INBOX,
        _ => "change_log",
    };
    let mut rest = changes.into_iter().filter_map(shown).peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let Some(version) = version else {
            let row = single(origin, table, operation, rest.next()?, now);
            let mut insertion = log::insertion(&row, table, backend);
            insertion.into_table(Alias::new(into));
            return Some(StatementBuilder::build(&insertion, &backend));
        };
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < MOST_ROWS && bytes < MOST_BYTES {
            let Some(change) = rest.next() else { break };
            let row = texts(&change);
            bytes += row.bytes();
            rows.push(row);
        }
        let shared = shared(origin, table, operation, version, now);
        Some(shared.insert(into, rows, backend))
    })
}

/// A row that asks for the table's version itself.
fn single(
    origin: Origin<'_>,
    table: &str,
    operation: Operation,
    change: RowChange,
    now: DateTime<Utc>,
) -> log::ActiveModel {
    let context = origin.context;
    log::ActiveModel {
        entity: Set(table.to_owned()),
        row_key: Set(Json::Object(change.key)),
        operation: Set(operation),
        before: Set(change.before.map(Json::Object)),
        after: Set(change.after.map(Json::Object)),
        actor: Set(context.actor.clone()),
        mutation_id: Set(context.mutation_id.clone()),
        metadata: Set(context.metadata.clone().map(Json::Object)),
        transaction_id: Set(origin.transaction_id.to_owned()),
        source: Set(origin.source),
        recorded_at: Set(now),
        ..Default::default()
    }
}

fn shared(
    origin: Origin<'_>,
    table: &str,
    operation: Operation,
    version: i32,
    now: DateTime<Utc>,
) -> Shared {
    let context = origin.context;
    Shared {
        entity: table.to_owned(),
        operation: operation.as_str(),
        actor: context.actor.clone(),
        mutation_id: context.mutation_id.clone(),
        metadata: context.metadata.as_ref().map(text_of),
        transaction_id: origin.transaction_id.to_owned(),
        source: origin.source.as_str(),
        schema_version: version,
        recorded_at: now,
    }
}

fn texts(change: &RowChange) -> Row {
    Row {
        row_key: text_of(&change.key),
        before: change.before.as_ref().map(text_of),
        after: change.after.as_ref().map(text_of),
    }
}
