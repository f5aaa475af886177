//! The order of MariaDB: an inbox and one sequencer.
//!
//! Capture writes `change_inbox`. A pass moves committed rows from there into `change_log`, in the order
//! (largest id of the row's transaction, id), and the log's own id is the position. A named lock of the
//! server lets only one pass run at a time; any process may run one, so no particular process must be
//! running.

mod pass;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionTrait,
};

use super::by_id;
use super::position::Position;
use super::selection::{Page, Selection};
use super::{LogReader, Moment, ReadError, RowName, row_history};
use pass::Pass;

pub(super) struct Inbox {
    db: DatabaseConnection,
    epoch: String,
}

impl Inbox {
    pub(super) fn new(db: DatabaseConnection, epoch: String) -> Self {
        Self { db, epoch }
    }
}

#[async_trait::async_trait]
impl LogReader for Inbox {
    async fn advance(&self) -> Result<Position, ReadError> {
        let (head, waits) = pass::newest_and_waiting(&self.db, &self.epoch).await?;
        if !waits {
            return Ok(head);
        }
        if let Some(pass) = Pass::begin(&self.db).await? {
            pass.move_all().await?;
        }
        by_id::newest(&self.db, &self.epoch).await
    }

    async fn horizon(&self) -> Result<Position, ReadError> {
        by_id::oldest(&self.db, &self.epoch).await
    }

    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        by_id::page(&self.db, &self.epoch, after, wanted, limit).await
    }

    async fn finds_by_key(&self, row: &RowName) -> Result<bool, ReadError> {
        Ok(row_history::key_lookup_is_complete(&self.db, row).await?)
    }

    /// While no other pass can run, takes the snapshot, then moves exactly the rows that it sees.
    async fn moment(&self) -> Result<Moment, ReadError> {
        let Some(mut pass) = Pass::begin(&self.db).await? else {
            return Err(pass::busy().into());
        };
        let opened = self.open_under(&mut pass).await;
        pass.end().await?;
        opened
    }
}

/// Moves waiting changes, unless another pass is running.
pub(super) async fn move_waiting<C>(db: &C) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    if !pass::is_any_waiting(db).await? {
        return Ok(());
    }
    match Pass::begin(db).await? {
        Some(pass) => pass.move_all().await,
        None => Ok(()),
    }
}

impl Inbox {
    async fn open_under(&self, pass: &mut Pass) -> Result<Moment, ReadError> {
        let tx = self
            .db
            .begin_with_config(
                Some(IsolationLevel::RepeatableRead),
                Some(AccessMode::ReadOnly),
            )
            .await?;
        // The first consistent read takes the snapshot, and every page is read from it.
        let mut last = 0;
        loop {
            let seen = pass::waiting(&tx, last).await?;
            let Some(newest) = seen.last() else {
                break;
            };
            last = newest.last;
            pass.move_these(seen).await?;
        }
        let position = by_id::newest(&self.db, &self.epoch).await?;
        Ok(Moment { tx, position })
    }
}
