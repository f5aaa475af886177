//! Who asks: tokens over HTTP and sockets, and the actor in the log.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use seachange_testkit::{Outcome, Socket, TestServer};
use serde_json::{Value as Json, json};

use super::given::PROJECTS;
use super::watch::Watch;

seachange_testkit::cases![
    refused_over_http,
    refused_over_a_socket,
    accepted_over_http,
    accepted_over_a_socket,
    the_actor_is_recorded,
    unusual_actors,
    headers_that_are_no_token,
    open_mode_stays_at_home,
    a_token_that_expires,
];

const SECRET: &str = "a secret of the tests that is long enough for anyone";

/// A token signed with a secret.
fn signed(algorithm: Algorithm, secret: &str, claims: &Json) -> anyhow::Result<String> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(encode(&Header::new(algorithm), claims, &key)?)
}

/// A good token.
pub fn token(sub: &str) -> anyhow::Result<String> {
    token_until(sub, in_an_hour())
}

/// One that expires then.
pub fn token_until(sub: &str, expiry: i64) -> anyhow::Result<String> {
    let claims = json!({ "sub": sub, "exp": expiry });
    signed(Algorithm::HS256, SECRET, &claims)
}

fn in_an_hour() -> i64 {
    in_seconds(3_600)
}

/// As tokens count time.
pub fn in_seconds(seconds: i64) -> i64 {
    chrono::Utc::now().timestamp() + seconds
}

/// The server with a key.
pub async fn guarded(server: &TestServer) -> anyhow::Result<TestServer> {
    server
        .beside(|settings| settings.jwt_secret = Some(SECRET.to_owned()))
        .await
}

/// Tokens that prove nothing, by name.
fn bad_tokens() -> anyhow::Result<Vec<(&'static str, String)>> {
    let good = json!({ "sub": "ann", "exp": in_an_hour() });
    let with = |claims: Json| signed(Algorithm::HS256, SECRET, &claims);
    let good_token = with(good.clone())?;
    let parts: Vec<&str> = good_token.split('.').collect();
    let encoded = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let none = encoded(json!({ "alg": "none", "typ": "JWT" }));
    let mallory = encoded(json!({ "sub": "mallory", "exp": in_an_hour() }));
    Ok(vec![
        (
            "another secret",
            signed(Algorithm::HS256, "another secret", &good)?,
        ),
        ("an empty secret", signed(Algorithm::HS256, "", &good)?),
        ("HS384", signed(Algorithm::HS384, SECRET, &good)?),
        ("HS512", signed(Algorithm::HS512, SECRET, &good)?),
        ("no algorithm", format!("{none}.{}.", parts[1])),
        (
            "no algorithm, signed",
            format!("{none}.{}.{}", parts[1], parts[2]),
        ),
        (
            "another payload",
            format!("{}.{mallory}.{}", parts[0], parts[2]),
        ),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        (
            "expired",
            with(json!({ "sub": "ann", "exp": 1_000_000_000 }))?,
        ),
        (
            "expired a second ago",
            with(json!({ "sub": "ann", "exp": in_an_hour() - 3_601 }))?,
        ),
        (
            "not valid yet",
            with(json!({ "sub": "ann", "exp": in_an_hour(), "nbf": in_an_hour() }))?,
        ),
        ("no subject", with(json!({ "exp": in_an_hour() }))?),
        (
            "an empty subject",
            with(json!({ "sub": "", "exp": in_an_hour() }))?,
        ),
        (
            "a number for a subject",
            with(json!({ "sub": 7, "exp": in_an_hour() }))?,
        ),
        (
            "null for a subject",
            with(json!({ "sub": null, "exp": in_an_hour() }))?,
        ),
        (
            "text for a time",
            with(json!({ "sub": "ann", "exp": "tomorrow" }))?,
        ),
        ("nonsense", "nonsense".to_owned()),
        ("dots", "..".to_owned()),
        ("long nonsense", "x".repeat(6_000)),
    ])
}

