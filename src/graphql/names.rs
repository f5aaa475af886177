//! What tables, columns and enumerations are called in GraphQL.
//!
//! A table `task_label` has the type `TaskLabel` and the query `taskLabel`, a column `due_on` the field
//! `dueOn`: words of letters and digits, put together in camel case, as Seaography puts them. What stands
//! between words is left out: a column `end-date` has the field `endDate`.

mod check;

use heck::{ToLowerCamelCase, ToUpperCamelCase};

pub(super) use check::{check_entities, check_words};

/// The object type of a table.
pub(super) fn object(table: &str) -> String {
    table.to_upper_camel_case()
}

/// The query of a table.
pub(super) fn query(table: &str) -> String {
    object(table).to_lower_camel_case()
}

/// The field of a column or of a relation.
pub(super) fn field(name: &str) -> String {
    name.to_lower_camel_case()
}

/// The type of an enumeration.
pub(super) fn enumeration(name: &str) -> String {
    format!("{}Enum", name.to_upper_camel_case())
}

/// The type of an enumeration's tests in filters.
pub(super) fn enum_filter(name: &str) -> String {
    format!("{}EnumFilterInput", name.to_upper_camel_case())
}

/// The value of an enumeration: what its stored word has of letters, digits and underscores.
pub(super) fn word(stored: &str) -> String {
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    stored.chars().filter(is_kept).collect()
}

/// Whether GraphQL takes the name. Those that begin with two underscores are its own.
pub(super) fn is_valid(name: &str) -> bool {
    let mut rest = name.bytes();
    let is_begun = rest
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    is_begun
        && !name.starts_with("__")
        && rest.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
