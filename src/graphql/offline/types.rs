//! The types of an entity's sync fields, under the names that RxDB's queries use.

use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputObject, InputValue, Object, Scalar, TypeRef,
};

use super::document;
use crate::graphql::builder::Builder;
use crate::graphql::context::database;
use crate::graphql::error::Refusal;
use crate::graphql::object_of::ObjectOf;
use crate::service::offline::bulk::Bulk;
use crate::service::offline::complete::complete;
use crate::service::offline::document::Document;
use crate::service::offline::synced::Synced;

/// `TaskPullBulk`.
pub(super) fn bulk(synced: &Synced) -> String {
    format!("{}PullBulk", synced.info().object)
}

/// `TaskInputCheckpoint`.
pub(super) fn input_checkpoint(synced: &Synced) -> String {
    format!("{}InputCheckpoint", synced.info().object)
}

/// `TaskInputPushRow`.
pub(super) fn push_row(synced: &Synced) -> String {
    format!("{}InputPushRow", synced.info().object)
}

/// `TaskInputHeaders`.
pub(super) fn headers(synced: &Synced) -> String {
    format!("{}InputHeaders", synced.info().object)
}

fn checkpoint(synced: &Synced) -> String {
    format!("{}Checkpoint", synced.info().object)
}

fn input_document(synced: &Synced) -> String {
    format!("{}SyncInput", synced.info().object)
}

/// Adds the types of an entity.
pub(super) fn add(builder: &mut Builder, synced: &Arc<Synced>) {
    let cursor = || InputValue::new("cursor", TypeRef::named_nn(TypeRef::STRING));
    let input_checkpoint = InputObject::new(input_checkpoint(synced)).field(cursor());
    let push_row = InputObject::new(push_row(synced))
        .field(
            InputValue::new("assumedMasterState", TypeRef::named(input_document(synced)))
                .description("The row that the edit was made from; null if there was none."),
        )
        .field(
            InputValue::new(
                "newDocumentState",
                TypeRef::named_nn(input_document(synced)),
            )
            .description("The whole row as the client wants it."),
        );
    builder.register(document::object(synced));
    builder.register(checkpoint_object(synced));
    builder.register(bulk_object(synced));
    builder.register(input_checkpoint);
    builder.register(push_row);
    builder.register(Scalar::new(input_document(synced)).description(format!(
        "A row of this entity as a client has it: an object with the fields of {}. Any object is \
         taken, so that a row that cannot be stored is answered by itself, in \
         `extensions.rejections`, and does not hold up the others.",
        document::name(synced)
    )));
    builder.register(
        Scalar::new(headers(synced))
            .description("Any map of headers: what a client sends along. It is ignored."),
    );
}

fn checkpoint_object(synced: &Synced) -> Object {
    ObjectOf::<String>::new(checkpoint(synced))
        .description("How far a client has come.")
        .text("cursor", |cursor| cursor.clone())
        .finish()
}

fn bulk_object(synced: &Arc<Synced>) -> Object {
    let of = Arc::clone(synced);
    let documents = Field::new(
        document::FIELD,
        TypeRef::named_nn_list_nn(document::name(synced)),
        move |ctx| {
            let synced = Arc::clone(&of);
            FieldFuture::new(async move {
                let bulk = ctx.parent_value.try_downcast_ref::<Bulk>()?;
                let is_partial = |document: &Document| document.is_partial(&synced);
                if !bulk.is_complete && bulk.documents.iter().any(is_partial) {
                    let mut documents = bulk.documents.clone();
                    let db = database(&ctx)?;
                    let completed = complete(&synced, db, &mut documents).await;
                    completed.map_err(Refusal::from)?;
                    let documents = documents.into_iter().map(FieldValue::owned_any);
                    return Ok(Some(FieldValue::list(documents)));
                }
                let documents = bulk.documents.iter();
                Ok(Some(FieldValue::list(
                    documents.map(|document| FieldValue::borrowed_any(document)),
                )))
            })
        },
    );
    ObjectOf::<Bulk>::new(bulk(synced))
        .description("Rows that have changed, and the checkpoint after them.")
        .field(documents)
        .part("checkpoint", TypeRef::named(checkpoint(synced)), |bulk| {
            Some(&bulk.checkpoint)
        })
        .finish()
}
