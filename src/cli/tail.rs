//! `tail`: shows the feed on a terminal.

mod text;

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;

use super::interrupt::interrupted;
use super::open_feed::open_feed;
use crate::app::Settings;
use crate::feed::{
    Change, ChangeLine, Cursor, Epoch, Feed, FeedError, FeedItem, Selection, Start, Subscription,
};

/// Changes read at a time for the last ones.
const PAGE: u64 = 500;

/// What `tail` shows.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    /// Begin after this cursor; "0" means the oldest change. Without it, begin now.
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// Begin with the last N changes.
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "after", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) last: Option<u16>,
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
    let printer = Printer { json: args.json };
    let shown = async {
        let start = match args.last {
            Some(count) => match print_last(&feed, &wanted, count, &printer).await? {
                Some(cursor) => Start::After(cursor),
                None => return Ok(ExitCode::SUCCESS),
            },
            None => start,
        };
        let mut subscription = feed.subscribe(&start, wanted).await?;
        follow(&mut subscription, &printer).await
    };
    tokio::select! {
        ended = shown => ended,
        () = interrupted => Ok(ExitCode::SUCCESS),
    }
}

/// Prints the last changes of the log, and returns the cursor after them; `None` if the reader has closed the
/// pipe.
async fn print_last(
    feed: &Feed,
    wanted: &Selection,
    count: u16,
    printer: &Printer,
) -> Result<Option<Cursor>, Box<dyn std::error::Error>> {
    let mut start = feed.before_newest(wanted, u64::from(count)).await?;
    let mut last = VecDeque::with_capacity(usize::from(count));
    let (epoch, end) = loop {
        let page = feed.page(&start, wanted, PAGE).await?;
        for change in page.changes {
            if last.len() == usize::from(count) {
                last.pop_front();
            }
            last.push_back(change);
        }
        if !page.has_more {
            break (page.epoch, page.end);
        }
        start = Start::After(page.end);
    };
    for change in &last {
        if !printer.print(change, &epoch)? {
            return Ok(None);
        }
    }
    Ok(Some(end))
}

async fn follow(
    subscription: &mut Subscription,
    printer: &Printer,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    loop {
        let FeedItem::Change(change) = subscription.next().await? else {
            continue;
        };
        if !printer.print(&change, subscription.epoch())? {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Prints changes, each as a line.
struct Printer {
    json: bool,
}

impl Printer {
    /// Returns whether there is still a reader: one that has closed the pipe ends the program, without an error.
    fn print(&self, change: &Change, epoch: &Epoch) -> Result<bool, serde_json::Error> {
        let printed = if self.json {
            let text = serde_json::to_string(&ChangeLine::new(change, epoch))?;
            writeln!(std::io::stdout(), "{text}")
        } else {
            writeln!(anstream::stdout(), "{}", text::of(change, epoch))
        };
        Ok(printed.is_ok())
    }
}

fn wrong_use(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}
