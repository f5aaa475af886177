use std::time::SystemTime;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Map, Value, json};

use super::*;

const SECRET: &str = "a secret of the test";

fn sign(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).expect("token")
}

fn token(claims: &Value) -> String {
    sign(Algorithm::HS256, claims, SECRET)
}

/// A token of {"alg":"none"} and the claims, with this text as its signature.
fn unsigned(signature: &str) -> String {
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJldmUifQ.{signature}")
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(value).expect("header");
        headers.append(header::AUTHORIZATION, value);
    }
    headers
}

fn parts(headers: HeaderMap) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    parts.headers = headers;
    parts
}

/// The caller that these credentials belong to.
fn caller(auth: &Auth, credentials: Credentials<'_>) -> Result<Caller, AuthError> {
    let asked = auth.caller(credentials, Duration::from_secs(1));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(asked)
}

fn actor(auth: &Auth, values: &[&str]) -> Result<Option<String>, AuthError> {
    let parts = parts(headers(values));
    caller(auth, Credentials::of_request(&parts)).map(|caller| caller.actor)
}

fn actor_of_socket(
    auth: &Auth,
    headers: &HeaderMap,
    payload: Option<&Map<String, Value>>,
) -> Result<Option<String>, AuthError> {
    let parts = parts(headers.clone());
    caller(auth, Credentials::of_socket(&parts, payload)).map(|caller| caller.actor)
}

#[test]
fn claims() {
    use AuthError::{Expired, Invalid, NotYet};
    let now = get_current_timestamp();
    let auth = Auth::hs256(SECRET);
    for (claims, expected) in [
        (json!({"sub": "ada"}), Ok("ada")),
        (json!({"sub": "ada", "exp": now + 60}), Ok("ada")),
        (json!({"sub": "ada", "nbf": now - 60}), Ok("ada")),
        (json!({"sub": "ada", "aud": "else", "iss": "x"}), Ok("ada")),
        (json!({"sub": "ada", "exp": now - 2}), Err(Expired)),
        (json!({"sub": "ada", "exp": 1}), Err(Expired)),
        (json!({"sub": "ada", "nbf": now + 60}), Err(NotYet)),
        (json!({"sub": "ada", "exp": "soon"}), Err(Invalid)),
        (json!({"sub": "ada", "exp": -1}), Err(Invalid)),
        (json!({"sub": "ada", "nbf": "1"}), Err(Invalid)),
        (json!({"exp": now + 60}), Err(Invalid)),
        (json!({"sub": ""}), Err(Invalid)),
        (json!({"sub": "a\u{0}b"}), Err(Invalid)),
        (json!({"sub": null}), Err(Invalid)),
        (json!({"sub": 7}), Err(Invalid)),
        (json!(["ada"]), Err(Invalid)),
    ] {
        let value = format!("Bearer {}", token(&claims));
        let expected = expected.map(|sub: &str| Some(sub.to_owned()));
        assert_eq!(actor(&auth, &[&value]), expected, "{claims}");
    }
}

#[test]
fn forged_tokens() {
    let ada = json!({"sub": "ada"});
    let auth = Auth::hs256(SECRET);
    for (name, token) in [
        ("other key", sign(Algorithm::HS256, &ada, "guess")),
        ("HS384", sign(Algorithm::HS384, &ada, SECRET)),
        ("HS512", sign(Algorithm::HS512, &ada, SECRET)),
        ("none", unsigned("")),
        ("none, signed", unsigned("AAAA")),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("two tokens", "a.b.c d.e.f".to_owned()),
        ("cut", token(&ada)[..40].to_owned()),
    ] {
        let value = format!("Bearer {token}");
        let found = actor(&auth, &[&value]);
        assert_eq!(found, Err(AuthError::Invalid), "{name}");
        assert_eq!(actor(&Auth::open(), &[&value]), Ok(None), "{name}");
    }
}

