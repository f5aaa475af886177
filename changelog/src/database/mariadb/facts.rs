//! What is known about MariaDB without asking it.

use crate::database::facts::{Facts, Images, LogOrder};
use crate::database::syntax::{Brackets, Dollars, Escapes, Syntax};

pub(super) static FACTS: Facts = Facts {
    driver: "MySQL",
    without_driver: "this program was built without the feature `mysql` of seachange",
    schemes: &["mysql"],
    unopened: "mysql://localhost",
    is_file: false,
    ordering: LogOrder::Inbox,
    inbox: Some("change_inbox"),
    order_table: None,
    order_column: Some("inbox_id"),
    // The row's place in the inbox, so that no row is moved twice.
    order_schema: &[
        "ALTER TABLE change_log ADD COLUMN inbox_id bigint NULL",
        "CREATE UNIQUE INDEX idx_change_log_inbox_id ON change_log (inbox_id)",
    ],
    key_index: "CREATE INDEX idx_change_log_row_key ON change_log (row_key(200))",

    share_lock: " LOCK IN SHARE MODE",
    skip_locked: " SKIP LOCKED",
    locks_gaps: true,
    restore_lock_waits: Some(
        "SET SESSION innodb_lock_wait_timeout = @seachange_lock_wait, @seachange_lock_wait = NULL",
    ),
    ends_by_statement: false,
    // The variable is set if waits of a transaction were bounded and the bound was not reset. A session keeps
    // the packet size that was set when it began.
    unclean: Some(
        "SELECT 1 FROM DUAL WHERE @@in_transaction = 1 OR @seachange_lock_wait IS NOT NULL
               OR @@SESSION.max_allowed_packet <> @@GLOBAL.max_allowed_packet",
    ),

    // `UPDATE` cannot return rows, and an image must not depend on the way in which a row is read back.
    // `INSERT IGNORE` would also suppress other errors.
    returning: false,
    insert_select_locks: true,
    given_keys: None,
    zero_asks_for_key: true,
    transactional_ddl: false,
    long_text: "longtext",
    table_tail: " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",

    takes_unsigned: true,
    takes_arrays: false,
    takes_nul: true,
    takes_any_number: false,
    times_are_texts: false,
    like_ends_at_nul: false,
    decimals_are_reals: false,
    misreads_times: true,

    images: Images::ByType,
    cascades_fire_triggers: false,
    loses_large_images: true,
    or_update_entity: "ON DUPLICATE KEY UPDATE",
    replaces_triggers: true,
    clear_context: Some("DELETE FROM change_context WHERE connection_id = CONNECTION_ID()"),
    capture_shapes: &[(
        "change_context",
        &[
            "connection_id",
            "actor",
            "mutation_id",
            "metadata",
            "transaction_id",
        ],
    )],
    value_settings: &[],

    is_read_only: Some("SELECT @@global.read_only = 1"),
    largest_statement: Some("SELECT CAST(@@max_allowed_packet AS SIGNED) AS most"),
};

pub(super) static SYNTAX: Syntax = Syntax {
    // `NO_BACKSLASH_ESCAPES` off or on; with it off, `ANSI_QUOTES` takes escapes out of "x" alone.
    readings: &[
        Escapes {
            single: true,
            double: true,
        },
        Escapes {
            single: false,
            double: false,
        },
        Escapes {
            single: true,
            double: false,
        },
    ],
    set_changes_reading: true,
    hash_comments: true,
    dashes_need_space: true,
    return_ends_comment: false,
    nested_comments: false,
    executable_comments: true,
    backtick_names: true,
    // MariaDB quotes names with it in one SQL mode; in other modes and in MySQL it is an error.
    brackets: Brackets::Unclear,
    dollars: Dollars::Unclear,
    escape_strings: false,
    text_may_name: false,
    longest_name: None,
    trigger_bodies: false,
    pragmas: false,
    set_config: false,
    selects_into_tables: false,
    deletes_from_several: true,
    truncate_fires_triggers: false,
    statements_commit: true,
};
