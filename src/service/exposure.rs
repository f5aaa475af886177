//! What callers may see of an entity, and do with it.

use std::collections::BTreeSet;

use sea_orm::IdenStatic;

/// Something that callers may do with an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read rows: `task(…)`, and the relations of other entities to it.
    Query,
    /// Read past changes: `taskHistory`, `taskAsOf`, and its changes in the query `changes`.
    History,
    /// Follow changes: `taskChanges`, and its changes in the subscription `changes`. Both also replay what is
    /// kept of the past.
    Live,
    /// `taskCreateOne` and `taskCreateBatch`.
    Create,
    /// `taskUpdate`.
    Update,
    /// `taskDelete`.
    Delete,
    /// Undo its changes: `revertChange` and `revertTransaction`.
    Revert,
}

impl Action {
    const ALL: [Self; 7] = [
        Self::Query,
        Self::History,
        Self::Live,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Revert,
    ];

    /// The actions that offline clients do when they push.
    pub(crate) const WRITES: [Self; 3] = [Self::Create, Self::Update, Self::Delete];
}

/// What callers may see of an entity, and do with it. It holds for every way into the API: fields that are not
/// exposed do not exist in the schema, and hidden columns are in no type, filter or order, nor in any image.
///
/// ```
/// use seachange::{Action, Exposure};
/// use seachange_entity::{project, task};
///
/// let read_only = Exposure::read_only();
/// let without_delete = Exposure::everything().refusing([Action::Delete, Action::Revert]);
/// let without_estimates = Exposure::everything().hiding([task::Column::Estimate]);
/// # let _ = (read_only, without_delete, without_estimates, project::Column::Id);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    actions: BTreeSet<Action>,
    hidden: BTreeSet<&'static str>,
}

impl Exposure {
    /// Every action, and every column.
    pub fn everything() -> Self {
        Self::of(Action::ALL)
    }

    /// Rows, history and live changes, but no mutation.
    pub fn read_only() -> Self {
        Self::of([Action::Query, Action::History, Action::Live])
    }

    /// The subscriptions alone.
    pub fn live_only() -> Self {
        Self::of([Action::Live])
    }

    /// These actions, and every column.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        Self {
            actions: actions.into_iter().collect(),
            hidden: BTreeSet::new(),
        }
    }

    /// The same without these actions.
    #[must_use]
    pub fn refusing(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        for action in actions {
            self.actions.remove(&action);
        }
        self
    }

    /// The same without these columns. A column of the key cannot be hidden.
    #[must_use]
    pub fn hiding<C: IdenStatic>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        let names = columns.into_iter().map(|column| column.as_str());
        self.hidden.extend(names);
        self
    }

    /// Whether callers may do this.
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// The names of the hidden columns.
    pub(crate) fn hidden(&self) -> &BTreeSet<&'static str> {
        &self.hidden
    }
}

impl Default for Exposure {
    /// Everything.
    fn default() -> Self {
        Self::everything()
    }
}
