//! The fields of a mutation that were committed although its answer has errors: `extensions.committed`.
//!
//! An answer can fail after its write was committed: relations and names are rendered after the commit, and a
//! later field may be refused. A client must not conclude that the write was not made.

use std::sync::Arc;

use async_graphql::dynamic::ResolverContext;
use async_graphql::{Response, Value};
use parking_lot::Mutex;

/// The committed fields of one request, by the names that they have in the answer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed(Arc<Mutex<Vec<String>>>);

impl Committed {
    /// Notes that the field's transaction has been committed.
    pub(super) fn add(ctx: &ResolverContext<'_>) {
        let Some(Self(all)) = ctx.data_opt::<Self>() else {
            return;
        };
        let field = ctx.field();
        let name = field.alias().unwrap_or(field.name()).to_owned();
        all.lock().push(name);
    }

    /// Adds the committed fields to a response with errors, if there are any.
    pub(super) fn add_to(&self, response: Response) -> Response {
        let all = self.0.lock();
        if response.errors.is_empty() || all.is_empty() {
            return response;
        }
        let names = all.iter().map(|name| Value::from(name.as_str()));
        response.extension("committed", Value::List(names.collect()))
    }
}
