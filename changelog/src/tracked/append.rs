//! Writing to the log: the one place where rows are added to it.
//!
//! Changes of one table go in by multi-row inserts. Knows the log's table and the limits of the
//! databases; nothing of how the changes were found, nor of the books.

use sea_orm::ActiveValue::Set;
use sea_orm::DbBackend;
use sea_orm::sea_query::{Alias, InsertStatement};
use serde_json::Value as Json;

use crate::capture::Hidden;
use crate::context::Context;
use crate::image::Image;
use crate::log::{self, Operation, Source};
use crate::migration::INBOX;

/// Most changes in one statement: 13 parameters each stay far below the 32,766 that SQLite takes
/// and the 65,535 of the others.
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
) -> impl Iterator<Item = InsertStatement> + 'a {
    let context = origin.context;
    let now = chrono::Utc::now();
    let row = move |change: RowChange| log::ActiveModel {
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
    };
    let shown = move |change: RowChange| {
        let RowChange { key, before, after } = change;
        let (before, after) = match origin.hidden {
            Some(hidden) => hidden.shown(before, after)?,
            None => Hidden::default().shown(before, after)?,
        };
        Some(RowChange { key, before, after })
    };
    let mut rest = changes.into_iter().filter_map(shown).peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let mut insertion = log::Insertion::new(table, version, backend);
        for change in rest.by_ref() {
            insertion.add(&row(change));
            if insertion.rows() >= MOST_ROWS || insertion.bytes >= MOST_BYTES {
                break;
            }
        }
        let mut statement = insertion.into_statement();
        if backend == DbBackend::MySql {
            // A sequencer moves them into the log, in order.
            statement.into_table(Alias::new(INBOX));
        }
        Some(statement)
    })
}
