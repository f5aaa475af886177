//! Positions in the log.

/// A place in the log's order. Values are read from the log and compared, never computed.
///
/// The order is (batch, last, id): the batch in which a change became visible, the largest id of its
/// transaction in that batch, its own id. If the id alone is the order, the first two are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The batch.
    pub(in crate::reader) batch: i64,
    /// The largest id of the change's transaction in the batch.
    pub(in crate::reader) last: i64,
    /// The change's id.
    pub(in crate::reader) id: i64,
}

impl Position {
    /// The position before every change.
    pub const START: Self = Self {
        batch: 0,
        last: 0,
        id: 0,
    };

    /// The position that a cursor's text has: batch, last and id.
    #[doc(hidden)]
    pub fn of_parts([batch, last, id]: [i64; 3]) -> Self {
        Self { batch, last, id }
    }

    /// What [`of_parts`](Self::of_parts) takes.
    #[doc(hidden)]
    pub fn parts(self) -> [i64; 3] {
        [self.batch, self.last, self.id]
    }

    /// The position of a row whose order is its id.
    pub(in crate::reader) fn of_id(id: i64) -> Self {
        Self { id, ..Self::START }
    }

    /// The end of a batch whose largest id is this.
    pub(super) fn end_of(batch: i64, last: i64) -> Self {
        Self {
            batch,
            last,
            id: last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_batch_then_transaction_then_id() {
        let at = |batch, last, id| Position { batch, last, id };
        assert!(at(1, 9, 9) < at(2, 1, 1));
        assert!(at(1, 5, 9) < at(1, 6, 1));
        assert!(at(1, 5, 1) < at(1, 5, 2));
        assert!(Position::START < Position::of_id(1));
    }
}
