//! The rows that have changed since a checkpoint, each once, as they are now.
//!
//! A client without a checkpoint first gets the table, by key, and then what has changed since it began. So
//! rows older than tracking are included and none is missed. A page that is shorter than asked for means that
//! the client has everything, so no page is short for another reason.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::TransactionTrait;
use seachange_changelog::Image;
use seachange_changelog::internal::image;

use super::bulk::{Bulk, document_left_by};
use super::complete::complete;
use super::document::Document;
use super::synced::Synced;
use crate::feed::{Cursor, Feed, FeedError, Start};
use crate::service::budget::{Budget, Cost};
use crate::service::call::Call;
use crate::service::code::ErrorCode;
use crate::service::error::ServiceError;
use crate::service::table::KeyedRow;

/// Changes read from the log at a time.
const PAGE: u64 = 1_000;
/// Rows of the table read at a time. They are charged before more are read.
const TABLE_PAGE: usize = 1_000;
/// How many changes one pull looks at, if they are of few rows, before it answers with what it has.
const LOOKED_AT: usize = 100_000;

/// How far a client has read. As text it is a cursor; while the table is being read, a tilde and the key
/// follow.
#[derive(Clone, Debug, PartialEq)]
struct Checkpoint {
    /// The client has every change up to here, or the table's part of the first pull is not over yet.
    cursor: Cursor,
    /// The last row of the table that the client has.
    key: Option<Image>,
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cursor.fmt(f)?;
        match &self.key {
            Some(key) => {
                let key = image::text_of(key);
                write!(f, "~{}", URL_SAFE_NO_PAD.encode(key))
            }
            None => Ok(()),
        }
    }
}

impl FromStr for Checkpoint {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let (cursor, key) = match text.split_once('~') {
            Some((cursor, key)) => (cursor, Some(key)),
            None => (text, None),
        };
        let read = |key: &str| {
            let key = URL_SAFE_NO_PAD.decode(key).ok()?;
            serde_json::from_slice::<Image>(&key).ok()
        };
        let key = key.map(|key| read(key).ok_or(FeedError::CursorInvalid));
        Ok(Self {
            cursor: cursor.parse()?,
            key: key.transpose()?,
        })
    }
}

/// Up to `limit` rows that have changed since a checkpoint; without one, rows that exist.
///
/// # Errors
/// `CURSOR_INVALID` if the text is not a checkpoint, `RESYNC_REQUIRED` if it is from another log or older than
/// what is kept: the client begins without one then. `LIMIT_EXCEEDED` for more rows than one pull may have.
pub(crate) async fn pull(
    call: Call<'_>,
    synced: &Synced,
    checkpoint: Option<&str>,
    limit: usize,
) -> Result<Bulk, ServiceError> {
    let most = call.limits.pull_rows;
    if limit > most {
        return Err(ServiceError::limit(format!("`limit` is at most {most}")));
    }
    if limit == 0 {
        return Err(ServiceError::bad_input("`limit` is at least 1"));
    }
    let pull = Pull {
        synced,
        call,
        feed: call.feed()?,
        limit,
    };
    let checkpoint = checkpoint.map(Checkpoint::from_str).transpose()?;
    pull.bulk(checkpoint).await
}

struct Pull<'a> {
    synced: &'a Synced,
    call: Call<'a>,
    feed: &'a Feed,
    limit: usize,
}

/// Documents. Each row's newest replaces its first, in the place of the first.
struct Gathered<'a> {
    budget: &'a Budget,
    places: HashMap<String, usize>,
    documents: Vec<Document>,
    /// The places of documents from the log, which may have less than the table has now.
    logged: HashSet<usize>,
}

impl<'a> Gathered<'a> {
    fn new(budget: &'a Budget) -> Self {
        Self {
            budget,
            places: HashMap::new(),
            documents: Vec::new(),
            logged: HashSet::new(),
        }
    }

    /// Puts a document in its place, and charges it if it is new. Returns the place.
    fn put(&mut self, key: String, document: Document) -> Result<usize, ServiceError> {
        if let Some(place) = self.places.get(&key) {
            self.documents[*place] = document;
            return Ok(*place);
        }
        self.budget.charge(Cost::of_images([&document.row]))?;
        let place = self.documents.len();
        self.places.insert(key, place);
        self.documents.push(document);
        Ok(place)
    }

    fn put_logged(&mut self, key: String, document: Document) -> Result<(), ServiceError> {
        let place = self.put(key, document)?;
        self.logged.insert(place);
        Ok(())
    }

