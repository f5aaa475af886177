//! What the help of each command shows: its own flags and an example. The settings of the server are shown by
//! `serve` alone, although every command accepts them.

use clap::{Arg, Command};

/// The flags that every command with a database shows.
const DATABASE: &str = "database_url";

/// Commands that use no database.
const WITHOUT_DATABASE: [&str; 2] = ["schema", "completions"];

/// Where the settings of the server are found.
const MORE: &str = "The settings of the server (SEACHANGE_LISTEN and others): PROGRAM serve --help";

/// The examples of a command. `PROGRAM` stands for the program's name.
fn examples(command: &str) -> Option<&'static str> {
    Some(match command {
        "serve" => {
            "Examples:
  PROGRAM serve --listen 127.0.0.1:9000
  DATABASE_URL=postgres://app@db.example/app SEACHANGE_JWT_SECRET=… PROGRAM serve --listen 0.0.0.0:8080"
        }
        "migrate" => {
            "Examples:
  PROGRAM migrate status
  PROGRAM migrate up"
        }
        "schema" => {
            "Example:
  PROGRAM schema > schema.graphql"
        }
        "tail" => {
            "Examples:
  PROGRAM tail -n 20
  PROGRAM tail --entity task --entity comment
  PROGRAM tail --after 0 --json | jq .entity"
        }
        "baseline" => {
            "Examples:
  PROGRAM baseline task
  PROGRAM baseline --all"
        }
        "prune" => {
            "Examples:
  PROGRAM prune --older-than 90d --dry-run
  PROGRAM prune --older-than 90d --yes"
        }
        "epoch" => {
            "Example:
  PROGRAM epoch new"
        }
        "torture" => {
            "Example:
  PROGRAM torture --seconds 60 --database-url 'sqlite://torture.db?mode=rwc'"
        }
        "doctor" => {
            "Examples:
  PROGRAM doctor
  PROGRAM doctor --json"
        }
        "verify" => {
            "Examples:
  PROGRAM verify
  PROGRAM verify --json --keys-in-memory 5000000"
        }
        "completions" => {
            "Examples:
  PROGRAM completions bash > ~/.local/share/bash-completion/completions/PROGRAM
  PROGRAM completions zsh > ~/.zfunc/_PROGRAM
  PROGRAM completions fish > ~/.config/fish/completions/PROGRAM.fish"
        }
        _ => return None,
    })
}

/// The command with help for a program of this name. `settings` has the flags that are settings.
pub(super) fn arranged(command: Command, program: &str, settings: &Command) -> Command {
    let is_setting = |arg: &Arg| {
        let mut settings = settings.get_arguments();
        settings.any(|setting| setting.get_id() == arg.get_id())
    };
    let mut command = command.bin_name(program);
    // The settings are now in each command, and can be hidden there.
    command.build();
    let more = MORE.replace("PROGRAM", program);
    let mut command = hidden(command, &is_setting, &|name| name != DATABASE).after_help(more);
    for sub in command.get_subcommands_mut() {
        let name = sub.get_name().to_owned();
        let mut arranged = std::mem::take(sub);
        if name != "serve" {
            let has_database = !WITHOUT_DATABASE.contains(&&*name);
            let is_hidden = move |id: &str| !has_database || id != DATABASE;
            arranged = hidden(arranged, &is_setting, &is_hidden);
        }
        if let Some(examples) = examples(&name) {
            arranged = arranged.after_help(examples.replace("PROGRAM", program));
        }
        *sub = arranged;
    }
    command
}

/// Hides settings in the help of a command and its subcommands.
fn hidden(
    command: Command,
    is_setting: &dyn Fn(&Arg) -> bool,
    is_hidden: &dyn Fn(&str) -> bool,
) -> Command {
    let mut command = command.mut_args(|arg| {
        let hide = is_setting(&arg) && is_hidden(arg.get_id().as_str());
        if hide { arg.hide(true) } else { arg }
    });
    for sub in command.get_subcommands_mut() {
        if sub.get_name() != "serve" {
            *sub = hidden(std::mem::take(sub), is_setting, is_hidden);
        }
    }
    command
}
