//! Reports the rows of a push that were not taken as they were sent: `extensions.rejections`.

use std::sync::Arc;

use async_graphql::Response;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use crate::graphql::scalar::json_value;
use crate::service::offline::rejection::Rejection;

/// The rejections of one request. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::graphql) struct Rejections(Arc<Mutex<Vec<Json>>>);

impl Rejections {
    pub(super) fn add(&self, rejections: Vec<Rejection>) {
        let shown = rejections.into_iter().map(|rejection| {
            json!({
                "key": rejection.key,
                "code": rejection.code.as_str(),
                "reason": rejection.reason,
                "conflictId": rejection.conflict_id,
            })
        });
        let mut all = self.0.lock();
        all.extend(shown);
    }

    /// Adds the rejections to the response, if there are any.
    pub(in crate::graphql) fn add_to(&self, response: Response) -> Response {
        let mut all = self.0.lock();
        match std::mem::take(&mut *all) {
            none if none.is_empty() => response,
            some => response.extension("rejections", json_value(some.into())),
        }
    }
}
