//! What a resolver finds in its context, and what it passes on to the service.

use std::sync::Arc;

use async_graphql::dynamic::ResolverContext;
use sea_orm::DatabaseConnection;
use seachange_changelog::TrackedConnection;

use super::budget::AnswerBudget;
use super::error::Refusal;
use super::visible::Visible;
use crate::feed::Feed;
use crate::limits::Limits;
use crate::service::budget::Budget;
use crate::service::call::Call;
use crate::service::key::Keyed;
use crate::service::turns::Turns;

/// Data that every request has.
fn data<'a, T: std::any::Any + Send + Sync>(ctx: &ResolverContext<'a>) -> Result<&'a T, Refusal> {
    ctx.data::<T>()
        .map_err(|error| Refusal::internal(&error.message))
}

/// The call of the service for the field that is being resolved.
pub(super) fn call<'a>(ctx: &ResolverContext<'a>) -> Result<Call<'a>, Refusal> {
    let field = ctx.ctx.field();
    let part = field.alias().unwrap_or(field.name());
    Ok(Call {
        db: connection(ctx)?,
        feed: ctx.data_opt::<Feed>(),
        limits: limits(ctx)?,
        budget: budget(ctx)?,
        turns: data::<Arc<Turns>>(ctx)?,
        key: ctx.data_opt::<Keyed>().map(|keyed| (keyed, part)),
    })
}

/// The caller's connection: what is written through it is recorded as the caller's.
pub(super) fn connection<'a>(ctx: &ResolverContext<'a>) -> Result<&'a TrackedConnection, Refusal> {
    data(ctx)
}

/// The connection from which lists and relations are read.
pub(super) fn database<'a>(ctx: &ResolverContext<'a>) -> Result<&'a DatabaseConnection, Refusal> {
    data(ctx)
}

pub(super) fn feed<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Feed, Refusal> {
    data(ctx)
}

/// What callers may see of the change log.
pub(super) fn visible<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Visible, Refusal> {
    data(ctx)
}

/// How much one client may ask for.
pub(super) fn limits<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Limits, Refusal> {
    data(ctx)
}

/// What the request may read.
pub(super) fn budget<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Budget, Refusal> {
    Ok(&data::<AnswerBudget>(ctx)?.reads)
}
