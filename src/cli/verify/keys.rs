//! Which rows a pass looks at, when there are more than memory is given for.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A row's key. Two hashes: of ten million keys two have the same with a chance of 1 in 10²⁴.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u64, u64);

impl Key {
    pub(super) fn of(text: &str) -> Self {
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, text).hash(&mut hasher);
            hasher.finish()
        };
        Self(hash(0), hash(1))
    }
}

/// The keys whose hashes end in these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    bits: u32,
    end: u64,
}

impl Part {
    pub(super) const WHOLE: Self = Self { bits: 0, end: 0 };

    /// More parts than this are not made: no table has so many rows.
    const MOST_BITS: u32 = 40;

    pub(super) fn has(self, key: Key) -> bool {
        key.1 & ((1 << self.bits) - 1) == self.end
    }

    /// Of all parts of a whole exactly one is the first.
    pub(super) fn is_first(self) -> bool {
        self.end == 0
    }

    /// Keeps one half, returns the other.
    pub(super) fn split(&mut self) -> Option<Self> {
        if self.bits == Self::MOST_BITS {
            return None;
        }
        let other = Self {
            bits: self.bits + 1,
            end: self.end | 1 << self.bits,
        };
        self.bits += 1;
        Some(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_one_part() {
        let mut parts = vec![Part::WHOLE];
        for n in [0, 0, 1, 3, 2] {
            let part: &mut Part = &mut parts[n];
            let other = part.split().expect("few bits");
            parts.push(other);
        }
        assert_eq!(parts.iter().filter(|part| part.is_first()).count(), 1);
        for n in 0..1_000 {
            let key = Key::of(&n.to_string());
            let its = parts.iter().filter(|part| part.has(key));
            assert_eq!(its.count(), 1, "{n}");
        }
    }
}
