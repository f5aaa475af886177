//! What can be said of a database without asking it.

/// How a database's log gets its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
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
    /// As strings of the value's own text, to be read by the column's type.
    ByType,
    /// As strings, of which the first letter tells the storage class.
    Tagged,
}

/// What a database can do and what it does by itself.
#[derive(Debug)]
pub struct Facts {
    /// The driver's name for it.
    pub driver: &'static str,
    /// The schemes of URLs that name such a database.
    pub schemes: &'static [&'static str],
    /// It is a file that the program opens itself, and one transaction writes to it at a time.
    pub is_file: bool,
    /// How the log gets its order.
    pub ordering: Ordering,
    /// The table into which capture writes, if that is not the log itself.
    pub inbox: Option<&'static str>,
    /// The table that only this database's order needs, and its columns.
    pub order_table: Option<(&'static str, &'static [&'static str])>,
    /// The column that only this database's order needs in the log.
    pub order_column: Option<&'static str>,
    /// What makes the order's tables and columns, run once the log and the inbox are there.
    pub order_schema: &'static [&'static str],
    /// What makes the index of the log by the rows' keys.
    pub key_index: &'static str,

    /// Behind a query, what keeps the rows that it finds as they are until the transaction ends, where a
    /// statement does not do so by itself. Begins with a space.
    pub share_lock: &'static str,
    /// Behind a lock of rows, what leaves out those that others have locked. Begins with a space.
    pub skip_locked: &'static str,
    /// A look for a row with a lock also locks the place where it is missing.
    pub locks_gaps: bool,
    /// What takes back a bound of lock waits, where the database does not do so at the end of the transaction.
    pub restore_lock_waits: Option<&'static str>,
    /// The driver's count of transactions may be wrong, and the end of one can be proven by sending it as a
    /// statement.
    pub ends_by_statement: bool,
    /// A query that has a row on a connection which must not be used again; none where the driver's own count of
    /// transactions can be relied on, because it is the thread of the connection that counts.
    pub unclean: Option<&'static str>,

    /// A statement answers the rows that it has written, and an insert can leave out those that are there.
    pub returning: bool,
    /// `INSERT … SELECT` locks the counter of new rows until the outermost statement ends.
    pub insert_select_locks: bool,
    /// Behind the columns of an insert, what lets it give keys that the database alone counts.
    pub given_keys: Option<&'static str>,
    /// A key of zero asks the database for the next number.
    pub zero_asks_for_key: bool,
    /// Statements that change tables belong to a transaction, and are taken back with it.
    pub transactional_ddl: bool,
    /// The words of the type for texts of any length, in `CREATE TABLE`.
    pub long_text: &'static str,
    /// What stands behind the columns in `CREATE TABLE`. Begins with a space.
    pub table_tail: &'static str,

    /// Integers beyond 63 bits are stored.
    pub takes_unsigned: bool,
    /// Arrays and addresses of networks are stored.
    pub takes_arrays: bool,
    /// A column takes a number whatever its type.
    pub takes_any_number: bool,
    /// Times are texts, which programs spell in several ways.
    pub times_are_texts: bool,
    /// `LIKE` takes a text and a pattern to end at a NUL.
    pub like_ends_at_nul: bool,
    /// Decimals are stored as 64-bit floats.
    pub decimals_are_reals: bool,
    /// The driver panics at some dates and times, or takes them for others.
    pub misreads_times: bool,

    /// How triggers write values.
    pub images: Images,
    /// What a foreign key's action writes fires triggers.
    pub cascades_fire_triggers: bool,
    /// An image that does not fit into a statement is NULL.
    pub loses_large_images: bool,
    /// Behind an insert into `change_capture`, what updates the row that is there instead.
    pub or_update_entity: &'static str,
    /// Making a trigger takes the place of the one with its name.
    pub replaces_triggers: bool,
    /// What takes the context back before a transaction commits, where the database does not forget it.
    pub clear_context: Option<&'static str>,
    /// The tables of capture that only this database has, and their columns.
    pub capture_shapes: &'static [(&'static str, &'static [&'static str])],
    /// The settings of a session on which the text of a value depends, and what triggers set them to.
    pub value_settings: &'static [(&'static str, &'static str)],

    /// Whether the server takes writes at all, as a query; none where the first write tells.
    pub is_read_only: Option<&'static str>,
    /// The bytes of the largest statement that the server takes, as a query; none where there is no such bound.
    pub largest_statement: Option<&'static str>,
}

impl Facts {
    /// The table into which capture writes.
    pub fn written(&self) -> &'static str {
        self.inbox.unwrap_or("change_log")
    }

    /// The tables that have changes, in the order in which they are asked: what is moved from the first to
    /// the second meanwhile is found in both, never in neither.
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
    /// `name` of the columns of a table that the database lets nobody write.
    pub computed: &'static str,
    /// `name` of all tables. No value.
    pub tables: &'static str,
    /// A row if there is such a table.
    pub is_there: &'static str,
    /// `child`, `parent`, `col`, `del` and `upd` of all foreign keys. No value.
    pub foreign_keys: &'static str,
    /// `name`, `text` and `is_on` of what was made for a table's triggers.
    pub triggers: &'static str,
}
