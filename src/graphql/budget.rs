//! What one request may cost: the rows it reads, the bytes of its answer, its time, and how much of it is
//! under way at once.
//!
//! Guarantees that a request ends at its first excess, wherever that is found, and soon after its client
//! has gone: every resolver passes [`Budget::check`] before it begins, so nothing is cut off half-way. A
//! transaction that has begun is committed or rolled back. Knows nothing of the schema.

mod names;
mod size;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::dynamic::ResolverContext;
use async_graphql::parser::types::SelectionSet;
use async_graphql::{Name, Value};
use futures_util::{Stream, StreamExt};
use sea_orm::{DbErr, ModelTrait};
use seachange_changelog::Image;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ErrorCode, Refusal};
use super::row::Row;
use crate::feed::Change;
use crate::limits::Limits;
pub(super) use names::{Names, check_text};

/// Fields of a query's root that are under way at once: each may hold a database connection, and other
/// requests need some, too.
const ROOTS: usize = 4;

/// Fields of a list's objects that are under way at once, at each level of lists. A field that waits takes
/// about a kilobyte and a half.
const OPEN: usize = 20_000;

/// What a value counts beside its text: without this, an answer of very many short values would take
/// twenty times its bytes in memory.
const PLACE: u64 = 16;

/// Values after which other tasks of this thread get their turn.
const TURN: u64 = 1_000;

/// What helps against too many rows and bytes.
const SMALLER: &str = "ask for smaller pages (`first`, `limit`; RxDB's `batchSize`)";

/// Whether a document may be given to the parser.
pub(crate) fn is_readable(query: &str) -> bool {
    check_text(query).is_ok()
}

/// The budget of one request. Cheap to clone.
#[derive(Clone)]
pub(super) struct Budget(Arc<Spending>);

struct Spending {
    most: Most,
    spent: Mutex<Spent>,
    values: AtomicU64,
    is_abandoned: AtomicBool,
    roots: Arc<Semaphore>,
    /// By level.
    open: Mutex<Vec<Arc<Semaphore>>>,
    widths: Arc<Widths>,
}

/// Fields of each of a document's fragments, those of fragments in it included.
type Widths = HashMap<Name, u64>;

#[derive(Clone, Copy)]
struct Most {
    rows: u64,
    bytes: u64,
    time: Duration,
}

struct Spent {
    began: Instant,
    rows: u64,
    /// Of rows that were read.
    read: u64,
    /// Of the answer.
    answered: u64,
}

impl Spent {
    fn nothing() -> Self {
        Self {
            began: Instant::now(),
            rows: 0,
            read: 0,
            answered: 0,
        }
    }
}

/// What reading some rows has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Cost {
    /// Of rows that were read whole.
    pub(super) fn of<'a, M: ModelTrait + 'a>(models: impl IntoIterator<Item = &'a M>) -> Self {
        let add = |cost: Self, model: &'a M| Self {
            rows: cost.rows + 1,
            bytes: cost.bytes.saturating_add(size::of_model(model)),
        };
        models.into_iter().fold(Self::default(), add)
    }
}

impl Cost {
    /// Of rows as images have them.
    pub(super) fn of_images<'a>(images: impl IntoIterator<Item = &'a Image>) -> Self {
        let add = |cost: Self, image: &'a Image| Self {
            rows: cost.rows + 1,
            bytes: cost.bytes.saturating_add(size::of_image(image)),
        };
        images.into_iter().fold(Self::default(), add)
    }

    /// Of rows as lists have them.
    pub(super) fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let add = |cost: Self, row: &'a Row| Self {
            rows: cost.rows + 1,
            bytes: row
                .values()
                .iter()
                .map(size::of_json)
                .fold(cost.bytes, u64::saturating_add),
        };
        rows.into_iter().fold(Self::default(), add)
    }

    /// Of changes of the log, each with two images.
    pub(super) fn of_changes<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let add = |cost: Self, change: &'a Change| {
            let images = [&change.row.before, &change.row.after];
            let bytes = images.into_iter().flatten().map(size::of_json);
            Self {
                rows: cost.rows + 1,
                bytes: bytes.fold(cost.bytes, u64::saturating_add),
            }
        };
        changes.into_iter().fold(Self::default(), add)
    }
}

