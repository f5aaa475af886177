//! What callers may see of the change log: which tables, and which columns of their images.
//!
//! Guarantees that whatever leaves the API in the form that the log has passes through here: the changes of
//! tables that are not exposed are never read, and the values of columns that the API leaves out are removed.

use std::sync::Arc;

use serde_json::Value as Json;

use super::error::Refusal;
use crate::feed::{Change, Page, Selection};
use crate::service::entity::EntityInfo;
use crate::service::exposure::Action;
use crate::service::registered::ByTable;

/// What callers may see of the log. Cheap to clone.
#[derive(Clone)]
pub(super) struct Visible(ByTable);

impl Visible {
    pub(super) fn new(exposed: &ByTable) -> Self {
        Self(Arc::clone(exposed))
    }

    fn entity(&self, table: &str) -> Option<&EntityInfo> {
        self.0.get(table).map(|of| &*of.info)
    }

    /// The part of a selection that is exposed to the action.
    ///
    /// # Errors
    /// `BAD_INPUT` if it names a table that is not.
    pub(super) fn select(
        &self,
        mut selection: Selection,
        action: Action,
    ) -> Result<Selection, Refusal> {
        let is_exposed = |table: &str| self.entity(table).is_some_and(|of| of.allows(action));
        match &selection.entities {
            Some(wanted) => {
                if let Some(unknown) = wanted.iter().find(|table| !is_exposed(table)) {
                    return Err(Refusal::bad_input(format!("unknown entity `{unknown}`")));
                }
            }
            None => {
                let tables = self.0.keys().filter(|table| is_exposed(table));
                let mut tables: Vec<String> = tables.map(|table| (*table).to_owned()).collect();
                // Subscriptions that want the same are rendered once.
                tables.sort_unstable();
                selection.entities = Some(tables);
            }
        }
        Ok(selection)
    }

    /// A change without the values of columns that the API leaves out.
    pub(super) fn change(&self, change: &Arc<Change>) -> Arc<Change> {
        let mut change = Arc::clone(change);
        if let Some(entity) = self.restricted(&change.row.entity) {
            leave_out(entity, Arc::make_mut(&mut change));
        }
        change
    }

    /// A page of changes without the values of columns that the API leaves out.
    pub(super) fn page(&self, mut page: Page) -> Page {
        for change in &mut page.changes {
            if let Some(entity) = self.restricted(&change.row.entity) {
                leave_out(entity, change);
            }
        }
        page
    }

    /// A JSON object with the columns of a table's row, without those that the API leaves out.
    pub(super) fn json(&self, table: &str, mut json: Json) -> Json {
        if let (Some(entity), Json::Object(image)) = (self.restricted(table), &mut json) {
            entity.leave_out(image);
        }
        json
    }

    /// The entity of a table, if the API leaves out any of its columns.
    fn restricted(&self, table: &str) -> Option<&EntityInfo> {
        let entity = self.entity(table);
        entity.filter(|entity| entity.leaves_out_any())
    }
}

fn leave_out(entity: &EntityInfo, change: &mut Change) {
    for image in [&mut change.row.before, &mut change.row.after] {
        if let Some(Json::Object(image)) = image {
            entity.leave_out(image);
        }
    }
}
