//! `tail`: shows the feed on a terminal.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;

use super::interrupt::interrupted;
use super::open_feed::open_feed;
use crate::app::Settings;
use crate::feed::{ChangeLine, Cursor, FeedError, FeedItem, Selection, Start, Subscription};

/// What `tail` shows.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    /// Begin after this cursor; "0" means the oldest change. Without it, begin now.
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// Only changes of this table; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(super) entity: Vec<String>,
    /// Print each change as one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn command(
    settings: &Settings,
    args: TailArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let start = match args.after.as_deref() {
        None => Start::Now,
        Some("0") => Start::Oldest,
        Some(cursor) => match Cursor::from_str(cursor) {
            Ok(cursor) => Start::After(cursor),
            Err(_) => return Ok(wrong_use(&FeedError::CursorInvalid)),
        },
    };
    // A misspelt name would otherwise silently match nothing.
    let tracked = seachange_changelog::internal::tracked_tables();
    if let Some(unknown) = args.entity.iter().find(|name| !tracked.contains(*name)) {
        return Ok(wrong_use(&format_args!("no table `{unknown}` is tracked")));
    }
    let wanted = Selection {
        entities: (!args.entity.is_empty()).then_some(args.entity),
        ..Selection::default()
    };
    let interrupted = interrupted()?;
    let feed = open_feed(settings).await?;
    let mut subscription = feed.subscribe(&start, wanted).await?;
    tokio::select! {
        ended = follow(&mut subscription, args.json) => ended,
        () = interrupted => Ok(ExitCode::SUCCESS),
    }
}

async fn follow(
    subscription: &mut Subscription,
    json: bool,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    loop {
        let FeedItem::Change(change) = subscription.next().await? else {
            continue;
        };
        let line = ChangeLine::new(&change, subscription.epoch());
        let text = if json {
            serde_json::to_string(&line)?
        } else {
            line.text()
        };
        // A reader that has closed the pipe ends the program, without an error.
        if writeln!(std::io::stdout(), "{text}").is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn wrong_use(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}
