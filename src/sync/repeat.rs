//! Whether an edit that says what an earlier one said is a repeat, sent because the answer was lost, or a new
//! edit.
//!
//! Its content cannot decide that: a user who ticks a box, unticks it and ticks it again says the same twice.
//! The changes of the row since then can. A client sends its next edit of a row only after it has dealt with
//! the answer to the previous one. So it can repeat an edit as a new one only if the row was brought back to
//! the state that the edit was made from, by the client or by others.

use super::edit::{Edit, Repeat};
use super::state::State;

/// What a change left of the row, after the earlier edit that said the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Later {
    pub(crate) state: State,
    /// Whether the client that pushes now made it. If nobody signs in, this is true of any client.
    pub(crate) is_by_same: bool,
}

/// How the edit relates to an earlier one that said the same, after which these changes came. `names_moment`
/// says that the edit names the time of the state it was made from, and that this is not the time of the stored
/// one.
pub(crate) fn repeat(edit: &Edit, since: &[Later], names_moment: bool) -> Repeat {
    if since.is_empty() {
        return Repeat::Last;
    }
    let is_start = |later: &Later| match &edit.assumed {
        Some(assumed) => later.state.is_same_in(assumed, |column| edit.knows(column)),
        None => later.state.is_deleted,
    };
    let is_by_same = since.iter().any(|later| later.is_by_same);
    if !is_by_same && !since.iter().any(is_start) {
        return Repeat::Overtaken;
    }
    let is_by_others = since.iter().any(|later| !later.is_by_same);
    Repeat::Unclear {
        is_taken_back: is_by_others && (edit.assumed.is_none() || names_moment),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(word: char) -> State {
        let row = json!({ "id": 1, "title": word.to_string() });
        State {
            is_deleted: word == 'x',
            row: row.as_object().cloned().unwrap_or_default(),
        }
    }

    /// Small letters are states that others left, capital ones are states that the same client left.
    fn judged(assumed: char, since: &str, names_moment: bool) -> Repeat {
        let assumed = (assumed != '-').then(|| state(assumed));
        let since: Vec<Later> = since
            .chars()
            .map(|word| Later {
                state: state(word.to_ascii_lowercase()),
                is_by_same: word.is_ascii_uppercase(),
            })
            .collect();
        repeat(&Edit::new(assumed, state('b')), &since, names_moment)
    }

    #[test]
    fn what_came_since_tells() {
        let unclear = |is_taken_back| Repeat::Unclear { is_taken_back };
        for (assumed, since, dated, undated) in [
            ('a', "", Repeat::Last, Repeat::Last),
            ('a', "c", Repeat::Overtaken, Repeat::Overtaken),
            ('a', "x", Repeat::Overtaken, Repeat::Overtaken),
            ('-', "c", Repeat::Overtaken, Repeat::Overtaken),
            // The row was brought back by the client itself, or by others.
            ('a', "A", unclear(false), unclear(false)),
            ('a', "CA", unclear(false), unclear(false)),
            ('a', "a", unclear(true), unclear(false)),
            ('a', "ca", unclear(true), unclear(false)),
            ('a', "ac", unclear(true), unclear(false)),
            ('a', "Ac", unclear(true), unclear(false)),
            ('-', "X", unclear(false), unclear(false)),
            ('-', "x", unclear(true), unclear(true)),
            ('x', "X", unclear(false), unclear(false)),
            ('x', "x", unclear(true), unclear(false)),
        ] {
            assert_eq!(judged(assumed, since, true), dated, "{assumed} {since}");
            assert_eq!(judged(assumed, since, false), undated, "{assumed} {since}");
        }
    }
}
