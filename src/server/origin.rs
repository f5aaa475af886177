//! Which web pages may use the API: one rule for requests, sockets and event streams.
//!
//! A browser sends requests on behalf of any page that it shows, and names the page's origin in `Origin`. The
//! server's own pages are always allowed. Other sites are allowed if they are on the list; without a list, in
//! open mode, if they are pages of this machine, such as those of a development server.
//!
//! Guarantees: a socket or an event stream for a page of another site is refused before anything is run, and
//! no answer to one has a header that would let it be read. A plain request is refused where browsers send by
//! themselves what authenticates its caller, or nothing does (open mode). Where it needs a bearer token, no
//! page of another site has one, and the browser does not let the page read the answer. In open mode `Host` is
//! checked, too: any page can reach a server on a loopback address under any DNS name that resolves to
//! 127.0.0.1, and no token prevents it.

mod allowed;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use allowed::{AllowedOrigins, BadOrigins};

use super::auth::Auth;
use allowed::Choice;

/// How long a browser may cache the answer to a preflight; Chromium caches none for longer.
const PREFLIGHT: Duration = Duration::from_secs(2 * 60 * 60);

/// A browser sends a request on behalf of another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ForeignOrigin {
    #[error(
        "pages of this origin may not use the API; cure: name it in SEACHANGE_ALLOW_ORIGINS (without a \
         key and a list, loopback origins alone are allowed)"
    )]
    Origin,
    #[error(
        "without a key of tokens the server answers to loopback names and those of allowed origins; cure: \
         address it as 127.0.0.1 or localhost, or set a key"
    )]
    Host,
}

/// The rule, as the settings define it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    allowed: Arc<Choice>,
    is_open: bool,
    /// Whether plain requests are checked, too.
    checks_requests: bool,
}

impl Origins {
    pub(super) fn new(auth: &Auth, allowed: AllowedOrigins) -> Self {
        Self {
            allowed: Arc::new(allowed.0),
            is_open: auth.is_open(),
            checks_requests: auth.is_sent_by_browsers(),
        }
    }

    /// Whether a plain request may be answered.
    ///
    /// # Errors
    /// [`ForeignOrigin`].
    pub(super) fn check_request(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<(), ForeignOrigin> {
        if self.checks_requests {
            self.check(headers, uri)
        } else {
            // Proxies of an application pass on the page's origin with another host.
            Ok(())
        }
    }

    /// Whether a socket or an event stream may be opened.
    ///
    /// # Errors
    /// [`ForeignOrigin`]. Requests without `Origin` come from no page, or from the server's own page.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), ForeignOrigin> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if self.is_open && !self.admits_hosts(headers, uri) {
            Err(ForeignOrigin::Host)
        } else if !origins.all(|origin| self.admits(origin, headers, uri)) {
            Err(ForeignOrigin::Origin)
        } else {
            Ok(())
        }
    }

    /// Answers preflights, and lets allowed pages read the answers to their requests.
    pub(super) fn layer(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(request_headers())
            .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE])
            .max_age(PREFLIGHT);
        if *self.allowed == Choice::Any {
            return layer.allow_origin(tower_http::cors::Any);
        }
        let this = self.clone();
        let admits = move |origin: &HeaderValue, parts: &Parts| {
            this.admits(origin, &parts.headers, &parts.uri)
        };
        layer
            .allow_origin(AllowOrigin::predicate(admits))
            // Nothing here depends on cookies, and with this, clients that are configured to send them can
            // read the answer.
            .allow_credentials(true)
    }

    fn admits(&self, origin: &HeaderValue, headers: &HeaderMap, uri: &Uri) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        match &*self.allowed {
            Choice::Any => true,
            Choice::Listed(list) if list.iter().any(|listed| listed == origin) => true,
            Choice::ByMode if self.is_open && is_loopback_origin(origin) => true,
            Choice::Listed(_) | Choice::ByMode => is_own(origin, headers, uri),
        }
    }

    fn admits_hosts(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        hosts(headers, uri).all(|host| match &*self.allowed {
            Choice::Any => true,
            _ if host.is_some_and(is_loopback) => true,
            // A proxy on this machine passes on such a host.
            Choice::Listed(list) => list.iter().any(|listed| {
                let (_, authority) = listed.split_once("://").unwrap_or_default();
                host == Some(authority)
            }),
            Choice::ByMode => false,
        })
    }
}

/// The headers that GraphQL clients send, and those by which requests are traced.
fn request_headers() -> [HeaderName; 10] {
    [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_TYPE,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
        HeaderName::from_static("x-requested-with"),
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
        HeaderName::from_static("baggage"),
    ]
}

/// The hosts to which the request was addressed: `Host`, or from HTTP/2 on a part of the address. `None`
/// stands for one that cannot be read.
fn hosts<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> impl Iterator<Item = Option<&'a str>> {
    let named = headers
        .get_all(header::HOST)
        .iter()
        .map(|host| host.to_str().ok());
    named.chain(uri.authority().map(|authority| Some(authority.as_str())))
}

/// Whether the origin is a page of this server: the host to which the request was sent. The scheme is
/// ignored, because a proxy may have terminated TLS.
fn is_own(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let mut hosts = hosts(headers, uri).peekable();
    hosts.peek().is_some()
        && hosts.all(|host| {
            host.is_some_and(|host| {
                let host = host.strip_suffix(default_port).unwrap_or(host);
                host.eq_ignore_ascii_case(authority)
            })
        })
}

fn is_loopback_origin(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, authority)| {
        ["http", "https"].contains(&scheme) && is_loopback(authority)
    })
}

/// Any port is accepted: a page of a development server on this machine belongs to the user.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().to_ascii_lowercase();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
