//! The program's commands, and the execution of the one that its arguments name.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sea_orm::DbErr;

use super::baseline::BaselineArgs;
use super::completions::CompletionsArgs;
use super::doctor::DoctorArgs;
use super::migrate::{self, Direction};
use super::retention::{self, EpochAction, PruneArgs};
use super::settings::{self, Flags};
use super::tail::TailArgs;
use super::verify::VerifyArgs;
use super::{baseline, completions, doctor, help, schema, serve, tail, verify};
use crate::app::{About, App};

#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate, then answer GraphQL requests (the default).
    Serve,
    /// Migrate the database's tables up or down, or show which migrations have been applied.
    Migrate {
        #[command(subcommand)]
        direction: Direction,
    },
    /// Print the GraphQL schema.
    Schema,
    /// Follow the changes until stopped.
    Tail(TailArgs),
    /// Record rows from before tracking, which have no change in the log yet.
    Baseline(BaselineArgs),
    /// Remove old changes from the log.
    Prune(PruneArgs),
    /// Make old cursors invalid, after a database was restored from a copy.
    Epoch {
        #[command(subcommand)]
        action: EpochAction,
    },
    /// Write rows of a table from many tasks at once, and check that no reader misses a change. Use an empty
    /// database.
    #[cfg(feature = "reference")]
    Torture(super::torture::TortureArgs),
    /// Look for anything that could let a write escape or keep the log from being read, and print the cure.
    Doctor(DoctorArgs),
    /// Replay the log against the tables and report every row that differs.
    Verify(VerifyArgs),
    /// Print the completions of commands and flags for a shell.
    Completions(CompletionsArgs),
}

impl App {
    /// Runs the command that the program's arguments name. 0 means done, or sound; 1 means that a fault was
    /// found; 2 means wrong use.
    pub fn run(self) -> ExitCode {
        let program = program();
        let cli = match parse(&program, self.about) {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        };
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&error),
        };
        match runtime.block_on(self.dispatch(cli, &program)) {
            Ok(code) => code,
            Err(error) => fail(error.as_ref()),
        }
    }

    async fn dispatch(self, cli: Cli, program: &str) -> Result<ExitCode, Box<dyn Error>> {
        let Cli { flags, command } = cli;
        let settings = flags.settings();
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve::command(&self, &settings).await,
            Command::Migrate { direction } => migrate::command(&self, &settings, direction).await,
            Command::Schema => schema::command(&self, &settings).await,
            Command::Tail(args) => tail::command(&settings, args).await,
            Command::Baseline(args) => baseline::command(&self, &settings, args).await,
            Command::Prune(args) => retention::prune(&settings, &args).await,
            Command::Epoch { action } => retention::epoch(&settings, action).await,
            #[cfg(feature = "reference")]
            Command::Torture(args) => super::torture::command(&self, &settings, args).await,
            Command::Doctor(args) => doctor::command(&self, &settings, &args).await,
            Command::Verify(args) => verify::command(&self, &settings, &args).await,
            Command::Completions(args) => {
                let definition = definition(program, self.about);
                Ok(completions::command(definition, program, &args))
            }
        }
    }
}

/// The name under which the program was started.
fn program() -> String {
    let first = std::env::args_os().next();
    let name = first.as_deref().map(Path::new).and_then(Path::file_stem);
    name.map_or_else(
        || "seachange".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn definition(program: &str, about: About) -> clap::Command {
    let command = Cli::command()
        .name(about.name)
        .version(about.version)
        .about(about.description);
    help::arranged(command, program, &settings::definition())
}

fn parse(program: &str, about: About) -> Result<Cli, clap::Error> {
    let matches = definition(program, about).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

fn fail(error: &(dyn Error + 'static)) -> ExitCode {
    eprintln!("error: {error}");
    if is_of_connecting(error) {
        eprintln!("the database is the one that --database-url or DATABASE_URL names");
    }
    ExitCode::from(1)
}

/// Whether no connection to the database could be made.
fn is_of_connecting(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref::<DbErr>(), Some(DbErr::Conn(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
        definition("app", App::new().about).debug_assert();
    }
}