#[test]
fn headers_that_carry_it() {
    use AuthError::{Missing, NotBearer};
    let token = token(&json!({"sub": "ada"}));
    let auth = Auth::hs256(SECRET);
    let ada = || Ok(Some("ada".to_owned()));
    assert_eq!(actor(&auth, &[&format!("bearer {token}")]), ada());
    assert_eq!(actor(&auth, &[&format!("BEARER  {token}")]), ada());
    assert_eq!(actor(&auth, &[]), Err(Missing));
    assert_eq!(actor(&auth, &[""]), Err(NotBearer));
    assert_eq!(actor(&auth, &["Bearer"]), Err(NotBearer));
    assert_eq!(actor(&auth, &[&token]), Err(NotBearer));
    assert_eq!(actor(&auth, &[&format!("Basic {token}")]), Err(NotBearer));
    let value = format!("Bearer {token}");
    assert_eq!(actor(&auth, &[&value, &value]), Err(NotBearer));
    assert_eq!(actor(&Auth::open(), &[]), Ok(None));
    assert_eq!(actor(&Auth::open(), &["Basic x"]), Ok(None));
}

#[test]
fn payloads_that_carry_it() {
    use AuthError::{Invalid, Missing, NotBearer};
    let good = token(&json!({"sub": "ada"}));
    let with = format!("Bearer {good}");
    let other = token(&json!({"sub": "bob"}));
    let header = headers(&[&format!("Bearer {other}")]);
    let none = HeaderMap::new();
    let auth = Auth::hs256(SECRET);
    let cases = [
        (&none, json!({"Authorization": with}), Ok("ada")),
        (&none, json!({"authorization": good}), Ok("ada")),
        (
            &none,
            json!({"AUTHORIZATION": with.to_uppercase()}),
            Err(Invalid),
        ),
        (
            &none,
            json!({"headers": {"Authorization": with}}),
            Ok("ada"),
        ),
        (
            &none,
            json!({"Headers": {"AuthorizatioN": good}}),
            Ok("ada"),
        ),
        (&none, json!({}), Err(Missing)),
        (&none, json!({"headers": 1}), Err(Missing)),
        (&none, json!({"Authorization": null}), Err(Missing)),
        (&none, json!({"Authorization": 1}), Err(NotBearer)),
        (&none, json!({"Authorization": ""}), Err(Invalid)),
        (&header, json!({}), Ok("bob")),
        (&header, json!({"Authorization": good}), Ok("ada")),
        (&header, json!({"Authorization": "wrong"}), Err(Invalid)),
    ];
    for (headers, payload, expected) in cases {
        let found = actor_of_socket(&auth, headers, payload.as_object());
        let expected = expected.map(|sub: &str| Some(sub.to_owned()));
        assert_eq!(found, expected, "{payload}");
        let open = actor_of_socket(&Auth::open(), headers, payload.as_object());
        assert_eq!(open, Ok(None));
    }
    let bob = actor_of_socket(&auth, &header, None);
    assert_eq!(bob, Ok(Some("bob".to_owned())));
    assert_eq!(actor_of_socket(&auth, &none, None), Err(Missing));
}

#[test]
fn an_empty_secret_accepts_nothing() {
    let token = sign(Algorithm::HS256, &json!({"sub": "eve"}), "");
    let found = actor(&Auth::hs256(""), &[&format!("Bearer {token}")]);
    assert_eq!(found, Err(AuthError::Invalid));
}

#[test]
fn debug_keeps_the_secret() {
    let text = format!("{:?} {:#?}", Auth::hs256(SECRET), Auth::hs256(SECRET));
    assert!(!text.contains("secret"), "{text}");
    let bytes = format!("{:?}", SECRET.as_bytes());
    assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
}

