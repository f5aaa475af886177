//! The Rust that the pages of `docs/` show, run: each page names the file that its blocks are parts of.

mod adopt;
mod bulk;
mod change_table;
mod data_migration;
mod hidden;
mod service;
mod testing;

use seachange_testkit::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        adopt::cases(),
        bulk::cases(),
        change_table::cases(),
        data_migration::cases(),
        hidden::cases(),
        service::cases(),
        testing::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
