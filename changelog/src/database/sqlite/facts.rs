//! What is known about SQLite without asking it.

use crate::database::facts::{Facts, Images, LogOrder};
use crate::database::syntax::{Brackets, Dollars, Escapes, Syntax};

pub(super) static FACTS: Facts = Facts {
    driver: "SQLite",
    without_driver: "this program was built without the feature `sqlite` of seachange",
    schemes: &["sqlite"],
    unopened: "sqlite::memory:",
    is_file: true,
    ordering: LogOrder::ById,
    inbox: None,
    order_table: None,
    order_column: None,
    order_schema: &[],
    key_index: "CREATE INDEX idx_change_log_row_key ON change_log (row_key)",

    share_lock: "",
    skip_locked: "",
    locks_gaps: false,
    restore_lock_waits: None,
    ends_by_statement: true,
    unclean: None,

    returning: true,
    insert_select_locks: false,
    given_keys: None,
    zero_asks_for_key: false,
    transactional_ddl: true,
    long_text: "text",
    table_tail: "",

    takes_unsigned: false,
    takes_arrays: false,
    takes_nul: true,
    takes_any_number: true,
    times_are_texts: true,
    like_ends_at_nul: true,
    decimals_are_reals: true,
    misreads_times: false,

    images: Images::Tagged,
    cascades_fire_triggers: true,
    loses_large_images: false,
    or_update_entity: "ON CONFLICT (entity) DO UPDATE SET",
    replaces_triggers: false,
    clear_context: Some("DELETE FROM change_context"),
    capture_shapes: &[
        (
            "change_context",
            &["id", "actor", "mutation_id", "metadata", "transaction_id"],
        ),
        (
            "change_replaced",
            &["entity", "written", "row_key", "place", "image", "log_id"],
        ),
    ],
    value_settings: &[],

    is_read_only: None,
    largest_statement: None,
};

pub(super) static SYNTAX: Syntax = Syntax {
    readings: &[Escapes {
        single: false,
        double: false,
    }],
    set_changes_reading: false,
    hash_comments: false,
    dashes_need_space: false,
    return_ends_comment: false,
    nested_comments: false,
    executable_comments: false,
    backtick_names: true,
    brackets: Brackets::Name,
    dollars: Dollars::Parameters,
    escape_strings: false,
    text_may_name: true,
    longest_name: None,
    trigger_bodies: true,
    pragmas: true,
    set_config: false,
    selects_into_tables: false,
    deletes_from_several: false,
    truncate_fires_triggers: false,
    statements_commit: false,
};
