//! A pushed row as an edit: the row it was made from, and the row it makes.

use serde_json::Value as Json;

use super::state::State;

/// A pushed row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    /// What the client took the stored row to be.
    pub(crate) assumed: Option<State>,
    /// What the client wants to be stored. Columns that it knows and left out are null here.
    pub(crate) client: State,
    /// How it relates to an earlier edit that said the same, as far as the log knows.
    pub(crate) repeat: Repeat,
}

/// How an edit relates to an earlier edit of the same row that said the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// There was no such edit.
    #[default]
    No,
    /// It is the earlier edit, and nothing has changed the row since.
    Last,
    /// It is the earlier edit, and the row has been changed since.
    Overtaken,
    /// It may be the earlier edit, or a new one.
    Unclear {
        /// Others have brought the row back, and nothing shows that the client knows of that.
        is_taken_back: bool,
    },
}

impl Edit {
    /// Makes an edit. The client knows the columns that it sent, now or for the row it started from. Other
    /// columns are newer than the client and not part of its edit.
    pub(crate) fn new(assumed: Option<State>, mut client: State) -> Self {
        for column in assumed.iter().flat_map(|assumed| assumed.row.keys()) {
            client.row.entry(column.clone()).or_insert(Json::Null);
        }
        Self {
            assumed,
            client,
            repeat: Repeat::No,
        }
    }

    /// The columns that the edit changed. If there is no row, or the client knew of none, this is all of them.
    pub(crate) fn onto(self, is_there: bool) -> State {
        let Self {
            assumed,
            mut client,
            ..
        } = self;
        let assumed = assumed.filter(|assumed| is_there && !assumed.is_deleted);
        if let (Some(assumed), false) = (assumed, client.is_deleted) {
            client
                .row
                .retain(|column, value| assumed.value(column) != value);
        }
        client
    }

    pub(super) fn knows(&self, column: &str) -> bool {
        self.client.row.contains_key(column)
    }
}
