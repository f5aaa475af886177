//! What is known about PostgreSQL without asking it.

use super::triggers;
use crate::database::facts::{Facts, Images, LogOrder};
use crate::database::syntax::{Brackets, Dollars, Escapes, Syntax};

/// Adds the id of the transaction that wrote each row, and the ticks. The first tick sees nothing.
const TICKS: &[&str] = &[
    "ALTER TABLE change_log ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX idx_change_log_xid ON change_log (xid, id)",
    // A cached range of ids would be handed out in another order than that of commits.
    "ALTER SEQUENCE change_log_id_seq CACHE 1",
    "CREATE TABLE change_tick (tick_id bigint PRIMARY KEY, snapshot pg_snapshot NOT NULL,
        last_id bigint NOT NULL, changes bigint NOT NULL, at timestamptz NOT NULL)",
    "INSERT INTO change_tick VALUES (1, pg_current_snapshot(), 0, 0, now())",
];

pub(super) static FACTS: Facts = Facts {
    driver: "PostgreSQL",
    without_driver: "this program was built without the feature `postgres` of seachange",
    schemes: &["postgres", "postgresql"],
    unopened: "postgres://localhost",
    is_file: false,
    ordering: LogOrder::Ticks,
    inbox: None,
    order_table: Some((
        "change_tick",
        &["tick_id", "snapshot", "last_id", "changes", "at"],
    )),
    order_column: Some("xid"),
    order_schema: TICKS,
    key_index: "CREATE INDEX idx_change_log_row_key ON change_log (left(row_key::text, 200), id)",

    share_lock: "",
    skip_locked: " SKIP LOCKED",
    locks_gaps: false,
    restore_lock_waits: None,
    ends_by_statement: false,
    // Outside of a transaction block the query is a transaction by itself, so both times are the same.
    unclean: Some("SELECT 1 WHERE now() <> statement_timestamp()"),

    returning: true,
    insert_select_locks: false,
    given_keys: Some("OVERRIDING SYSTEM VALUE"),
    zero_asks_for_key: false,
    transactional_ddl: true,
    long_text: "text",
    table_tail: "",

    takes_unsigned: false,
    takes_arrays: true,
    takes_nul: false,
    takes_any_number: false,
    times_are_texts: false,
    like_ends_at_nul: false,
    decimals_are_reals: false,
    misreads_times: true,

    images: Images::Json,
    cascades_fire_triggers: true,
    loses_large_images: false,
    or_update_entity: "ON CONFLICT (entity) DO UPDATE SET",
    replaces_triggers: true,
    clear_context: None,
    capture_shapes: &[],
    value_settings: triggers::SETTINGS,

    is_read_only: Some("SELECT pg_is_in_recovery()"),
    largest_statement: None,
};

pub(super) static SYNTAX: Syntax = Syntax {
    // `standard_conforming_strings` on or off.
    readings: &[
        Escapes {
            single: false,
            double: false,
        },
        Escapes {
            single: true,
            double: false,
        },
    ],
    // The whole text is read before any of it runs.
    set_changes_reading: false,
    hash_comments: false,
    dashes_need_space: false,
    return_ends_comment: true,
    nested_comments: true,
    executable_comments: false,
    // A backtick is an operator sign and quotes nothing.
    backtick_names: false,
    brackets: Brackets::Sign,
    dollars: Dollars::Strings,
    escape_strings: true,
    text_may_name: false,
    longest_name: Some(63),
    trigger_bodies: false,
    pragmas: false,
    set_config: true,
    selects_into_tables: true,
    deletes_from_several: false,
    truncate_fires_triggers: true,
    statements_commit: false,
};