async fn refused_over_http(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let open = guarded.client();
    let mutation = PROJECTS.create_one();
    let mut clients = vec![("no token", open.clone())];
    for (name, token) in bad_tokens()? {
        clients.push((name, open.with_token(token)));
    }
    for (name, client) in clients {
        let answers = [
            client.send("{ changesHead }", json!({})).await?,
            client
                .send(&mutation, json!({ "data": { "name": "x" } }))
                .await?,
            client.get(&[("query", "{ changesHead }")]).await?,
            client.send("{ nothing }", json!({})).await?,
            client.post_text("no JSON").await?,
        ];
        for answer in answers {
            assert_eq!(
                (answer.status, answer.code()?),
                (401, "UNAUTHENTICATED"),
                "{name}"
            );
            assert!(answer.body.get("data").is_none_or(Json::is_null), "{name}");
        }
    }
    assert_eq!(PROJECTS.find(&server.client(), json!({})).await?.len(), 0);
    guarded.stop().await
}

async fn refused_over_a_socket(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let mut payloads = vec![
        ("no token", json!({})),
        ("null", json!({ "Authorization": null })),
        ("a number", json!({ "Authorization": 1 })),
        ("an object", json!({ "Authorization": {} })),
        ("empty", json!({ "Authorization": "" })),
        (
            "no token after Bearer",
            json!({ "Authorization": "Bearer" }),
        ),
        ("elsewhere", json!({ "token": token("ann")? })),
        (
            "basic",
            json!({ "Authorization": format!("Basic {}", token("ann")?) }),
        ),
    ];
    for (name, token) in bad_tokens()? {
        payloads.push((name, json!({ "Authorization": format!("Bearer {token}") })));
    }
    for (name, payload) in payloads {
        let mut socket = Socket::connect(&guarded.url()).await?;
        socket
            .send(&json!({ "type": "connection_init", "payload": payload }))
            .await?;
        assert_eq!(socket.closed().await?, 4403, "{name}");
    }
    for init in [
        json!({ "type": "connection_init" }),
        json!({ "type": "connection_init", "payload": null }),
    ] {
        let mut socket = Socket::connect(&guarded.url()).await?;
        socket.send(&init).await?;
        assert_eq!(socket.closed().await?, 4403, "{init}");
    }
    guarded.stop().await
}

async fn accepted_over_http(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let client = guarded.client();
    let token = token("ann")?;
    let forever = signed(
        Algorithm::HS256,
        SECRET,
        &json!({ "sub": "ann", "more": [1] }),
    )?;
    let audience = json!({ "sub": "ann", "aud": "someone", "iss": "us", "exp": in_an_hour() });
    let audience = signed(Algorithm::HS256, SECRET, &audience)?;
    for header in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token}"),
        format!("Bearer {forever}"),
        format!("Bearer {audience}"),
    ] {
        let client = client.with_header("authorization", &header);
        assert!(
            client.data("{ changesHead }", json!({})).await?["changesHead"].is_string(),
            "{header}"
        );
    }
    guarded.stop().await
}

async fn accepted_over_a_socket(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let bearer = format!("Bearer {}", token("ann")?);
    for payload in [
        json!({ "Authorization": bearer }),
        json!({ "authorization": bearer }),
        json!({ "AUTHORIZATION": bearer }),
        json!({ "headers": { "Authorization": bearer } }),
        json!({ "headers": { "authorization": bearer }, "more": 1 }),
        json!({ "Headers": { "AUTHORIZATION": bearer } }),
    ] {
        let mut socket = Socket::open_with(&guarded.url(), payload).await?;
        let answer = socket.run(json!({ "query": "{ changesHead }" })).await?;
        assert!(answer["data"]["changesHead"].is_string());
    }
    guarded.stop().await
}

