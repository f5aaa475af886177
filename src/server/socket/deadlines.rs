//! The times at which a socket needs a ping or must end.

use std::time::Duration;

use tokio::time::Instant;

/// How often the server pings, which is below the idle time after which proxies drop a connection (60 s).
const PING_EVERY: Duration = Duration::from_secs(25);
/// How long a peer may be silent before it counts as gone; it has then ignored two pings.
const SILENCE: Duration = Duration::from_secs(60);

/// The times at which something is due on one socket.
#[derive(Debug)]
pub(super) struct Deadlines {
    init_by: Option<Instant>,
    expires_at: Option<Instant>,
    ping_at: Instant,
    silent_at: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    InitTimeout,
    /// The token is no longer valid.
    Expired,
    Silent,
}

impl Deadlines {
    pub(super) fn new(now: Instant, init_wait: Duration) -> Self {
        Self {
            // A wait beyond the range of the clock means no deadline.
            init_by: now.checked_add(init_wait),
            expires_at: None,
            ping_at: now + PING_EVERY,
            silent_at: now + SILENCE,
        }
    }

    /// Records that the peer has sent something.
    pub(super) fn heard(&mut self, now: Instant) {
        self.silent_at = now + SILENCE;
    }

    /// Records `connection_init`, with a token that is valid until `expires_at`.
    pub(super) fn initialised(&mut self, expires_at: Option<Instant>) {
        self.init_by = None;
        self.expires_at = expires_at;
    }

    /// The earliest time at which something can be due.
    pub(super) fn next(&self) -> Instant {
        let perhaps = self.init_by.into_iter().chain(self.expires_at);
        perhaps.fold(self.ping_at.min(self.silent_at), Instant::min)
    }

    /// What is due now; a ping is returned only once.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        if self.init_by.is_some_and(|init_by| init_by <= now) {
            Due::InitTimeout
        } else if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            Due::Expired
        } else if self.silent_at <= now {
            Due::Silent
        } else if self.ping_at <= now {
            self.ping_at = now + PING_EVERY;
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_socket_then_one_that_talks() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::new(start, Duration::from_secs(3));
        assert_eq!(deadlines.next(), at(3));
        assert_eq!(deadlines.due(at(2)), Due::Nothing);
        assert_eq!(deadlines.due(at(3)), Due::InitTimeout);
        deadlines.initialised(None);
        for (second, due, next) in [
            (3, Due::Nothing, 25),
            (25, Due::Ping, 50),
            (26, Due::Nothing, 50),
            (50, Due::Ping, 60),
            (59, Due::Nothing, 60),
            (60, Due::Silent, 60),
        ] {
            assert_eq!(deadlines.due(at(second)), due, "{second}");
            assert_eq!(deadlines.next(), at(next), "{second}");
        }
        deadlines.heard(at(60));
        assert_eq!(deadlines.due(at(60)), Due::Nothing);
        assert_eq!(deadlines.due(at(75)), Due::Ping);
        assert_eq!(deadlines.due(at(120)), Due::Silent);
    }

    #[test]
    fn a_token_that_expires() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::new(start, Duration::from_secs(3));
        deadlines.initialised(Some(at(10)));
        assert_eq!(deadlines.next(), at(10));
        assert_eq!(deadlines.due(at(9)), Due::Nothing);
        assert_eq!(deadlines.due(at(10)), Due::Expired);
    }

    #[test]
    fn an_endless_wait_is_none() {
        let mut deadlines = Deadlines::new(Instant::now(), Duration::MAX);
        assert_eq!(deadlines.due(Instant::now()), Due::Nothing);
    }
}
