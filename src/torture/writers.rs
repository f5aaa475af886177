//! The writers, and a record of what they have committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait, RuntimeErr, TransactionTrait,
};
use seachange_changelog::{TrackedConnection, TrackedTransaction};

use super::{Torture, end, table};

/// The committed writes.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// The number of each write, with the time when its commit was acknowledged.
    pub(super) committed: HashMap<i64, Instant>,
    /// Writes whose commit has an unknown outcome.
    pub(super) uncertain: HashMap<i64, ()>,
    /// Transactions rolled back, by the writer or by the database.
    pub(super) rolled_back: u64,
    /// Transactions committed.
    pub(super) transactions: u64,
}

/// A sequence of random choices that a seed determines (xorshift64*).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}

pub(super) struct Writers {
    db: TrackedConnection,
    torture: Torture,
    numbers: Arc<AtomicI64>,
    truth: Arc<Mutex<Truth>>,
}

impl Writers {
    pub(super) fn new(db: TrackedConnection, torture: Torture) -> Self {
        Self {
            db,
            torture,
            numbers: Arc::new(AtomicI64::new(1)),
            truth: Arc::default(),
        }
    }

    /// Writes until the time is up.
    pub(super) async fn run(self) -> Result<Truth, DbErr> {
        let until = Instant::now() + self.torture.time;
        let tasks: Vec<_> = (0..self.torture.writers)
            .map(|writer| {
                let writer = Writer {
                    db: self.db.clone(),
                    rows: self.torture.rows,
                    numbers: Arc::clone(&self.numbers),
                    truth: Arc::clone(&self.truth),
                    random: Random::new(self.torture.seed.wrapping_add(writer as u64)),
                };
                tokio::spawn(writer.run(until))
            })
            .collect();
        for task in tasks {
            if let Err(error) = task.await {
                let text = format!("a writer failed: {error}");
                return Err(DbErr::Exec(RuntimeErr::Internal(text)));
            }
        }
        let mut truth = self.truth.lock();
        Ok(std::mem::take(&mut *truth))
    }
}

struct Writer {
    db: TrackedConnection,
    rows: i64,
    numbers: Arc<AtomicI64>,
    truth: Arc<Mutex<Truth>>,
    random: Random,
}

impl Writer {
    async fn run(mut self, until: Instant) {
        while Instant::now() < until {
            let mut written = Vec::new();
            // Deadlocks and lock waits are expected: the database rolls back.
            let outcome = self.transaction(&mut written).await;
            let mut truth = self.truth.lock();
            match outcome {
                Ok(true) => {
                    let now = Instant::now();
                    truth.transactions += 1;
                    truth
                        .committed
                        .extend(written.into_iter().map(|number| (number, now)));
                }
                Ok(false) => truth.rolled_back += 1,
                Err(Failure::Write) => truth.rolled_back += 1,
                Err(Failure::Commit) => {
                    truth
                        .uncertain
                        .extend(written.into_iter().map(|number| (number, ())));
                }
            }
        }
    }

    /// Makes one to three updates with pauses; returns whether it committed.
    async fn transaction(&mut self, written: &mut Vec<i64>) -> Result<bool, Failure> {
        let tx = self.db.begin().await.map_err(|_| Failure::Write)?;
        for _ in 0..=self.random.below(3) {
            if self.random.below(5) == 0 {
                self.savepoint(&tx, written).await?;
            } else {
                written.push(self.update(&tx).await?);
            }
            self.pause().await;
        }
        if self.random.below(10) == 0 {
            tx.rollback().await.map_err(|_| Failure::Write)?;
            return Ok(false);
        }
        tx.commit().await.map_err(|_| Failure::Commit)?;
        Ok(true)
    }

    /// Makes an update in a savepoint, half of which roll back.
    async fn savepoint(
        &mut self,
        tx: &TrackedTransaction,
        written: &mut Vec<i64>,
    ) -> Result<(), Failure> {
        let savepoint = tx.begin().await.map_err(|_| Failure::Write)?;
        let number = self.update(&savepoint).await?;
        if self.random.below(2) == 0 {
            savepoint.rollback().await.map_err(|_| Failure::Write)
        } else {
            savepoint.commit().await.map_err(|_| Failure::Write)?;
            written.push(number);
            Ok(())
        }
    }

    async fn update(&mut self, tx: &TrackedTransaction) -> Result<i64, Failure> {
        let rows = u64::try_from(self.rows).unwrap_or(1);
        let id = 1 + i64::try_from(self.random.below(rows)).unwrap_or(0);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        set(tx, id, number).await.map_err(|_| Failure::Write)?;
        Ok(number)
    }

    async fn pause(&mut self) {
        let pause = Duration::from_micros(self.random.below(4_000));
        tokio::time::sleep(pause).await;
    }
}

enum Failure {
    /// The transaction was certainly not committed.
    Write,
    /// The transaction may have been committed.
    Commit,
}

async fn set(tx: &TrackedTransaction, id: i64, value: i64) -> Result<(), DbErr> {
    let row = table::ActiveModel {
        id: Set(id),
        value: Set(value),
    };
    row.update(tx).await?;
    Ok(())
}

/// The number that the open transaction writes; no writer uses it.
const HELD: i64 = -1;

/// A transaction that outlasts the writers.
#[derive(Default)]
pub(super) struct Held {
    writing: Option<TrackedTransaction>,
    reading: Option<TrackedTransaction>,
}

impl Held {
    /// A transaction that has written a separate row.
    pub(super) async fn writing(db: &TrackedConnection) -> Result<Self, DbErr> {
        let tx = db.begin().await?;
        set(&tx, 0, HELD).await?;
        Ok(Self {
            writing: Some(tx),
            reading: None,
        })
    }

    /// A transaction that has only read.
    pub(super) async fn reading(db: &TrackedConnection) -> Result<Self, DbErr> {
        let tx = db
            .begin_with_config(None, Some(sea_orm::AccessMode::ReadOnly))
            .await?;
        table::Entity::find().all(&tx).await?;
        Ok(Self {
            writing: None,
            reading: Some(tx),
        })
    }

    /// Ends the transaction, so that its write commits last.
    pub(super) async fn release(self, mut truth: Truth) -> Result<Truth, DbErr> {
        if let Some(tx) = self.writing {
            tx.commit().await?;
            truth.transactions += 1;
            truth.committed.insert(HELD, Instant::now());
        }
        if let Some(tx) = self.reading {
            end(tx).await?;
        }
        Ok(truth)
    }
}
