//! The application mounted in a server of the host's own: its routes, its callers, its connections.

pub mod exposed;
mod host;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait, Database as SeaOrm,
    TransactionTrait,
};
use seachange::changelog::Context;
use seachange::{
    Auth, AuthError, Authenticator, Caller, Connections, Credentials, DatabaseSettings,
    MountSettings, StartError, async_trait,
};
use seachange_entity::label;
use seachange_testkit::{Database, Events, Outcome, Socket, TestServer, reference_app};
use serde_json::{Value as Json, json};

use self::host::Host;

seachange_testkit::cases! {
    Every: routes_beside_the_hosts, callers_of_the_hosts_middleware, a_caller_for_a_time,
        pages_of_other_sites, an_authenticator, stops_with_its_host, on_the_hosts_own_pool,
        with_the_hosts_own_options;
    Sqlite: in_memory;
}

const CREATE: &str = "mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }";
const NAMES: &str = "{ label(orderBy: { name: ASC }) { nodes { name } } }";
const ACTORS: &str = r#"{ changes(entities: ["label"]) { nodes { actor } } }"#;
const FOLLOW: &str = "subscription { labelChanges { record { name } actor } }";

async fn routes_beside_the_hosts(server: &TestServer) -> Outcome {
    let host = Host::start(server).await?;
    let http = reqwest::Client::new();
    for (path, status, text) in [
        ("/", 200, "the shop"),
        ("/live/healthz", 200, "ok"),
        ("/live/readyz", 200, "ready"),
        ("/live/metrics", 200, "seachange_"),
        ("/live", 200, "<html"),
        ("/live/nothing", 404, "NOT_FOUND"),
        ("/graphql", 404, ""),
    ] {
        let answer = http.get(format!("{}{path}", host.url())).send().await?;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let body = answer.text().await?;
        assert!(body.contains(text), "{path}: {body:.300}");
    }
    host.stop().await
}

async fn callers_of_the_hosts_middleware(server: &TestServer) -> Outcome {
    let host = Host::start(server).await?;
    let unknown = host.client().send(NAMES, json!({})).await?;
    assert_eq!((unknown.status, unknown.code()?), (401, "UNAUTHENTICATED"));
    let (ada, bob) = (host.client_of("ada"), host.client_of("bob"));
    let mut socket = host.socket("session=ada").await?;
    socket.initialise(json!({})).await?;
    socket.subscribe(FOLLOW, json!({})).await?;
    let follow = json!({ "query": FOLLOW });
    let mut events = Events::open(&bob, &follow, None).await?;
    // Subscriptions from now: repeated until both have begun.
    let mut number = 0;
    let first = loop {
        number += 1;
        ada.data(CREATE, json!({ "name": format!("{number}") }))
            .await?;
        let next = tokio::time::timeout(std::time::Duration::from_millis(200), socket.next());
        if let Ok(next) = next.await {
            break next?;
        }
    };
    assert_eq!(first["labelChanges"]["actor"], "ada");
    bob.data(CREATE, json!({ "name": "last" })).await?;
    while events.expect().await?.data["data"]["labelChanges"]["record"]["name"] != "last" {}
    while socket.next().await?["labelChanges"]["record"]["name"] != "last" {}
    let nodes = ada.data(ACTORS, json!({})).await?["changes"]["nodes"].clone();
    let mut actors: Vec<&Json> = nodes.as_array().into_iter().flatten().collect();
    actors.dedup();
    assert_eq!(
        actors,
        [&json!({ "actor": "ada" }), &json!({ "actor": "bob" })]
    );
    // A socket without a caller is closed.
    let mut none = host.socket("other=1").await?;
    none.send(&json!({ "type": "connection_init" })).await?;
    assert_eq!(none.closed().await?, 4403);
    host.stop().await
}

async fn a_caller_for_a_time(server: &TestServer) -> Outcome {
    let host = Host::start(server).await?;
    let mut socket = host.socket("brief=ada").await?;
    socket.initialise(json!({})).await?;
    socket.subscribe(FOLLOW, json!({})).await?;
    let brief = host.client().with_header("cookie", "brief=bob");
    let mut events = Events::open(&brief, &json!({ "query": FOLLOW }), None).await?;
    assert_eq!(socket.closed().await?, 4403);
    assert_eq!(events.next().await?.map(|event| event.name), None);
    host.stop().await
}

