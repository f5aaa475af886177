//! Identifies rows by hashes, so that each takes the same space.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A row's table and key, as two hashes. Among ten million rows, two have the same with a chance of 1 in
/// 10²⁴.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowHash(pub(super) u64, pub(super) u64);

impl RowHash {
    /// The number of parts into which rows are divided if memory cannot hold them all; each part can be
    /// divided again. There are sixteen, so that few files are open at once: parts of fourteen million rows
    /// fit by default.
    pub(super) const PARTS: usize = 16;
    /// How often parts can be divided.
    pub(super) const LEVELS: u32 = u64::BITS / Self::BITS;
    const BITS: u32 = Self::PARTS.ilog2();

    pub(super) fn of(table: u32, text: &str) -> Self {
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, table, text).hash(&mut hasher);
            hasher.finish()
        };
        Self(hash(0), hash(1))
    }

    /// The part to which the key belongs, among those into which a part of the level before is divided.
    pub(super) fn part(self, level: u32) -> usize {
        let bits = self.1.checked_shr(level * Self::BITS).unwrap_or_default();
        bits as usize % Self::PARTS
    }
}
