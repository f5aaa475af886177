//! An entity from which lists and relations read rows, without its Rust type.

use std::sync::Arc;

use super::source::Source;
use super::table_facts::Indexes;
use crate::service::entity::EntityInfo;

/// An entity that is looked up by name. Cheap to clone.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) info: Arc<EntityInfo>,
    pub(super) source: Arc<dyn Source>,
    pub(super) indexes: Indexes,
}
