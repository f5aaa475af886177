//! What tests measure beside passing: printed on request.

use std::fmt::Display;

/// Prints what a test has measured, where `SEACHANGE_TEST_NOTES` is set. Without it a run prints the
/// lines of its tests and its totals, nothing between them.
pub fn measured(text: impl Display) {
    if std::env::var_os("SEACHANGE_TEST_NOTES").is_some() {
        println!("{text}");
    }
}
