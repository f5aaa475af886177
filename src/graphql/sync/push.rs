//! `pushTask`: edits of offline clients.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use chrono::Utc;
use seachange_changelog::TrackedConnection;
use seachange_changelog::sync::orphan;
use serde_json::Value as Json;

use super::accept::{Batch, Taken};
use super::document;
use super::pushed::Pushed;
use super::rejections::Rejections;
use super::{Synced, types};
use crate::graphql::error::Refusal;
use crate::graphql::guard::given;
use crate::graphql::mutation::connection;
use crate::graphql::pagination::limits;
use crate::graphql::transaction::in_transaction;

/// The field.
pub(super) fn field(synced: &Arc<Synced>) -> Field {
    let of = Arc::clone(synced);
    let name = format!("push{}", synced.info().object);
    let ty = TypeRef::named_nn_list_nn(document::name(synced));
    Field::new(name, ty, move |ctx| {
        let synced = Arc::clone(&of);
        FieldFuture::new(async move {
            let documents = push(&ctx, &synced).await?;
            let documents = documents.into_iter().map(FieldValue::owned_any);
            Ok(Some(FieldValue::list(documents)))
        })
    })
    .description(
        "Stores edits, each whole or not at all, in one transaction. The answer has every row that is \
         not as it was sent; why is in `extensions.rejections`, and the edit in `syncConflicts`.",
    )
    .argument(InputValue::new(
        argument(synced),
        TypeRef::named_nn_list(types::push_row(synced)),
    ))
}

fn argument(synced: &Synced) -> String {
    format!("{}PushRow", synced.info().field)
}

async fn push(
    ctx: &ResolverContext<'_>,
    synced: &Synced,
) -> Result<Vec<document::Document>, Refusal> {
    let rows = rows(ctx, synced)?;
    let most = limits(ctx)?.batch_rows;
    if rows.len() > most {
        return Err(Refusal::limit(format!("a push has at most {most} rows")));
    }
    let db = connection(ctx)?;
    let actor = db.context().actor.as_deref();
    let rows: Vec<Pushed> = rows
        .into_iter()
        .map(|row| Pushed::read(synced, actor, row))
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch {
        synced,
        rows,
        context: db.context().clone(),
        orphans: Mutex::default(),
        ending: Mutex::default(),
    };
    let Taken {
        documents,
        rejections,
    } = loop {
        let known = batch.known_to_end();
        match in_transaction(ctx, db, &batch).await {
            Ok(taken) => break taken,
            // A row ended the transaction for all: the others get another, one time for each such row.
            Err(_) if batch.known_to_end() > known => {}
            Err(refusal) => {
                count_orphans(db, batch.orphans).await?;
                return Err(refusal);
            }
        }
    };
    if let Some(told) = ctx.data_opt::<Rejections>() {
        told.add(rejections);
    }
    Ok(documents)
}

fn rows(ctx: &ResolverContext<'_>, synced: &Synced) -> Result<Vec<Json>, Refusal> {
    let malformed = || Refusal::bad_input("a push has a list of rows");
    let rows = given(ctx, &argument(synced));
    let rows = rows.map(|rows| rows.into_owned().into_json());
    match rows.transpose().map_err(|_| malformed())? {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(rows)) => Ok(rows),
        // GraphQL takes a single value for a list of one.
        Some(row @ Json::Object(_)) => Ok(vec![row]),
        Some(_) => Err(malformed()),
    }
}

/// Remembers, beside the batch of which nothing is kept, that it was tried.
async fn count_orphans(db: &TrackedConnection, orphans: Mutex<Vec<String>>) -> Result<(), Refusal> {
    let orphans = orphans.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !orphans.is_empty() {
        orphan::count(db, orphans, Utc::now()).await?;
    }
    Ok(())
}
