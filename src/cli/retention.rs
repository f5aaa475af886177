//! `prune` and `epoch new`: removing old changes of the log, and replacing its epoch.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use seachange_changelog::{new_epoch, prunable, prune as prune_log};

use crate::app::Settings;
use crate::database;

/// What `prune` removes.
#[derive(Args, Debug)]
pub(super) struct PruneArgs {
    /// Changes older than this: a number and s, m, h or d, e.g. 30d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: TimeDelta,
    /// Only say how many changes would be removed.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, on a terminal either.
    #[arg(long, short)]
    yes: bool,
}

/// What `epoch` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum EpochAction {
    /// Begin a new epoch. Stop the servers first.
    New,
}

/// Ages beyond this are a mistake; it is far below what dates can hold.
const OLDEST: i64 = 1_000 * 365 * 24 * 60 * 60;

fn age(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "a number and s, m, h or d, e.g. 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = i64::from(number).saturating_mul(seconds);
    TimeDelta::try_seconds(seconds.min(OLDEST)).ok_or_else(wrong)
}

pub(super) async fn prune(
    settings: &Settings,
    args: &PruneArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let db = database::connect(&settings.database()).await?;
    let before = Utc::now() - args.older_than;
    if args.dry_run {
        let count = prunable(db.writer(), before).await?;
        println!("{count} changes would be removed");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && is_on_terminal() {
        let count = prunable(db.writer(), before).await?;
        if count > 0 && !confirmed(count, before)? {
            println!("nothing removed");
            return Ok(ExitCode::SUCCESS);
        }
    }
    let removed = prune_log(db.writer(), before).await?;
    println!("{removed} changes removed");
    Ok(ExitCode::SUCCESS)
}

/// Whether somebody can be asked.
fn is_on_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks whether the changes are to be removed. Anything but yes means no.
fn confirmed(count: u64, before: DateTime<Utc>) -> std::io::Result<bool> {
    let before = before.to_rfc3339_opts(SecondsFormat::Secs, true);
    print!("Remove {count} changes from before {before} for good? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(&*answer.trim().to_lowercase(), "y" | "yes"))
}

pub(super) async fn epoch(
    settings: &Settings,
    action: EpochAction,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let EpochAction::New = action;
    let db = database::connect(&settings.database()).await?;
    println!("epoch {}", new_epoch(db.writer()).await?);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        assert_eq!(age("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(age("90s"), Ok(TimeDelta::seconds(90)));
        for wrong in [
            "",
            "d",
            "30",
            "-1d",
            "1.5h",
            "3 d",
            "3y",
            "99999999999d",
            "3é",
        ] {
            assert!(age(wrong).is_err(), "{wrong:?}");
        }
    }
}
