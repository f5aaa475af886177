//! Every bound a client can run into, in one place.

use std::time::Duration;

/// How much one client may ask for. Each is a setting; the defaults are the documented contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most changes or rows in one page, and rows of a query without pagination.
    pub page_rows: u64,
    /// Most rows in one `pull…`.
    pub pull_rows: usize,
    /// Most rows in one `…CreateBatch` or `push…`.
    pub batch_rows: usize,
    /// Most rows that one `…Update` or `…Delete` may touch.
    pub write_rows: u64,
    /// Deepest nesting of fields in a request.
    pub query_depth: usize,
    /// Most fields, arguments and directives that a request may name, those of a fragment counted
    /// wherever it is spread.
    pub request_fields: u64,
    /// Most rows that one request may read for its answer.
    pub request_rows: u64,
    /// Largest answer to one request, in bytes, and most bytes of the rows that are read for it. Each
    /// value counts 16 bytes more than its text: about what it takes in memory.
    pub answer_bytes: u64,
    /// How long one request may take. A transaction that has not committed by then is rolled back.
    pub request_time: Duration,
    /// Largest HTTP request body, in bytes.
    pub request_bytes: usize,
    /// Largest socket message, in bytes.
    pub message_bytes: usize,
    /// How long a socket may stay open before it says `connection_init`.
    pub init_wait: Duration,
    /// Subscriptions open at once on one socket.
    pub subscriptions_per_socket: usize,
    /// Subscriptions, and other operations of sockets, open at once in one process.
    pub subscriptions: usize,
    /// Sockets and event streams open at once in one process.
    pub sockets: usize,
    /// Largest `extensions.metadata`, in bytes of JSON.
    pub metadata_bytes: usize,
    /// How long a mutation waits for locks that other transactions hold, retries included. With
    /// [`connect`](crate::connect), this also bounds the wait of a single statement.
    pub lock_wait: Duration,
    /// How long a retry of a mutation with an idempotency key gets the first answer; zero turns this off.
    pub idempotency: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_rows: 1_000,
            pull_rows: 10_000,
            batch_rows: 1_000,
            write_rows: 10_000,
            query_depth: 20,
            request_fields: 10_000,
            request_rows: 100_000,
            answer_bytes: 64 * 1024 * 1024,
            request_time: Duration::from_secs(30),
            request_bytes: 8 * 1024 * 1024,
            message_bytes: 1024 * 1024,
            init_wait: Duration::from_secs(3),
            subscriptions_per_socket: 1_000,
            subscriptions: 500_000,
            sockets: 20_000,
            metadata_bytes: 4 * 1024,
            lock_wait: Duration::from_secs(5),
            idempotency: Duration::from_secs(24 * 60 * 60),
        }
    }
}
