//! A pushed row as an edit: the row it was made from, and the row it makes.

use serde_json::Value as Json;

use super::state::State;

/// A pushed row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    /// What the client took for the stored row.
    pub(crate) assumed: Option<State>,
    /// What it wants to be stored. Columns that the client knows and left out are null in it.
    pub(crate) client: State,
    /// What it is to an earlier one that said the same, as far as the log knows.
    pub(crate) repeat: Repeat,
}

/// What an edit is to an earlier one of the same row that said the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// There was none.
    #[default]
    No,
    /// It is that one, and nothing has come after it.
    Last,
    /// It is that one, and the row has been changed since.
    Overtaken,
    /// It may be that one, and may be new.
    Unclear {
        /// Others have brought the row back, and the client gives no sign of having heard of that.
        is_taken_back: bool,
    },
}

impl Edit {
    /// The columns that the client knows are those that it sent, now or for the row it started from.
    /// Others are newer than the client, and no business of its edit.
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

    /// What the edit does to a row: the columns that it changed. Where there is no row, or the client knew of
    /// none, all of them.
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
