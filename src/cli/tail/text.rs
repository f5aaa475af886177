//! A change as a line for people. Its styles are removed where the output is not a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use chrono::SecondsFormat;
use seachange_changelog::Operation;
use serde_json::Value as Json;

use crate::feed::{Change, Cursor, Epoch};

const INSERTED: Style = AnsiColor::Green.on_default();
const UPDATED: Style = AnsiColor::Yellow.on_default();
const DELETED: Style = AnsiColor::Red.on_default();
const ASIDE: Style = Style::new().dimmed();

/// The change: when, what, which row, by whom; the columns that differ, or those of the row that are not null;
/// its source and cursor.
pub(super) fn of(change: &Change, epoch: &Epoch) -> String {
    let row = &change.row;
    let style = match row.operation {
        Operation::Insert => INSERTED,
        Operation::Update => UPDATED,
        Operation::Delete => DELETED,
    };
    let time = row.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut line = format!(
        "{ASIDE}{time}{ASIDE:#} {style}{} {}{style:#} {}",
        row.operation, row.entity, row.row_key
    );
    // Writing to a string cannot fail.
    if let Some(actor) = &row.actor {
        let _ = write!(line, " by {actor}");
    }
    let _ = write!(
        line,
        "  {}  {ASIDE}{} {}{ASIDE:#}",
        columns(change),
        row.source.as_str(),
        Cursor::at(epoch, change.position)
    );
    line
}

fn columns(change: &Change) -> String {
    let (before, after) = (&change.row.before, &change.row.after);
    let is_update = before.is_some() && after.is_some();
    let value = |image: &Option<Json>, column: &str| {
        let value = image.as_ref().and_then(|image| image.get(column));
        value.cloned().unwrap_or_default()
    };
    let parts = change.changed_fields().into_iter().filter_map(|column| {
        let (old, new) = (value(before, &column), value(after, &column));
        if is_update {
            let (old, new) = (short(&old), short(&new));
            return Some(format!(
                "{column}: {DELETED}{old}{DELETED:#} → {INSERTED}{new}{INSERTED:#}"
            ));
        }
        let only = if before.is_some() { old } else { new };
        (!only.is_null()).then(|| format!("{column}: {}", short(&only)))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Shortens a value: a long one would hide the rest of the line.
fn short(value: &Json) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