/// Abandons the request of a budget when it is dropped: its client no longer waits.
pub(super) struct Waiting(Budget);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    /// Of a request whose document names this.
    pub(super) fn new(limits: &Limits, names: Names) -> Self {
        let most = Most {
            rows: limits.request_rows,
            bytes: limits.answer_bytes,
            time: limits.request_time,
        };
        Self::whole(most, Arc::new(names.into_widths()))
    }

    /// Another of the same size, for the same document.
    pub(super) fn again(&self) -> Self {
        Self::whole(self.0.most, Arc::clone(&self.0.widths))
    }

    fn whole(most: Most, widths: Arc<Widths>) -> Self {
        Self(Arc::new(Spending {
            most,
            spent: Mutex::new(Spent::nothing()),
            values: AtomicU64::new(0),
            is_abandoned: AtomicBool::new(false),
            roots: Arc::new(Semaphore::new(ROOTS)),
            open: Mutex::default(),
            widths,
        }))
    }

    /// The budget of the request that is being resolved.
    pub(super) fn of<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Self, Refusal> {
        ctx.data::<Self>()
            .map_err(|error| Refusal::internal(&error.message))
    }

    /// The request is abandoned when what this returns is dropped.
    pub(super) fn while_waited_for(&self) -> Waiting {
        Waiting(self.clone())
    }

    fn spent<T>(&self, act: impl FnOnce(&mut Spent) -> T) -> T {
        act(&mut self.0.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins anew: each item of a subscription has the whole.
    pub(super) fn renew(&self) {
        self.spent(|spent| *spent = Spent::nothing());
    }

    /// A place at which the request may end.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if its time is over, `UNAVAILABLE` if nobody waits for it any more.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.0.is_abandoned.load(Ordering::Relaxed) {
            // Nobody reads this.
            let message = "the client has gone";
            return Err(Refusal::new(ErrorCode::Unavailable, message));
        }
        self.check_time()
    }

    /// The same for what must not end because its client has gone: a transaction that has begun.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED`.
    pub(super) fn check_time(&self) -> Result<(), Refusal> {
        let most = self.0.most.time;
        match self.spent(|spent| spent.began.elapsed()) > most {
            true => Err(Refusal::limit(format!(
                "the request has taken longer than {} ms",
                most.as_millis()
            ))),
            false => Ok(()),
        }
    }

    /// Rows that a statement may fetch when `wanted` are wanted: one more than are left shows the excess.
    pub(super) fn rows_to_fetch(&self, wanted: u64) -> u64 {
        let left = self.0.most.rows - self.spent(|spent| spent.rows).min(self.0.most.rows);
        wanted.min(left.saturating_add(1))
    }

    /// Counts what was read.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` at the first excess.
    pub(super) fn charge(&self, cost: Cost) -> Result<(), Refusal> {
        let Most { rows, bytes, .. } = self.0.most;
        let (read_rows, read_bytes) = self.spent(|spent| {
            spent.rows = spent.rows.saturating_add(cost.rows);
            spent.read = spent.read.saturating_add(cost.bytes);
            (spent.rows, spent.read)
        });
        if read_rows > rows {
            return Err(Refusal::limit(format!(
                "the request reads more than {rows} rows; {SMALLER}"
            )));
        }
        if read_bytes > bytes {
            return Err(Refusal::limit(format!(
                "the rows that the request reads have more than {bytes} bytes; {SMALLER}"
            )));
        }
        Ok(())
    }

    /// Takes back what was counted of rows that were not kept.
    pub(super) fn give_back(&self, cost: Cost) {
        self.spent(|spent| {
            spent.rows = spent.rows.saturating_sub(cost.rows);
            spent.read = spent.read.saturating_sub(cost.bytes);
        });
    }

    /// The rows of a statement, counted as they come. After the first excess the rest is read and let go:
    /// a result that is left half-read puts its connection out of step with the server.
    ///
    /// # Errors
    /// As [`charge`](Self::charge), and the database's.
    pub(super) async fn gather<T>(
        &self,
        rows: impl Stream<Item = Result<T, DbErr>>,
        cost: impl Fn(&T) -> Cost,
    ) -> Result<Vec<T>, Refusal> {
        let mut rows = pin!(rows);
        let (mut gathered, mut excess) = (Vec::new(), None);
        while let Some(row) = rows.next().await {
            let row = row?;
            if excess.is_some() {
                continue;
            }
            match self.charge(cost(&row)) {
                Ok(()) => gathered.push(row),
                Err(refusal) => {
                    excess = Some(refusal);
                    gathered = Vec::new();
                }
            }
        }
        match excess {
            Some(refusal) => Err(refusal),
            None => Ok(gathered),
        }
    }

    fn charge_answer(&self, bytes: u64) -> Result<(), Refusal> {
        let most = self.0.most.bytes;
        let answered = self.spent(|spent| {
            spent.answered = spent.answered.saturating_add(bytes);
            spent.answered
        });
        match answered > most {
            true => Err(Refusal::limit(format!(
                "the answer has more than {most} bytes; {SMALLER}, or for fewer fields"
            ))),
            false => Ok(()),
        }
    }

    /// Counts a value of the answer that GraphQL has rendered.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` at the first excess.
    pub(super) fn charge_value(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        self.charge_answer(size::of_name(name) + size::of_value(value))
    }

    /// Waits until an object of the answer may be resolved, and counts the places of its fields. `level`
    /// is the number of lists around it: those at one level wait for one another, and never for those
    /// further out.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED`.
    pub(super) async fn open(
        &self,
        level: usize,
        fields: u64,
    ) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        self.charge_answer(fields.saturating_mul(PLACE))?;
        if level == 0 {
            return Ok(None);
        }
        let turns = self.level(level);
        let fields = usize::try_from(fields).unwrap_or(OPEN).clamp(1, OPEN);
        let fields = u32::try_from(fields).unwrap_or(u32::MAX);
        // Never closed.
        let permit = turns.acquire_many_owned(fields).await.ok();
        self.check()?;
        Ok(permit)
    }

    fn level(&self, level: usize) -> Arc<Semaphore> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        while open.len() < level {
            open.push(Arc::new(Semaphore::new(OPEN)));
        }
        Arc::clone(&open[level - 1])
    }

    /// Waits until a field of a query's root may be resolved.
    pub(super) async fn root(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.0.roots).acquire_owned().await.ok()
    }

    /// Fields that an object has in the answer.
    pub(super) fn width(&self, set: &SelectionSet) -> u64 {
        names::width(set, &self.0.widths)
    }

    /// Lets other tasks run from time to time: rendering waits for nothing.
    pub(super) async fn yield_sometimes(&self) {
        if self.0.values.fetch_add(1, Ordering::Relaxed) % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
}
