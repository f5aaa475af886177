//! The application, which an adopter's `main.rs` builds and starts.
//!
//! Knows nothing of commands and arguments: a program that has its own starts an [`App`] with [`Settings`].

mod migrations;
mod sdl;
mod settings;
mod start;

use sea_orm::ActiveEnum;
use sea_orm_migration::MigratorTrait;
use seachange_changelog::TrackedConnection;

use crate::consumer::{Consumer, ConsumerHandle, Handler};
use crate::feed::Feed;
use crate::graphql::{Builder, Entities};
use crate::service::Writable;
use crate::sync::Policy;
use migrations::{Migrations, migrations};
pub use settings::Settings;
pub use start::{Server, StartError};

/// An application: its migrations, its entities, and its fields in addition to ours.
///
/// A program with arguments of its own starts it with settings:
///
/// ```no_run
/// use seachange::{App, Settings};
/// use seachange_entity::project;
/// use seachange_migration::Migrator;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::new::<Migrator>().entity::<project::Entity>();
/// let settings = Settings::new("sqlite://projects.db?mode=rwc", ([127, 0, 0, 1], 8080).into());
/// let server = app.start(&settings).await?;
/// println!("listening on http://{}", server.address);
/// tokio::signal::ctrl_c().await?;
/// server.stop().await?;
/// # Ok(())
/// # }
/// ```
pub struct App {
    pub(crate) migrations: Box<dyn Migrations>,
    pub(crate) entities: Entities,
    consumers: Vec<Box<StartConsumer>>,
}

/// Starts a consumer on a server's feed and database.
type StartConsumer = dyn Fn(&Feed, &TrackedConnection) -> ConsumerHandle + Send + Sync;

impl App {
    /// An application whose tables the migrator `M` creates.
    pub fn new<M: MigratorTrait + 'static>() -> Self {
        Self {
            migrations: migrations::<M>(),
            entities: Entities::new(),
            consumers: Vec::new(),
        }
    }

    /// Registers a tracked entity: queries, mutations, and subscriptions to its changes.
    #[must_use]
    pub fn entity<E: Writable>(mut self) -> Self {
        self.entities.entity::<E>();
        self
    }

    /// Lets offline clients sync an entity by `pull…`, `push…` and `stream…`; the entity is also registered.
    /// `policy` determines what happens to conflicting edits.
    #[must_use]
    pub fn sync<E: Writable>(mut self, policy: Policy) -> Self {
        self.entities.sync::<E>(policy);
        self
    }

    /// Registers an enumeration that columns of registered entities use.
    #[must_use]
    pub fn enumeration<A: ActiveEnum + 'static>(mut self) -> Self {
        self.entities.enumeration::<A>();
        self
    }

    /// Adds GraphQL fields to ours: push them to the builder, and register their types. Their resolvers find
    /// a [`TrackedConnection`](crate::changelog::TrackedConnection) on behalf of the caller in the context's
    /// data.
    #[must_use]
    pub fn extend(mut self, extend: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Self {
        self.entities.extend(extend);
        self
    }

    /// Runs a consumer together with the server. `handler` makes its handler, once for each server started.
    #[must_use]
    pub fn consumer<H: Handler>(
        mut self,
        consumer: Consumer,
        handler: impl Fn() -> H + Send + Sync + 'static,
    ) -> Self {
        let start =
            move |feed: &Feed, db: &TrackedConnection| consumer.clone().start(feed, db, handler());
        self.consumers.push(Box::new(start));
        self
    }
}
