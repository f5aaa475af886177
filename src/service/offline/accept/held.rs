//! Rows of a batch that block each other: one takes a value that another gives up, refers to one that is still
//! to be inserted, or is referred to by one that is still to be deleted.
//!
//! Such rows are held back and tried again after the others, in an order that their values suggest. Where no
//! order exists, as when two rows exchange a unique value, some rows step aside first: they are written with
//! meaningless values, and then with their wanted ones. These states are in the log, because they were in the
//! table. All of them belong to the batch's transaction, so pulls and streams see only the end. Their
//! changes are marked, so that no revert restores them.
//!
//! A row that cannot be stored in the end is left as it is.

use std::collections::{BTreeSet, HashMap};

use sea_orm::DbErr;
use seachange_changelog::internal::image::text_of;
use seachange_changelog::{Image, TrackedTransaction};

use super::batch_progress::{BatchProgress, HeldRow, is_for_later};
use super::order::{Order, Standing};
use crate::service::error::ServiceError;
use crate::service::interim::interim;
use crate::service::offline::server_row::{ServerRow, is_there};

/// How often held rows are tried in one batch, before the remaining ones are refused. If there is an order, one
/// attempt each finds it; more are needed only where no value suggests one.
const TRIES: usize = 5_000;

/// Why stepping aside did not succeed.
enum Detour {
    /// These rows are still held.
    Open(BTreeSet<usize>),
    Failed(ServiceError),
}

impl From<DbErr> for Detour {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ServiceError> for Detour {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl BatchProgress<'_> {
    /// Stores those of the held rows that can be stored.
    pub(super) async fn settle(&mut self) -> Result<(), ServiceError> {
        let mut tries = TRIES;
        self.rounds(&mut tries).await?;
        let mut moving: BTreeSet<usize> = self.judged().collect();
        while !moving.is_empty() && tries > 0 {
            let (known, held) = (self.known.clone(), self.held.clone());
            let (repeats, filed) = (self.repeats.clone(), self.rejections.len());
            let (tx, context) = (self.tx, self.batch.context.clone());
            let detour = self.step_aside(&moving, &mut tries);
            match tx.savepoint_as(context, detour).await {
                Ok(()) => {
                    self.rounds(&mut tries).await?;
                    moving = self.judged().collect();
                }
                Err(Detour::Open(left)) => {
                    (self.known, self.held, self.repeats) = (known, held, repeats);
                    self.rejections.truncate(filed);
                    let before = moving.len();
                    moving.retain(|place| !left.contains(place));
                    if moving.len() == before {
                        return Ok(());
                    }
                }
                Err(Detour::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The places of held rows that have been judged.
    fn judged(&self) -> impl Iterator<Item = usize> {
        let judged = self.held.iter().filter(|held| held.write.is_some());
        judged.map(|held| held.place)
    }

    /// Tries the held rows until none of them can be stored any more.
    async fn rounds(&mut self, tries: &mut usize) -> Result<(), ServiceError> {
        while !self.held.is_empty() && *tries > 0 {
            let before = self.held.len();
            let order = Order::of(&self.standings(|_| true)).places;
            let order: HashMap<usize, usize> = order
                .into_iter()
                .enumerate()
                .map(|(at, place)| (place, at))
                .collect();
            let mut waiting: Vec<HeldRow> = std::mem::take(&mut self.held);
            // Rows that have not been judged yet come last: they follow others of their key.
            waiting.sort_by_key(|held| {
                (
                    order.get(&held.place).map_or(usize::MAX, |at| *at),
                    held.place,
                )
            });
            for held in waiting {
                if *tries == 0 || self.is_held(&self.batch.rows[held.place].key) {
                    self.held.push(held);
                    continue;
                }
                *tries -= 1;
                self.retry(held).await?;
            }
            if self.held.len() == before {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Makes the rows in a ring step aside, and stores all the moving rows.
    async fn step_aside(
        &mut self,
        moving: &BTreeSet<usize>,
        tries: &mut usize,
    ) -> Result<(), Detour> {
        let standings = self.standings(|place| moving.contains(&place));
        let order = Order::of(&standings);
        for (place, values) in order.aside(self.batch.synced, &standings) {
            *tries = tries.saturating_sub(1);
            if !self.put_aside(place, values).await? {
                return Err(Detour::Open(BTreeSet::from([place])));
            }
        }
        self.rounds(tries).await?;
        let left: BTreeSet<usize> = self
            .judged()
            .filter(|place| moving.contains(place))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(Detour::Open(left))
        }
    }

    /// Writes meaningless values; returns whether the table takes them.
    async fn put_aside(&mut self, place: usize, values: Image) -> Result<bool, ServiceError> {
        let batch = self.batch;
        let (pushed, synced) = (&batch.rows[place], batch.synced);
        let name = text_of(&pushed.key);
        let is_there = is_there(self.known.get(&name));
        let rows = &synced.registered.rows;
        let tx: &TrackedTransaction = self.tx;
        let write = async {
            if is_there {
                rows.update(tx, &pushed.key, &values).await
            } else {
                rows.insert(tx, &values).await
            }
        };
        let context = interim(batch.context_of(pushed, None));
        let put = tx.savepoint_as(context, write).await;
        match put.map_err(|error| batch.failed_at(pushed, tx, error)) {
            Ok(row) => {
                self.known.insert(name, ServerRow::present(row));
                Ok(true)
            }
            Err(error) if is_for_later(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// The stored and the wanted states of the held rows.
    fn standings(&self, wanted: impl Fn(usize) -> bool) -> Vec<Standing> {
        let held = self.held.iter().filter(|held| wanted(held.place));
        let standings = held.filter_map(|held| {
            let (wanted, _) = held.write.as_ref()?;
            let pushed = &self.batch.rows[held.place];
            let known = self.known.get(&text_of(&pushed.key));
            let stored = known.filter(|known| !known.document.is_deleted);
            Some(Standing {
                place: held.place,
                key: pushed.key.clone(),
                stored: stored.map(|known| known.document.row.clone()),
                wanted: wanted.clone(),
            })
        });
        standings.collect()
    }
}
