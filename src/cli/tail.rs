//! `tail`: the feed on a terminal.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::Notify;

use super::app::TailArgs;
use super::print::ChangeLine;
use super::settings::Settings;
use crate::database;
use crate::feed::{Cursor, Feed, FeedError, FeedItem, Selection, Start};

pub(super) async fn command(
    settings: &Settings,
    args: TailArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let start = match args.after.as_deref() {
        None => Start::Now,
        Some("0") => Start::Oldest,
        Some(cursor) => match Cursor::from_str(cursor) {
            Ok(cursor) => Start::After(cursor),
            Err(_) => {
                eprintln!("error: {}", FeedError::CursorInvalid);
                return Ok(ExitCode::from(2));
            }
        },
    };
    let wanted = Selection {
        entities: (!args.entity.is_empty()).then_some(args.entity),
        ..Selection::default()
    };
    let connections = database::connect(&settings.database()).await?;
    let feed = Feed::start(connections.feed, Arc::new(Notify::new())).await?;
    let mut subscription = feed.subscribe(&start, wanted).await?;
    loop {
        let FeedItem::Change(change) = subscription.next().await? else {
            continue;
        };
        let line = ChangeLine::new(&change, feed.epoch());
        let text = if args.json {
            serde_json::to_string(&line)?
        } else {
            line.text()
        };
        // A reader that has gone away ends the program, not with an error.
        if writeln!(std::io::stdout(), "{text}").is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}
