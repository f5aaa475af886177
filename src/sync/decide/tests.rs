//! Every combination of what is stored, what was assumed and what is wanted.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use seachange_changelog::Image;
use serde_json::json;

use super::*;

fn image(row: Json) -> Image {
    row.as_object().cloned().unwrap_or_default()
}

/// `-` is no row, `x` a deleted one, and a letter is a row with that title.
fn state(word: char) -> Option<State> {
    match word {
        '-' => None,
        'x' => Some(State::deleted(image(json!({"id": 1, "title": "gone"})))),
        title => Some(State::present(image(
            json!({"id": 1, "title": title.to_string()}),
        ))),
    }
}

fn decided(policy: &Policy, stored: char, assumed: char, client: char) -> &'static str {
    decision(
        policy,
        stored,
        Edit::new(state(assumed), state(client).unwrap_or_default()),
    )
}

/// Decides on an edit that sets the title to `b`.
fn decided_of(policy: &Policy, stored: char, assumed: char, repeat: Repeat) -> &'static str {
    let edit = Edit::new(state(assumed), state('b').unwrap_or_default());
    decision(policy, stored, Edit { repeat, ..edit })
}

fn decision(policy: &Policy, stored: char, edit: Edit) -> &'static str {
    let stored = state(stored).map(|state| Stored {
        deleted_at: state
            .is_deleted
            .then(|| "2026-01-02T00:00:00.000000Z".to_owned()),
        state,
    });
    match decide(policy, stored.as_ref(), &edit, Utc::now()) {
        Decision::Stored => "stored",
        Decision::Superseded { .. } => "superseded",
        Decision::Purged => "purged",
        Decision::Write {
            resolution: None, ..
        } => "write",
        Decision::Write {
            resolution: Some(how),
            ..
        } => how.as_str(),
        Decision::Outdone { .. } => "outdone",
        Decision::Ask { .. } => "ask",
        Decision::Refused { .. } => "refused",
    }
}

#[test]
fn each_combination() {
    // Each case is stored, assumed, wanted; then the result for manual, merge, last write.
    for (case, manual, merge, last) in [
        // The server knows nothing of the row.
        ("--a", "write", "write", "write"),
        ("--x", "stored", "stored", "stored"),
        ("-aa", "purged", "purged", "purged"),
        ("-ab", "purged", "purged", "purged"),
        ("-ax", "stored", "stored", "stored"),
        ("-xa", "write", "write", "write"),
        ("-xx", "stored", "stored", "stored"),
        // The row is stored.
        ("a-a", "stored", "stored", "stored"),
        ("a-b", "ask", "ask", "client"),
        ("a-x", "ask", "ask", "client"),
        ("aaa", "stored", "stored", "stored"),
        ("aab", "write", "write", "write"),
        ("aax", "write", "write", "write"),
        ("aba", "stored", "stored", "stored"),
        ("abb", "ask", "merged", "client"),
        ("abc", "ask", "ask", "client"),
        ("abx", "ask", "ask", "client"),
        ("axa", "stored", "stored", "stored"),
        ("axb", "ask", "ask", "client"),
        ("axx", "ask", "ask", "client"),
        // The row was deleted.
        ("x-a", "ask", "ask", "client"),
        ("x-x", "stored", "stored", "stored"),
        ("xaa", "ask", "ask", "client"),
        ("xab", "ask", "ask", "client"),
        ("xax", "stored", "stored", "stored"),
        ("xxa", "write", "write", "write"),
        ("xxx", "stored", "stored", "stored"),
    ] {
        let words: Vec<char> = case.chars().collect();
        let decided = |policy| decided(&policy, words[0], words[1], words[2]);
        assert_eq!(decided(Policy::manual()), manual, "{case} manual");
        assert_eq!(decided(Policy::merge_disjoint()), merge, "{case} merge");
        assert_eq!(
            decided(Policy::last_write_wins()),
            last,
            "{case} last write"
        );
    }
}

/// An edit that is sent again undoes nothing, whatever the policy.
#[test]
fn what_was_stored_before() {
    for stored in ['a', 'c', 'x'] {
        for assumed in ['-', 'a'] {
            for repeat in [Repeat::Last, Repeat::Overtaken] {
                for policy in [
                    Policy::manual(),
                    Policy::merge_disjoint(),
                    Policy::last_write_wins(),
                ] {
                    let decision = decided_of(&policy, stored, assumed, repeat);
                    assert_eq!(decision, "superseded");
                }
            }
        }
    }
}

