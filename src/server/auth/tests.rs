use axum::http::HeaderValue;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;

use super::*;

const SECRET: &str = "a secret of the test";

fn sign(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).expect("token")
}

fn token(claims: &Value) -> String {
    sign(Algorithm::HS256, claims, SECRET)
}

/// {"alg":"none"} and the claims, without signature.
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

fn actor(auth: &Auth, values: &[&str]) -> Result<Option<String>, Unauthenticated> {
    auth.caller(&headers(values)).map(|caller| caller.actor)
}

#[test]
fn claims() {
    use Unauthenticated::{Expired, Invalid, NotYet};
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
        assert_eq!(found, Err(Unauthenticated::Invalid), "{name}");
        assert_eq!(actor(&Auth::open(), &[&value]), Ok(None), "{name}");
    }
}

#[test]
fn headers_that_carry_it() {
    use Unauthenticated::{Missing, NoBearer};
    let token = token(&json!({"sub": "ada"}));
    let auth = Auth::hs256(SECRET);
    let ada = || Ok(Some("ada".to_owned()));
    assert_eq!(actor(&auth, &[&format!("bearer {token}")]), ada());
    assert_eq!(actor(&auth, &[&format!("BEARER  {token}")]), ada());
    assert_eq!(actor(&auth, &[]), Err(Missing));
    assert_eq!(actor(&auth, &[""]), Err(NoBearer));
    assert_eq!(actor(&auth, &["Bearer"]), Err(NoBearer));
    assert_eq!(actor(&auth, &[&token]), Err(NoBearer));
    assert_eq!(actor(&auth, &[&format!("Basic {token}")]), Err(NoBearer));
    let value = format!("Bearer {token}");
    assert_eq!(actor(&auth, &[&value, &value]), Err(NoBearer));
    assert_eq!(actor(&Auth::open(), &[]), Ok(None));
    assert_eq!(actor(&Auth::open(), &["Basic x"]), Ok(None));
}

#[test]
fn payloads_that_carry_it() {
    use Unauthenticated::{Invalid, Missing, NoBearer};
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
        (&none, json!({"Authorization": 1}), Err(NoBearer)),
        (&none, json!({"Authorization": ""}), Err(Invalid)),
        (&header, json!({}), Ok("bob")),
        (&header, json!({"Authorization": good}), Ok("ada")),
        (&header, json!({"Authorization": "wrong"}), Err(Invalid)),
    ];
    for (headers, payload, expected) in cases {
        let found = auth.caller_of_socket(headers, payload.as_object());
        let expected = expected.map(|sub: &str| Some(sub.to_owned()));
        assert_eq!(found.map(|caller| caller.actor), expected, "{payload}");
        let open = Auth::open().caller_of_socket(headers, payload.as_object());
        assert_eq!(open, Ok(Caller::default()));
    }
    let bob = auth
        .caller_of_socket(&header, None)
        .map(|caller| caller.actor);
    assert_eq!(bob, Ok(Some("bob".to_owned())));
    assert_eq!(auth.caller_of_socket(&none, None), Err(Missing));
}

#[test]
fn an_empty_secret_accepts_nothing() {
    let token = sign(Algorithm::HS256, &json!({"sub": "eve"}), "");
    let found = actor(&Auth::hs256(""), &[&format!("Bearer {token}")]);
    assert_eq!(found, Err(Unauthenticated::Invalid));
}

#[test]
fn debug_keeps_the_secret() {
    let text = format!("{:?} {:#?}", Auth::hs256(SECRET), Auth::hs256(SECRET));
    assert!(!text.contains("secret"), "{text}");
    let bytes = format!("{:?}", SECRET.as_bytes());
    assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
}
