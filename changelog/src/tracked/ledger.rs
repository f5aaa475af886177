//! The books of one level of a transaction: each write statement on a tracked table needs an announcement
//! before it and a record after it.
//!
//! This module is pure: it knows no connection and no SQL. Written rows and records are matched by their number
//! for each table and operation, and by their key. So writes that run concurrently on one transaction stay
//! right, and a row without a record leaves the books open, whatever came before or after it.

use std::collections::HashMap;

use crate::image::Image;
use crate::log::Operation;

/// A write that is announced and not yet recorded.
#[derive(Clone, Debug)]
struct Entry {
    table: String,
    operation: Operation,
    key: Option<Image>,
    expects: Expectation,
}

#[derive(Clone, Debug)]
enum Expectation {
    /// One statement on one row, which had this image before.
    Write(Option<Image>),
    /// No statement will come.
    Nothing,
}

/// The meaning of a record.
#[derive(Debug, PartialEq)]
pub(super) enum Settlement {
    /// The row had this image before. The books stay open until [`Ledger::settle`].
    Changed(Option<Image>),
    /// No row was written.
    Untouched,
    /// A row was written that was not there when the hook looked.
    Raced,
}

/// A record came without an announcement.
#[derive(Debug, PartialEq)]
pub(super) struct Unannounced;

#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    /// The number of rows that statements wrote, or may have written, and that are not yet recorded. A statement
    /// counts as one row until its result is known.
    executed: HashMap<(String, Operation), usize>,
    /// The number of rows that statements on many rows wrote, or may have written, and that are not yet recorded.
    owed: HashMap<(String, Operation), usize>,
}

impl Ledger {
    /// A statement on this row will come. A stale announcement of the same row is replaced.
    pub(super) fn announce(
        &mut self,
        table: String,
        operation: Operation,
        key: Option<Image>,
        before: Option<Image>,
    ) {
        self.enter(table, operation, key, Expectation::Write(before));
    }

    /// A record will come, but no statement.
    pub(super) fn unchanged(&mut self, table: String, operation: Operation, key: Image) {
        self.enter(table, operation, Some(key), Expectation::Nothing);
    }

    fn enter(
        &mut self,
        table: String,
        operation: Operation,
        key: Option<Image>,
        expects: Expectation,
    ) {
        if key.is_some() {
            self.entries
                .retain(|e| !(e.table == table && e.operation == operation && e.key == key));
        }
        self.entries.push(Entry {
            table,
            operation,
            key,
            expects,
        });
    }

    /// Whether a statement of this kind has been announced and not run yet.
    pub(super) fn expects(&self, table: &str, operation: Operation) -> bool {
        let executed = self.executed.get(&(table.to_owned(), operation));
        self.announced(table, operation) > executed.copied().unwrap_or(0)
    }

    fn announced(&self, table: &str, operation: Operation) -> usize {
        self.entries
            .iter()
            .filter(|e| e.table == table && e.operation == operation)
            .filter(|e| matches!(e.expects, Expectation::Write(_)))
            .count()
    }

    /// A statement is about to run; returns whether it was announced. It is counted before it runs, so that a
    /// statement that is cut off leaves the books open.
    pub(super) fn execute(&mut self, table: &str, operation: Operation) -> bool {
        let announced = self.announced(table, operation);
        let executed = self
            .executed
            .entry((table.to_owned(), operation))
            .or_default();
        let allowed = *executed < announced;
        if allowed {
            *executed += 1;
        }
        allowed
    }

    /// The statement has written this number of rows. SeaORM's nested saves announce several rows and write them by
    /// one statement. If it wrote more than were announced, no record will come for the others, and the books stay
    /// open.
    pub(super) fn executed_rows(&mut self, table: &str, operation: Operation, rows: usize) {
        let executed = self.executed.entry((table.to_owned(), operation));
        let executed = executed.or_default();
        *executed = executed.saturating_sub(1).saturating_add(rows);
    }

    /// The statement failed, or the record of a row has come.
    pub(super) fn revoke(&mut self, table: &str, operation: Operation) {
        if let Some(executed) = self.executed.get_mut(&(table.to_owned(), operation)) {
            *executed = executed.saturating_sub(1);
        }
    }

