//! What one request may cost: the rows it reads, their bytes, and its time.
//!
//! Guarantees that a request ends at its first excess, and soon after its client has gone. Every piece of its
//! work passes [`Budget::check`] before it begins, so nothing is cut off half-way. A transaction that has begun
//! is committed or rolled back.

pub(crate) mod size;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use sea_orm::{DbErr, ModelTrait};
use seachange_changelog::Image;

use super::code::ErrorCode;
use super::error::ServiceError;
use super::row::Row;
use crate::feed::Change;
use crate::limits::Limits;

/// The advice to give with an excess of rows or bytes.
pub(crate) const SMALLER: &str = "ask for smaller pages (`first`, `limit`; RxDB's `batchSize`)";

/// The budget of one request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Spending>);

struct Spending {
    most: Most,
    spent: Mutex<Spent>,
    is_abandoned: AtomicBool,
}

#[derive(Clone, Copy)]
struct Most {
    rows: u64,
    bytes: u64,
    time: Duration,
}

struct Spent {
    began: Instant,
    rows: u64,
    /// Bytes of rows that were read.
    bytes: u64,
}

impl Spent {
    fn nothing() -> Self {
        Self {
            began: Instant::now(),
            rows: 0,
            bytes: 0,
        }
    }
}

/// What reading some rows has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Cost {
    /// The cost of rows that were read as whole models.
    pub(crate) fn of<'a, M: ModelTrait + 'a>(models: impl IntoIterator<Item = &'a M>) -> Self {
        let add = |cost: Self, model: &'a M| Self {
            rows: cost.rows + 1,
            bytes: cost.bytes.saturating_add(size::of_model(model)),
        };
        models.into_iter().fold(Self::default(), add)
    }
}

impl Cost {
    /// The cost of rows in the form of images.
    pub(crate) fn of_images<'a>(images: impl IntoIterator<Item = &'a Image>) -> Self {
        let add = |cost: Self, image: &'a Image| Self {
            rows: cost.rows + 1,
            bytes: cost.bytes.saturating_add(size::of_image(image)),
        };
        images.into_iter().fold(Self::default(), add)
    }

    /// The cost of rows as lists hold them.
    pub(crate) fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
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

    /// The cost of changes of the log, each with two images.
    pub(crate) fn of_changes<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
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

/// Abandons the request of a budget when it is dropped, because its client no longer waits.
pub(crate) struct Waiting(Budget);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    /// A budget with the bounds of these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::of(Most {
            rows: limits.request_rows,
            bytes: limits.answer_bytes,
            time: limits.request_time,
        })
    }

    /// A fresh budget of the same size.
    pub(crate) fn renewed(&self) -> Self {
        Self::of(self.0.most)
    }

    fn of(most: Most) -> Self {
        Self(Arc::new(Spending {
            most,
            spent: Mutex::new(Spent::nothing()),
            is_abandoned: AtomicBool::new(false),
        }))
    }

    /// Abandons the request when the returned guard is dropped.
    pub(crate) fn while_waited_for(&self) -> Waiting {
        Waiting(self.clone())
    }

    fn spent<T>(&self, act: impl FnOnce(&mut Spent) -> T) -> T {
        act(&mut self.0.spent.lock())
    }

    /// Starts over, because each item of a subscription has the whole budget.
    pub(crate) fn renew(&self) {
        self.spent(|spent| *spent = Spent::nothing());
    }

    /// Most bytes of the rows that are read, and of the answer.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.0.most.bytes
    }

    /// Checks whether the request must end here.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` if its time is over, `UNAVAILABLE` if its client no longer waits.
    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        if self.0.is_abandoned.load(Ordering::Relaxed) {
            // No client reads this message.
            let message = "the client has gone";
            return Err(ServiceError::new(ErrorCode::Unavailable, message));
        }
        self.check_time()
    }

    /// Checks the time only, for work that must not end because its client has gone: a transaction that has
    /// begun.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED`.
    pub(crate) fn check_time(&self) -> Result<(), ServiceError> {
        let most = self.0.most.time;
        if self.spent(|spent| spent.began.elapsed()) > most {
            Err(ServiceError::limit(format!(
                "the request has taken longer than {} ms",
                most.as_millis()
            )))
        } else {
            Ok(())
        }
    }

    /// How many rows a statement may fetch when `wanted` are wanted. One row more than the budget has left
    /// reveals the excess.
    pub(crate) fn rows_to_fetch(&self, wanted: u64) -> u64 {
        let left = self.0.most.rows - self.spent(|spent| spent.rows).min(self.0.most.rows);
        wanted.min(left.saturating_add(1))
    }

    /// Counts what was read.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` at the first excess.
    pub(crate) fn charge(&self, cost: Cost) -> Result<(), ServiceError> {
        let Most { rows, bytes, .. } = self.0.most;
        let (read_rows, read_bytes) = self.spent(|spent| {
            spent.rows = spent.rows.saturating_add(cost.rows);
            spent.bytes = spent.bytes.saturating_add(cost.bytes);
            (spent.rows, spent.bytes)
        });
        if read_rows > rows {
            return Err(ServiceError::limit(format!(
                "the request reads more than {rows} rows; {SMALLER}"
            )));
        }
        if read_bytes > bytes {
            return Err(ServiceError::limit(format!(
                "the rows that the request reads have more than {bytes} bytes; {SMALLER}"
            )));
        }
        Ok(())
    }

    /// Takes back the cost of rows that were not kept.
    pub(crate) fn give_back(&self, cost: Cost) {
        self.spent(|spent| {
            spent.rows = spent.rows.saturating_sub(cost.rows);
            spent.bytes = spent.bytes.saturating_sub(cost.bytes);
        });
    }

    /// The rows of a statement, counted as they come. After the first excess the rest is read and discarded,
    /// because a result that is left half-read puts its connection out of step with the server.
    ///
    /// # Errors
    /// The same as for [`charge`](Self::charge), and errors of the database.
    pub(crate) async fn gather<T>(
        &self,
        rows: impl Stream<Item = Result<T, DbErr>>,
        cost: impl Fn(&T) -> Cost,
    ) -> Result<Vec<T>, ServiceError> {
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
}
