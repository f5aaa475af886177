//! The decision on one pushed row.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

use super::edit::{Edit, Repeat};
use super::merge::{merge, order};
use super::policy::{Choice, Clock, Conflict, Policy, PolicyKind, Rule};
use super::state::{State, Stored};

/// Why an edit that may be a repeat of an earlier one is not written over later changes.
const CHANGED_SINCE: &str = "the same edit was stored before, and the row has been changed since";
const TAKEN_BACK: &str = "the same edit was stored before, and has been reverted by others since";

/// What is done with a pushed row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// The row is stored as it was sent; there is nothing to write.
    Stored,
    /// The edit was stored when it was sent before; there is nothing to write.
    Superseded {
        /// Why the row now differs from what the edit left, if others have changed it since.
        reason: Option<&'static str>,
    },
    /// The row that the client edited was deleted so long ago that the log no longer knows it.
    Purged,
    /// The row is to be stored. Columns that it lacks stay as they are.
    Write {
        row: State,
        /// How the conflict was resolved, if the edit was in conflict with what was stored.
        resolution: Option<Resolution>,
    },
    /// The stored row stays, as the policy decides.
    Outdone { reason: String },
    /// The stored row stays until a person decides.
    Ask { reason: String },
    /// The edit cannot be judged.
    Refused { reason: String },
}

/// How a conflict was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// By the client's row.
    Client,
    /// By both sides' columns.
    Merged,
    /// By a row that differs from both sides' rows.
    Custom,
}

impl Resolution {
    /// The name of the resolution in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Merged => "merged",
            Self::Custom => "custom",
        }
    }
}

/// Decides on an edit of what is stored. `None` means that the server knows of no such row, not even of a
/// deleted one.
pub(crate) fn decide(
    policy: &Policy,
    stored: Option<&Stored>,
    edit: &Edit,
    now: DateTime<Utc>,
) -> Decision {
    let Edit {
        assumed, client, ..
    } = edit;
    if let Some(reason) = is_ahead(policy, client, now) {
        return Decision::Refused { reason };
    }
    let write = || Decision::Write {
        row: client.clone(),
        resolution: None,
    };
    let Some(stored) = stored else {
        return match assumed {
            _ if client.is_deleted => Decision::Stored,
            Some(assumed) if !assumed.is_deleted => Decision::Purged,
            _ => write(),
        };
    };
    let knows = |column: &str| edit.knows(column);
    if stored.state.is_same_in(client, knows) {
        // This also covers a retry after a lost answer, perhaps without the values that the insert filled in.
        return Decision::Stored;
    }
    let is_from_here = |assumed: &State| stored.state.is_same_in(assumed, knows);
    match (edit.repeat, assumed) {
        (Repeat::Last, _) => Decision::Superseded { reason: None },
        (Repeat::Overtaken, _) => Decision::Superseded {
            reason: Some(CHANGED_SINCE),
        },
        (Repeat::Unclear { is_taken_back }, Some(assumed)) if is_from_here(assumed) => {
            if is_taken_back {
                leave(policy, TAKEN_BACK)
            } else {
                write()
            }
        }
        (Repeat::Unclear { is_taken_back }, None) if stored.state.is_deleted => {
            if is_taken_back {
                leave(policy, TAKEN_BACK)
            } else {
                conflict(policy, stored, edit)
            }
        }
        (Repeat::Unclear { .. }, _) => unclear(policy, stored, edit),
        (Repeat::No, Some(assumed)) if is_from_here(assumed) => write(),
        (Repeat::No, _) => conflict(policy, stored, edit),
    }
}

/// Keeps the stored row. A person decides, unless the policy never asks anybody.
fn leave(policy: &Policy, reason: &str) -> Decision {
    let reason = reason.to_owned();
    match policy.0 {
        PolicyKind::Manual | PolicyKind::Merge(_) => Decision::Ask { reason },
        PolicyKind::LastWrite(_) | PolicyKind::Custom(_) => Decision::Outdone { reason },
    }
}

