//! The transitions as a table, and random sequences of events against a model.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Condition, LevelId, PriorContext, Refusal, Savepoint, State};
use crate::context::Context;
use crate::database::After;
use crate::log::Operation;

const TABLE: &str = "t";

/// What happens to a transaction. The number is that of a level.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A level begins within another one.
    Begin(usize),
    /// A statement is sent and answered.
    Answer(usize),
    /// Its future is dropped.
    Drop(usize),
    /// It fails, and leaves the transaction like this.
    Error(usize, After),
    /// A row is written.
    Write(usize),
    /// The change of a row is recorded.
    Record(usize),
    /// A savepoint is set.
    Work(usize),
    /// The work since the last savepoint is kept.
    Keep(usize),
    /// The work since the last savepoint is taken back.
    Back(usize),
    /// Taking it back fails.
    BackFails(usize),
    /// The level is committed, if it may, or dropped.
    End(usize),
}
use Event::{Answer, Back, BackFails, Begin, Drop, End, Error, Keep, Record, Work, Write};

/// A state, and the ids and savepoints that a transaction's futures hold.
struct Run {
    state: State,
    levels: Vec<Option<LevelId>>,
    savepoints: Vec<Vec<Savepoint>>,
}

impl Run {
    fn new() -> Self {
        let mut state = State::new(Arc::default());
        let levels = vec![Some(state.begin_level(None))];
        Self {
            state,
            levels,
            savepoints: vec![Vec::new()],
        }
    }

    fn id(&self, level: usize) -> Option<LevelId> {
        self.levels.get(level).copied().flatten()
    }

    /// Whether the event was possible.
    fn take(&mut self, event: Event) -> bool {
        let (Begin(level)
        | Answer(level)
        | Drop(level)
        | Error(level, _)
        | Write(level)
        | Record(level)
        | Work(level)
        | Keep(level)
        | Back(level)
        | BackFails(level)
        | End(level)) = event;
        let Some(id) = self.id(level) else {
            return false;
        };
        let state = &mut self.state;
        match event {
            Begin(_) | Answer(_) | Drop(_) | Error(..) | Write(_) | Work(_)
                if !state.begin_statement(id) =>
            {
                return false;
            }
            Begin(_) => {
                state.end_statement();
                self.levels.push(Some(state.begin_level(Some(id))));
                self.savepoints.push(Vec::new());
            }
            Answer(_) => state.end_statement(),
            Drop(_) => {}
            Error(_, after) => {
                state.note_error(id, after);
                state.end_statement();
            }
            Write(_) => {
                state.end_statement();
                state.level(id).books.owe(TABLE, Operation::Insert, 1);
            }
            Record(_) => state.level(id).books.pay(TABLE, Operation::Insert, 1),
            Work(_) => {
                state.end_statement();
                let savepoint = state.level(id).begin_work();
                self.savepoints[level].push(savepoint);
            }
            Keep(_) | Back(_) | BackFails(_) => {
                let Some(savepoint) = self.savepoints[level].pop() else {
                    return false;
                };
                match event {
                    Keep(_) => {}
                    Back(_) => state.level(id).restore(savepoint),
                    _ => state.level(id).fail(),
                }
                state.level(id).end_work();
            }
            End(_) => {
                if state.may_commit(id).is_ok() {
                    state.release(id);
                }
                state.end_level(id);
                self.levels[level] = None;
            }
        }
        true
    }
}

