//! `/demo`: the built demo of the web client.

use std::path::Path;

use seachange::axum::Router;
use seachange::axum::http::{HeaderName, HeaderValue, header};
use seachange::axum::response::Redirect;
use seachange::axum::routing::get;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Allows the page's own files and the server's own API, and nothing else.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of a folder, under `/demo`.
pub fn demo(folder: &Path) -> Router {
    let files = Router::new().fallback_service(ServeDir::new(folder));
    let files = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // The browser asks each time, and gets the file only if it has changed.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .into_iter()
    .fold(files, with_header);
    // Without the slash the page would be outside the scope of its service worker.
    let redirect = get(|| async { Redirect::permanent("/demo/") });
    Router::new()
        .route("/demo", redirect)
        .nest_service("/demo/", files)
}

fn with_header(router: Router, (name, value): (HeaderName, &'static str)) -> Router {
    let value = HeaderValue::from_static(value);
    router.layer(SetResponseHeaderLayer::overriding(name, value))
}
