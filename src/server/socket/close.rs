//! Why a socket ends: the close codes of `graphql-transport-ws` and of RFC 6455.

use axum::extract::ws::CloseFrame;

/// What of a reason fits beside the code in a control frame of 125 bytes.
const REASON_BYTES: usize = 123;

/// A close code with its reason, which always fits its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    reason: String,
}

impl Close {
    /// The server stops, or the peer has been silent for too long. Clients connect again.
    pub(super) const GOING_AWAY: u16 = 1001;
    /// What an end without a close frame is counted as.
    pub(super) const ABNORMAL: u16 = 1006;
    /// What a close frame without a code is counted as.
    pub(super) const NO_STATUS: u16 = 1005;

    fn new(code: u16, reason: &str) -> Self {
        let reason = shortened(reason, REASON_BYTES);
        Self { code, reason }
    }

    pub(super) fn stopping() -> Self {
        Self::new(Self::GOING_AWAY, "The server is stopping")
    }

    pub(super) fn silent() -> Self {
        Self::new(Self::GOING_AWAY, "Nothing heard for too long")
    }

    /// What was asked for cannot go on; clients connect again, and begin with what they missed.
    pub(super) fn try_again() -> Self {
        Self::new(1013, "Try again later")
    }

    pub(super) fn protocol_violation() -> Self {
        Self::new(1002, "Protocol violation")
    }

    pub(super) fn not_utf8() -> Self {
        Self::new(1007, "Text is not UTF-8")
    }

    pub(super) fn message_too_big(limit: usize) -> Self {
        Self::new(1009, &format!("Message larger than {limit} bytes"))
    }

    pub(super) fn invalid_message(reason: &str) -> Self {
        Self::new(4400, &format!("Invalid message: {reason}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }

    /// Clients connect again, with a new token if they can get one.
    pub(super) fn expired() -> Self {
        Self::new(4403, "Forbidden: the token has expired")
    }

    pub(super) fn subprotocol_not_acceptable() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }

    pub(super) fn initialisation_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// Shortens the id, not the sentence around it.
    pub(super) fn subscriber_exists(id: &str) -> Self {
        const AROUND: usize = "Subscriber for  already exists".len();
        let id = shortened(id, REASON_BYTES - AROUND);
        Self::new(4409, &format!("Subscriber for {id} already exists"))
    }

    pub(super) fn too_many_initialisations() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        Self {
            code: close.code,
            reason: close.reason.into(),
        }
    }
}

/// At most `most` bytes of `text`, cut between characters, with an ellipsis where something is cut.
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