    /// A record came for this row: removes its announcement.
    pub(super) fn record(
        &mut self,
        table: &str,
        operation: Operation,
        key: &Image,
    ) -> Result<Settlement, Unannounced> {
        let of_table = |e: &Entry| e.table == table && e.operation == operation;
        let index = self
            .entries
            .iter()
            .rposition(|e| of_table(e) && e.key.as_ref() == Some(key))
            .or_else(|| {
                self.entries
                    .iter()
                    .rposition(|e| of_table(e) && e.key.is_none())
            })
            .ok_or(Unannounced)?;
        let executed = self.executed.get(&(table.to_owned(), operation)).copied();
        let Expectation::Write(before) = self.entries.remove(index).expects else {
            return Ok(Settlement::Untouched);
        };
        // A delete that finds no row is announced and runs, but writes nothing.
        if executed.unwrap_or(0) == 0 {
            return Ok(Settlement::Untouched);
        }
        if before.is_none() && operation != Operation::Insert {
            // If other writes are under way, the counted statement is theirs. If it is not, the books stay open.
            return Ok(if self.entries.iter().any(of_table) {
                Settlement::Untouched
            } else {
                Settlement::Raced
            });
        }
        Ok(Settlement::Changed(before))
    }

    /// The change of one statement is in the log, or nothing had changed.
    pub(super) fn settle(&mut self, table: &str, operation: Operation) {
        self.revoke(table, operation);
    }

    /// A statement on this number of rows is about to run. The call that runs it also announces it, and no
    /// announcement of a single row is for it.
    pub(super) fn owe(&mut self, table: &str, operation: Operation, rows: usize) {
        let owed = self.owed.entry((table.to_owned(), operation));
        *owed.or_default() += rows;
    }

    /// This number of rows of such statements was not written, or is recorded.
    pub(super) fn pay(&mut self, table: &str, operation: Operation, rows: usize) {
        if let Some(owed) = self.owed.get_mut(&(table.to_owned(), operation)) {
            *owed = owed.saturating_sub(rows);
        }
    }

