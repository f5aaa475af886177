//! Row images: a database row as a JSON object, and the reverse.
//!
//! An image has every column under its database name, keys sorted, values written as the column's type
//! demands. Equal rows have equal images on every database, and [`decode`] reads back without loss what
//! [`encode`] writes. [`encode`] documents how each type is written.
//!
//! This module knows only column types and values: no connection, no change log, and not who reads an image.

mod canonical;
mod codec;
mod decimal;
mod error;
mod float;
mod form;
mod integer;
mod network;
mod redacted;
mod row;
mod temporal;
mod text;

#[cfg(test)]
mod tests;

pub use canonical::canonical;
pub use codec::{decode, encode};
pub use error::ImageError;
pub use redacted::{REDACTED, REDACTED_CHANGED, is_redacted};
pub(crate) use row::try_null;
pub use row::{differing, image_of, is_unfit, key_of, same, text_of, try_set, value_of};

/// A row, or part of one: column names and values, sorted by name.
pub type Image = serde_json::Map<String, serde_json::Value>;
