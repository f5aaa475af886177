//! What the answer to one request may cost: its bytes, and how much of it is resolved at once. Reading has a
//! separate [budget](Budget).
//!
//! Guarantees that an answer ends at its first excess, wherever that is found. Knows nothing of the schema.

mod names;
mod size;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::parser::types::SelectionSet;
use async_graphql::{Name, Value};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Refusal;
use crate::limits::Limits;
use crate::service::budget::size::PLACE;
use crate::service::budget::{Budget, SMALLER};
pub(super) use names::{Names, check_text};

/// How many fields of a query's root are resolved at once. Each may hold a database connection, and other
/// requests need some, too.
const ROOTS: usize = 4;

/// Fields of a list's objects that are under way at once, at each level of lists. A field that waits takes
/// about a kilobyte and a half.
const OPEN: usize = 20_000;

/// How many values are rendered before other tasks of this thread get their turn.
const TURN: u64 = 1_000;

/// The budget of an answer. Cheap to clone.
#[derive(Clone)]
pub(super) struct AnswerBudget {
    /// The budget for reading.
    pub(super) reads: Budget,
    answer: Arc<Answered>,
}

struct Answered {
    bytes: AtomicU64,
    values: AtomicU64,
    roots: Arc<Semaphore>,
    /// By level of lists.
    open: Mutex<Vec<Arc<Semaphore>>>,
    widths: Arc<Widths>,
}

/// The number of fields in each of a document's fragments, including those of fragments in it.
type Widths = HashMap<Name, u64>;

impl AnswerBudget {
    /// The budget of a request whose document has these names.
    pub(super) fn new(limits: &Limits, names: Names) -> Self {
        Self::of(Budget::new(limits), Arc::new(names.into_widths()))
    }

    /// A fresh budget of the same size, for the same document.
    pub(super) fn renewed(&self) -> Self {
        Self::of(self.reads.renewed(), Arc::clone(&self.answer.widths))
    }

    fn of(reads: Budget, widths: Arc<Widths>) -> Self {
        let answer = Answered {
            bytes: AtomicU64::new(0),
            values: AtomicU64::new(0),
            roots: Arc::new(Semaphore::new(ROOTS)),
            open: Mutex::default(),
            widths,
        };
        Self {
            reads,
            answer: Arc::new(answer),
        }
    }

    /// Starts over, because each item of a subscription has the whole budget.
    pub(super) fn renew(&self) {
        self.reads.renew();
        self.answer.bytes.store(0, Ordering::Relaxed);
    }

    fn charge(&self, bytes: u64) -> Result<(), Refusal> {
        let most = self.reads.most_bytes();
        // At most the first excess is added, so that the sum never overflows.
        let bytes = bytes.min(most.saturating_add(1));
        let before = self.answer.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > most {
            Err(Refusal::limit(format!(
                "the answer has more than {most} bytes; {SMALLER}, or for fewer fields"
            )))
        } else {
            Ok(())
        }
    }

    /// Counts a value of the answer that GraphQL has rendered.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` at the first excess.
    pub(super) fn charge_value(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        self.charge(size::of_name(name) + size::of_value(value))
    }

    /// Waits until an object of the answer may be resolved, and charges its fields. `level` is the number of
    /// lists around it: objects of one level wait for one another, and never for those further out.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED`.
    pub(super) async fn open(
        &self,
        level: usize,
        fields: u64,
    ) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        self.charge(fields.saturating_mul(PLACE))?;
        if level == 0 {
            return Ok(None);
        }
        let turns = self.level(level);
        let fields = usize::try_from(fields).unwrap_or(OPEN).clamp(1, OPEN);
        let fields = u32::try_from(fields).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let permit = turns.acquire_many_owned(fields).await.ok();
        self.reads.check()?;
        Ok(permit)
    }

    fn level(&self, level: usize) -> Arc<Semaphore> {
        let mut open = self.answer.open.lock();
        while open.len() < level {
            open.push(Arc::new(Semaphore::new(OPEN)));
        }
        Arc::clone(&open[level - 1])
    }

    /// Waits until a field of a query's root may be resolved.
    pub(super) async fn root(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.answer.roots).acquire_owned().await.ok()
    }

    /// The number of fields that an object has in the answer.
    pub(super) fn width(&self, set: &SelectionSet) -> u64 {
        names::width(set, &self.answer.widths)
    }

    /// Lets other tasks run from time to time, because rendering never waits.
    pub(super) async fn yield_sometimes(&self) {
        if self.answer.values.fetch_add(1, Ordering::Relaxed) % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
}
