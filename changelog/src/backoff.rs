//! Waits between retries: doubled from the first to the longest, with a random part.

use std::time::Duration;

/// How long to wait before the next retry.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits that grow from `first` to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first.min(longest),
        }
    }

    /// The next wait, between one half of its length and all of it, so that callers that failed together
    /// spread out.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        let half = wait / 2;
        let micros = u128::max(half.as_micros(), 1);
        let random = uuid::Uuid::new_v4().as_u128() % micros;
        half + Duration::from_micros(u64::try_from(random).unwrap_or(u64::MAX))
    }

    /// Records a success: the next wait is the first one again.
    pub fn reset(&mut self) {
        self.next = self.first.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(35));
        for length in [10, 20, 35, 35] {
            let length = Duration::from_millis(length);
            let wait = backoff.next_wait();
            assert!(
                wait >= length / 2 && wait <= length,
                "{wait:?} of {length:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(10));
    }
}