#[test]
fn what_events_make_of_a_level() {
    let unfinished = || Refusal::Unfinished {
        table: TABLE.to_owned(),
        operation: Operation::Insert,
    };
    let fails = Error(0, After::Failed);
    let ends = Error(0, After::Ended);
    for (events, condition, may_commit) in [
        (vec![], Condition::Open, Ok(())),
        (vec![Answer(0)], Condition::Open, Ok(())),
        (vec![Error(0, After::Alive)], Condition::Open, Ok(())),
        (vec![Write(0)], Condition::Open, Err(unfinished())),
        (vec![Write(0), Record(0)], Condition::Open, Ok(())),
        // What is cut off stays so, whatever is answered after it.
        (
            vec![Drop(0), Answer(0)],
            Condition::Open,
            Err(Refusal::CutOff),
        ),
        (vec![Drop(0), ends], Condition::Ended, Err(Refusal::CutOff)),
        (vec![Work(0)], Condition::Open, Err(Refusal::CutOff)),
        (vec![Work(0), Keep(0)], Condition::Open, Ok(())),
        // A savepoint takes back what was written after it, and nothing else.
        (vec![Work(0), Write(0), Back(0)], Condition::Open, Ok(())),
        (
            vec![Write(0), Work(0), Record(0), Back(0)],
            Condition::Open,
            Err(unfinished()),
        ),
        (vec![fails], Condition::Failed, Err(Refusal::Ended)),
        (vec![Work(0), fails, Back(0)], Condition::Open, Ok(())),
        (
            vec![Work(0), fails, BackFails(0)],
            Condition::Failed,
            Err(Refusal::Ended),
        ),
        (
            vec![Work(0), Work(0), fails, BackFails(0), Back(0)],
            Condition::Open,
            Ok(()),
        ),
        (vec![ends], Condition::Ended, Err(Refusal::Ended)),
        (
            vec![Work(0), ends, Back(0)],
            Condition::Ended,
            Err(Refusal::Ended),
        ),
        // Levels within it.
        (vec![Begin(0)], Condition::Open, Err(Refusal::SavepointOpen)),
        (vec![Begin(0), End(1)], Condition::Open, Ok(())),
        (
            vec![Begin(0), Error(1, After::Failed), End(1)],
            Condition::Open,
            Ok(()),
        ),
        (
            vec![Begin(0), Error(1, After::Ended), End(1)],
            Condition::Ended,
            Err(Refusal::Ended),
        ),
        (
            vec![Begin(0), Drop(1), End(1)],
            Condition::Open,
            Err(Refusal::CutOff),
        ),
        (
            vec![Begin(0), Begin(1), End(1), End(2)],
            Condition::Ended,
            Err(Refusal::Ended),
        ),
    ] {
        let mut run = Run::new();
        for event in &events {
            assert!(run.take(*event), "{events:?}: {event:?}");
        }
        let id = run.id(0).expect("still open");
        assert_eq!(run.state.level(id).condition, condition, "{events:?}");
        assert_eq!(run.state.may_commit(id), may_commit, "{events:?}");
    }
}

#[test]
fn what_is_left_of_a_level_that_ended_early_has_ended() {
    let mut run = Run::new();
    for event in [Begin(0), Begin(1), End(0)] {
        assert!(run.take(event));
    }
    for level in [1, 2] {
        assert!(!run.take(Answer(level)));
        let id = run.id(level).expect("still open");
        assert!(run.state.may_commit(id).is_err());
        assert!(run.take(End(level)));
    }
    assert_eq!(run.state.open_levels(), 0);
}

#[test]
fn a_savepoint_and_another_context_take_back_what_triggers_know() {
    let mut state = State::new(Arc::default());
    let id = state.begin_level(None);
    state.level(id).triggers.set_sent(false);
    state.level(id).triggers.rely_on("a".to_owned());
    let before = state.level(id).triggers.clone();

    let savepoint = state.level(id).begin_work();
    state.level(id).triggers.rely_on("b".to_owned());
    state.level(id).restore(savepoint);
    assert_eq!(state.level(id).triggers, before);

    let context = |actor: &str| Arc::new(Context::actor(actor));
    let other = |state: &mut State| -> PriorContext {
        let prior = state.change_context(id, context("ann"));
        assert_eq!(state.context().actor.as_deref(), Some("ann"));
        let triggers = &mut state.level(id).triggers;
        assert!(!triggers.is_sent() && !triggers.was_known_to("a"));
        assert!(triggers.is_stored() && triggers.relied_on().is_empty());
        triggers.set_sent(false);
        prior
    };
    let prior = other(&mut state);
    state.change_context_back(id, prior, true);
    assert_eq!(state.level(id).triggers, before);
    let prior = other(&mut state);
    state.change_context_back(id, prior, false);
    assert!(
        !state.level(id).triggers.is_sent(),
        "the database has ann's"
    );
    assert_eq!(state.context().actor, None);
}

