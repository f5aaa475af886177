//! What an adopter's `main.rs` builds and runs.

use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use sea_orm::ActiveEnum;
use sea_orm_migration::MigratorTrait;
use seachange_changelog::TrackedConnection;

use super::baseline::BaselineArgs;
use super::doctor::DoctorArgs;
use super::keep::{self, EpochAction, PruneArgs};
use super::migrate::{self, Direction, Migrations};
use super::settings::Settings;
use super::torture::TortureArgs;
use super::verify::VerifyArgs;
use super::{baseline, doctor, schema, serve, tail, torture, verify};
use crate::consumer::{Consumer, ConsumerHandle, Handler};
use crate::feed::Feed;
use crate::graphql::{Builder, Entities, Writable};
use crate::sync::Policy;

/// An application: its migrations, its entities, its fields beside ours.
///
/// ```ignore
/// fn main() -> std::process::ExitCode {
///     seachange::App::new::<Migrator>()
///         .entity::<task::Entity>()
///         .enumeration::<task::Status>()
///         .run()
/// }
/// ```
pub struct App {
    pub(super) migrations: Box<dyn Migrations>,
    pub(super) entities: Entities,
    pub(super) consumers: Vec<Box<StartConsumer>>,
}

/// Starts a consumer on a server's feed and database.
pub(super) type StartConsumer = dyn Fn(&Feed, &TrackedConnection) -> ConsumerHandle + Send + Sync;

#[derive(Debug, Parser)]
#[command(version, about = "Change tracking and sync for SeaORM")]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate, then answer GraphQL requests (the default).
    Serve,
    /// Bring the database's tables up or down, or tell where they are.
    Migrate {
        #[command(subcommand)]
        direction: Direction,
    },
    /// Print the GraphQL schema.
    Schema,
    /// Follow the changes until stopped.
    Tail(TailArgs),
    /// Record the rows that no change tells of: those from before tracking.
    Baseline(BaselineArgs),
    /// Remove old changes from the log.
    Prune(PruneArgs),
    /// Make old cursors invalid: after a database was restored from a copy.
    Epoch {
        #[command(subcommand)]
        action: EpochAction,
    },
    /// Fight for rows of a table made for it, and check that no reader misses a change. Use a
    /// database made for it.
    Torture(TortureArgs),
    /// Look for what could let a write escape or keep the log from being read, and tell the cure.
    Doctor(DoctorArgs),
    /// Replay the log against the tables and report every row that differs.
    Verify(VerifyArgs),
}

/// What `tail` shows.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    /// Begin after this cursor; "0" is the oldest change. Without it, from now.
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// Only changes of this table; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(super) entity: Vec<String>,
    /// One change a line, as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl App {
    /// An application whose tables `M` makes.
    pub fn new<M: MigratorTrait + 'static>() -> Self {
        Self {
            migrations: migrate::migrations::<M>(),
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

    /// Lets offline clients sync an entity, which is registered as such, too: `pull…`, `push…` and
    /// `stream…`. `policy` says what becomes of edits that are in conflict.
    #[must_use]
    pub fn sync<E: Writable>(mut self, policy: Policy) -> Self {
        self.entities.sync::<E>(policy);
        self
    }

    /// Registers an enumeration that columns of registered entities have.
    #[must_use]
    pub fn enumeration<A: ActiveEnum + 'static>(mut self) -> Self {
        self.entities.enumeration::<A>();
        self
    }

    /// Adds GraphQL fields beside ours: push them to the builder, and register their types. Their resolvers find
    /// a [`TrackedConnection`](crate::changelog::TrackedConnection) on behalf of the caller in the
    /// context's data.
    #[must_use]
    pub fn extend(mut self, extend: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Self {
        self.entities.extend(extend);
        self
    }

    /// Runs a consumer beside the server. `handler` makes its handler, once for each server started.
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

    /// Runs the command that the program's arguments name. 0: done, or sound; 1: found a fault;
    /// 2: wrong use.
    pub fn run(self) -> ExitCode {
        let cli = match parse() {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        };
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&error),
        };
        match runtime.block_on(self.dispatch(cli)) {
            Ok(code) => code,
            Err(error) => fail(error.as_ref()),
        }
    }

    async fn dispatch(self, cli: Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
        let Cli { settings, command } = cli;
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve::command(&self, &settings).await,
            Command::Migrate { direction } => migrate::command(&self, &settings, direction).await,
            Command::Schema => schema::command(&self, &settings).await,
            Command::Tail(args) => tail::command(&settings, args).await,
            Command::Baseline(args) => baseline::command(&self, &settings, args).await,
            Command::Prune(args) => keep::prune(&settings, &args).await,
            Command::Epoch { action } => keep::epoch(&settings, action).await,
            Command::Torture(args) => torture::command(&self, &settings, args).await,
            Command::Doctor(args) => doctor::command(&self, &settings, &args).await,
            Command::Verify(args) => verify::command(&self, &settings, &args).await,
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(1)
}
