//! `pullTask`: the rows that have changed since a checkpoint, each once, as they are.
//!
//! A client without a checkpoint gets the table first, by key, and then what has changed since it
//! began: so rows older than tracking are included and none is missed. A page shorter than asked for
//! tells the client that it has everything, so none is short for any other reason.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{DatabaseConnection, TransactionTrait};
use seachange_changelog::{Image, image};

use super::bulk::{Bulk, left};
use super::complete::complete;
use super::document::Document;
use super::{Synced, ahead, types};
use crate::feed::{Cursor, Feed, FeedError, Start};
use crate::graphql::budget::{Budget, Cost};
use crate::graphql::change;
use crate::graphql::error::{ErrorCode, Refusal};
use crate::graphql::pagination::limits;
use crate::graphql::table::Row;

/// Changes read from the log at a time.
const PAGE: u64 = 1_000;
/// Rows of the table read at a time, and counted before there are more.
const TABLE_PAGE: usize = 1_000;
/// Changes of a few rows that one pull looks at before it answers with what it has.
const LOOKED_AT: usize = 100_000;

/// How far a client has come. In text a cursor, in the table with the key after a tilde.
#[derive(Clone, Debug, PartialEq)]
struct Checkpoint {
    /// Every change up to here is in what the client has, or the table's part of the first pull is
    /// still to come.
    cursor: Cursor,
    /// The last row of the table that it has.
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

/// The field.
pub(super) fn field(synced: &Arc<Synced>) -> Field {
    let of = Arc::clone(synced);
    let name = format!("pull{}", synced.info().object);
    Field::new(name, TypeRef::named_nn(types::bulk(synced)), move |ctx| {
        let synced = Arc::clone(&of);
        FieldFuture::new(async move {
            let limit = limit(&ctx)?;
            let pull = Pull {
                synced: &synced,
                budget: Budget::of(&ctx)?,
                feed: change::feed(&ctx)?,
                limit,
            };
            let bulk = pull.bulk(&ctx, checkpoint(&ctx)?).await?;
            ahead::render(&ctx, &synced, &bulk);
            Ok(Some(FieldValue::owned_any(bulk)))
        })
    })
    .description(
        "Rows that have changed since the checkpoint, each once, as they are; without one, all rows. \
         Fewer than `limit`: there are no more for now.",
    )
    .argument(InputValue::new(
        "checkpoint",
        TypeRef::named(types::input_checkpoint(synced)),
    ))
    .argument(InputValue::new("limit", TypeRef::named_nn(TypeRef::INT)))
}

fn limit(ctx: &ResolverContext<'_>) -> Result<usize, Refusal> {
    let most = limits(ctx)?.pull_rows;
    let limit = ctx.args.get("limit").and_then(|limit| limit.i64().ok());
    match limit.and_then(|limit| usize::try_from(limit).ok()) {
        Some(limit) if limit > most => Err(Refusal::limit(format!("`limit` is at most {most}"))),
        Some(limit) if limit > 0 => Ok(limit),
        _ => Err(Refusal::bad_input("`limit` is at least 1")),
    }
}

fn checkpoint(ctx: &ResolverContext<'_>) -> Result<Option<Checkpoint>, Refusal> {
    let given = ctx.args.get("checkpoint").filter(|given| !given.is_null());
    let Some(given) = given else {
        return Ok(None);
    };
    let malformed = || Refusal::from(FeedError::CursorInvalid);
    let object = given.object().map_err(|_| malformed())?;
    let cursor = object.get("cursor").ok_or_else(malformed)?;
    let text = cursor.string().map_err(|_| malformed())?;
    Ok(Some(text.parse::<Checkpoint>().map_err(Refusal::from)?))
}

struct Pull<'a> {
    synced: &'a Synced,
    budget: &'a Budget,
    feed: &'a Feed,
    limit: usize,
}

/// Documents, each row's newest in the place where it came first.
struct Gathered<'a> {
    budget: &'a Budget,
    places: HashMap<String, usize>,
    documents: Vec<Document>,
}

impl<'a> Gathered<'a> {
    fn new(budget: &'a Budget) -> Self {
        Self {
            budget,
            places: HashMap::new(),
            documents: Vec::new(),
        }
    }

