//! Writes that would be refused, and are let through with a warning: for finding them in an application that is
//! being moved to a tracked connection.
//!
//! Only statements are let through that change rows without a record, which `verify` finds as a difference between
//! table and log. Whatever would make the log itself wrong stays refused: a change without its row, a commit with
//! open books, an end of the transaction behind its back.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{CaptureError, WriteRefusal};
use crate::raw_sql::SqlText;

/// Places that are remembered, so that each is reported once. Further ones are only counted.
const PLACES: usize = 1_000;
/// Characters of a statement in a warning.
const SHOWN: usize = 200;

/// What was let through on a connection and its clones.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    count: AtomicU64,
    /// The hashes of refusals and their statements.
    places: Mutex<HashSet<u64>>,
}

impl Escapes {
    /// The number of statements so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Lets a statement through, if its refusal says no more than that it would not be recorded.
    pub(super) fn lets_through(&self, refusal: &WriteRefusal, text: &SqlText<'_>) -> bool {
        if !is_escape(refusal, text) {
            return false;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.is_new(refusal, text) {
            let statement: String = text.sql().chars().take(SHOWN).collect();
            let refusal = CaptureError::from(refusal.clone());
            tracing::warn!(
                code = refusal.code(),
                statement,
                "{refusal}; let through, because this connection only warns of escapes"
            );
        }
        true
    }

    fn is_new(&self, refusal: &WriteRefusal, text: &SqlText<'_>) -> bool {
        let mut place = DefaultHasher::new();
        (refusal.to_string(), text.sql()).hash(&mut place);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.len() < PLACES && places.insert(place.finish())
    }
}

fn is_escape(refusal: &WriteRefusal, text: &SqlText<'_>) -> bool {
    match refusal {
        WriteRefusal::Unrecorded { .. }
        | WriteRefusal::OutsideTransaction { .. }
        | WriteRefusal::Cascade { .. } => true,
        // The triggers that record changes have such names.
        WriteRefusal::RawWrite { table, .. } => {
            !table.starts_with("change_capture_") && !text.may_control_transactions()
        }
        WriteRefusal::RawUnclear { .. } => !text.may_control_transactions(),
        WriteRefusal::Untracked { .. }
        | WriteRefusal::NoActor { .. }
        | WriteRefusal::RawTransaction { .. }
        | WriteRefusal::Protocol => false,
    }
}