async fn the_actor_is_recorded(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let mut watch = Watch::start(server).await?;
    let ann = guarded.client().with_token(token("ann")?);
    PROJECTS.create(&ann, json!({ "name": "by ann" })).await?;
    let payload = json!({ "Authorization": format!("Bearer {}", token("bob")?) });
    let mut bob = Socket::open_with(&guarded.url(), payload).await?;
    let mutation =
        json!({ "query": PROJECTS.create_one(), "variables": { "data": { "name": "by bob" } } });
    let answer = bob.run(mutation).await?;
    assert_eq!(answer["data"]["row"]["name"], "by bob");
    PROJECTS
        .create(&server.client(), json!({ "name": "by nobody" }))
        .await?;
    // A token means nothing to a server without a key.
    let ignored = server.client().with_token("whatever");
    PROJECTS
        .create(&ignored, json!({ "name": "by anyone" }))
        .await?;
    let changes = watch.read().await?;
    let actors: Vec<&Json> = changes.iter().map(|change| &change["actor"]).collect();
    assert_eq!(
        actors,
        [&json!("ann"), &json!("bob"), &Json::Null, &Json::Null]
    );
    let query = "query($actor: String) { changes(actor: $actor) { nodes { after } } }";
    let data = ann.data(query, json!({ "actor": "bob" })).await?;
    assert_eq!(data["changes"]["nodes"][0]["after"]["name"], "by bob");
    assert_eq!(data["changes"]["nodes"].as_array().map(Vec::len), Some(1));
    guarded.stop().await
}

async fn unusual_actors(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let mut watch = Watch::start(server).await?;
    for sub in [
        " ".to_owned(),
        "Ünï 🏴 'x' \"y\" --".to_owned(),
        "x".repeat(5_000),
        "a\u{0}b".to_owned(),
    ] {
        let client = guarded.client().with_token(token(&sub)?);
        let data = json!({ "data": { "name": "x" } });
        let answer = client.send(&PROJECTS.create_one(), data).await?;
        let changes = watch.read().await?;
        // PostgreSQL's text has no NUL.
        if answer.body.get("errors").is_some() {
            assert!(sub.contains('\u{0}'), "{answer:?}");
            assert!(
                matches!(answer.code()?, "BAD_INPUT" | "UNAUTHENTICATED"),
                "{answer:?}"
            );
            assert_eq!(changes.len(), 0);
        } else {
            assert_eq!((changes.len(), &changes[0]["actor"]), (1, &json!(sub)));
        }
    }
    guarded.stop().await
}

async fn headers_that_are_no_token(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let token = token("ann")?;
    for header in [
        "",
        "Bearer",
        "Bearer ",
        &token,
        &format!("Basic {token}"),
        &format!("Bearer {token} {token}"),
    ] {
        let client = guarded.client().with_header("authorization", header);
        let answer = client.send("{ changesHead }", json!({})).await?;
        assert_eq!(
            (answer.status, answer.code()?),
            (401, "UNAUTHENTICATED"),
            "{header}"
        );
    }
    let twice = guarded.client();
    let request = twice
        .http()
        .post(format!("{}/graphql", guarded.url()))
        .body(r#"{"query":"{ changesHead }"}"#);
    let request = request.bearer_auth(&token).bearer_auth(&token);
    assert_eq!(request.send().await?.status().as_u16(), 401);
    guarded.stop().await
}

async fn open_mode_stays_at_home(server: &TestServer) -> Outcome {
    for secret in [None, Some(String::new())] {
        let started = server.beside(|settings| {
            settings.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            settings.jwt_secret = secret;
        });
        let error = started
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("SEACHANGE_JWT_SECRET"), "{error}");
    }
    let keyed = server.beside(|settings| {
        settings.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        settings.jwt_secret = Some(SECRET.to_owned());
    });
    keyed.await?.stop().await
}

/// What it opened ends with it.
async fn a_token_that_expires(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let expiry = in_seconds(2);
    let payload = json!({ "Authorization": token_until("ann", expiry)? });
    let mut socket = Socket::open_with(&guarded.url(), payload).await?;
    socket
        .subscribe("subscription { changes { cursor } }", json!({}))
        .await?;
    assert_eq!(socket.closed().await?, 4403);
    assert!(in_seconds(0) >= expiry, "closed too early");
    guarded.stop().await
}
