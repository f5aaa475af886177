//! How a server cuts a text into words, names, strings and comments: what its scanner must know.

/// What `[` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brackets {
    /// A sign among others.
    Sign,
    /// A name up to `]`.
    Name,
    /// A name in one mode of the server, and an error elsewhere.
    Unclear,
}

/// What `$` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dollars {
    /// A numbered parameter, or a string between two equal `$tag$`.
    Strings,
    /// A named parameter, as `@`, `:` and `#` do.
    Parameters,
    /// A name on old servers and a quote on new ones.
    Unclear,
}

/// Whether `\` takes the next sign out of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escapes {
    /// In plain `'x'`.
    pub single: bool,
    /// In `"x"`.
    pub double: bool,
}

/// How one server reads texts.
#[derive(Debug)]
pub struct Syntax {
    /// The ways in which the server's settings may have it read a text with a `\`; the first is that of a text
    /// without one.
    pub readings: &'static [Escapes],
    /// A `SET` may have the rest of the same text read otherwise than what came before it.
    pub set_changes_reading: bool,
    /// `#` begins a comment.
    pub hash_comments: bool,
    /// `--` begins a comment only before a space.
    pub dashes_need_space: bool,
    /// A carriage return ends a comment, too.
    pub return_ends_comment: bool,
    /// A comment within a comment must end by itself.
    pub nested_comments: bool,
    /// `/*!` holds code, and `/*+` a hint with quotes of its own.
    pub executable_comments: bool,
    /// A name may stand in backticks.
    pub backtick_names: bool,
    /// What `[` begins.
    pub brackets: Brackets,
    /// What `$` begins.
    pub dollars: Dollars,
    /// `E'x'` has escapes, and `U&"x"` can spell any name with them.
    pub escape_strings: bool,
    /// A string in single quotes is a name where only a name can stand.
    pub text_may_name: bool,
    /// Bytes to which longer names are cut without an error.
    pub longest_name: Option<usize>,
    /// A trigger's body keeps its `;`.
    pub trigger_bodies: bool,
    /// `PRAGMA` changes settings.
    pub pragmas: bool,
    /// `set_config` is a `SET` that hides in any query.
    pub set_config: bool,
    /// `SELECT … INTO` makes a table.
    pub selects_into_tables: bool,
    /// One `DELETE` may delete from several tables.
    pub deletes_from_several: bool,
    /// `TRUNCATE` fires triggers.
    pub truncate_fires_triggers: bool,
    /// Most statements end a transaction around them by themselves.
    pub statements_commit: bool,
}
