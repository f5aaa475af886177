//! Times in the form that every image has.

use chrono::{DateTime, SecondsFormat, Utc};

/// The text of a time.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
