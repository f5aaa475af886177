//! The feed: the change log as an ordered sequence, read from any cursor and followed live.
//!
//! One task per process reads the log ([`Feed`]). Each subscriber ([`Subscription`]) takes the
//! batches that this task hands out, and reads the log itself when it is behind them. Replay,
//! resume and catching up are therefore one mechanism. Which rows are safe to read in which order
//! differs between databases, and the reader of the change log decides
//! that.
//!
//! Knows nothing of GraphQL or of the readers.

mod cursor;
mod error;
mod handle;
mod history;
mod line;
mod log;
mod log_health;
mod news;
mod page;
mod replay;
mod run_detached;
mod shared;
mod start;
mod subscription;
mod tail;
mod typed;

pub use cursor::{Cursor, CursorError, Epoch};
pub use error::FeedError;
pub use handle::{Feed, Snapshot};
pub(crate) use history::Named;
pub use history::When;
pub use line::ChangeLine;
pub use page::Page;
pub(crate) use replay::Replay;
pub(crate) use run_detached::run_detached;
pub use seachange_changelog::internal::reader::{Change, Past, Position, RowName, Selection};
pub(crate) use shared::SNAPSHOTS;
pub use start::Start;
pub use subscription::{FeedItem, Subscription};
pub use typed::{Changes, TypedChange};
