//! Every bound a client can run into, in one place: its meaning, its default and its setting.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A limit as a setting: a whole number, in the unit that its variable names.
#[derive(Debug)]
pub(crate) struct LimitSetting {
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The documentation of the limit, as a sentence or more.
    pub(crate) meaning: &'static str,
    /// The numbers that make sense.
    pub(crate) range: RangeInclusive<u64>,
    pub(crate) get: fn(&Limits) -> u64,
    pub(crate) set: fn(&mut Limits, u64),
}

/// Declares the limits: a field each, with its default, its unit and its setting.
macro_rules! limits {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty = $default:expr;
        $variable:literal in $unit:ident, $range:expr;
    )+) => {
        /// How much one client may ask for. Each is a setting; the defaults are the documented contract.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// The setting of each limit.
            pub(crate) const SETTINGS: &[LimitSetting] = &[$(LimitSetting {
                variable: $variable,
                meaning: concat!($($doc),+),
                range: $range,
                get: |limits| $unit::number(limits.$name),
                set: |limits, number| limits.$name = $unit::value(number),
            },)+];
        }
    };
}

limits! {
    /// Most changes or rows in one page, and rows of a query without pagination.
    page_rows: u64 = 1_000;
    "SEACHANGE_PAGE_ROWS" in Count, 1..=u64::MAX;

    /// Most rows that an offline client may pull at a time.
    pull_rows: usize = 10_000;
    "SEACHANGE_PULL_ROWS" in Count, 0..=u64::MAX;

    /// Most rows in one `…CreateBatch` or `push…`.
    batch_rows: usize = 1_000;
    "SEACHANGE_BATCH_ROWS" in Count, 0..=u64::MAX;

    /// Most rows that one `…Update` or `…Delete` may touch.
    write_rows: u64 = 10_000;
    "SEACHANGE_WRITE_ROWS" in Count, 0..=u64::MAX;

    /// Deepest nesting of fields in a request.
    query_depth: usize = 20;
    "SEACHANGE_QUERY_DEPTH" in Count, 0..=u64::MAX;

    /// Most fields, arguments and directives that a request may name, those of a fragment counted wherever
    /// it is spread.
    request_fields: u64 = 10_000;
    "SEACHANGE_REQUEST_FIELDS" in Count, 1..=u64::MAX;

    /// Most rows that one request may read for its answer.
    request_rows: u64 = 100_000;
    "SEACHANGE_REQUEST_ROWS" in Count, 1..=u64::MAX;

    /// Largest answer to one request, in bytes, and most bytes of the rows that are read for it. Each value
    /// counts 16 bytes more than its text: about what it takes in memory.
    answer_bytes: u64 = 64 * 1024 * 1024;
    "SEACHANGE_ANSWER_BYTES" in Count, 1..=u64::MAX;

    /// How long one request may take; as a setting, in milliseconds. A transaction that has not committed by
    /// then is rolled back.
    request_time: Duration = Duration::from_secs(30);
    "SEACHANGE_REQUEST_MS" in Milliseconds, 1..=u64::MAX;

    /// Largest HTTP request body, in bytes.
    request_bytes: usize = 8 * 1024 * 1024;
    "SEACHANGE_REQUEST_BYTES" in Count, 0..=u64::MAX;

    /// Largest socket message, in bytes.
    message_bytes: usize = 1024 * 1024;
    "SEACHANGE_MESSAGE_BYTES" in Count, 0..=u64::MAX;

    /// How long a socket may stay open before it sends `connection_init`; as a setting, in milliseconds.
    init_wait: Duration = Duration::from_secs(3);
    "SEACHANGE_INIT_WAIT_MS" in Milliseconds, 0..=u64::MAX;

    /// Subscriptions open at once on one socket.
    subscriptions_per_socket: usize = 1_000;
    "SEACHANGE_SUBSCRIPTIONS_PER_SOCKET" in Count, 0..=u64::MAX;

    /// Subscriptions, and other operations of sockets, open at once in one process.
    subscriptions: usize = 500_000;
    "SEACHANGE_SUBSCRIPTIONS" in Count, 0..=u64::MAX;

    /// Sockets and event streams open at once in one process.
    sockets: usize = 20_000;
    "SEACHANGE_SOCKETS" in Count, 0..=u64::MAX;

    /// Largest `extensions.metadata`, in bytes of JSON.
    metadata_bytes: usize = 4 * 1024;
    "SEACHANGE_METADATA_BYTES" in Count, 0..=u64::MAX;

    /// How long a mutation waits for locks that other transactions hold, retries included; as a setting, in
    /// milliseconds. `seachange::connect` bounds the wait of a single statement by it, too.
    lock_wait: Duration = Duration::from_secs(5);
    "SEACHANGE_LOCK_WAIT_MS" in Milliseconds, 1..=u32::MAX as u64;

    /// How long a retry of a mutation with an idempotency key gets the first answer; as a setting, in hours.
    /// Zero turns this off.
    idempotency: Duration = Duration::from_secs(24 * 60 * 60);
    "SEACHANGE_IDEMPOTENCY_HOURS" in Hours, 0..=LONGEST_HOURS;
}

/// Ten years; a larger value is a mistake.
const LONGEST_HOURS: u64 = 10 * 366 * 24;

const HOUR: u64 = 60 * 60;

/// A unit: how a limit is written as a number.
trait Unit<T> {
    fn number(value: T) -> u64;
    fn value(number: u64) -> T;
}

enum Count {}

impl Unit<u64> for Count {
    fn number(value: u64) -> u64 {
        value
    }

    fn value(number: u64) -> u64 {
        number
    }
}

impl Unit<usize> for Count {
    fn number(value: usize) -> u64 {
        u64::try_from(value).unwrap_or(u64::MAX)
    }

    fn value(number: u64) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}

enum Milliseconds {}

impl Unit<Duration> for Milliseconds {
    fn number(value: Duration) -> u64 {
        u64::try_from(value.as_millis()).unwrap_or(u64::MAX)
    }

    fn value(number: u64) -> Duration {
        Duration::from_millis(number)
    }
}

enum Hours {}

impl Unit<Duration> for Hours {
    fn number(value: Duration) -> u64 {
        value.as_secs() / HOUR
    }

    fn value(number: u64) -> Duration {
        Duration::from_secs(number.saturating_mul(HOUR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_reads_what_it_writes_and_changes_no_other() {
        let mut limits = Limits::default();
        for (number, setting) in (1_000..).zip(Limits::SETTINGS) {
            (setting.set)(&mut limits, number);
        }
        for (number, setting) in (1_000..).zip(Limits::SETTINGS) {
            assert_eq!((setting.get)(&limits), number, "{}", setting.variable);
        }
    }

    #[test]
    fn defaults_are_settings() {
        for setting in Limits::SETTINGS {
            let mut limits = Limits::default();
            let number = (setting.get)(&limits);
            assert!(setting.range.contains(&number), "{}", setting.variable);
            (setting.set)(&mut limits, number);
            assert_eq!(limits, Limits::default(), "{}", setting.variable);
        }
    }
}
