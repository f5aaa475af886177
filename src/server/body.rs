//! Reads a request body up to a bound.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;

/// How much of an unwanted body is still read, and for how long. A connection that is closed with unread
/// bytes is reset, and the reset can overtake the answer that gives the reason.
const DISCARD_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// The reason why a body could not be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum BodyFault {
    /// The body is larger than the bound.
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The connection broke off.
    #[error("the body ended early")]
    Interrupted,
}

/// The whole body, of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyFault::Interrupted)?;
        if bytes.len() + chunk.len() > limit {
            drop(bytes);
            drain(chunks).await;
            return Err(BodyFault::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads and drops an unwanted body, within bounds.
pub(super) async fn discard(body: Body) {
    drain(body.into_data_stream()).await;
}

async fn drain(mut chunks: BodyDataStream) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            read += chunk.len();
            if read > DISCARD_BYTES {
                break;
            }
        }
    };
    // The answer is sent next, whether or not the time has run out.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_bound_is_inclusive() {
        for (size, limit, expected) in [
            (0, 0, Ok(0)),
            (10, 10, Ok(10)),
            (11, 10, Err(BodyFault::TooLarge { limit: 10 })),
        ] {
            let read = read(Body::from(vec![b' '; size]), limit).await;
            assert_eq!(read.map(|bytes| bytes.len()), expected);
        }
    }
}
