//! What folding records has found: counts, and of the faults the first ones.

use std::collections::BTreeMap;

use seachange_changelog::reader::Place;

use super::records::Digest;
use super::{Finding, TOLD};

/// Where log and table part. In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    /// Number of the table.
    pub(super) table: u32,
    pub(super) what: What,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A change does not begin where the one before it ended.
    Gap { change: Place, left: Place },
    /// At a row of the table, the how manieth.
    Row { ordinal: u64, why: Why },
    /// The row that a change has left is not in the table.
    Gone { change: Place },
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It is not what the change has left.
    Differs { change: Place },
    /// The change deleted it.
    Deleted { change: Place },
    /// No change tells of it, and one should.
    Unknown,
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All faults.
    pub(super) faults: u64,
    /// Rows that no change tells of and that may be older than tracking.
    pub(super) without_baseline: u64,
    /// Values of rows that the log does not tell because their columns came or changed later.
    pub(super) not_told: u64,
    /// Rows that changes tell of, by the number of their table.
    pub(super) known: BTreeMap<u32, u64>,
    /// May be faults: two images are not the same, but one may tell less than the other, of hidden
    /// columns or of columns that came later, or tell it in an older form.
    pub(super) doubts: Vec<Fault>,
    /// The first faults, with what is told of them as soon as it is known.
    told: BTreeMap<Fault, Option<Finding>>,
}

impl Tally {
    /// Counts a fault.
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults += 1;
        self.told.insert(fault, None);
        if self.told.len() > TOLD {
            self.told.pop_last();
        }
    }

    /// Counts a fault if only one of two images is there, and doubts two that are not the same.
    pub(super) fn compare(&mut self, fault: Fault, one: Option<Digest>, other: Option<Digest>) {
        match (one, other) {
            _ if one == other => {}
            (Some(_), Some(_)) => self.doubts.push(fault),
            _ => self.add(fault),
        }
    }

    /// Those of the first faults that nothing is told of yet, in order.
    pub(super) fn untold(&self) -> impl Iterator<Item = Fault> {
        let untold = self.told.iter().filter(|(_, finding)| finding.is_none());
        untold.map(|(fault, _)| *fault)
    }

    /// Says what is to be told of a fault, if it is one of the first.
    pub(super) fn tell(&mut self, fault: Fault, finding: Finding) {
        if let Some(told) = self.told.get_mut(&fault) {
            *told = Some(finding);
        }
    }

    /// What is told of the first faults.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.told.into_values().flatten().collect()
    }
}
