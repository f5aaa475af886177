//! Choices that look random and are the same in every run of a seed.

/// SplitMix64: the whole state is one number.
pub struct Random(u64);

impl Random {
    /// The choices of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.number() % end).unwrap_or(0)
    }

    /// A counted key: from 1 to `last`.
    pub fn key(&mut self, last: i64) -> i64 {
        let rows = usize::try_from(last).unwrap_or(usize::MAX);
        i64::try_from(self.below(rows)).map_or(1, |below| below + 1)
    }

    /// A key that no other draw gives.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let number = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid()
    }

    /// Whether something that happens once in `times` happens.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Brings these into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}
