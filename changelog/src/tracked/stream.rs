//! Rows that are read one by one within a transaction.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    StatementBuilder, StreamTrait,
};

use super::scope::InFlight;
use super::transaction::TrackedTransaction;
use crate::binding::make_bindable;
use crate::error::Retry;

type Rows<'a> = <DatabaseTransaction as StreamTrait>::Stream<'a>;
type Looking<'a> = Pin<Box<dyn Future<Output = DbErr> + Send + 'a>>;

/// The rows of a query in a transaction. While it exists, other statements of the transaction wait; drop it, or read
/// it to its end, before you send one.
///
/// It may be dropped between two rows. If it is dropped while it waits for one, the transaction does not commit.
pub struct TrackedStream<'a> {
    tx: &'a TrackedTransaction,
    /// The rows, until the last one or an error.
    rows: Option<Pin<Box<Rows<'a>>>>,
    in_flight: Option<InFlight>,
    /// After an error: finds out what it left of the transaction.
    looking: Option<Looking<'a>>,
    is_waiting: bool,
}

impl std::fmt::Debug for TrackedStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackedStream").finish_non_exhaustive()
    }
}

impl TrackedStream<'_> {
    fn end(&mut self) {
        self.rows = None;
        if let Some(in_flight) = self.in_flight.take() {
            in_flight.ended();
        }
    }
}

impl Stream for TrackedStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(rows) = &mut self.rows {
            let polled = rows.as_mut().poll_next(cx);
            self.is_waiting = polled.is_pending();
            match ready!(polled) {
                Some(Ok(row)) => return Poll::Ready(Some(Ok(row))),
                None => self.end(),
                Some(Err(error)) => {
                    // The stream holds the connection, which has to be asked now.
                    self.rows = None;
                    let tx = self.tx;
                    self.looking = Some(Box::pin(async move {
                        tx.look_after(&error).await;
                        error
                    }));
                }
            }
        }
        let Some(looking) = &mut self.looking else {
            return Poll::Ready(None);
        };
        let looked = looking.as_mut().poll(cx);
        self.is_waiting = looked.is_pending();
        let error = ready!(looked);
        self.looking = None;
        self.end();
        Poll::Ready(Some(Err(error)))
    }
}

impl Drop for TrackedStream<'_> {
    fn drop(&mut self) {
        // Between two rows the driver knows what is still to come. In the middle of an answer it may not, and then
        // the statement stays in the count of those that were not answered.
        if !self.is_waiting {
            self.end();
        }
    }
}

impl StreamTrait for TrackedTransaction {
    type Stream<'a> = TrackedStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(self)
    }

    /// # Errors
    /// As for raw SQL: a write of a tracked table is refused unless triggers record it.
    fn stream_raw<'a>(
        &'a self,
        stmt: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            self.check_raw(&stmt.sql).await?;
            self.check_size(&stmt).await?;
            let Some(in_flight) = self.level.begin_statement() else {
                return Err(Retry::Ended.into());
            };
            let mut stream = TrackedStream {
                tx: self,
                rows: None,
                in_flight: Some(in_flight),
                looking: None,
                is_waiting: false,
            };
            // This waits for the connection; the statement is sent when the first row is asked for.
            stream.rows = Some(Box::pin(self.inner.stream_raw(stmt).await?));
            Ok(stream)
        })
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        stmt: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        let built = stmt.build(&ConnectionTrait::get_database_backend(self));
        self.stream_raw(make_bindable(built))
    }
}
