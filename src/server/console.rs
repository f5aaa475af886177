//! `/`: the console, one page without external resources.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use uuid::Uuid;

/// The parts of the page between the places of the nonce.
static PARTS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("page.html").split("{{nonce}}").collect());

/// The page. Its script and style are allowed by a nonce of this one response, and all else is forbidden. A
/// hash would work as well but would have to be updated with every edit.
pub(super) async fn console() -> Response {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = Html(PARTS.join(&nonce)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_external_resources_and_no_markup_from_data() {
        let page = PARTS.concat();
        assert_eq!(PARTS.len(), 3, "style and script carry the nonce");
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for forbidden in ["src=\"http", "href=\"http", "url(", "@import", "style=\""] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
