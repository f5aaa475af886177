//! What a resolver finds in its context, and what the service is told of it.

use std::sync::Arc;

use async_graphql::dynamic::ResolverContext;
use sea_orm::DatabaseConnection;
use seachange_changelog::TrackedConnection;

use super::budget::AnswerBudget;
use super::error::Refusal;
use crate::feed::Feed;
use crate::limits::Limits;
use crate::service::budget::Budget;
use crate::service::call::Call;
use crate::service::key::Keyed;
use crate::service::turns::Turns;

/// What is in every request's data.
fn data<'a, T: std::any::Any + Send + Sync>(ctx: &ResolverContext<'a>) -> Result<&'a T, Refusal> {
    ctx.data::<T>()
        .map_err(|error| Refusal::internal(&error.message))
}

/// What the field that is being resolved asks of the service.
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

/// The caller's connection: what is written through it is recorded as theirs.
pub(super) fn connection<'a>(ctx: &ResolverContext<'a>) -> Result<&'a TrackedConnection, Refusal> {
    data(ctx)
}

/// The connection that lists and relations are read from.
pub(super) fn database<'a>(ctx: &ResolverContext<'a>) -> Result<&'a DatabaseConnection, Refusal> {
    data(ctx)
}

/// The feed.
pub(super) fn feed<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Feed, Refusal> {
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
