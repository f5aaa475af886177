//! The readers: a live one on each server, and one that has nothing but a cursor.

use std::sync::Arc;
use std::time::Instant;

use seachange_changelog::internal::reader::Change;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::feed::{Cursor, Feed, FeedError, FeedItem, Selection, Start};

/// The changes that one reader received, in order.
pub(super) struct Read {
    pub(super) reader: String,
    pub(super) changes: Vec<(Arc<Change>, Instant)>,
}

pub(super) struct Readers {
    /// The cursor at which to stop, once it is known.
    until: watch::Sender<Option<Cursor>>,
    tasks: Vec<JoinHandle<Result<Read, FeedError>>>,
}

/// The changes that are read with a bare cursor before the next server is used.
const BARE_PAGE: u64 = 7;
/// Failed pages in a row, each after a wait of seconds for a connection.
const FAILURES: u32 = 5;

fn of_table() -> Selection {
    Selection {
        entities: Some(vec!["seachange_torture".to_owned()]),
        ..Selection::default()
    }
}

/// Starts all readers after the same cursor.
pub(super) async fn start(feeds: &[Feed], from: &Cursor) -> Result<Readers, FeedError> {
    let (until, stop) = watch::channel(None);
    let mut tasks = Vec::new();
    for (number, feed) in feeds.iter().enumerate() {
        let live = live(
            format!("live on server {number}"),
            feed.clone(),
            from.clone(),
            stop.clone(),
        );
        tasks.push(tokio::spawn(live));
    }
    tasks.push(tokio::spawn(bare(feeds.to_vec(), from.clone(), stop)));
    Ok(Readers { until, tasks })
}

impl Readers {
    /// Lets them read to the end of what is committed now.
    pub(super) async fn finish(self, feeds: &[Feed]) -> Result<Vec<Read>, FeedError> {
        let mut end = None;
        for feed in feeds {
            end = Some(feed.head().await?);
        }
        // The readers keep listening until they receive this.
        let _ = self.until.send(end);
        let mut read = Vec::new();
        for task in self.tasks {
            read.push(task.await.map_err(|_| FeedError::Ended)??);
        }
        Ok(read)
    }
}

async fn live(
    reader: String,
    feed: Feed,
    from: Cursor,
    mut stop: watch::Receiver<Option<Cursor>>,
) -> Result<Read, FeedError> {
    let mut subscription = feed.subscribe(&Start::After(from), of_table()).await?;
    let mut changes = Vec::new();
    loop {
        tokio::select! {
            item = subscription.next() => {
                if let FeedItem::Change(change) = item? {
                    changes.push((change, Instant::now()));
                }
            }
            _ = stop.wait_for(Option::is_some) => break,
        }
    }
    let end = stop.borrow().clone().ok_or(FeedError::Ended)?;
    while subscription.cursor().position < end.position {
        if let FeedItem::Change(change) = subscription.next().await? {
            changes.push((change, Instant::now()));
        }
    }
    while let Some(change) = subscription.next_ready() {
        changes.push((change, Instant::now()));
    }
    Ok(Read { reader, changes })
}

async fn bare(
    feeds: Vec<Feed>,
    from: Cursor,
    stop: watch::Receiver<Option<Cursor>>,
) -> Result<Read, FeedError> {
    let mut changes = Vec::new();
    let mut cursor = from;
    let mut servers = feeds.iter().cycle();
    let mut failures = 0;
    loop {
        let end = stop.borrow().clone();
        let Some(feed) = servers.next() else {
            return Err(FeedError::Ended);
        };
        // The cursor is converted to text and back, because a client keeps only the text.
        let held: Cursor = cursor.to_string().parse()?;
        let page = match feed.page(&Start::After(held), &of_table(), BARE_PAGE).await {
            Ok(page) => page,
            // The server has no free connection or is unreachable: the cursor is kept, and the next server is
            // used.
            Err(FeedError::Database(_)) if failures < FAILURES => {
                failures += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        failures = 0;
        let is_short = !page.has_more;
        cursor = page.end;
        let now = Instant::now();
        changes.extend(
            page.changes
                .into_iter()
                .map(|change| (Arc::new(change), now)),
        );
        if is_short && end.is_some_and(|end| cursor.position >= end.position) {
            let reader = "bare cursor, changing servers".to_owned();
            return Ok(Read { reader, changes });
        }
    }
}
