//! The results of folding records: counts, and the first faults.

use std::collections::BTreeMap;

use seachange_changelog::internal::reader::ReplayPlace;

use super::records::Digest;
use super::{Fault, LISTED};

/// A place where log and table differ, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The number of the table.
    pub(super) table: u32,
    pub(super) what: FaultKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultKind {
    /// A change does not begin where the one before it ended.
    Gap {
        change: ReplayPlace,
        left: ReplayPlace,
    },
    /// A fault of the row with this ordinal in the table.
    Row { ordinal: u64, why: Why },
    /// The row that a change has left is not in the table.
    Gone { change: ReplayPlace },
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It is not what the change has left.
    Differs { change: ReplayPlace },
    /// The change deleted it.
    Deleted { change: ReplayPlace },
    /// The row has no change, but should have one.
    Unknown,
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All faults.
    pub(super) faults: u64,
    /// Rows that have no change and may be older than tracking.
    pub(super) without_baseline: u64,
    /// Values of rows that are not in the log because their columns were added or changed later.
    pub(super) not_logged: u64,
    /// The number of rows that have changes, by the number of their table.
    pub(super) known: BTreeMap<u32, u64>,
    /// Possible faults: two images differ, but perhaps only because one lacks hidden or later columns, or has
    /// an older form of their values.
    pub(super) doubts: Vec<Spot>,
    /// The first faults, each with its description as soon as it is known.
    listed: BTreeMap<Spot, Option<Fault>>,
}

impl Tally {
    /// Counts a fault.
    pub(super) fn add(&mut self, fault: Spot) {
        self.faults += 1;
        self.listed.insert(fault, None);
        if self.listed.len() > LISTED {
            self.listed.pop_last();
        }
    }

    /// Counts a fault if only one of two images exists, and records a doubt if the two images differ.
    pub(super) fn compare(&mut self, fault: Spot, one: Option<Digest>, other: Option<Digest>) {
        match (one, other) {
            _ if one == other => {}
            (Some(_), Some(_)) => self.doubts.push(fault),
            _ => self.add(fault),
        }
    }

    /// The first faults that have no description yet, in order.
    pub(super) fn undescribed(&self) -> impl Iterator<Item = Spot> {
        let undescribed = self.listed.iter().filter(|(_, fault)| fault.is_none());
        undescribed.map(|(spot, _)| *spot)
    }

    /// Sets the description of a fault, if it is one of the first.
    pub(super) fn describe(&mut self, spot: Spot, fault: Fault) {
        if let Some(described) = self.listed.get_mut(&spot) {
            *described = Some(fault);
        }
    }

    /// The descriptions of the first faults.
    pub(super) fn into_listed(self) -> Vec<Fault> {
        self.listed.into_values().flatten().collect()
    }
}