/// Handles a conflict of an edit that may have been stored before: it must not undo later changes, nor count
/// twice.
fn unclear(policy: &Policy, stored: &Stored, edit: &Edit) -> Decision {
    match &policy.0 {
        PolicyKind::Manual => conflict(policy, stored, edit),
        PolicyKind::Merge(_) => {
            let without_rules = Policy(PolicyKind::Merge(BTreeMap::<&str, Rule>::new()));
            conflict(&without_rules, stored, edit)
        }
        PolicyKind::LastWrite(_) | PolicyKind::Custom(_) => leave(policy, CHANGED_SINCE),
    }
}

fn conflict(policy: &Policy, stored: &Stored, edit: &Edit) -> Decision {
    let Edit {
        assumed, client, ..
    } = edit;
    let server = &stored.state;
    let take = |resolution| Decision::Write {
        row: client.clone(),
        resolution: Some(resolution),
    };
    let ask = |reason: &str| Decision::Ask {
        reason: reason.to_owned(),
    };
    match &policy.0 {
        PolicyKind::Manual => ask(what_happened(stored, edit)),
        PolicyKind::LastWrite(Clock::Arrival) => take(Resolution::Client),
        PolicyKind::LastWrite(Clock::Column { name, .. }) => {
            let at = match &stored.deleted_at {
                Some(at) => &Json::from(at.clone()),
                None => server.value(name),
            };
            if order(client.value(name), at).is_lt() {
                let reason = format!("a write with a later `{name}` was stored already");
                return Decision::Outdone { reason };
            }
            take(Resolution::Client)
        }
        PolicyKind::Merge(_) if server.is_deleted || client.is_deleted => {
            ask(what_happened(stored, edit))
        }
        PolicyKind::Merge(rules) => {
            let merged = merge(rules, assumed.as_ref(), server, client);
            if !merged.clashes.is_empty() {
                let columns = merged.clashes.join("`, `");
                return ask(&format!("both sides changed `{columns}`"));
            }
            Decision::Write {
                row: State::present(merged.row),
                resolution: Some(Resolution::Merged),
            }
        }
        PolicyKind::Custom(resolver) => {
            let assumed = assumed.as_ref();
            match resolver.resolve(Conflict {
                assumed,
                server,
                client,
            }) {
                Choice::Server => Decision::Outdone {
                    reason: "the stored row was preferred".to_owned(),
                },
                Choice::Client => take(Resolution::Client),
                Choice::Row(row) => Decision::Write {
                    row,
                    resolution: Some(Resolution::Custom),
                },
                Choice::Ask(reason) => Decision::Ask { reason },
            }
        }
    }
}

fn what_happened(stored: &Stored, edit: &Edit) -> &'static str {
    match (stored.state.is_deleted, edit.client.is_deleted) {
        (true, _) if edit.assumed.is_none() => "a row with this key has been deleted",
        (true, _) => "deleted on the server, edited by the client",
        (false, true) => "edited on the server, deleted by the client",
        (false, false) if edit.assumed.is_none() => "another row has this key",
        (false, false) => "edited on both sides",
    }
}

/// Why the edit's time cannot be right, if it is too far ahead.
fn is_ahead(policy: &Policy, client: &State, now: DateTime<Utc>) -> Option<String> {
    let PolicyKind::LastWrite(Clock::Column { name, ahead }) = &policy.0 else {
        return None;
    };
    let at = client.value(name).as_str()?;
    let at = DateTime::parse_from_rfc3339(at).ok()?;
    let most = TimeDelta::from_std(*ahead).unwrap_or(TimeDelta::MAX);
    let is_ahead = at.signed_duration_since(now) > most;
    is_ahead.then(|| format!("`{name}` is more than {} s ahead", ahead.as_secs()))
}

#[cfg(test)]
mod tests;
