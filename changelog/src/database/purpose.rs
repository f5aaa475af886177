//! What a transaction is begun for, and what rows are locked for.

/// The purpose of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// To write. Where only one transaction can write at a time, it is the writing one from its beginning.
    Write,
    /// To write, with each statement seeing what was committed before it.
    WriteSeeingCommits,
}

/// The purpose for which rows are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLock {
    /// For an update. On PostgreSQL an update that changes a column by which a foreign key finds the row
    /// takes the stronger lock by itself when it runs. Two updates that do so to each other's rows end in a
    /// deadlock, and are retried.
    Update,
    /// For a delete. On PostgreSQL this takes the lock that the delete needs at once, so that it need not be
    /// strengthened while others wait for it.
    Delete,
}