    /// Puts a document in its place, and counts it if it is new.
    fn put(&mut self, key: String, document: Document) -> Result<(), Refusal> {
        match self.places.get(&key) {
            Some(place) => self.documents[*place] = document,
            None => {
                self.budget.charge(Cost::of_images([&document.row]))?;
                self.places.insert(key, self.documents.len());
                self.documents.push(document);
            }
        }
        Ok(())
    }
}

impl Pull<'_> {
    async fn bulk(
        &self,
        ctx: &ResolverContext<'_>,
        from: Option<Checkpoint>,
    ) -> Result<Bulk, Refusal> {
        let mut gathered = Gathered::new(self.budget);
        let checkpoint = match from {
            Some(Checkpoint { cursor, key: None }) => self.of_log(cursor, &mut gathered).await?,
            Some(Checkpoint {
                cursor,
                key: Some(key),
            }) => {
                let after = self.after(key)?;
                // Else it would be told at the end of the table only.
                self.feed.position(&cursor).await.map_err(told)?;
                self.of_table(ctx, cursor, Some(after), &mut gathered)
                    .await?
            }
            None => {
                let cursor = self.feed.head().await.map_err(told)?;
                self.of_table(ctx, cursor, None, &mut gathered).await?
            }
        };
        let db = ctx.data::<DatabaseConnection>();
        let db = db.map_err(|error| Refusal::internal(&error.message))?;
        complete(self.synced, db, &mut gathered.documents).await?;
        Ok(Bulk {
            documents: gathered.documents,
            checkpoint: checkpoint.to_string(),
        })
    }

    /// The key of a checkpoint.
    fn after(&self, key: Image) -> Result<Image, Refusal> {
        let is_whole = self
            .synced
            .key_of(&key)
            .values()
            .all(|part| !part.is_null());
        match self.synced.registered.table.check_key(&key) {
            Ok(()) if is_whole => Ok(key),
            _ => Err(FeedError::CursorInvalid.into()),
        }
    }

    /// The table's rows after a key, and after the last of them what has changed since `cursor`.
    async fn of_table(
        &self,
        ctx: &ResolverContext<'_>,
        cursor: Cursor,
        after: Option<Image>,
        gathered: &mut Gathered<'_>,
    ) -> Result<Checkpoint, Refusal> {
        let table = &self.synced.registered.table;
        let db = ctx.data::<DatabaseConnection>();
        let db = db.map_err(|error| Refusal::internal(&error.message))?;
        let mut after = after;
        while gathered.documents.len() < self.limit {
            self.budget.check()?;
            let wanted = TABLE_PAGE.min(self.limit - gathered.documents.len());
            let tx = db.begin().await?;
            let read = table.read(&tx, None, after.as_ref(), wanted as u64);
            let found = read.await?;
            tx.commit().await?;
            for Row { key, image } in found.rows {
                gathered.put(image::text_of(&key), Document::present(image))?;
            }
            if found.next.is_none() {
                return self.of_log(cursor, gathered).await;
            }
            after = found.next;
        }
        Ok(Checkpoint { cursor, key: after })
    }

    /// What has changed since `cursor`, until there is enough of it.
    async fn of_log(
        &self,
        mut cursor: Cursor,
        gathered: &mut Gathered<'_>,
    ) -> Result<Checkpoint, Refusal> {
        let wanted = self.synced.selection();
        let mut looked_at = 0;
        loop {
            self.budget.check()?;
            let page = self.feed.page(&Start::After(cursor), &wanted, PAGE).await;
            let page = page.map_err(told)?;
            for change in page.changes {
                looked_at += 1;
                let key = change.row.row_key.to_string();
                gathered.put(key, left(self.synced, &change))?;
                if gathered.documents.len() >= self.limit {
                    cursor = Cursor::at(&page.epoch, change.position);
                    return Ok(Checkpoint { cursor, key: None });
                }
            }
            cursor = page.end;
            if page.has_more && looked_at >= LOOKED_AT {
                // To be continued: a page of full length says so, and to have a row twice does no harm.
                let last = gathered.documents.last().cloned();
                if let Some(last) = last {
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

/// A client that has fallen behind what is kept must begin anew, as one of another log.
fn told(error: FeedError) -> Refusal {
    match error {
        FeedError::CursorExpired => Refusal::new(ErrorCode::ResyncRequired, error.to_string()),
        error => error.into(),
    }
}
