//! How a server splits a text into words, names, strings and comments: what its scanner must know.

/// What `[` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brackets {
    /// An ordinary sign.
    Sign,
    /// A name up to `]`.
    Name,
    /// A name in one mode of the server, and an error otherwise.
    Unclear,
}

/// What `$` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dollars {
    /// A numbered parameter, or a string between two equal `$tag$`.
    Strings,
    /// A named parameter, as after `@`, `:` and `#`.
    Parameters,
    /// A name on old servers, and a quote on new ones.
    Unclear,
}

/// Whether `\` escapes the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escapes {
    /// In plain `'x'`.
    pub single: bool,
    /// In `"x"`.
    pub double: bool,
}

/// How a server reads texts.
#[derive(Debug)]
pub struct Syntax {
    /// The ways in which the server, depending on its settings, may read a text with a `\`. The first also
    /// applies to a text without one.
    pub readings: &'static [Escapes],
    /// Whether a `SET` can change how the rest of the same text is read.
    pub set_changes_reading: bool,
    /// Whether `#` begins a comment.
    pub hash_comments: bool,
    /// Whether `--` begins a comment only before a space.
    pub dashes_need_space: bool,
    /// Whether a carriage return ends a comment, too.
    pub return_ends_comment: bool,
    /// Whether comments nest, so that each must be closed by itself.
    pub nested_comments: bool,
    /// Whether `/*!` holds code, and `/*+` a hint with its own quotes.
    pub executable_comments: bool,
    /// Whether a name may stand in backticks.
    pub backtick_names: bool,
    /// What `[` begins.
    pub brackets: Brackets,
    /// What `$` begins.
    pub dollars: Dollars,
    /// Whether `E'x'` has escapes, and `U&"x"` can spell any name with them.
    pub escape_strings: bool,
    /// Whether a string in single quotes is a name where only a name can stand.
    pub text_may_name: bool,
    /// The number of bytes to which longer names are cut without an error.
    pub longest_name: Option<usize>,
    /// Whether a trigger's body keeps its `;`.
    pub trigger_bodies: bool,
    /// Whether `PRAGMA` changes settings.
    pub pragmas: bool,
    /// Whether `set_config` works as a `SET` hidden in any query.
    pub set_config: bool,
    /// Whether `SELECT … INTO` creates a table.
    pub selects_into_tables: bool,
    /// Whether one `DELETE` may delete from several tables.
    pub deletes_from_several: bool,
    /// Whether `TRUNCATE` fires triggers.
    pub truncate_fires_triggers: bool,
    /// Whether most statements end a surrounding transaction by themselves.
    pub statements_commit: bool,
}
