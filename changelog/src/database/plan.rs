//! What triggers are made for, and what is made.

use crate::shape::{Table, Version};

/// Characters that are kept of what another program gives as its actor or as a mutation's id.
pub(super) const MOST_OF_NAME: usize = 255;

/// Characters that are kept of what another program gives as metadata.
pub(super) const MOST_OF_METADATA: usize = 4096;

/// The alias of a row, which no column is likely to be called.
pub(crate) const ROW: &str = "seachange_row";

/// Longest name that each database takes, less the longest prefix and a digest.
const LONGEST: usize = 30;

/// What triggers are made for.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The table.
    pub entity: &'a str,
    /// PostgreSQL: where table and log are.
    pub schema: &'a str,
    /// The shape that the triggers write.
    pub version: &'a Version,
    /// The table in the catalogue.
    pub table: &'a Table,
}

/// A trigger, or PostgreSQL's function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub sql: String,
}

impl Piece {
    /// Whether it is PostgreSQL's function.
    pub(crate) fn is_function(&self) -> bool {
        self.sql.starts_with("CREATE OR REPLACE FUNCTION")
    }
}

/// A trigger or function that is there.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its text in the catalogue.
    pub text: String,
    /// Whether it is switched on.
    pub is_enabled: bool,
}

/// The name of a table's trigger: it says what it is, and is unique however long the table's is.
pub fn piece_name(what: &str, entity: &str) -> String {
    if entity.len() <= LONGEST {
        return format!("change_capture_{what}_{entity}");
    }
    // FNV-1a: a name needs no more than to be the same each time.
    let digest = entity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let start: String = entity.chars().take(12).collect();
    format!("change_capture_{what}_{start}_{digest:016x}")
}

/// Every kind of trigger that any database has.
pub(crate) const KINDS: [&str; 11] = [
    "row",
    "truncate",
    "insert",
    "update",
    "delete",
    "before_insert",
    "replace",
    "before_update",
    "update_replace",
    "update_key",
    "delete_kept",
];