/// A private key for signing, and the text of its public key.
fn pair(name: &str) -> (EncodingKey, &'static str) {
    match name {
        "ed" => (
            EncodingKey::from_ed_pem(include_bytes!("tests/ed.pem")).expect("a key"),
            include_str!("tests/ed.pub.pem"),
        ),
        "ec" => (
            EncodingKey::from_ec_pem(include_bytes!("tests/ec.pem")).expect("a key"),
            include_str!("tests/ec.pub.pem"),
        ),
        _ => (
            EncodingKey::from_rsa_pem(include_bytes!("tests/rsa.pem")).expect("a key"),
            include_str!("tests/rsa.pub.pem"),
        ),
    }
}

#[test]
fn public_keys() {
    let ada = json!({"sub": "ada"});
    let kinds = [
        ("ed", Algorithm::EdDSA),
        ("ec", Algorithm::ES256),
        ("rsa", Algorithm::RS256),
    ];
    for (name, _) in kinds {
        let (_, public) = pair(name);
        let auth = Auth::public_key(public).expect("a public key");
        for (other, algorithm) in kinds {
            let token = encode(&Header::new(algorithm), &ada, &pair(other).0).expect("token");
            let found = actor(&auth, &[&format!("Bearer {token}")]);
            let expected = if other == name {
                Ok(Some("ada".to_owned()))
            } else {
                Err(AuthError::Invalid)
            };
            assert_eq!(found, expected, "{other} by {name}");
        }
        // Everyone knows the public key, so it must not be accepted as a secret.
        let forged = sign(Algorithm::HS256, &ada, public);
        let found = actor(&auth, &[&format!("Bearer {forged}")]);
        assert_eq!(found, Err(AuthError::Invalid), "{name}");
    }
    let rsa = Auth::public_key(pair("rsa").1).expect("a public key");
    let other = Header::new(Algorithm::RS512);
    let token = encode(&other, &ada, &pair("rsa").0).expect("token");
    let found = actor(&rsa, &[&format!("Bearer {token}")]);
    assert_eq!(found, Err(AuthError::Invalid), "RS512");
}

#[test]
fn what_is_no_public_key() {
    use BadPublicKey::{Private, Unknown};
    for (pem, expected) in [
        ("", Unknown),
        ("a secret", Unknown),
        (include_str!("tests/ec384.pub.pem"), Unknown),
        (include_str!("tests/rsa.pem"), Private),
    ] {
        let found = Auth::public_key(pem).err();
        assert_eq!(found, Some(expected), "{pem}");
    }
}

#[test]
fn callers_of_the_host() {
    let host = Auth::host();
    let mut parts = parts(headers(&["Bearer whatever"]));
    let none = caller(&host, Credentials::of_request(&parts));
    assert_eq!(none, Err(AuthError::Missing));
    let now = SystemTime::now();
    let (soon, before) = (Duration::from_secs(60), Duration::from_millis(1));
    for (of_host, expected) in [
        (Caller::new("ada"), Ok(())),
        (Caller::anonymous(), Ok(())),
        (Caller::new("ada").until(now + soon), Ok(())),
        (
            Caller::new("ada").until(now - before),
            Err(AuthError::Expired),
        ),
        (Caller::new(""), Err(AuthError::Invalid)),
        (Caller::new("a\0"), Err(AuthError::Invalid)),
    ] {
        parts.extensions.insert(of_host.clone());
        let expected = expected.map(|()| of_host);
        let found = caller(&host, Credentials::of_request(&parts));
        assert_eq!(found, expected);
        let found = caller(&host, Credentials::of_socket(&parts, None));
        assert_eq!(found, expected);
    }
}

/// Never answers.
struct Hanging;

#[async_trait::async_trait]
impl Authenticator for Hanging {
    async fn authenticate(&self, _: &Credentials<'_>) -> Result<Caller, AuthError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn an_authenticator_that_hangs() {
    let parts = parts(HeaderMap::new());
    let asked = Auth::by(Hanging);
    let asked = asked.caller(Credentials::of_request(&parts), Duration::ZERO);
    assert_eq!(asked.await, Err(AuthError::Unavailable));
}
