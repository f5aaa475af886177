//! The application, which an adopter's `main.rs` builds and starts.
//!
//! Knows nothing of commands and arguments: a program that has its own starts an [`App`] with [`Settings`].

mod migrations;
mod mount;
mod sdl;
mod settings;
mod start;

use sea_orm::ActiveEnum;
use sea_orm_migration::MigratorTrait;
use seachange_changelog::TrackedConnection;

use crate::consumer::{Consumer, ConsumerHandle, Handler};
use crate::feed::Feed;
use crate::graphql::{Builder, Entities};
use crate::service::{Exposure, Writable};
use crate::sync::Policy;
use axum::Router;
use migrations::{Migrations, NoMigrations, migrations};
pub use mount::{MountSettings, Mounted};
pub use settings::Settings;
pub use start::{Server, StartError};

/// An application: its migrations, its entities, and its fields in addition to ours.
///
/// There are three ways to serve it. `run` is a whole program with commands. [`start`](Self::start) is a
/// server in a program with arguments of its own:
///
/// ```no_run
/// use seachange::{App, Settings};
/// use seachange_entity::project;
/// use seachange_migration::Migrator;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::new().migrator::<Migrator>().entity::<project::Entity>();
/// let settings = Settings::new("sqlite://projects.db?mode=rwc", ([127, 0, 0, 1], 8080).into());
/// let server = app.start(&settings).await?;
/// println!("listening on http://{}", server.address);
/// tokio::signal::ctrl_c().await?;
/// server.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// [`mount`](Self::mount) gives routes for a server of your own.
pub struct App {
    pub(crate) migrations: Box<dyn Migrations>,
    pub(crate) entities: Entities,
    consumers: Vec<Box<StartConsumer>>,
    routes: Router,
    pub(crate) about: About,
}

/// What the program says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) description: &'static str,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts a consumer on a server's feed and database.
type StartConsumer = dyn Fn(&Feed, &TrackedConnection) -> ConsumerHandle + Send + Sync;

impl App {
    /// An application without entities, whose tables exist.
    pub fn new() -> Self {
        Self {
            migrations: Box::new(NoMigrations),
            entities: Entities::new(),
            consumers: Vec::new(),
            routes: Router::new(),
            about: About {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                description: env!("CARGO_PKG_DESCRIPTION"),
            },
        }
    }

    /// What `--version` and `--help` of the program say, in place of what seachange says of itself:
    /// `.about("admin", env!("CARGO_PKG_VERSION"), "The shop's database")`.
    #[must_use]
    pub fn about(
        mut self,
        name: &'static str,
        version: &'static str,
        description: &'static str,
    ) -> Self {
        self.about = About {
            name,
            version,
            description,
        };
        self
    }

    /// Names the migrator that creates the application's tables. Its pending migrations are applied before the
    /// application is served.
    #[must_use]
    pub fn migrator<M: MigratorTrait + 'static>(mut self) -> Self {
        self.migrations = migrations::<M>();
        self
    }

    /// Registers a tracked entity: queries, mutations, and subscriptions to its changes. All of it is open to
    /// every caller; [`expose`](Self::expose) opens less.
    #[must_use]
    pub fn entity<E: Writable>(mut self) -> Self {
        self.entities.entity::<E>();
        self
    }

    /// Registers a tracked entity, and says what callers may see of it and do with it. A server that
    /// authenticates its callers does not start while it registers an entity of which nothing is said, by this
    /// or by [`sync`](Self::sync).
    #[must_use]
    pub fn expose<E: Writable>(mut self, exposure: Exposure) -> Self {
        self.entities.expose::<E>(exposure);
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

    /// Adds routes to those of the server that [`start`](Self::start) and `run` make, such as an application's
    /// own pages. A path must not be one of ours, and the routes must have no fallback.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }
}