    /// The documents from the log.
    fn logged(&mut self) -> impl Iterator<Item = &mut Document> {
        let documents = self.documents.iter_mut().enumerate();
        documents
            .filter(|(place, _)| self.logged.contains(place))
            .map(|(_, document)| document)
    }
}

impl Pull<'_> {
    async fn bulk(&self, from: Option<Checkpoint>) -> Result<Bulk, ServiceError> {
        let mut gathered = Gathered::new(self.call.budget);
        let checkpoint = match from {
            Some(Checkpoint { cursor, key: None }) => self.of_log(cursor, &mut gathered).await?,
            Some(Checkpoint {
                cursor,
                key: Some(key),
            }) => {
                let after = self.after(key)?;
                // Otherwise an invalid cursor would be reported only at the end of the table.
                self.feed.position(&cursor).await.map_err(as_resync)?;
                self.of_table(cursor, Some(after), &mut gathered).await?
            }
            None => {
                let cursor = self.feed.head().await.map_err(as_resync)?;
                self.of_table(cursor, None, &mut gathered).await?
            }
        };
        complete(self.synced, self.call.db.reader(), gathered.logged()).await?;
        Ok(Bulk {
            documents: gathered.documents,
            is_complete: true,
            checkpoint: checkpoint.to_string(),
        })
    }

    /// Checks the key of a checkpoint.
    fn after(&self, key: Image) -> Result<Image, ServiceError> {
        let is_whole = self
            .synced
            .key_of(&key)
            .values()
            .all(|part| !part.is_null());
        let backend = self.call.db.reader().get_database_backend();
        match self.synced.registered.table.check_key(&key, backend) {
            Ok(()) if is_whole => Ok(key),
            _ => Err(FeedError::CursorInvalid.into()),
        }
    }

    /// The table's rows after a key, and after the last of them what has changed since `cursor`.
    async fn of_table(
        &self,
        cursor: Cursor,
        after: Option<Image>,
        gathered: &mut Gathered<'_>,
    ) -> Result<Checkpoint, ServiceError> {
        let table = &self.synced.registered.table;
        let mut after = after;
        let mut is_end = false;
        let tx = self.call.db.reader().begin().await?;
        while !is_end && gathered.documents.len() < self.limit {
            self.call.budget.check()?;
            let wanted = TABLE_PAGE.min(self.limit - gathered.documents.len());
            let read = table.read(&tx, None, after.as_ref(), wanted as u64);
            let found = read.await?;
            for KeyedRow { key, image } in found.rows {
                gathered.put(image::text_of(&key), Document::present(image))?;
            }
            is_end = found.next.is_none();
            after = found.next;
        }
        tx.commit().await?;
        if is_end {
            self.of_log(cursor, gathered).await
        } else {
            Ok(Checkpoint { cursor, key: after })
        }
    }

    /// What has changed since `cursor`, until there are enough rows.
    async fn of_log(
        &self,
        mut cursor: Cursor,
        gathered: &mut Gathered<'_>,
    ) -> Result<Checkpoint, ServiceError> {
        let wanted = self.synced.selection();
        let mut looked_at = 0;
        loop {
            self.call.budget.check()?;
            let page = self
                .feed
                .page(&Start::After(cursor), &wanted, PAGE)
                .await
                .map_err(as_resync)?;
            for change in page.changes {
                looked_at += 1;
                let key = change.row.row_key.to_string();
                gathered.put_logged(key, document_left_by(self.synced, &change))?;
                if gathered.documents.len() >= self.limit {
                    cursor = Cursor::at(&page.epoch, change.position);
                    return Ok(Checkpoint { cursor, key: None });
                }
            }
            cursor = page.end;
            if page.has_more && looked_at >= LOOKED_AT {
                // A page of full length tells the client to continue, and receiving a row twice does no harm.
                let last = gathered.documents.last().cloned();
                if let Some(last) = last {
                    let places = gathered.documents.len()..self.limit;
                    gathered.logged.extend(places);
                    gathered.documents.resize(self.limit, last);
                }
                return Ok(Checkpoint { cursor, key: None });
            }
            if !page.has_more {
                return Ok(Checkpoint { cursor, key: None });
            }
        }
    }
}

/// A client that has fallen behind what is kept must start again, as if the log were another.
fn as_resync(error: FeedError) -> ServiceError {
    match error {
        FeedError::CursorExpired => ServiceError::new(ErrorCode::ResyncRequired, error.to_string()),
        error => error.into(),
    }
}
