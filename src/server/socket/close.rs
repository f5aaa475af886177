//! The reason why a socket ends, as it is written in the close frame.

use axum::extract::ws::CloseFrame;

use crate::server::close_code::CloseCode;

/// The bytes of a reason that fit beside the code in a control frame of 125 bytes.
const REASON_BYTES: usize = 123;

/// A close code with its reason, which always fits its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: CloseCode,
    reason: String,
}

impl Close {
    fn new(code: CloseCode, reason: &str) -> Self {
        let reason = shortened(reason, REASON_BYTES);
        Self { code, reason }
    }

    pub(super) fn stopping() -> Self {
        Self::new(CloseCode::GoingAway, "The server is stopping")
    }

    pub(super) fn silent() -> Self {
        Self::new(CloseCode::GoingAway, "Nothing heard for too long")
    }

    /// An operation cannot continue. Clients reconnect, and begin with what they missed.
    pub(super) fn try_again() -> Self {
        Self::new(CloseCode::TryAgainLater, "Try again later")
    }

    pub(super) fn protocol_violation() -> Self {
        Self::new(CloseCode::ProtocolViolation, "Protocol violation")
    }

    pub(super) fn not_utf8() -> Self {
        Self::new(CloseCode::NotUtf8, "Text is not UTF-8")
    }

    pub(super) fn message_too_big(limit: usize) -> Self {
        Self::new(
            CloseCode::MessageTooBig,
            &format!("Message larger than {limit} bytes"),
        )
    }

    pub(super) fn invalid_message(reason: &str) -> Self {
        Self::new(
            CloseCode::InvalidMessage,
            &format!("Invalid message: {reason}"),
        )
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(CloseCode::Unauthorized, "Unauthorized")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(CloseCode::Forbidden, "Forbidden")
    }

    /// Clients reconnect, with a new token if they can get one.
    pub(super) fn expired() -> Self {
        Self::new(CloseCode::Forbidden, "Forbidden: the token has expired")
    }

    pub(super) fn subprotocol_not_acceptable() -> Self {
        Self::new(
            CloseCode::SubprotocolNotAcceptable,
            "Subprotocol not acceptable",
        )
    }

    pub(super) fn initialisation_timeout() -> Self {
        Self::new(
            CloseCode::InitialisationTimeout,
            "Connection initialisation timeout",
        )
    }

    /// Shortens the id, not the sentence that contains it.
    pub(super) fn subscriber_exists(id: &str) -> Self {
        const AROUND: usize = "Subscriber for  already exists".len();
        let id = shortened(id, REASON_BYTES - AROUND);
        Self::new(
            CloseCode::SubscriberExists,
            &format!("Subscriber for {id} already exists"),
        )
    }

    pub(super) fn too_many_initialisations() -> Self {
        Self::new(
            CloseCode::TooManyInitialisations,
            "Too many initialisation requests",
        )
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        Self {
            code: close.code.number(),
            reason: close.reason.into(),
        }
    }
}

/// At most `most` bytes of `text`, cut between characters, with an ellipsis if something was cut.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_always_fit() {
        for piece in ["x", "ä", "€", "🦀", "\u{0}"] {
            for length in 0..200 {
                let text = piece.repeat(length);
                for close in [
                    Close::invalid_message(&text),
                    Close::subscriber_exists(&text),
                ] {
                    assert!(close.reason.len() <= REASON_BYTES, "{}", close.reason);
                    assert!(close.reason.len() > 110 || close.reason.contains(&text));
                }
            }
        }
        let close = Close::subscriber_exists("a");
        assert_eq!(close.reason, "Subscriber for a already exists");
        let close = Close::subscriber_exists(&"a".repeat(500));
        assert!(
            close.reason.ends_with("a… already exists"),
            "{}",
            close.reason
        );
    }
}