    /// A statement that is not recorded, if there is one. The transaction must not commit then.
    pub(super) fn open(&self) -> Option<(&str, Operation)> {
        self.executed
            .iter()
            .chain(&self.owed)
            .find(|(_, open)| **open > 0)
            .map(|((table, operation), _)| (table.as_str(), *operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64) -> Image {
        [("id".to_owned(), id.into())].into_iter().collect()
    }

    fn write(ledger: &mut Ledger, id: i64) {
        ledger.announce("t".into(), Operation::Update, Some(key(id)), Some(key(id)));
        assert!(ledger.execute("t", Operation::Update));
    }

    fn finish(ledger: &mut Ledger, id: i64) {
        let settled = ledger.record("t", Operation::Update, &key(id));
        assert_eq!(settled, Ok(Settlement::Changed(Some(key(id)))));
        ledger.settle("t", Operation::Update);
    }

    #[test]
    fn a_recorded_statement_closes_the_books() {
        let mut ledger = Ledger::default();
        write(&mut ledger, 1);
        assert_eq!(ledger.open(), Some(("t", Operation::Update)));
        finish(&mut ledger, 1);
        assert_eq!(ledger.open(), None);
    }

    #[test]
    fn a_statement_on_several_announced_rows_needs_a_record_of_each() {
        let mut ledger = Ledger::default();
        for id in 1..=3 {
            ledger.announce("t".into(), Operation::Update, Some(key(id)), Some(key(id)));
        }
        assert!(ledger.execute("t", Operation::Update));
        ledger.executed_rows("t", Operation::Update, 3);
        for id in 1..=3 {
            assert_eq!(ledger.open(), Some(("t", Operation::Update)));
            finish(&mut ledger, id);
        }
        assert_eq!(ledger.open(), None);
    }

    #[test]
    fn a_statement_on_more_rows_than_were_announced_leaves_the_books_open() {
        let mut ledger = Ledger::default();
        write(&mut ledger, 1);
        ledger.executed_rows("t", Operation::Update, 2);
        finish(&mut ledger, 1);
        assert_eq!(ledger.open(), Some(("t", Operation::Update)));
    }

    #[test]
    fn an_announced_row_that_was_in_the_way_of_an_insert_owes_no_record() {
        let mut ledger = Ledger::default();
        for id in 1..=2 {
            ledger.announce("t".into(), Operation::Insert, Some(key(id)), None);
        }
        assert!(ledger.execute("t", Operation::Insert));
        ledger.executed_rows("t", Operation::Insert, 1);
        let settled = ledger.record("t", Operation::Insert, &key(2));
        assert_eq!(settled, Ok(Settlement::Changed(None)));
        ledger.settle("t", Operation::Insert);
        assert_eq!(ledger.open(), None);
    }

    #[test]
    fn an_unannounced_statement_is_not_allowed_beside_a_recorded_one() {
        let mut ledger = Ledger::default();
        write(&mut ledger, 1);
        assert!(!ledger.execute("t", Operation::Update));
        finish(&mut ledger, 1);
        assert!(!ledger.execute("t", Operation::Update));
        assert!(!ledger.execute("t", Operation::Delete));
    }

    #[test]
    fn a_stale_announcement_lets_no_statement_commit_unrecorded() {
        let mut ledger = Ledger::default();
        ledger.announce("t".into(), Operation::Update, Some(key(9)), Some(key(9)));
        assert!(
            ledger.execute("t", Operation::Update),
            "taken by a stray statement"
        );
        write(&mut ledger, 1);
        finish(&mut ledger, 1);
        assert_eq!(ledger.open(), Some(("t", Operation::Update)));
    }

    #[test]
    fn interleaved_writes_of_different_rows_settle_in_any_order() {
        let mut ledger = Ledger::default();
        ledger.announce("t".into(), Operation::Update, Some(key(1)), Some(key(1)));
        ledger.announce("t".into(), Operation::Update, Some(key(2)), Some(key(2)));
        assert!(ledger.execute("t", Operation::Update));
        assert!(ledger.execute("t", Operation::Update));
        finish(&mut ledger, 1);
        finish(&mut ledger, 2);
        assert_eq!(ledger.open(), None);
    }

    #[test]
    fn a_delete_of_nothing_is_no_change_and_a_raced_one_is_reported() {
        let mut ledger = Ledger::default();
        ledger.announce("t".into(), Operation::Delete, Some(key(1)), None);
        assert!(ledger.execute("t", Operation::Delete));
        ledger.revoke("t", Operation::Delete);
        assert_eq!(
            ledger.record("t", Operation::Delete, &key(1)),
            Ok(Settlement::Untouched)
        );

        ledger.announce("t".into(), Operation::Delete, Some(key(1)), None);
        assert!(ledger.execute("t", Operation::Delete));
        assert_eq!(
            ledger.record("t", Operation::Delete, &key(1)),
            Ok(Settlement::Raced)
        );
    }

    #[test]
    fn an_insert_without_a_known_key_is_found_by_its_table() {
        let mut ledger = Ledger::default();
        ledger.announce("t".into(), Operation::Insert, None, None);
        assert!(ledger.execute("t", Operation::Insert));
        assert_eq!(
            ledger.record("t", Operation::Insert, &key(7)),
            Ok(Settlement::Changed(None))
        );
    }

    #[test]
    fn a_statement_on_many_rows_owes_a_record_of_each() {
        let mut ledger = Ledger::default();
        ledger.owe("t", Operation::Update, 3);
        assert!(
            !ledger.execute("t", Operation::Update),
            "its announcement is not for another statement"
        );
        ledger.pay("t", Operation::Update, 2);
        assert_eq!(ledger.open(), Some(("t", Operation::Update)));
        write(&mut ledger, 1);
        finish(&mut ledger, 1);
        assert_eq!(ledger.open(), Some(("t", Operation::Update)));
        ledger.pay("t", Operation::Update, 1);
        assert_eq!(ledger.open(), None);
    }

    #[test]
    fn a_record_without_announcement_is_refused() {
        let mut ledger = Ledger::default();
        assert_eq!(
            ledger.record("t", Operation::Insert, &key(1)),
            Err(Unannounced)
        );
    }
}
