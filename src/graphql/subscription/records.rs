//! One entity's rows through a filter: initial rows, the moment of having caught up, changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use sea_orm::Value;
use seachange_changelog::{Image, Operation};
use tokio::time::Instant;

use crate::feed::{
    Change, Cursor, Feed, FeedItem, Selection, Snapshot, Start, Subscription, unhurried,
};
use crate::graphql::change::time;
use crate::graphql::entity::EntityInfo;
use crate::graphql::error::{ErrorCode, Refusal};
use crate::graphql::filter::Predicate;
use crate::graphql::record::{Kind, RecordChange};
use crate::graphql::table::{Row, Rows, Table};

/// How a subscription begins.
pub(super) enum Begin {
    /// With the next change.
    Now,
    /// With a replay, and a word when it is over.
    From(Start),
    /// With the rows there are, and a word when these are through.
    WithRows,
}

/// Initial rows read at a time.
const INITIAL_PAGE: u64 = 500;
/// How long the initial rows may take: meanwhile they hold a database connection, and PostgreSQL
/// keeps every old row version.
const INITIAL_MOST: Duration = Duration::from_secs(60);

enum Phase {
    /// Reading the table at one moment.
    Initial {
        snapshot: Arc<Snapshot>,
        after: Option<Vec<Value>>,
        rows: VecDeque<Row>,
        is_last: bool,
        began: Instant,
    },
    /// Following the feed; `announce` while the end of a replay is to be told.
    Follow {
        subscription: Box<Subscription>,
        announce: bool,
    },
}

/// The items of one `taskChanges` subscription.
pub(super) struct Records {
    feed: Feed,
    entity: Arc<EntityInfo>,
    table: Arc<dyn Table>,
    predicate: Option<Predicate>,
    phase: Phase,
    /// Where the last item left the client: what CAUGHT_UP carries.
    cursor: Cursor,
}

impl Records {
    pub(super) async fn open(
        feed: Feed,
        entity: Arc<EntityInfo>,
        table: Arc<dyn Table>,
        predicate: Option<Predicate>,
        begin: Begin,
    ) -> Result<Self, Refusal> {
        let (phase, cursor) = match begin {
            Begin::WithRows => {
                let snapshot = feed.snapshot().await?;
                let cursor = snapshot.cursor.clone();
                let phase = Phase::Initial {
                    snapshot: Arc::new(snapshot),
                    after: None,
                    rows: VecDeque::new(),
                    is_last: false,
                    began: Instant::now(),
                };
                (phase, cursor)
            }
            Begin::From(start) => {
                let head = feed.head().await?;
                let subscription = feed.subscribe(&start, wanted(&entity)).await?;
                let phase = Phase::Follow {
                    subscription: Box::new(subscription),
                    announce: true,
                };
                (phase, head)
            }
            Begin::Now => {
                let head = feed.head().await?;
                let subscription = feed.subscribe(&Start::Now, wanted(&entity)).await?;
                let phase = Phase::Follow {
                    subscription: Box::new(subscription),
                    announce: false,
                };
                (phase, head)
            }
        };
        Ok(Self {
            feed,
            entity,
            table,
            predicate,
            phase,
            cursor,
        })
    }

