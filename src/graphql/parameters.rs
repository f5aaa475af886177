//! The arguments that select a part of the log, shared by several fields.

use std::collections::BTreeSet;
use std::str::FromStr;

use async_graphql::dynamic::{InputValue, ResolverContext, TypeRef};
use sea_orm::Iterable;
use seachange_changelog::{Image, Operation};
use serde_json::Value as Json;

use super::context::{limits, visible};
use super::error::Refusal;
use crate::feed::{Cursor, FeedError, Selection, Start};
use crate::service::exposure::Action;

/// The operation's GraphQL name.
pub(super) fn operation_name(operation: Operation) -> String {
    operation.as_str().to_uppercase()
}

const DEFAULT_FIRST: u64 = 100;

pub(super) fn first_argument() -> InputValue {
    InputValue::new("first", TypeRef::named(TypeRef::INT)).default_value(DEFAULT_FIRST)
}

/// An argument of type text that may be left out.
pub(super) fn text_argument(name: &str) -> InputValue {
    InputValue::new(name, TypeRef::named(TypeRef::STRING))
}

pub(super) fn entities_argument() -> InputValue {
    InputValue::new("entities", TypeRef::named_nn_list(TypeRef::STRING))
}

pub(super) fn operations_argument() -> InputValue {
    InputValue::new("operations", TypeRef::named_nn_list("ChangeOperation"))
}

/// The argument `first`: how many changes a page may have.
pub(super) fn first(ctx: &ResolverContext<'_>) -> Result<u64, Refusal> {
    let most = limits(ctx)?.page_rows;
    let first = match ctx.args.get("first").filter(|first| !first.is_null()) {
        None => return Ok(DEFAULT_FIRST.min(most)),
        Some(first) => first.i64(),
    };
    match first.ok().and_then(|first| u64::try_from(first).ok()) {
        Some(first) if first > most => Err(Refusal::limit(format!("`first` is at most {most}"))),
        Some(first) if first > 0 => Ok(first),
        _ => Err(Refusal::bad_input("`first` is at least 1")),
    }
}

/// The argument `after`, where `"0"` means before the oldest change kept.
pub(super) fn start(ctx: &ResolverContext<'_>) -> Result<Option<Start>, Refusal> {
    let after = text(ctx, "after")?;
    Ok(match after.as_deref() {
        None => None,
        Some("0") => Some(Start::Oldest),
        Some(cursor) => Some(Start::After(
            Cursor::from_str(cursor).map_err(|error| Refusal::from(FeedError::from(error)))?,
        )),
    })
}

/// The arguments `entities` and `operations`, among what is exposed to the action.
pub(super) fn selection(ctx: &ResolverContext<'_>, action: Action) -> Result<Selection, Refusal> {
    // Repeated names count once.
    let entities = list(ctx, "entities")?.map(BTreeSet::from_iter);
    let operations = list(ctx, "operations")?.map(|names| {
        Operation::iter()
            .filter(|operation| names.contains(&operation_name(*operation)))
            .collect()
    });
    let wanted = Selection {
        entities: entities.map(Vec::from_iter),
        operations,
        ..Selection::default()
    };
    visible(ctx)?.select(wanted, action)
}

fn list(ctx: &ResolverContext<'_>, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let malformed = |_| Refusal::bad_input(format!("`{name}` is a list of names"));
    let Some(value) = ctx.args.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    value
        .deserialize::<OneOrMany>()
        .map(|names| Some(names.into()))
        .map_err(malformed)
}

/// GraphQL accepts a single value as a list of one.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(name) => vec![name],
            OneOrMany::Many(names) => names,
        }
    }
}

/// An argument of type text.
pub(super) fn text(ctx: &ResolverContext<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let value = ctx.args.get(name).filter(|value| !value.is_null());
    value
        .map(|value| value.string().map(str::to_owned))
        .transpose()
        .map_err(|_| Refusal::bad_input(format!("`{name}` is text")))
}

/// The argument `key`.
pub(super) fn key(ctx: &ResolverContext<'_>) -> Result<Option<Image>, Refusal> {
    let Some(value) = ctx.args.get("key").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    match value.as_value().clone().into_json() {
        Ok(Json::Object(key)) => Ok(Some(key)),
        _ => Err(Refusal::bad_input("`key` is an object: {column: value}")),
    }
}
