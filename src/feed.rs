//! The feed: the change log as an ordered sequence, read from any cursor and followed live.
//!
//! One task per process reads the log ([`Feed`]); each subscriber ([`Subscription`]) takes the
//! batches it hands out, and reads the log itself where it is behind them. Replay, resume and
//! catching up are therefore one mechanism. Which rows are safe to read in which order differs
//! between databases and is the business of the change log's
//! [`reader`](seachange_changelog::reader).
//!
//! Knows nothing of GraphQL or of who reads.

mod cursor;
mod error;
mod subscription;
mod tail;
mod unhurried;

pub use cursor::{Cursor, CursorError, Epoch};
pub use error::FeedError;
pub use seachange_changelog::reader::{Change, Page, Position, Selection};
pub use subscription::{FeedItem, Start, Subscription};
pub(crate) use tail::SNAPSHOTS;
pub use tail::{Feed, Snapshot};
pub(crate) use unhurried::unhurried;