    /// The items; ends after an error.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<RecordChange, Refusal>> + Send {
        stream::unfold(Some(self), |records| async {
            let mut records = records?;
            match records.next().await {
                Ok(item) => Some((Ok(item), Some(records))),
                Err(refusal) => Some((Err(refusal), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<RecordChange, Refusal> {
        loop {
            let item = match &mut self.phase {
                Phase::Initial { .. } => self.initial().await?,
                Phase::Follow {
                    subscription,
                    announce,
                } => match subscription.next().await? {
                    FeedItem::CaughtUp if *announce => {
                        *announce = false;
                        Some(caught_up(subscription.cursor(self.feed.epoch())))
                    }
                    FeedItem::CaughtUp => None,
                    FeedItem::Change(change) => self.filtered(&change),
                },
            };
            if let Some(item) = item {
                return Ok(item);
            }
        }
    }

    /// The next initial row; after the last, CAUGHT_UP, and the feed from the snapshot on.
    async fn initial(&mut self) -> Result<Option<RecordChange>, Refusal> {
        let Phase::Initial {
            snapshot,
            after,
            rows,
            is_last,
            began,
        } = &mut self.phase
        else {
            return Ok(None);
        };
        if let Some(row) = rows.pop_front() {
            return match row {
                Row::Image { key, image } => Ok(Some(initial_row(key, image, &self.cursor))),
                Row::Unreadable(error) => Err(Refusal::internal(&error)),
            };
        }
        if !*is_last {
            if began.elapsed() > INITIAL_MOST {
                return Err(Refusal::new(
                    ErrorCode::Unavailable,
                    "the initial rows were read too slowly; subscribe again",
                ));
            }
            let (table, snapshot) = (Arc::clone(&self.table), Arc::clone(snapshot));
            let (predicate, after_key) = (self.predicate.clone(), after.clone());
            let page = unhurried(async move {
                let (predicate, key) = (predicate.as_ref(), after_key.as_deref());
                table.read(&snapshot.tx, predicate, key, INITIAL_PAGE).await
            })
            .await?;
            let Rows { rows: found, next } = page;
            *is_last = next.is_none();
            *after = next;
            rows.extend(found);
            return Ok(None);
        }
        let start = Start::After(self.cursor.clone());
        let subscription = self.feed.subscribe(&start, wanted(&self.entity)).await?;
        self.phase = Phase::Follow {
            subscription: Box::new(subscription),
            announce: false,
        };
        Ok(Some(caught_up(self.cursor.clone())))
    }

    /// The change as seen through the filter: entering it is an insert, leaving it a delete.
    fn filtered(&self, change: &Change) -> Option<RecordChange> {
        let image = |json: &Option<serde_json::Value>| json.as_ref()?.as_object().cloned();
        let admits = |image: &Option<Image>| {
            image.as_ref().is_some_and(|image| {
                self.predicate
                    .as_ref()
                    .is_none_or(|predicate| predicate.admits(&self.entity, image))
            })
        };
        let row = &change.row;
        let (before, after) = (image(&row.before), image(&row.after));
        let kind = match (admits(&before), admits(&after)) {
            (false, false) => return None,
            (false, true) => Kind::Insert,
            (true, false) => Kind::Delete,
            (true, true) => Kind::Update,
        };
        debug_assert!(kind != Kind::Update || row.operation == Operation::Update);
        Some(RecordChange {
            kind,
            cursor: Cursor::at(self.feed.epoch(), change.position).to_string(),
            key: row.row_key.as_object().cloned(),
            record: after.filter(|_| kind != Kind::Delete),
            previous: before.filter(|_| kind != Kind::Insert),
            changed_fields: change.changed_fields(),
            actor: row.actor.clone(),
            transaction_id: Some(row.transaction_id.clone()),
            recorded_at: Some(time(row.recorded_at)),
        })
    }
}

fn wanted(entity: &EntityInfo) -> Selection {
    Selection {
        entities: Some(vec![entity.table.to_owned()]),
        ..Selection::default()
    }
}

fn initial_row(key: Image, image: Image, cursor: &Cursor) -> RecordChange {
    RecordChange {
        kind: Kind::Initial,
        cursor: cursor.to_string(),
        key: Some(key),
        record: Some(image),
        previous: None,
        changed_fields: Vec::new(),
        actor: None,
        transaction_id: None,
        recorded_at: None,
    }
}

fn caught_up(cursor: Cursor) -> RecordChange {
    RecordChange {
        kind: Kind::CaughtUp,
        cursor: cursor.to_string(),
        key: None,
        record: None,
        previous: None,
        changed_fields: Vec::new(),
        actor: None,
        transaction_id: None,
        recorded_at: None,
    }
}
