//! What clients call tables, columns and enumerations.
//!
//! A table `task_label` has the type `TaskLabel` and the query `taskLabel`, a column `due_on` the field
//! `dueOn`: words of letters and digits, put together in camel case, as Seaography puts them. What stands
//! between words is left out: a column `end-date` has the field `endDate`.

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

/// The type of an enumeration's tests in filters.
pub(crate) fn enum_filter(name: &str) -> String {
    format!("{}EnumFilterInput", name.to_upper_camel_case())
}

/// The value of an enumeration: what its stored word has of letters, digits and underscores.
pub(crate) fn word(stored: &str) -> String {
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    stored.chars().filter(is_kept).collect()
}
