//! Requests that do not reach GraphQL, and their answers: a status, a code and a sentence, in the form of a
//! GraphQL response.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::Server;
use super::auth::AuthError;
use super::body::BodyFault;
use super::idempotency::InvalidKey;
use super::media_type::{Accept, MediaType};
use super::origin::ForeignOrigin;
use super::reply;
use crate::graphql::{ErrorCode, refusal};

/// The reason why a request was rejected.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Foreign(#[from] ForeignOrigin),
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("the body is not a GraphQL request in JSON: {0}")]
    NotARequest(serde_json::Error),
    #[error("batches are not supported: send one request at a time")]
    Batch,
    #[error("{0}")]
    BadQueryString(QueryRejection),
    #[error("`variables` and `extensions` are objects in JSON: {0}")]
    BadParameter(serde_json::Error),
    #[error("`query` is missing: POST {{\"query\": \"…\"}} here, or open the console at /")]
    NoQuery,
    #[error(transparent)]
    IdempotencyKey(#[from] InvalidKey),
    #[error("a mutation must be sent by POST")]
    MutationByGet,
    #[error("{0}")]
    Upgrade(WebSocketUpgradeRejection),
    #[error("too many sockets are open; try again later")]
    TooManySockets,
    #[error("there is nothing here; GraphQL is at /graphql")]
    NotFound,
    #[error("this method is not allowed here")]
    MethodNotAllowed,
}

impl Rejection {
    pub(super) fn code(&self) -> ErrorCode {
        self.answer().0
    }

    /// The code and the status of the answer.
    fn answer(&self) -> (ErrorCode, StatusCode) {
        match self {
            Self::Auth(AuthError::Unavailable) | Self::TooManySockets => {
                (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Auth(_) => (ErrorCode::Unauthenticated, StatusCode::UNAUTHORIZED),
            Self::Foreign(_) => (ErrorCode::Forbidden, StatusCode::FORBIDDEN),
            Self::Body(BodyFault::TooLarge { .. }) => {
                (ErrorCode::LimitExceeded, StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::NotFound => (ErrorCode::NotFound, StatusCode::NOT_FOUND),
            Self::MutationByGet | Self::MethodNotAllowed => {
                (ErrorCode::BadInput, StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::Body(BodyFault::Interrupted)
            | Self::NotARequest(_)
            | Self::Batch
            | Self::BadQueryString(_)
            | Self::BadParameter(_)
            | Self::NoQuery
            | Self::IdempotencyKey(_)
            | Self::Upgrade(_) => (ErrorCode::BadInput, StatusCode::BAD_REQUEST),
        }
    }

    pub(super) fn into_response(self, media: MediaType) -> Response {
        let (code, status) = self.answer();
        let error = refusal(code, self.to_string());
        let mut response = reply::refusal(status, media, &error);
        let explains = match self {
            Self::MutationByGet => Some((header::ALLOW, "POST")),
            Self::TooManySockets | Self::Auth(AuthError::Unavailable) => {
                Some((header::RETRY_AFTER, "5"))
            }
            Self::Auth(_) => Some((header::WWW_AUTHENTICATE, "Bearer")),
            _ => None,
        };
        if let Some((name, value)) = explains {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The answer on any other path.
pub(super) async fn not_found(accept: Accept) -> Response {
    Rejection::NotFound.into_response(accept.media)
}

/// The answer to any other method on a known path; axum adds `Allow`.
pub(super) async fn method_not_allowed(State(_): State<Arc<Server>>, accept: Accept) -> Response {
    Rejection::MethodNotAllowed.into_response(accept.media)
}
