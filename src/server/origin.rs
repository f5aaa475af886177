//! Keeps other web sites out in open mode.
//!
//! A server on a loopback address is within reach of every page that the user's browser shows: by
//! WebSocket and by plain POST at once, and under any name by DNS that points to 127.0.0.1. A token
//! stops that, because no browser adds it by itself; without tokens, `Origin` and `Host` must.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};

use super::auth::Auth;

/// A browser asks on behalf of another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "without a token only this machine's own pages and programs may ask: Origin and Host must be loopback names"
)]
pub(super) struct ForeignOrigin;

pub(super) fn check(auth: &Auth, headers: &HeaderMap) -> Result<(), ForeignOrigin> {
    let is_open = matches!(auth, Auth::Open);
    let mut hosts = headers.get_all(header::HOST).iter();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if !is_open || hosts.all(is_own_host) && origins.all(is_own_origin) {
        Ok(())
    } else {
        Err(ForeignOrigin)
    }
}

fn is_own_host(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(is_loopback)
}

fn is_own_origin(value: &HeaderValue) -> bool {
    let origin = value
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, authority)| is_loopback(authority))
}

/// Any port: a page of a development server on this machine is the user's own.
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
mod tests {
    use super::*;

    #[test]
    fn table() {
        let own = "127.0.0.1:8080";
        for (host, origin, allowed) in [
            (Some(own), None, true),
            (None, None, true),
            (Some("localhost"), Some("http://localhost:5173"), true),
            (Some("LOCALHOST:1"), Some("https://127.0.0.2"), true),
            (Some("[::1]:8080"), Some("http://[::1]:8080"), true),
            (Some("app.localhost:1"), None, true),
            (Some(own), Some("https://example.org"), false),
            (Some(own), Some("null"), false),
            (Some(own), Some(""), false),
            (Some(own), Some("http://localhost.example.org"), false),
            (Some(own), Some("http://127.0.0.1.example.org"), false),
            (Some(own), Some("http://localhost@example.org"), false),
            (Some("example.org:8080"), None, false),
            (
                Some("example.org:8080"),
                Some("http://example.org:8080"),
                false,
            ),
            (Some("[::2]"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            let values = [(header::HOST, host), (header::ORIGIN, origin)];
            for (name, value) in values {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            let found = check(&Auth::open(), &headers).is_ok();
            assert_eq!(found, allowed, "{host:?} {origin:?}");
            assert_eq!(check(&Auth::hs256("s"), &headers), Ok(()));
        }
    }
}
