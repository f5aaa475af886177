//! What an adopter chooses for each entity.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ColumnTrait;
use serde_json::Value as Json;

use super::state::State;

/// What is done with an offline edit of a row that has been changed by others meanwhile.
///
/// Whatever the policy, an edit that is not taken is kept in the conflict inbox.
#[derive(Clone, Debug)]
pub struct Policy(pub(super) PolicyKind);

#[derive(Clone, Debug)]
pub(super) enum PolicyKind {
    Manual,
    LastWrite(Clock),
    Merge(BTreeMap<&'static str, Rule>),
    Custom(Arc<dyn Resolver>),
}

/// What decides which write was the last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// The server's clock: the write that arrives later.
    Arrival,
    /// The client's clock, in a column, which may be at most `ahead` in the future.
    Column { name: &'static str, ahead: Duration },
}

impl Policy {
    /// The stored row stays until a person decides in the conflict inbox.
    pub fn manual() -> Self {
        Self(PolicyKind::Manual)
    }

    /// The edit that arrives last is stored as a whole.
    pub fn last_write_wins() -> Self {
        Self(PolicyKind::LastWrite(Clock::Arrival))
    }

    /// The edit with the later time in `column` is stored as a whole; for a deleted row the time of its
    /// deletion counts. An edit whose time lies more than `ahead` in the future is rejected, because it would
    /// win for ever.
    pub fn last_write_by<C: ColumnTrait>(column: C, ahead: Duration) -> Self {
        let name = column.as_str();
        Self(PolicyKind::LastWrite(Clock::Column { name, ahead }))
    }

    /// Merges column by column. What only one side changed is kept. The column's rule decides where both
    /// changed it to different values. If one of these columns has no rule, or one side has deleted what the
    /// other edits, a person decides.
    pub fn merge<C: ColumnTrait>(rules: impl IntoIterator<Item = (C, Rule)>) -> Self {
        let rules = rules.into_iter();
        let named = rules.map(|(column, rule)| (column.as_str(), rule));
        Self(PolicyKind::Merge(named.collect()))
    }

    /// Like [`Policy::merge`], without a rule for any column.
    pub fn merge_disjoint() -> Self {
        Self(PolicyKind::Merge(BTreeMap::new()))
    }

    /// The application's resolver decides.
    pub fn custom(resolver: impl Resolver) -> Self {
        Self(PolicyKind::Custom(Arc::new(resolver)))
    }

    /// The name of the policy in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self.0 {
            PolicyKind::Manual => "manual",
            PolicyKind::LastWrite(_) => "last_write",
            PolicyKind::Merge(_) => "merge",
            PolicyKind::Custom(_) => "custom",
        }
    }

    /// The columns that it names.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        match &self.0 {
            PolicyKind::LastWrite(Clock::Column { name, .. }) => vec![name],
            PolicyKind::Merge(rules) => rules.keys().copied().collect(),
            _ => Vec::new(),
        }
    }
}

/// What is done with a column that both sides changed to different values.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// The stored value stays.
    Server,
    /// The client's value is stored.
    Client,
    /// The greater value is stored: numbers by value, everything else by its text in images.
    Greatest,
    /// The lesser value is stored.
    Least,
    /// A function of the value before (null if it is not known), the stored one and the client's, as images
    /// have them. For a counter it returns the stored value plus what the client added.
    By(fn(before: &Json, server: &Json, client: &Json) -> Json),
}

/// An edit of a row that has been changed by others meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Conflict<'a> {
    /// The row that the edit was made from; `None` if the client knew of none.
    pub assumed: Option<&'a State>,
    /// The row as it is.
    pub server: &'a State,
    /// The row as the client would have it.
    pub client: &'a State,
}

/// What a [`Resolver`] decides.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Choice {
    /// The stored row stays; the edit is kept in the inbox, as resolved.
    Server,
    /// The client's row is stored.
    Client,
    /// This row is stored. Columns that it lacks stay as they are.
    Row(State),
    /// A person decides, for this reason.
    Ask(String),
}

/// An adopter's way to resolve conflicts. It is called within the push's transaction, perhaps more than once
/// for the same edit, so it must be quick and have no side effects.
pub trait Resolver: Send + Sync + std::fmt::Debug + 'static {
    /// Decides what is done with the edit.
    fn resolve(&self, conflict: Conflict<'_>) -> Choice;
}
