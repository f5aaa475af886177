//! The statements that add rows to the log. They are made only here.
//!
//! Changes of one table are added by multi-row inserts. This module knows the log's table and the limits of the
//! databases, but not how the changes were found, nor the books.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Alias;
use sea_orm::{ConnectionTrait, DbErr, Statement, StatementBuilder};
use serde_json::Value as Json;

use crate::context::Context;
use crate::database::{self, Dialect, Row, Shared};
use crate::error::ValueRefusal;
use crate::image::{Image, text_of};
use crate::log::{self, Operation, Source};
use crate::packet;
use crate::registry::Hidden;

/// The number of changes in one statement at most. With 12 parameters each they stay far below the 65,535 that
/// MariaDB takes, and with three each below the 32,766 of SQLite.
const MOST_ROWS: usize = 500;

/// The bytes of images in one statement of several rows at most; a larger row has a statement by itself. Such a
/// statement stays below MariaDB's `max_allowed_packet` (16 MiB by default) whenever its largest row does.
const MOST_BYTES: usize = 2 << 20;

/// The bytes of a statement besides the images of one row: its text, the context, the key.
const BESIDE: usize = 64 * 1024;

/// How one row changed.
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
    /// The columns that the log does not show, if there are any.
    pub(crate) hidden: Option<&'a Hidden>,
    /// The bytes of one statement that the database takes, if the server's settings determine that.
    pub(crate) most: Option<usize>,
}

impl Origin<'_> {
    /// Refuses a change that is too large for a statement, and a row whose next change would be too large, because
    /// it could never be updated again. The next change may have the row as it is now twice.
    fn check(&self, table: &str, change: &RowChange) -> Result<(), ValueRefusal> {
        let Some(most) = self.most else { return Ok(()) };
        let size = |measure: fn(&Image) -> usize| {
            let of = |image: &Option<Image>| image.as_ref().map_or(0, measure);
            let (before, after) = (of(&change.before), of(&change.after));
            match self.source {
                // The row is there already, and may be made smaller.
                Source::Baseline => after,
                // A deleted row has no next change.
                _ if change.after.is_none() => before,
                _ => before.max(after).saturating_add(after),
            }
        };
        let room = most.saturating_sub(BESIDE);
        // The images are written down to be measured only if they may be too large.
        if size(longest) <= room {
            return Ok(());
        }
        let bytes = size(|image| text_of(image).len());
        if bytes <= room {
            return Ok(());
        }
        let (table, key) = (table.to_owned(), text_of(&change.key));
        Err(ValueRefusal::TooLarge {
            table,
            key,
            bytes,
            most,
        })
    }
}

/// The bytes of one statement that the database takes, if the server's settings determine that and these changes
/// are not small.
pub(crate) async fn most_bytes<C: ConnectionTrait>(
    db: &C,
    changes: &[RowChange],
) -> Result<Option<usize>, DbErr> {
    if database::of(db).facts().largest_statement.is_none() {
        return Ok(None);
    }
    let images = changes
        .iter()
        .flat_map(|change| change.before.iter().chain(&change.after));
    match images.map(longest).sum::<usize>() > packet::SMALL {
        true => packet::most(db).await,
        false => Ok(None),
    }
}

/// An upper bound for the length of an image as text: each byte of a string takes at most six.
fn longest(image: &Image) -> usize {
    fn of(value: &Json) -> usize {
        match value {
            Json::String(text) => 6 * text.len() + 2,
            Json::Array(values) => values.iter().map(|value| of(value) + 1).sum::<usize>() + 2,
            Json::Object(fields) => longest(fields),
            _ => 32,
        }
    }
    let field = |(name, value): (&String, &Json)| 6 * name.len() + of(value) + 4;
    image.iter().map(field).sum::<usize>() + 2
}

/// The statements that add these changes of one table, in their order, as the log shows them. A change in which
/// nothing differs is left out, because the database may have stored what was there before (rounding, padding).
/// Without the table's `version` each statement has one row, and asks whether triggers write instead.
///
/// In place of a statement with a change that is too large there is [`ValueRefusal::TooLarge`].
pub(crate) fn insertions<'a>(
    origin: Origin<'a>,
    table: &'a str,
    operation: Operation,
    changes: Vec<RowChange>,
    version: Option<i32>,
    dialect: &'static dyn Dialect,
) -> impl Iterator<Item = Result<Statement, ValueRefusal>> + 'a {
    let now = chrono::Utc::now();
    let shown = move |change: RowChange| {
        let RowChange { key, before, after } = change;
        let (before, after) = match origin.hidden {
            Some(hidden) => hidden.shown(before, after)?,
            None => Hidden::default().shown(before, after)?,
        };
        Some(RowChange { key, before, after })
    };
    // On MariaDB the rows are later moved into the log, in order.
    let into = dialect.facts().written();
    let mut rest = changes.into_iter().filter_map(shown).peekable();
    // A row that did not fit into the previous statement.
    let mut waiting: Option<Row> = None;
    std::iter::from_fn(move || {
        if waiting.is_none() {
            rest.peek()?;
        }
        let Some(version) = version else {
            let change = rest.next()?;
            if let Err(error) = origin.check(table, &change) {
                return Some(Err(error));
            }
            let row = single(origin, table, operation, change, now);
            let mut insertion = log::insertion(&row, table, dialect);
            insertion.into_table(Alias::new(into));
            return Some(Ok(StatementBuilder::build(&insertion, &dialect.backend())));
        };
        let most = MOST_BYTES.min(origin.most.map_or(MOST_BYTES, |most| most / 2));
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < MOST_ROWS {
            let row = match waiting.take() {
                Some(row) => row,
                None => {
                    let Some(change) = rest.next() else { break };
                    if let Err(error) = origin.check(table, &change) {
                        return Some(Err(error));
                    }
                    texts(&change)
                }
            };
            if !rows.is_empty() && bytes + row.bytes() > most {
                waiting = Some(row);
                break;
            }
            bytes += row.bytes();
            rows.push(row);
        }
        let shared = shared(origin, table, operation, version, now);
        Some(Ok(dialect.insert_rows(into, shared, rows)))
    })
}

/// A row whose statement asks for the table's version.
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
