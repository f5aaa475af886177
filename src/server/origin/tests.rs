//! Which requests are admitted, by mode, list, `Host` and `Origin`.

use super::*;

fn headers(host: Option<&'static str>, origin: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    headers
}

fn origins(auth: &Auth, list: &str) -> Origins {
    Origins::new(auth, list.parse().expect(list))
}

const OWN: &str = "127.0.0.1:8080";

#[test]
fn without_a_key_or_a_list_this_machine_alone_may_ask() {
    let origins = origins(&Auth::open(), "");
    for (host, origin, allowed) in [
        (Some(OWN), None, true),
        (None, None, true),
        (Some("localhost"), Some("http://localhost:5173"), true),
        (Some("LOCALHOST:1"), Some("https://127.0.0.2"), true),
        (Some("[::1]:8080"), Some("http://[::1]:8080"), true),
        (Some("app.localhost:1"), None, true),
        (Some(OWN), Some("https://example.org"), false),
        (Some(OWN), Some("ftp://localhost"), false),
        (Some(OWN), Some("null"), false),
        (Some(OWN), Some(""), false),
        (Some(OWN), Some("http://localhost.example.org"), false),
        (Some(OWN), Some("http://127.0.0.1.example.org"), false),
        (Some(OWN), Some("http://localhost@example.org"), false),
        (Some("example.org:8080"), None, false),
        (
            Some("example.org:8080"),
            Some("http://example.org:8080"),
            false,
        ),
        (Some("[::2]"), None, false),
    ] {
        let found = origins
            .check(&headers(host, origin), &Uri::default())
            .is_ok();
        assert_eq!(found, allowed, "{host:?} {origin:?}");
    }
}

#[test]
fn with_a_key_and_no_list_only_pages_of_the_server_may_ask() {
    let origins = origins(&Auth::hs256("s"), "");
    for (host, origin, allowed) in [
        (Some("api.example.org"), None, true),
        (
            Some("api.example.org"),
            Some("https://api.example.org"),
            true,
        ),
        (
            Some("API.example.org:443"),
            Some("https://api.example.org"),
            true,
        ),
        (
            Some("api.example.org:80"),
            Some("https://api.example.org"),
            false,
        ),
        (Some(OWN), Some("http://127.0.0.1:8080"), true),
        (Some(OWN), Some("http://127.0.0.1:8081"), false),
        (Some(OWN), Some("http://localhost:8080"), false),
        (Some("api.example.org"), Some("https://example.org"), false),
        (Some("api.example.org"), Some("null"), false),
        (None, Some("https://api.example.org"), false),
    ] {
        let found = origins
            .check(&headers(host, origin), &Uri::default())
            .is_ok();
        assert_eq!(found, allowed, "{host:?} {origin:?}");
    }
    // From HTTP/2 on the address contains what `Host` contained.
    let uri = "https://api.example.org/graphql".parse().expect("address");
    let own = headers(None, Some("https://api.example.org"));
    assert_eq!(origins.check(&own, &uri), Ok(()));
}

#[test]
fn with_a_list_those_on_it_and_the_server_s_own_may_ask() {
    let list = "https://App.example.org:443 ,http://localhost:5173, capacitor://localhost";
    for auth in [Auth::open(), Auth::hs256("s")] {
        let origins = origins(&auth, list);
        for (origin, allowed) in [
            ("https://app.example.org", true),
            ("http://localhost:5173", true),
            ("capacitor://localhost", true),
            ("http://127.0.0.1:8080", true),
            ("http://app.example.org", false),
            ("https://app.example.org:8443", false),
            ("http://localhost:5174", false),
            ("https://example.org", false),
        ] {
            let headers = headers(Some(OWN), Some(origin));
            let found = origins.check(&headers, &Uri::default()).is_ok();
            assert_eq!(found, allowed, "{auth:?} {origin}");
        }
    }
    // The server is behind a proxy of this machine.
    let open = origins(&Auth::open(), list);
    let proxied = headers(Some("app.example.org"), Some("https://app.example.org"));
    assert_eq!(open.check(&proxied, &Uri::default()), Ok(()));
    let rebound = headers(Some("example.org"), None);
    assert_eq!(
        open.check(&rebound, &Uri::default()),
        Err(ForeignOrigin::Host)
    );
}

#[test]
fn a_star_lets_everybody_in() {
    for auth in [Auth::open(), Auth::hs256("s")] {
        let origins = origins(&auth, "*");
        for origin in ["https://example.org", "null"] {
            let headers = headers(Some("example.org"), Some(origin));
            assert_eq!(origins.check(&headers, &Uri::default()), Ok(()));
        }
    }
}

#[test]
fn lists_that_cannot_be_read_say_which_entry_and_why() {
    for (list, expected) in [
        (
            "*,https://a.example",
            "`*` stands for every origin and must stand alone",
        ),
        ("https://a.example,", "`` is an empty entry"),
        (
            "https://*.a.example",
            "`https://*.a.example` has a wildcard",
        ),
        (
            "https://a.example/",
            "`https://a.example/` has a path or a slash",
        ),
        ("https://a.example/app", "has a path"),
        ("https://a.example?x", "has a path"),
        ("a.example", "`a.example` has no scheme"),
        ("localhost:5173", "has no scheme"),
        ("https://", "is not an address"),
        ("https://a b", "is not an address"),
        ("https://a.example:99999", "is not an address"),
        ("https://me@a.example", "has a user name"),
        ("ws://a.example", "has a scheme that no page has"),
        ("file://", "has no host"),
        ("null", "is what every page without an origin sends"),
        ("https://a.example;https://b.example", "has a path"),
    ] {
        let error = list.parse::<AllowedOrigins>().expect_err(list).to_string();
        assert!(error.contains(expected), "{list}: {error}");
        assert!(error.ends_with("http://localhost:5173"), "{error}");
    }
    for (list, same) in [
        (" ", ""),
        (" * ", "*"),
        (
            "HTTPS://Bücher.Example:443",
            "https://xn--bcher-kva.example",
        ),
        (
            "http://[::1]:5173,http://a:80",
            "http://[::1]:5173,http://a",
        ),
    ] {
        let read: AllowedOrigins = list.parse().expect(list);
        assert_eq!(read.to_string(), same, "{list}");
    }
}