#[test]
fn a_level_that_is_released_hands_on_what_triggers_know() {
    let mut state = State::new(Arc::default());
    let outer = state.begin_level(None);
    for is_released in [false, true] {
        let inner = state.begin_level(Some(outer));
        state.level(inner).triggers.set_sent(true);
        state.level(inner).triggers.note_written("a".to_owned());
        if is_released {
            state.release(inner);
        }
        state.end_level(inner);
        let triggers = &state.level(outer).triggers;
        assert_eq!(triggers.is_sent(), is_released);
        assert_eq!(triggers.is_stored(), is_released);
        assert_eq!(triggers.sees_snapshot(), is_released);
        assert_eq!(triggers.was_known_to("a"), is_released);
    }
}

/// A level as somebody would describe it who only looks at its history.
#[derive(Default)]
struct Described {
    is_open: bool,
    has_failed: bool,
    owed: usize,
    /// What was owed at each savepoint.
    works: Vec<usize>,
}

fn event() -> impl Strategy<Value = Event> {
    let level = 0..4_usize;
    (0..14_u8, level).prop_map(|(kind, level)| match kind {
        0 => Begin(level),
        1 | 2 => Answer(level),
        3 => Drop(level),
        4 => Error(level, After::Alive),
        5 => Error(level, After::Failed),
        6 => Error(level, After::Ended),
        7 | 8 => Write(level),
        9 => Record(level),
        10 => Work(level),
        11 => Keep(level),
        12 => [Back(level), BackFails(level)][level % 2],
        _ => End(level),
    })
}

proptest! {
    #[test]
    fn random_events_agree_with_a_model(events in proptest::collection::vec(event(), 0..40)) {
        let mut run = Run::new();
        let mut levels = vec![Described { is_open: true, ..Default::default() }];
        let (mut has_ended, mut was_cut_off) = (false, false);
        for event in events {
            if !run.take(event) {
                continue;
            }
            match event {
                Begin(_) => levels.push(Described { is_open: true, ..Default::default() }),
                Answer(_) | Error(_, After::Alive) => {}
                Drop(_) => was_cut_off = true,
                Error(level, After::Failed) => levels[level].has_failed = true,
                Error(_, After::Ended) => has_ended = true,
                Write(level) => levels[level].owed += 1,
                Record(level) => levels[level].owed = levels[level].owed.saturating_sub(1),
                Work(level) => {
                    let owed = levels[level].owed;
                    levels[level].works.push(owed);
                }
                Keep(level) => drop(levels[level].works.pop()),
                Back(level) => {
                    levels[level].owed = levels[level].works.pop().unwrap_or_default();
                    levels[level].has_failed = false;
                }
                BackFails(level) => {
                    levels[level].works.pop();
                    levels[level].has_failed = true;
                }
                End(level) => {
                    has_ended |= levels[level + 1..].iter().any(|inner| inner.is_open);
                    levels[level].is_open = false;
                }
            }
            for (number, level) in levels.iter().enumerate().filter(|(_, level)| level.is_open) {
                let id = run.id(number).expect("an open level has an id");
                let inner_is_open = levels[number + 1..].iter().any(|inner| inner.is_open);
                let is_open = !has_ended && !level.has_failed;
                let wanted = is_open && !was_cut_off && !inner_is_open && level.works.is_empty()
                    && level.owed == 0;
                prop_assert_eq!(run.state.may_commit(id).is_ok(), wanted);
                let takes = run.state.begin_statement(id);
                if takes {
                    run.state.end_statement();
                }
                prop_assert_eq!(takes, is_open);
            }
        }
    }
}
