//! The input from which triggers are generated, and the result.

use crate::shape::{Table, Version};

/// Characters that are kept of another program's actor or mutation id.
pub(super) const MOST_OF_NAME: usize = 255;

/// Characters that are kept of another program's metadata.
pub(super) const MOST_OF_METADATA: usize = 4096;

/// The alias of a row; a column is unlikely to have this name.
pub(crate) const ROW: &str = "seachange_row";

/// The longest table name that every database takes behind the longest prefix. Longer ones get a digest.
const LONGEST: usize = 30;

/// The table for which triggers are generated.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The table.
    pub entity: &'a str,
    /// The schema of table and log, on PostgreSQL.
    pub schema: &'a str,
    /// The shape that the triggers record.
    pub version: &'a Version,
    /// The table in the catalogue.
    pub table: &'a Table,
}

/// A trigger, or PostgreSQL's trigger function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// The statement that creates it.
    pub sql: String,
}

impl Piece {
    /// Whether it is PostgreSQL's trigger function.
    pub(crate) fn is_function(&self) -> bool {
        self.sql.starts_with("CREATE OR REPLACE FUNCTION")
    }
}

/// An existing trigger or function.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its text in the catalogue.
    pub text: String,
    /// Whether it is switched on.
    pub is_enabled: bool,
}

/// The name of a table's trigger. It says what the trigger does, and is unique however long the table's name
/// is.
pub fn piece_name(what: &str, entity: &str) -> String {
    if entity.len() <= LONGEST {
        return format!("change_capture_{what}_{entity}");
    }
    // FNV-1a suffices: a name only needs to be the same each time.
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