/// The host goes by cookies, which a browser sends with every page's requests.
async fn pages_of_other_sites(server: &TestServer) -> Outcome {
    let host = Host::start(server).await?;
    let elsewhere = host
        .client_of("ada")
        .with_header("origin", "https://evil.example");
    let answer = elsewhere.send(CREATE, json!({ "name": "evil" })).await?;
    assert_eq!((answer.status, answer.code()?), (403, "FORBIDDEN"));
    let own = host.client_of("ada").with_header("origin", &host.url());
    own.data(CREATE, json!({ "name": "good" })).await?;
    let names = own.data(NAMES, json!({})).await?;
    assert_eq!(names["label"]["nodes"], json!([{ "name": "good" }]));
    host.stop().await?;
    let listed = MountSettings {
        allow_origins: "https://evil.example".parse()?,
        ..MountSettings::new(Auth::host())
    };
    let host = Host::start_with(server, &reference_app(), listed).await?;
    let allowed = host
        .client_of("ada")
        .with_header("origin", "https://evil.example");
    allowed.data(CREATE, json!({ "name": "allowed" })).await?;
    host.stop().await?;
    let everybody = MountSettings {
        allow_origins: "*".parse()?,
        ..MountSettings::new(Auth::host())
    };
    let refused = Host::start_with(server, &reference_app(), everybody).await;
    let error = refused.err().and_then(|error| error.downcast().ok());
    assert!(matches!(error, Some(StartError::AnyOrigin)), "{error:?}");
    Ok(())
}

/// Knows callers by a header, or by the payload of a socket.
struct Badges;

#[async_trait]
impl Authenticator for Badges {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller, AuthError> {
        let header = credentials.headers().get("badge");
        let header = header.and_then(|badge| badge.to_str().ok());
        let payload = credentials
            .payload()
            .and_then(|payload| payload.get("badge"));
        match header.or(payload.and_then(Json::as_str)) {
            None => Err(AuthError::Missing),
            Some("lost") => Err(AuthError::refused("this badge was reported as lost")),
            Some("later") => Err(AuthError::Unavailable),
            Some("empty") => Ok(Caller::new("")),
            Some(name) => Ok(Caller::new(name)),
        }
    }

    fn is_sent_by_browsers(&self) -> bool {
        false
    }
}

async fn an_authenticator(server: &TestServer) -> Outcome {
    let settings = MountSettings::new(Auth::by(Badges));
    let host = Host::start_with(server, &reference_app(), settings).await?;
    for (badge, status, code, text) in [
        ("lost", 401, "UNAUTHENTICATED", "reported as lost"),
        ("later", 503, "UNAVAILABLE", "try again"),
        ("empty", 401, "UNAUTHENTICATED", "not valid"),
    ] {
        let client = host.client().with_header("badge", badge);
        let answer = client.send(NAMES, json!({})).await?;
        assert_eq!((answer.status, answer.code()?), (status, code), "{badge}");
        let message = answer.body["errors"][0]["message"].to_string();
        assert!(message.contains(text), "{message}");
    }
    let client = host.client().with_header("badge", "ada");
    client.data(CREATE, json!({ "name": "x" })).await?;
    let changes = client.data(ACTORS, json!({})).await?;
    assert_eq!(changes["changes"]["nodes"], json!([{ "actor": "ada" }]));
    let url = format!("{}/live", host.url());
    Socket::open_with(&url, json!({ "badge": "ada" })).await?;
    for (badge, close) in [("lost", 4403), ("later", 1013)] {
        let mut socket = Socket::connect(&url).await?;
        let payload = json!({ "badge": badge });
        socket
            .send(&json!({ "type": "connection_init", "payload": payload }))
            .await?;
        assert_eq!(socket.closed().await?, close, "{badge}");
    }
    host.stop().await
}

async fn stops_with_its_host(server: &TestServer) -> Outcome {
    let host = Host::start(server).await?;
    let mut socket = host.socket("session=ada").await?;
    socket.initialise(json!({})).await?;
    socket.subscribe(FOLLOW, json!({})).await?;
    let client = host.client_of("ada");
    let mut events = Events::open(&client, &json!({ "query": FOLLOW }), None).await?;
    let closed = tokio::spawn(async move { socket.closed().await });
    // It waits for the sockets and streams to end, then the host drains its connections.
    host.stop().await?;
    assert_eq!(closed.await??, 1001);
    assert_eq!(events.next().await?.map(|event| event.name), None);
    Ok(())
}

