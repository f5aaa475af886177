//! Marking what is written for a moment only, inside a transaction.

use seachange_changelog::Context;
use seachange_changelog::log::INTERIM;
use serde_json::Value as Json;

/// The context for a write of values that have no meaning and that the same transaction writes over.
pub(super) fn interim(mut context: Context) -> Context {
    let metadata = context.metadata.get_or_insert_default();
    metadata.insert(INTERIM.to_owned(), Json::Bool(true));
    context
}
