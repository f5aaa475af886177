//! Values that a resolver has rendered for a field below its own. async-graphql resolves each field of each
//! object of a list in a separate future, which took half the time of a large pull.
//!
//! They are stored by path, and [`guard`](super::guard) puts them in that field's place.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dynamic::ResolverContext;
use async_graphql::{QueryPathNode, Value};
use parking_lot::Mutex;

/// The rendered values of one request. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Prerendered(Arc<Mutex<HashMap<String, Value>>>);

impl Prerendered {
    /// Stores the value of a field below the one that is being resolved, by its key in the response.
    pub(super) fn leave(&self, ctx: &ResolverContext<'_>, key: &str, value: Value) {
        if let Some(parent) = &ctx.path_node {
            self.with(|values| values.insert(format!("{parent}.{key}"), value));
        }
    }

    /// Stores a value in the place of the field that is being resolved, whatever its type.
    pub(super) fn put(&self, ctx: &ResolverContext<'_>, value: Value) {
        if let Some(node) = &ctx.path_node {
            self.with(|values| values.insert(node.to_string(), value));
        }
    }

    /// Takes what was stored for the field at a path.
    pub(super) fn take(&self, path: &QueryPathNode<'_>) -> Option<Value> {
        self.with(|values| {
            if values.is_empty() {
                None
            } else {
                values.remove(&path.to_string())
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Value>) -> T) -> T {
        act(&mut self.0.lock())
    }
}
