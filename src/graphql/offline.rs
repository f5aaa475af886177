//! The fields of sync with offline clients: `pullTask`, `pushTask` and `streamTask` for each entity registered
//! for it, and the conflict inbox.
//!
//! These fields are the ones that RxDB's GraphQL replication asks for, and a plain contract for any other
//! client. The service (`service/offline`) does the work.

mod document;
mod document_list;
mod inbox;
mod pull;
mod push;
mod rejections;
mod resolve;
mod stream;
mod types;

use std::sync::Arc;

use async_graphql::dynamic::SchemaError;

use super::builder::Builder;
use crate::service::entity::EntityInfo;
use crate::service::exposure::Action;
use crate::service::offline::synced::{Synced, SyncedByTable};
use crate::service::registered::ByTable;
use crate::sync::Policy;
pub(super) use rejections::Rejections;

/// Whether offline clients may push: an entity whose exposure allows no write is only pulled.
///
/// # Errors
/// [`SchemaError`] if some writes are allowed and others are not, because a push may be any of them.
fn is_pushed(entity: &EntityInfo) -> Result<bool, SchemaError> {
    let mut allowed = Action::WRITES.iter().map(|action| entity.allows(*action));
    let first = allowed.next().unwrap_or_default();
    if allowed.any(|other| other != first) {
        let table = entity.table;
        return Err(SchemaError(format!(
            "`{table}` is synced, and its exposure allows some of create, update and delete: allow all of them, \
             or none to let clients only pull"
        )));
    }
    Ok(first)
}

/// Adds the fields and types of sync for these entities.
///
/// # Errors
/// [`SchemaError`] if an entity is not registered, a policy names a column that clients do not have, or an
/// exposure allows some writes and not others.
pub(super) fn add(
    builder: &mut Builder,
    policies: &[(&'static str, Policy)],
    by_table: &ByTable,
) -> Result<(), SchemaError> {
    let mut all = Vec::with_capacity(policies.len());
    for (table, policy) in policies {
        let Some(registered) = by_table.get(table).cloned() else {
            return Err(SchemaError(format!(
                "`{table}` is registered for sync, but not as an entity"
            )));
        };
        let synced = Synced::new(registered, policy.clone()).map_err(|column| {
            SchemaError(format!(
                "the policy of `{table}` names `{column}`, which clients do not write"
            ))
        })?;
        let synced = Arc::new(synced);
        builder.begin(format!("the sync of table `{table}`"));
        types::add(builder, &synced);
        builder.queries.push(pull::field(&synced));
        if is_pushed(synced.info())? {
            builder.mutations.push(push::field(&synced));
        }
        builder.subscriptions.push(stream::field(&synced));
        all.push(synced);
    }
    if !all.is_empty() {
        builder.begin("sync");
        inbox::add_types(builder);
        builder.register(resolve::choices());
        let by_table = all.iter().map(|of| (of.info().table, Arc::clone(of)));
        let by_table: SyncedByTable = Arc::new(by_table.collect());
        builder.queries.push(inbox::query(&by_table));
        builder.mutations.push(resolve::field(&by_table));
        builder.subscriptions.push(inbox::subscription());
    }
    Ok(())
}