async fn on_the_hosts_own_pool(server: &TestServer) -> Outcome {
    let mut options = ConnectOptions::new(&server.settings.database_url);
    options.max_connections(5).sqlx_logging(false);
    let pool = SeaOrm::connect(options).await?;
    let connections = Connections::shared(pool).await?;
    let settings = MountSettings::new(Auth::host());
    let host = Host::start_on(connections, &reference_app(), settings).await?;
    everything(&host).await?;
    host.stop().await
}

async fn with_the_hosts_own_options(server: &TestServer) -> Outcome {
    let mut url = server.settings.database_url.clone();
    let mut options = ConnectOptions::new(&url);
    if let Database::Postgres(_) = server.kind {
        let schema = "CREATE SCHEMA shop";
        server.db().writer().execute_unprepared(schema).await?;
        options.set_schema_search_path("shop");
    } else {
        url.clear();
    }
    options.max_connections(4).sqlx_logging(false);
    let database = DatabaseSettings::from(options);
    assert_eq!(database.connections, 4);
    let connections = Connections::open(database).await?;
    let settings = MountSettings::new(Auth::host());
    let host = Host::start_on(connections, &reference_app(), settings).await?;
    everything(&host).await?;
    if !url.is_empty() {
        // All of it went to the schema, and nothing to the one that is the default.
        let names = server.client().data(NAMES, json!({})).await?;
        assert_eq!(names["label"]["nodes"], json!([]));
    }
    host.stop().await
}

/// One connection holds the database and does everything.
async fn in_memory(_: &TestServer) -> Outcome {
    for shared in [false, true] {
        let url = "sqlite::memory:";
        let connections = if shared {
            let mut options = ConnectOptions::new(url);
            options.max_connections(1).sqlx_logging(false);
            Connections::shared(SeaOrm::connect(options).await?).await?
        } else {
            Connections::open(DatabaseSettings::new(url)).await?
        };
        let settings = MountSettings::new(Auth::host());
        let host = Host::start_on(connections, &reference_app(), settings).await?;
        everything(&host).await?;
        host.stop().await?;
    }
    Ok(())
}

/// Uses each part of the API once.
async fn everything(host: &Host) -> Outcome {
    let ada = host.client_of("ada");
    let mut socket = host.socket("session=ada").await?;
    socket.initialise(json!({})).await?;
    let initial = "subscription { labelChanges(includeInitial: true) { kind record { name } } }";
    socket.subscribe(initial, json!({})).await?;
    while socket.next().await?["labelChanges"]["kind"] != "CAUGHT_UP" {}
    let created = ada.data(CREATE, json!({ "name": "first" })).await?;
    let id = created["labelCreateOne"]["id"].clone();
    assert_eq!(
        socket.next().await?["labelChanges"],
        json!({ "kind": "INSERT", "record": { "name": "first" } })
    );
    let rename = "mutation($id: BigInt!) { labelUpdate(filter: { id: { eq: $id } }, data: { name: \"second\" }) { name } }";
    ada.data(rename, json!({ "id": id })).await?;
    assert_eq!(
        socket.next().await?["labelChanges"],
        json!({ "kind": "UPDATE", "record": { "name": "second" } })
    );
    let history = r#"{ changes(entities: ["label"]) { nodes { cursor operation } } }"#;
    let changes = ada.data(history, json!({})).await?["changes"]["nodes"].clone();
    assert_eq!(changes.as_array().map(Vec::len), Some(2), "{changes}");
    let undo = "mutation($cursor: String!) { revertChange(cursor: $cursor) { operation actor } }";
    let undone = ada
        .data(undo, json!({ "cursor": changes[1]["cursor"] }))
        .await?;
    assert_eq!(
        undone["revertChange"],
        json!([{ "operation": "UPDATE", "actor": "ada" }])
    );
    let pull = "{ pullLabel(limit: 10) { documents { name } } }";
    let pulled = ada.data(pull, json!({})).await?;
    assert_eq!(
        pulled["pullLabel"]["documents"],
        json!([{ "name": "first" }])
    );
    let push = "mutation { pushLabel(labelPushRow: [{ newDocumentState: { id: \"77\", name: \"pushed\", _deleted: false } }]) { name } }";
    let pushed = ada.data(push, json!({})).await?;
    assert_eq!(pushed["pushLabel"], json!([]));
    // What the host writes itself is recorded, and reaches subscribers as well.
    let db = host.live.db().with_context(Context::actor("the shop"));
    let label = label::ActiveModel {
        name: Set("of the host".to_owned()),
        ..Default::default()
    };
    let tx = db.begin().await?;
    label.insert(&tx).await?;
    tx.commit().await?;
    while socket.next().await?["labelChanges"]["record"]["name"] != "of the host" {}
    Ok(())
}
