//! The names of tables, columns and enumerations in the API.
//!
//! A table `task_label` has the type `TaskLabel` and the query `taskLabel`, a column `due_on` the field
//! `dueOn`: words of letters and digits, joined in camel case, as Seaography does. Characters between words are
//! dropped: a column `end-date` has the field `endDate`.

use heck::{ToLowerCamelCase, ToUpperCamelCase};

/// The type of a table's rows.
pub(crate) fn object(table: &str) -> String {
    table.to_upper_camel_case()
}

/// The query of a table.
pub(crate) fn query(table: &str) -> String {
    object(table).to_lower_camel_case()
}

/// The field of a column or of a relation.
pub(crate) fn field(name: &str) -> String {
    name.to_lower_camel_case()
}

/// The type of an enumeration.
pub(crate) fn enumeration(name: &str) -> String {
    format!("{}Enum", name.to_upper_camel_case())
}

/// The type of tests of the enumeration in filters.
pub(crate) fn enum_filter(name: &str) -> String {
    format!("{}EnumFilterInput", name.to_upper_camel_case())
}

/// The name of an enumeration's value: the letters, digits and underscores of its stored word.
pub(crate) fn word(stored: &str) -> String {
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    stored.chars().filter(is_kept).collect()
}
