//! Programs on a database, one way of capture or the other.

use std::pin::Pin;

use anyhow::{Context, ensure};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr,
    EntityTrait, IntoActiveModel, ModelTrait, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Target, TrackedConnection, TrackedTransaction, WriteRefusal,
};
use seachange_testkit::{Outcome, TestServer};

use super::plan::{Change, Program, Row, Step, Transaction};
use super::raw::Raw;
use crate::triggers::{note, other};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Hooks,
    Triggers,
}

pub struct Runner {
    db: TrackedConnection,
    /// Another program's.
    other: DatabaseConnection,
    way: Way,
}

impl Runner {
    pub async fn new(server: &TestServer, way: Way) -> anyhow::Result<Self> {
        Ok(Self {
            db: server.db().clone(),
            other: other(server).await?,
            way,
        })
    }

    pub async fn run(&self, program: &Program) -> Outcome {
        for book in &program.books {
            let sql = format!("INSERT INTO book (id) VALUES ({book})");
            self.other.execute_unprepared(&sql).await?;
        }
        for (number, transaction) in program.transactions.iter().enumerate() {
            let ran = match transaction {
                Transaction::Tracked(steps, kept) => {
                    let tx = self.db.begin().await?;
                    self.attempt(tx, steps, *kept).await
                }
                Transaction::Elsewhere(raw, changes) => self.elsewhere(raw, changes).await,
            };
            ran.with_context(|| format!("transaction {number}"))?;
        }
        Ok(())
    }

    /// Deletes every row.
    pub async fn clear(&self) -> Outcome {
        let tx = self.db.begin().await?;
        tx.delete_many::<note::Entity>(Target::all()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn attempt(&self, tx: TrackedTransaction, steps: &[Step], kept: bool) -> Outcome {
        for step in steps {
            let ran = self.step(&tx, step).await;
            ran.with_context(|| format!("{step:?}"))?;
        }
        if kept {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(())
    }

    fn step<'a>(
        &'a self,
        tx: &'a TrackedTransaction,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            match step {
                Step::Insert(id, row) => drop(model(*id, row).insert(tx).await?),
                Step::Update(id, row) => update(tx, *id, row).await?,
                Step::Delete(id) => delete(tx, *id).await?,
                Step::InsertMany(rows) => {
                    let made = tx.insert_many::<note::Entity>(models(rows)).await?;
                    ensure!(made.len() == rows.len());
                }
                Step::UpdateMany(names, body) => {
                    let change = note::ActiveModel {
                        body: Set(body.clone()),
                        ..Default::default()
                    };
                    let target = Target::matching(note::Column::Name.is_in(names));
                    let written = tx.update_many::<note::Entity>(target, change).await?;
                    ensure!(written.len() == names.len());
                }
                Step::DeleteMany(keys) => {
                    let target = Target::matching(note::Column::Id.is_in(keys.iter().copied()));
                    let deleted = tx.delete_many::<note::Entity>(target).await?;
                    ensure!(deleted == keys.len() as u64);
                }
                Step::UpsertManyById(rows) => {
                    let unique = [note::Column::Id];
                    tx.upsert_many::<note::Entity>(models(rows), &unique)
                        .await?;
                }
                Step::UpsertManyByName(rows) => {
                    let unique = [note::Column::Name];
                    tx.upsert_many::<note::Entity>(models(rows), &unique)
                        .await?;
                }
                Step::Raw(raw, changes) => self.raw(tx, raw, changes).await?,
                Step::Savepoint(steps, kept) => {
                    let savepoint = tx.begin().await?;
                    self.attempt(savepoint, steps, *kept).await?;
                }
                Step::Fails(id, row) => {
                    let savepoint = tx.begin().await?;
                    let failed = model(*id, row).insert(&savepoint).await;
                    ensure!(failed.is_err(), "a name twice");
                    savepoint.rollback().await?;
                }
            }
            Ok(())
        })
    }

    /// Hooks do not see it: refused, and then done by calls that they see.
    async fn raw(&self, tx: &TrackedTransaction, raw: &Raw, changes: &[Change]) -> Outcome {
        let ran = tx
            .execute_raw(raw.statement(tx.get_database_backend()))
            .await;
        match self.way {
            Way::Triggers => {
                ran?;
            }
            Way::Hooks => {
                is_refused(ran.err())?;
                for change in changes {
                    again(tx, change).await?;
                }
            }
        }
        Ok(())
    }

    async fn elsewhere(&self, raw: &Raw, changes: &[Change]) -> Outcome {
        match self.way {
            Way::Triggers => {
                let statement = raw.statement(self.other.get_database_backend());
                self.other.execute_raw(statement).await?;
            }
            // It would escape.
            Way::Hooks => {
                let tx = self.db.begin().await?;
                for change in changes {
                    again(&tx, change).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

fn is_refused(error: Option<DbErr>) -> Outcome {
    let error = error.context("not refused")?;
    let refused = CaptureError::of(&error);
    let is_refused = matches!(
        refused,
        Some(CaptureError::Write(
            WriteRefusal::RawWrite { .. } | WriteRefusal::Cascade { .. }
        ))
    );
    ensure!(is_refused, "another error: {error:?}");
    Ok(())
}

async fn again(tx: &TrackedTransaction, change: &Change) -> Outcome {
    match (&change.before, &change.after) {
        (None, Some(row)) => drop(model(change.id, row).insert(tx).await?),
        (_, Some(row)) => update(tx, change.id, row).await?,
        (_, None) => delete(tx, change.id).await?,
    }
    Ok(())
}

async fn stored(tx: &TrackedTransaction, id: i64) -> anyhow::Result<note::Model> {
    let found = note::Entity::find_by_id(id).one(tx).await?;
    found.with_context(|| format!("no note {id}"))
}

async fn update(tx: &TrackedTransaction, id: i64, row: &Row) -> Outcome {
    let mut note = stored(tx, id).await?.into_active_model();
    note.book_id = Set(row.book);
    note.name = Set(row.name.clone());
    note.body = Set(row.body.clone());
    note.update(tx).await?;
    Ok(())
}

async fn delete(tx: &TrackedTransaction, id: i64) -> Outcome {
    stored(tx, id).await?.delete(tx).await?;
    Ok(())
}

fn models(rows: &[(i64, Row)]) -> impl Iterator<Item = note::ActiveModel> {
    rows.iter().map(|(id, row)| model(*id, row))
}

fn model(id: i64, row: &Row) -> note::ActiveModel {
    note::ActiveModel {
        id: Set(id),
        book_id: Set(row.book),
        name: Set(row.name.clone()),
        body: Set(row.body.clone()),
    }
}
