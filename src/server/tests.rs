//! Tests of the server with a custom schema, over real connections.

mod client;
mod http;
mod origins;
mod socket;

use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, Object, Schema, Subscription, SubscriptionField,
    SubscriptionFieldFuture, TypeRef,
};
use async_graphql::{Error, ErrorExtensions, Value};
use futures_util::{Stream, StreamExt, stream};
use sea_orm::DatabaseConnection;
use seachange_changelog::TrackedConnection;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::graphql::Caller;

/// A server on a free port, which stops when it is dropped or receives `stop`.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn metrics(&self) -> String {
        let response = reqwest::get(self.url("/metrics")).await.expect("answer");
        response.text().await.expect("text")
    }

    /// Waits until a line is among the metrics.
    async fn metric(&self, line: &str) {
        let seen = async {
            while !self.metrics().await.lines().any(|found| found == line) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), seen).await;
        assert!(in_time.is_ok(), "{line} in {}", self.metrics().await);
    }
}

async fn start(auth: Auth, limits: Limits) -> Running {
    start_with(auth, limits, Health::always()).await
}

async fn start_with(auth: Auth, limits: Limits, health: Health) -> Running {
    start_for(auth, limits, health, "").await
}

/// Starts a server with a list of origins.
async fn start_for(auth: Auth, limits: Limits, health: Health, origins: &str) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    let db = TrackedConnection::new(DatabaseConnection::default());
    let api = Api::new(schema(), db, limits.clone());
    let config = ServerConfig {
        limits,
        auth,
        origins: origins.parse().expect("origins"),
    };
    let endpoint = Endpoint::new(api, health, config);
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(serve(listener, endpoint.router(), endpoint, shutdown));
    Running {
        address,
        stop,
        serving,
    }
}

fn schema() -> Schema {
    let query = Object::new("Query")
        .field(Field::new("hello", TypeRef::named(TypeRef::STRING), |_| {
            FieldFuture::from_value(Some(Value::from("world")))
        }))
        .field(Field::new(
            "caller",
            TypeRef::named_nn(TypeRef::STRING),
            |ctx| {
                FieldFuture::new(async move {
                    let Caller {
                        actor,
                        idempotency_key,
                        ..
                    } = ctx.data::<Caller>()?;
                    Ok(Some(Value::from(format!("{actor:?} {idempotency_key:?}"))))
                })
            },
        ))
        .field(Field::new(
            "denied",
            TypeRef::named(TypeRef::STRING),
            |_| FieldFuture::new(async { Err::<Option<Value>, _>(error("UNAUTHENTICATED")) }),
        ))
        .field(Field::new(
            "required",
            TypeRef::named_nn(TypeRef::STRING),
            |_| FieldFuture::new(async { Err::<Option<Value>, _>(error("CONFLICT")) }),
        ));
    let mutation = Object::new("Mutation").field(Field::new(
        "touch",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        |_| FieldFuture::from_value(Some(Value::from(true))),
    ));
    let subscription = Subscription::new("Subscription")
        .field(
            counting("count", |to| stream::iter(0..to))
                .argument(InputValue::new("to", TypeRef::named_nn(TypeRef::INT))),
        )
        .field(
            counting("wait", |to| stream::iter(0..to).chain(stream::pending()))
                .argument(InputValue::new("to", TypeRef::named_nn(TypeRef::INT))),
        )
        .field(SubscriptionField::new(
            "broken",
            TypeRef::named_nn(TypeRef::INT),
            |_| {
                SubscriptionFieldFuture::new(async {
                    Err::<stream::Empty<Result<FieldValue<'_>, Error>>, _>(Error::new("no source"))
                })
            },
        ));
    Schema::build("Query", Some("Mutation"), Some("Subscription"))
        .register(query)
        .register(mutation)
        .register(subscription)
        .finish()
        .expect("schema")
}

fn counting<S>(name: &str, count: fn(i32) -> S) -> SubscriptionField
where
    S: Stream<Item = i32> + Send + 'static,
{
    SubscriptionField::new(name, TypeRef::named_nn(TypeRef::INT), move |ctx| {
        SubscriptionFieldFuture::new(async move {
            let to = i32::try_from(ctx.args.try_get("to")?.i64()?)?;
            Ok(count(to).map(|number| Ok(FieldValue::value(number))))
        })
    })
}

fn error(code: &'static str) -> Error {
    Error::new("refused").extend_with(|_, extensions| extensions.set("code", code))
}
