//! The close codes of `graphql-transport-ws` and of RFC 6455.

/// Declares the close codes together with the list of all codes, so that none can be missing from it.
macro_rules! close_codes {
    ($($(#[$meaning:meta])* $name:ident = $code:literal,)+) => {
        /// A close code that the server sends, or counts by its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub(super) enum CloseCode {
            $($(#[$meaning])* $name = $code,)+
        }

        impl CloseCode {
            /// All codes, in the order of their numbers.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

close_codes! {
    /// Only clients send it, when they are finished.
    Normal = 1000,
    /// The server is stopping, or the peer has been silent for too long. Clients reconnect.
    GoingAway = 1001,
    ProtocolViolation = 1002,
    /// It is never sent: a close frame without a code is counted as this.
    NoStatus = 1005,
    /// It is never sent: an end without a close frame is counted as this.
    Abnormal = 1006,
    NotUtf8 = 1007,
    MessageTooBig = 1009,
    TryAgainLater = 1013,
    InvalidMessage = 4400,
    Unauthorized = 4401,
    Forbidden = 4403,
    SubprotocolNotAcceptable = 4406,
    InitialisationTimeout = 4408,
    SubscriberExists = 4409,
    TooManyInitialisations = 4429,
}

impl CloseCode {
    /// The number in the frame.
    pub(super) const fn number(self) -> u16 {
        self as u16
    }
}
