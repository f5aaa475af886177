//! Which fields of a mutation have been committed, where its answer has errors: `extensions.committed`.
//!
//! An answer can fail when what it is about is done: relations and names are rendered after the commit, and a
//! later field may be refused. A client must not take that for a write that was not made.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dynamic::ResolverContext;
use async_graphql::{Response, Value};

/// Those of one request, by the names under which they are answered. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed(Arc<Mutex<Vec<String>>>);

impl Committed {
    /// The field's transaction has been committed.
    pub(super) fn add(ctx: &ResolverContext<'_>) {
        let Some(Self(all)) = ctx.data_opt::<Self>() else {
            return;
        };
        let field = ctx.field();
        let name = field.alias().unwrap_or(field.name()).to_owned();
        all.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name);
    }

    /// Puts them into a response with errors, if there are any.
    pub(super) fn tell(&self, response: Response) -> Response {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if response.errors.is_empty() || all.is_empty() {
            return response;
        }
        let names = all.iter().map(|name| Value::from(name.as_str()));
        response.extension("committed", Value::List(names.collect()))
    }
}
