//! The decision on one pushed row.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

use super::edit::{Edit, Repeat};
use super::merge::{merge, order};
use super::policy::{Choice, Clock, Conflict, Kind, Policy, Rule};
use super::state::{State, Stored};

/// Why an edit that may be an earlier one sent again is not written over what came later.
const CHANGED_SINCE: &str = "the same edit was stored before, and the row has been changed since";
const TAKEN_BACK: &str =
    "the same edit was stored before, and somebody else has taken it back since";

/// What becomes of a pushed row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// It is stored as it was sent: nothing to write.
    Stored,
    /// It was stored when it was sent before: nothing to write.
    Superseded {
        /// Why the row is not as it left it, if others have changed it since.
        reason: Option<&'static str>,
    },
    /// What the client edited was deleted so long ago that nothing is known of it.
    Purged,
    /// To be stored: columns that it lacks stay as they are.
    Write {
        row: State,
        /// How, if it was in conflict with what was stored.
        resolution: Option<Resolution>,
    },
    /// The stored row stays, and the policy says so.
    Outdone { reason: String },
    /// The stored row stays until somebody decides.
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
    /// By a row that neither side had.
    Own,
}

impl Resolution {
    /// The word for it in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Merged => "merged",
            Self::Own => "own",
        }
    }
}

/// What becomes of an edit of what is stored; `None`: the server knows of no such row, nor that there
/// was one.
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
        // Also what a client sends again whose answer was lost, perhaps without what the insert filled
        // in.
        return Decision::Stored;
    }
    let is_from_here = |assumed: &State| stored.state.is_same_in(assumed, knows);
    match (edit.repeat, assumed) {
        (Repeat::Last, _) => Decision::Superseded { reason: None },
        (Repeat::Overtaken, _) => Decision::Superseded {
            reason: Some(CHANGED_SINCE),
        },
        (Repeat::Unclear { is_taken_back }, Some(assumed)) if is_from_here(assumed) => {
            match is_taken_back {
                true => leave(policy, TAKEN_BACK),
                false => write(),
            }
        }
        (Repeat::Unclear { is_taken_back }, None) if stored.state.is_deleted => match is_taken_back
        {
            true => leave(policy, TAKEN_BACK),
            false => conflict(policy, stored, edit),
        },
        (Repeat::Unclear { .. }, _) => unclear(policy, stored, edit),
        (Repeat::No, Some(assumed)) if is_from_here(assumed) => write(),
        (Repeat::No, _) => conflict(policy, stored, edit),
    }
}

/// The stored row stays: somebody decides, or nobody where the policy asks nobody.
fn leave(policy: &Policy, reason: &str) -> Decision {
    let reason = reason.to_owned();
    match policy.0 {
        Kind::Manual | Kind::Merge(_) => Decision::Ask { reason },
        Kind::LastWrite(_) | Kind::Own(_) => Decision::Outdone { reason },
    }
}

/// A conflict of an edit that was perhaps stored before: it must not undo what came later, nor count
/// twice.
fn unclear(policy: &Policy, stored: &Stored, edit: &Edit) -> Decision {
    match &policy.0 {
        Kind::Manual => conflict(policy, stored, edit),
        Kind::Merge(_) => {
            let without_rules = Policy(Kind::Merge(BTreeMap::<&str, Rule>::new()));
            conflict(&without_rules, stored, edit)
        }
        Kind::LastWrite(_) | Kind::Own(_) => leave(policy, CHANGED_SINCE),
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
        Kind::Manual => ask(what_happened(stored, edit)),
        Kind::LastWrite(Clock::Arrival) => take(Resolution::Client),
        Kind::LastWrite(Clock::Column { name, .. }) => {
            let at = match &stored.deleted_at {
                Some(at) => &Json::from(at.clone()),
                None => server.value(name),
            };
            if order(client.value(name), at).is_lt() {
                let reason = format!("a write with a later `{name}` was there already");
                return Decision::Outdone { reason };
            }
            take(Resolution::Client)
        }
        Kind::Merge(_) if server.is_deleted || client.is_deleted => {
            ask(what_happened(stored, edit))
        }
        Kind::Merge(rules) => {
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
        Kind::Own(resolver) => {
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
                    resolution: Some(Resolution::Own),
                },
                Choice::Ask(reason) => Decision::Ask { reason },
            }
        }
    }
}

fn what_happened(stored: &Stored, edit: &Edit) -> &'static str {
    match (stored.state.is_deleted, edit.client.is_deleted) {
        (true, _) if edit.assumed.is_none() => "a row with this key has been deleted",
        (true, _) => "deleted here, edited there",
        (false, true) => "edited here, deleted there",
        (false, false) if edit.assumed.is_none() => "another row has this key",
        (false, false) => "edited here and there",
    }
}

/// Why the edit's time cannot be right.
fn is_ahead(policy: &Policy, client: &State, now: DateTime<Utc>) -> Option<String> {
    let Kind::LastWrite(Clock::Column { name, ahead }) = &policy.0 else {
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
