//! A server of the host's own, in which the application is mounted under `/live`.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use seachange::axum::Router;
use seachange::axum::extract::Request;
use seachange::axum::http::header::COOKIE;
use seachange::axum::middleware::{Next, from_fn};
use seachange::axum::response::Response;
use seachange::axum::routing::get;
use seachange::{App, Auth, Caller, Connections, DatabaseSettings, MountSettings, Mounted};
use seachange_testkit::{Client, Socket, TestServer, reference_app};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The host, which goes by cookies: `session=NAME` is a caller, `brief=NAME` one for a short time.
pub struct Host {
    pub live: Mounted,
    address: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// How long a brief session lasts.
pub const BRIEF: Duration = Duration::from_millis(1_500);

async fn sessions(mut request: Request, next: Next) -> Response {
    let cookie = request.headers().get(COOKIE).cloned();
    let cookie = cookie.as_ref().and_then(|cookie| cookie.to_str().ok());
    let caller = match cookie.and_then(|cookie| cookie.split_once('=')) {
        Some(("session", name)) => Some(Caller::new(name)),
        Some(("brief", name)) => Some(Caller::new(name).until(SystemTime::now() + BRIEF)),
        _ => None,
    };
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

impl Host {
    /// Mounts the reference application on a server's database.
    pub async fn start(server: &TestServer) -> anyhow::Result<Self> {
        let settings = MountSettings::new(Auth::host());
        Self::start_with(server, &reference_app(), settings).await
    }

    /// Mounts an application with settings.
    pub async fn start_with(
        server: &TestServer,
        app: &App,
        settings: MountSettings,
    ) -> anyhow::Result<Self> {
        let database = DatabaseSettings::new(&server.settings.database_url);
        Self::start_on(Connections::open(database).await?, app, settings).await
    }

    /// Mounts an application on connections.
    pub async fn start_on(
        connections: Connections,
        app: &App,
        settings: MountSettings,
    ) -> anyhow::Result<Self> {
        let live = Box::pin(app.mount(connections, settings)).await?;
        let router = Router::new()
            .route("/", get(|| async { "the shop" }))
            .nest("/live", live.router())
            .layer(from_fn(sessions));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            seachange::axum::serve(listener, router)
                .with_graceful_shutdown(shutdown)
                .await
        });
        Ok(Self {
            live,
            address,
            stop,
            serving,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client without a cookie.
    pub fn client(&self) -> Client {
        Client::new(format!("{}/live", self.url()))
    }

    /// A client whose session is this one's.
    pub fn client_of(&self, name: &str) -> Client {
        self.client()
            .with_header("cookie", &format!("session={name}"))
    }

    /// A socket with a cookie, which is not initialised yet.
    pub async fn socket(&self, cookie: &str) -> anyhow::Result<Socket> {
        let headers = [
            ("sec-websocket-protocol", "graphql-transport-ws"),
            ("cookie", cookie),
        ];
        Socket::connect_with(&format!("{}/live", self.url()), &headers).await
    }

    /// Stops the mounted application, then the host.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.live.stop().await;
        let _ = self.stop.send(());
        let served = tokio::time::timeout(Duration::from_secs(10), self.serving).await;
        Ok(served.context("the host does not end")???)
    }
}
