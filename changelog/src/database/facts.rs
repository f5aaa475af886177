//! What is known about a database without asking it.

/// How a database's log gets its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrder {
    /// One transaction writes at a time, so ids are in commit order.
    ById,
    /// Ticks cut the log into batches of what became visible between two snapshots.
    Ticks,
    /// A sequencer moves committed rows from an inbox into the log.
    Inbox,
}

/// How triggers write the values of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// As JSON, by the database itself.
    Json,
    /// As strings that hold the value's own text, which is read by the column's type.
    ByType,
    /// As strings whose first letter is the storage class.
    Tagged,
}

/// What a database can do, and what it does by itself.
#[derive(Debug)]
pub struct Facts {
    /// The driver's name for the database.
    pub driver: &'static str,
    /// What a build without the driver says.
    pub without_driver: &'static str,
    /// The schemes of URLs that name such a database.
    pub schemes: &'static [&'static str],
    /// A URL for connections that are never opened.
    pub unopened: &'static str,
    /// Whether the database is a file that the program opens itself, with one writing transaction at a time.
    pub is_file: bool,
    /// How the log gets its order.
    pub ordering: LogOrder,
    /// The table into which capture writes, if that is not the log itself.
    pub inbox: Option<&'static str>,
    /// The table that only this database's order needs, and its columns.
    pub order_table: Option<(&'static str, &'static [&'static str])>,
    /// The column that only this database's order needs in the log.
    pub order_column: Option<&'static str>,
    /// The statements that create the order's tables and columns; they run after the log and the inbox exist.
    pub order_schema: &'static [&'static str],
    /// The statement that creates the log's index on the rows' keys.
    pub key_index: &'static str,

    /// The text after a query that keeps the rows it finds unchanged until the transaction ends, where a
    /// statement does not do so by itself. Begins with a space.
    pub share_lock: &'static str,
    /// The text after a row lock that skips rows which others have locked. Begins with a space.
    pub skip_locked: &'static str,
    /// Whether a locking read also locks the place where a row is missing.
    pub locks_gaps: bool,
    /// The statement that resets the bound on lock waits, where the database does not do so at the end of the
    /// transaction.
    pub restore_lock_waits: Option<&'static str>,
    /// Whether the driver's count of transactions may be wrong, and the end of one can be verified by sending
    /// it as a statement.
    pub ends_by_statement: bool,
    /// A query that returns a row on a connection which must not be used again. `None` where the driver's
    /// count of transactions is reliable because the connection's own thread keeps it.
    pub unclean: Option<&'static str>,

    /// Whether a statement can return the rows that it has written, and an insert can skip rows that exist.
    pub returning: bool,
    /// Whether `INSERT … SELECT` locks the counter of new rows until the outermost statement ends.
    pub insert_select_locks: bool,
    /// The text after an insert's columns that allows it to set keys which only the database assigns
    /// otherwise.
    pub given_keys: Option<&'static str>,
    /// Whether a key of zero asks the database for the next number.
    pub zero_asks_for_key: bool,
    /// Whether statements that change tables belong to a transaction and are rolled back with it.
    pub transactional_ddl: bool,
    /// The type's name for texts of any length, in `CREATE TABLE`.
    pub long_text: &'static str,
    /// The text after the columns in `CREATE TABLE`. Begins with a space.
    pub table_tail: &'static str,

    /// Whether integers beyond 63 bits are stored.
    pub takes_unsigned: bool,
    /// Whether arrays and network addresses are stored.
    pub takes_arrays: bool,
    /// Whether a text may have a NUL character.
    pub takes_nul: bool,
    /// Whether a column takes a number whatever its type.
    pub takes_any_number: bool,
    /// Whether times are texts, which programs spell in several ways.
    pub times_are_texts: bool,
    /// Whether `LIKE` takes a text and a pattern to end at a NUL.
    pub like_ends_at_nul: bool,
    /// Whether decimals are stored as 64-bit floats.
    pub decimals_are_reals: bool,
    /// Whether the driver panics at some dates and times, or misreads them.
    pub misreads_times: bool,

    /// How triggers write values.
    pub images: Images,
    /// Whether writes by a foreign key's action fire triggers.
    pub cascades_fire_triggers: bool,
    /// Whether an image that does not fit into a statement becomes NULL.
    pub loses_large_images: bool,
    /// The text after an insert into `change_capture` that updates the existing row instead.
    pub or_update_entity: &'static str,
    /// Whether creating a trigger replaces the one with its name.
    pub replaces_triggers: bool,
    /// The statement that clears the context before a transaction commits, where the database does not forget
    /// it.
    pub clear_context: Option<&'static str>,
    /// The capture tables that only this database has, and their columns.
    pub capture_shapes: &'static [(&'static str, &'static [&'static str])],
    /// The session settings on which the text of a value depends, and what triggers set them to.
    pub value_settings: &'static [(&'static str, &'static str)],

    /// A query that returns whether the server refuses writes; `None` where the first write shows it.
    pub is_read_only: Option<&'static str>,
    /// A query for the size in bytes of the largest statement that the server takes; `None` where there is no
    /// bound.
    pub largest_statement: Option<&'static str>,
}

impl Facts {
    /// The table into which capture writes.
    pub fn written(&self) -> &'static str {
        self.inbox.unwrap_or("change_log")
    }

    /// The tables that hold changes, in the order in which they must be read: a change that is moved from the
    /// first to the second meanwhile is found in both, never in neither.
    pub fn logs(&self) -> impl Iterator<Item = &'static str> {
        self.inbox.into_iter().chain(["change_log"])
    }
}

/// Queries on a database's catalogue. Each `?` is the table's name.
#[derive(Debug)]
pub struct Catalogue {
    /// `name`, `ty` and `is_key` of a table's columns, in their order.
    pub columns: &'static str,
    /// `name` of the columns of a table's primary key, in the key's own order.
    pub key: &'static str,
    /// `name` of the columns of a table that no statement may write.
    pub computed: &'static str,
    /// `place` and `name` of the columns of a table's indexes, index by index, each in its order; a place of 1
    /// begins an index. `name` is empty for what is not a column in ascending order. Partial indexes are left
    /// out, and so is every index of a table whose key may be null.
    pub indexes: &'static str,
    /// `name` of all tables. It takes no value.
    pub tables: &'static str,
    /// Returns a row if the table exists.
    pub is_there: &'static str,
    /// `child`, `parent`, `col`, `del` and `upd` of all foreign keys. It takes no value.
    pub foreign_keys: &'static str,
    /// `name`, `text` and `is_on` of what was created for a table's triggers.
    pub triggers: &'static str,
}