/// An edit that may be a repeat or new is stored if it was made from the row as it is. Elsewhere it undoes
/// nothing, and is kept.
#[test]
fn what_was_perhaps_stored_before() {
    // Each case is stored, assumed, whether others took it back; then manual, merge, last write.
    for (stored, assumed, is_taken_back, manual, merge, last) in [
        ('a', 'a', false, "write", "write", "write"),
        ('a', 'a', true, "ask", "ask", "outdone"),
        ('x', 'x', false, "write", "write", "write"),
        ('x', '-', false, "ask", "ask", "client"),
        ('x', '-', true, "ask", "ask", "outdone"),
        ('c', 'a', false, "ask", "ask", "outdone"),
        ('c', '-', false, "ask", "ask", "outdone"),
        ('x', 'a', true, "ask", "ask", "outdone"),
    ] {
        let repeat = Repeat::Unclear { is_taken_back };
        let decided = |policy| decided_of(&policy, stored, assumed, repeat);
        let case = format!("{stored}{assumed}");
        assert_eq!(decided(Policy::manual()), manual, "{case} manual");
        assert_eq!(decided(Policy::merge_disjoint()), merge, "{case} merge");
        assert_eq!(
            decided(Policy::last_write_wins()),
            last,
            "{case} last write"
        );
    }
    // A counter is not incremented twice.
    let twice = |_: &Json, server: &Json, _: &Json| json!(format!("{server}+"));
    let rules = BTreeMap::from([("title", super::super::policy::Rule::By(twice))]);
    let repeat = Repeat::Unclear {
        is_taken_back: false,
    };
    assert_eq!(
        decided_of(&Policy(PolicyKind::Merge(rules)), 'c', 'a', repeat),
        "ask"
    );
}

#[test]
fn columns_that_the_client_does_not_know() {
    let stored = Stored {
        state: State::present(image(json!({"id": 1, "title": "a", "newer": 5}))),
        deleted_at: None,
    };
    let edit = Edit::new(
        state('a'),
        State::present(image(json!({"id": 1, "title": "b"}))),
    );
    let decision = decide(&Policy::manual(), Some(&stored), &edit, Utc::now());
    let row = State::present(image(json!({"id": 1, "title": "b"})));
    let resolution = None;
    assert_eq!(decision, Decision::Write { row, resolution });
    // A column that the client knows and left out is cleared.
    let assumed = State::present(image(json!({"id": 1, "title": "a", "newer": 5})));
    let edit = Edit::new(
        Some(assumed),
        State::present(image(json!({"id": 1, "title": "a"}))),
    );
    assert_eq!(edit.client.row["newer"], json!(null));
}

/// Which write a clock takes for the later one, and that no time may be far ahead.
#[test]
fn clocks() {
    let policy = Policy(PolicyKind::LastWrite(Clock::Column {
        name: "at",
        ahead: Duration::from_secs(60),
    }));
    let row = |at: &str| State::present(image(json!({"id": 1, "at": at})));
    let stored = Stored {
        state: row("2026-01-02T00:00:00.000000Z"),
        deleted_at: None,
    };
    let now = "2026-01-05T00:00:00Z".parse().unwrap_or_default();
    for (at, is_taken) in [
        ("2026-01-01T00:00:00.000000Z", Some(false)),
        ("2026-01-02T00:00:00.000000Z", Some(true)),
        ("2026-01-05T00:01:00.000000Z", Some(true)),
        ("2026-01-05T00:01:00.000001Z", None),
    ] {
        let mut client = row(at);
        client.row.insert("title".to_owned(), json!("x"));
        let edit = Edit::new(Some(row("2026-01-01T12:00:00.000000Z")), client);
        let decision = decide(&policy, Some(&stored), &edit, now);
        let taken = match decision {
            Decision::Write { .. } => Some(true),
            Decision::Outdone { .. } => Some(false),
            _ => None,
        };
        assert_eq!(taken, is_taken, "{at}");
    }
}

fn rows() -> impl Strategy<Value = Option<State>> {
    let value = prop_oneof![Just(json!(null)), (0..3).prop_map(|n| json!(n))];
    let row = prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), value, 0..3);
    let state = (row, any::<bool>()).prop_map(|(row, is_deleted)| {
        let row: BTreeMap<_, _> = row;
        let row = row
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        State { is_deleted, row }
    });
    prop::option::of(state)
}

fn policies() -> impl Strategy<Value = Policy> {
    prop::sample::select(vec![
        Policy::manual(),
        Policy::merge_disjoint(),
        Policy::last_write_wins(),
    ])
}

proptest! {
    /// An edit that was stored as it was sent is `Stored` when it is sent again: a lost answer changes nothing.
    #[test]
    fn again_is_once(policy in policies(), stored in rows(), assumed in rows(), client in rows()) {
        let stored = stored.map(|state| Stored { state, deleted_at: None });
        let edit = Edit::new(assumed, client.unwrap_or_default());
        let first = decide(&policy, stored.as_ref(), &edit, Utc::now());
        if let Decision::Write { row, resolution: None } = first {
            // Columns that the write lacks stay as they are.
            let mut after = stored.map(|stored| stored.state.row).unwrap_or_default();
            after.extend(row.row.clone());
            let state = State { is_deleted: row.is_deleted, row: after };
            let after = Stored { state, deleted_at: None };
            prop_assert_eq!(decide(&policy, Some(&after), &edit, Utc::now()), Decision::Stored);
        }
    }

    /// Without a conflict the policy makes no difference.
    #[test]
    fn policies_only_settle_conflicts(stored in rows(), client in rows()) {
        let stored = stored.map(|state| Stored { state, deleted_at: None });
        let assumed = stored.as_ref().map(|stored| stored.state.clone());
        let edit = Edit::new(assumed, client.unwrap_or_default());
        let decided = |policy| decide(&policy, stored.as_ref(), &edit, Utc::now());
        let manual = decided(Policy::manual());
        prop_assert!(!matches!(manual, Decision::Ask { .. }), "{:?}", manual);
        prop_assert_eq!(decided(Policy::merge_disjoint()), manual.clone());
        prop_assert_eq!(decided(Policy::last_write_wins()), manual);
    }
}
