//! The findings about a table's triggers: changes escape or cannot be read, now or from the next write on.

use crate::error::CaptureError;
use crate::finding::{Finding, FindingCode};

const TRACK_AGAIN: &str = "track_by_triggers in a migration";

/// Triggers write for the table, but a trigger or function is missing.
pub(super) fn missing(table: &str, trigger: String) -> Finding {
    let message = format!("`{table}`: trigger {trigger} is missing");
    Finding::new(FindingCode::TriggerMissing, table, message, TRACK_AGAIN).about([trigger])
}

/// A trigger exists but is switched off.
pub(super) fn disabled(table: &str, trigger: String) -> Finding {
    let message = format!("`{table}`: trigger {trigger} is disabled");
    let cure = "ALTER TABLE … ENABLE TRIGGER";
    Finding::new(FindingCode::TriggerDisabled, table, message, cure).about([trigger])
}

/// A trigger or function differs from the one that this version would create.
pub(super) fn different(table: &str, trigger: String) -> Finding {
    let message = format!("`{table}`: trigger {trigger} is another");
    Finding::new(FindingCode::TriggerDifferent, table, message, TRACK_AGAIN).about([trigger])
}

/// Triggers write for the table, and these columns were added, removed or changed without
/// [`change_tables`](crate::change_tables).
pub(super) fn outdated(table: &str, columns: Vec<String>) -> Finding {
    let message = format!("`{table}`: {columns:?} are not as the triggers know them");
    let cure = "change_tables in a migration";
    Finding::new(FindingCode::TriggerOutdated, table, message, cure).about(columns)
}

/// Hooks write for the table, and these columns were added, removed or changed without
/// [`change_tables`](crate::change_tables) since the log last stored them.
pub(super) fn reshaped(table: &str, columns: Vec<String>) -> Finding {
    let message = format!(
        "`{table}`: {columns:?} are not as the log knows them: if one was renamed, older changes have \
         it under its old name"
    );
    let cure = "change_tables in a migration, which may come later";
    Finding::new(FindingCode::TableReshaped, table, message, cure).about(columns)
}

/// The log has values of these columns, which the `track!` line hides: triggers follow their migration's
/// options, not that line.
pub(super) fn shown(table: &str, columns: Vec<String>) -> Finding {
    let message = format!("`{table}`: triggers show {columns:?}, which `track!` hides");
    let cure = "track_by_triggers in a migration, with TriggerOptions that redact or exclude them";
    Finding::new(FindingCode::ColumnShown, table, message, cure).about(columns)
}

/// A migration has not finished.
pub(super) fn unfinished(table: &str) -> Finding {
    let message = format!("`{table}`: a migration between hooks and triggers is half-done");
    Finding::new(
        FindingCode::CaptureUnfinished,
        table,
        message,
        "run it again",
    )
}

/// The table is missing, or triggers cannot follow it.
pub(super) fn unreadable(table: &str, reason: &CaptureError) -> Finding {
    let message = format!("`{table}`: {}", reason.message());
    let cure = "bring the table back, or track_by_hooks in a migration";
    Finding::new(FindingCode::TableMissing, table, message, cure)
}

/// On MariaDB, a foreign key to `parent` changes the table and fires no trigger.
pub(super) fn cascade(table: &str, parent: String) -> Finding {
    let message =
        format!("`{table}`: rows of `{parent}` take rows along by a foreign key, unrecorded");
    let cure = "a foreign key that restricts";
    Finding::new(FindingCode::Cascade, table, message, cure).about([parent])
}

/// On MariaDB, rows of a partition can be removed without a trigger.
pub(super) fn partitioned(table: &str) -> Finding {
    let message = format!("`{table}` has partitions, which can be emptied unrecorded");
    let cure =
        "delete rows instead of truncating or dropping partitions, or a table without partitions";
    Finding::new(FindingCode::Partitioned, table, message, cure)
}
