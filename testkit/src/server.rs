//! The reference application, served in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;

use sea_orm::EntityTrait;
use seachange::changelog::internal::epoch;
use seachange::changelog::{Finding, TrackedConnection, log, prune};
use seachange::{App, Selection, Server, Settings, Start, Verdict};
use seachange_app::reference_app;
use serde_json::json;

use super::client::Client;
use super::database::{Database, OwnDatabase};
use super::socket::Socket;

/// A running server on a database of its own.
pub struct TestServer {
    /// Which database.
    pub kind: Database,
    /// Its settings.
    pub settings: Settings,
    app: App,
    server: Server,
}

impl TestServer {
    /// Starts the reference application.
    pub async fn start(database: &OwnDatabase) -> anyhow::Result<Self> {
        let settings = Settings::new(&database.url, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Self::start_with(database.kind.clone(), reference_app(), settings).await
    }

    /// Starts an application with settings.
    pub async fn start_with(kind: Database, app: App, settings: Settings) -> anyhow::Result<Self> {
        // In a box: the compiler gives up on futures nested as deep as this in a test's.
        let starting: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(app.start(&settings));
        let server = starting.await?;
        Ok(Self {
            kind,
            settings,
            app,
            server,
        })
    }

    /// Another server on the same database, with other settings.
    pub async fn beside(&self, change: impl FnOnce(&mut Settings)) -> anyhow::Result<Self> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Self::start_with(self.kind.clone(), reference_app(), settings).await
    }

    /// The tracked connection of the server.
    pub fn db(&self) -> &TrackedConnection {
        self.server.db()
    }

    /// The server itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The present epoch of its log.
    pub async fn epoch(&self) -> anyhow::Result<String> {
        let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(self.db().reader());
        Ok(epoch
            .await?
            .ok_or_else(|| anyhow::anyhow!("no epoch"))?
            .epoch)
    }

    /// `http://…`, no slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A client without a token.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// An initialised socket without a token.
    pub async fn socket(&self) -> anyhow::Result<Socket> {
        Socket::open(&self.url()).await
    }

    /// Creates a label of this name.
    pub async fn label(&self, name: &str) -> anyhow::Result<()> {
        let create = "mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }";
        let variables = json!({ "name": name });
        self.client().data(create, variables).await?;
        Ok(())
    }

    /// Removes all that the log has of the past.
    pub async fn prune_all(&self) -> anyhow::Result<()> {
        // What has no place in the log yet is not of the past.
        self.server.feed().head().await?;
        let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
        prune(self.db().writer(), later).await?;
        Ok(())
    }

    /// The log, oldest first: its first 10,000 changes.
    pub async fn logged(&self) -> anyhow::Result<Vec<log::Model>> {
        let all = Selection::default();
        let page = self
            .server
            .feed()
            .page(&Start::Oldest, &all, 10_000)
            .await?;
        Ok(page.changes.into_iter().map(|change| change.row).collect())
    }

    /// What could escape or is wrong.
    pub async fn doctor(&self) -> anyhow::Result<Vec<Finding>> {
        Ok(self.app.doctor(self.db()).await?)
    }

    /// What `verify` finds, with memory for all rows and for one.
    pub async fn verdict(&self) -> anyhow::Result<Verdict> {
        let verdict = self.app.verify(self.server.feed()).await?;
        let same = self.app.verify_within(self.server.feed(), 1).await?;
        anyhow::ensure!(
            same == verdict,
            "with little memory {same:?}, not {verdict:?}"
        );
        Ok(verdict)
    }

    /// Checks the log against the tables.
    pub async fn verify(&self) -> anyhow::Result<()> {
        let verdict = self.verdict().await?;
        anyhow::ensure!(verdict.is_sound(), "log and tables differ: {verdict:?}");
        Ok(())
    }

    /// Verifies, then stops.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.verify().await?;
        self.stop().await
    }

    /// Stops without verifying.
    pub async fn stop(self) -> anyhow::Result<()> {
        Ok(self.server.stop().await?)
    }
}
