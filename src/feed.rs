//! The feed: the change log as an ordered sequence, read from any cursor and followed live.
//!
//! One task per process reads the log ([`Feed`]); each subscriber ([`Subscription`]) takes the
//! batches it hands out, and reads the log itself where it is behind them. Replay, resume and
//! catching up are therefore one mechanism. Which rows are safe to read in which order differs
//! between databases and is the business of a [`Source`](source::Source) alone.
//!
//! Knows nothing of GraphQL or of who reads.

mod change;
mod cursor;
mod error;
mod selection;
pub(crate) mod source;
mod subscription;
mod tail;

pub use change::Change;
pub use cursor::{Cursor, CursorError, Epoch, Position};
pub use error::FeedError;
pub use selection::{Page, Selection};
pub use subscription::{FeedItem, Start, Subscription};
pub use tail::{Feed, Snapshot};
