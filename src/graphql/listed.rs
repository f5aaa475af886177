//! An entity whose rows lists and relations read, without its Rust type.

use std::sync::Arc;

use super::source::Source;
use crate::service::entity::EntityInfo;

/// An entity known by name. Cheap to clone.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) info: Arc<EntityInfo>,
    pub(super) source: Arc<dyn Source>,
}
