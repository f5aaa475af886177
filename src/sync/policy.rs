//! What an adopter chooses per entity.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ColumnTrait;
use serde_json::Value as Json;

use super::state::State;

/// What becomes of an offline edit of a row that somebody else has changed meanwhile.
///
/// Whatever the policy, an edit that is not taken is kept in the conflict inbox.
#[derive(Clone, Debug)]
pub struct Policy(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Manual,
    LastWrite(Clock),
    Merge(BTreeMap<&'static str, Rule>),
    Own(Arc<dyn Resolver>),
}

/// What tells which write was the last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// The server, by its arrival.
    Arrival,
    /// The client, by a column, no further ahead than this.
    Column { name: &'static str, ahead: Duration },
}

impl Policy {
    /// The stored row stays; somebody decides in the conflict inbox.
    pub fn manual() -> Self {
        Self(Kind::Manual)
    }

    /// The edit that arrives last is stored, whole.
    pub fn last_write_wins() -> Self {
        Self(Kind::LastWrite(Clock::Arrival))
    }

    /// The edit with the later time in `column` is stored, whole; of a deleted row the time of its
    /// deletion counts. An edit whose time lies more than `ahead` in the future is rejected: it would
    /// win for ever.
    pub fn last_write_by<C: ColumnTrait>(column: C, ahead: Duration) -> Self {
        let name = column.as_str();
        Self(Kind::LastWrite(Clock::Column { name, ahead }))
    }

    /// Column by column: what only one side changed is kept; for a column that both changed to
    /// different values its rule decides, and if one of them has none, somebody. So does somebody where
    /// one side has deleted what the other edits.
    pub fn merge<C: ColumnTrait>(rules: impl IntoIterator<Item = (C, Rule)>) -> Self {
        let rules = rules.into_iter();
        let named = rules.map(|(column, rule)| (column.as_str(), rule));
        Self(Kind::Merge(named.collect()))
    }

    /// As [`Policy::merge`], without a rule for any column.
    pub fn merge_disjoint() -> Self {
        Self(Kind::Merge(BTreeMap::new()))
    }

    /// The adopter decides.
    pub fn own(resolver: impl Resolver) -> Self {
        Self(Kind::Own(Arc::new(resolver)))
    }

    /// The word for it in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self.0 {
            Kind::Manual => "manual",
            Kind::LastWrite(_) => "last_write",
            Kind::Merge(_) => "merge",
            Kind::Own(_) => "own",
        }
    }

    /// The columns that it names.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        match &self.0 {
            Kind::LastWrite(Clock::Column { name, .. }) => vec![name],
            Kind::Merge(rules) => rules.keys().copied().collect(),
            _ => Vec::new(),
        }
    }
}

/// What becomes of a column that both sides changed to different values.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// The stored value stays.
    Server,
    /// The client's value is stored.
    Client,
    /// The greater: numbers by value, everything else by its text in images.
    Greatest,
    /// The lesser.
    Least,
    /// Of the value before (null if it is not known), the stored one and the client's, as images have
    /// them. A counter: stored plus what the client added.
    By(fn(before: &Json, server: &Json, client: &Json) -> Json),
}

/// An edit of a row that has been changed otherwise meanwhile.
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
pub enum Choice {
    /// The stored row stays; the edit is kept in the inbox, as resolved.
    Server,
    /// The client's row is stored.
    Client,
    /// This is stored: columns that it lacks stay as they are.
    Row(State),
    /// Somebody decides, for this reason.
    Ask(String),
}

/// An adopter's own way to resolve conflicts. Called within the push's transaction, perhaps more than
/// once for the same edit: it only decides, quickly.
pub trait Resolver: Send + Sync + std::fmt::Debug + 'static {
    /// What becomes of the edit.
    fn resolve(&self, conflict: Conflict<'_>) -> Choice;
}
