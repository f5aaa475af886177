//! Folds records into faults, with a bounded number of rows in memory.
//!
//! This is a hybrid hash join: rows are divided into parts by their keys' hashes. When memory is full, a part
//! is moved out: its states and all later records go to a file, and once everything is read it is folded in
//! the same way, divided again if necessary. Nothing is written while everything fits.
//!
//! This module knows no database: faults are identified by numbers.

use std::collections::HashMap;
use std::io;

use seachange_changelog::internal::reader::ReplayPlace;

use super::faults::{FaultKind, Spot, Tally, Why};
use super::files::{WaitingRecords, WrittenRecords};
use super::keys::RowHash;
use super::records::{Digest, Record, RecordKind};

/// The newest logged state of a row.
struct RowState {
    table: u32,
    /// The change that left the row in this state.
    change: ReplayPlace,
    /// `None` after a delete.
    image: Option<Digest>,
}

/// Rows, some in memory, some in files.
pub(super) struct RowStates {
    /// The most rows that are kept in memory.
    most: usize,
    /// How often the rows have been divided.
    level: u32,
    states: HashMap<RowHash, RowState>,
    /// The files of the parts that are not in memory, the last part first.
    files: Vec<WrittenRecords>,
}

/// Records of a part that was moved out.
pub(super) struct Partition {
    level: u32,
    records: WrittenRecords,
}

impl Partition {
    /// The number of records.
    pub(super) fn len(&self) -> u64 {
        self.records.len()
    }

    /// An empty set of rows for the part, and its records.
    ///
    /// # Errors
    /// If the disk is full.
    pub(super) fn open(self, most: usize) -> io::Result<(RowStates, WaitingRecords)> {
        Ok((RowStates::of_level(self.level, most), self.records.read()?))
    }
}

impl RowStates {
    /// An empty set of rows, of which `most` are kept in memory, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self::of_level(0, most)
    }

    fn of_level(level: u32, most: usize) -> Self {
        Self {
            most: most.max(1),
            level,
            states: HashMap::new(),
            files: Vec::new(),
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// If the disk cannot store it.
    pub(super) fn take(&mut self, record: Record, tally: &mut Tally) -> io::Result<()> {
        let from_end = RowHash::PARTS - 1 - record.key.part(self.level);
        if let Some(file) = self.files.get_mut(from_end) {
            return file.push(record);
        }
        self.fold(record, tally);
        while self.states.len() > self.most && self.can_divide() {
            self.leave_out()?;
        }
        Ok(())
    }

    /// Rows whose hashes agree in all bits used for division stay together.
    fn can_divide(&self) -> bool {
        self.files.len() < RowHash::PARTS && self.level < RowHash::LEVELS
    }

    fn leave_out(&mut self) -> io::Result<()> {
        let (level, part) = (self.level, RowHash::PARTS - 1 - self.files.len());
        let mut file = WrittenRecords::new()?;
        let left = self.states.extract_if(|key, _| key.part(level) == part);
        for (
            key,
            RowState {
                table,
                change,
                image,
            },
        ) in left
        {
            let what = RecordKind::State {
                place: change,
                after: image,
            };
            file.push(Record { key, table, what })?;
        }
        self.files.push(file);
        Ok(())
    }

    fn fold(&mut self, Record { key, table, what }: Record, tally: &mut Tally) {
        match what {
            RecordKind::State { place, after } => {
                self.keep(key, table, place, after);
            }
            RecordKind::Change {
                place,
                before,
                after,
            } => {
                let Some(last) = self.keep(key, table, place, after) else {
                    return;
                };
                let (change, left) = (place, last.change);
                let what = FaultKind::Gap { change, left };
                tally.compare(Spot { table, what }, last.image, before);
            }
            RecordKind::Row {
                ordinal,
                image,
                is_expected,
            } => {
                let fault = |why| Spot {
                    table,
                    what: FaultKind::Row { ordinal, why },
                };
                let state = self.states.remove(&key);
                let Some(RowState {
                    change,
                    image: left,
                    ..
                }) = state
                else {
                    if is_expected {
                        tally.add(fault(Why::Unknown))
                    } else {
                        tally.without_baseline += 1
                    }
                    return;
                };
                *tally.known.entry(table).or_default() += 1;
                match left {
                    Some(_) => tally.compare(fault(Why::Differs { change }), left, Some(image)),
                    None => tally.add(fault(Why::Deleted { change })),
                }
            }
        }
    }

    fn keep(
        &mut self,
        key: RowHash,
        table: u32,
        change: ReplayPlace,
        image: Option<Digest>,
    ) -> Option<RowState> {
        let state = RowState {
            table,
            change,
            image,
        };
        self.states.insert(key, state)
    }

    /// Settles the rows in memory: a row that the log has left but the table lacks is gone. Returns the parts
    /// that are in files.
    pub(super) fn finish(self, tally: &mut Tally) -> Vec<Partition> {
        for RowState {
            table,
            change,
            image,
        } in self.states.into_values()
        {
            if image.is_some() {
                let what = FaultKind::Gone { change };
                tally.add(Spot { table, what });
            }
        }
        let level = self.level + 1;
        let files = self.files.into_iter();
        files.map(|records| Partition { level, records }).collect()
    }
}

#[cfg(test)]
mod tests;
