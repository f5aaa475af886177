//! A GraphQL schema of one's own, written with async-graphql's macros, whose subscription follows a table by its
//! typed changes. seachange brings the change log and the feed here; schema, names and server are the
//! application's.

use async_graphql::{Context, EmptyMutation, Enum, Object, Schema, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};
use sea_orm::{EntityTrait, QueryOrder};
use seachange::changelog::{Operation, TrackedConnection};
use seachange::{Connections, Feed, FeedError, Start, TypedChange};
use seachange_entity::label;

/// The schema of the application.
pub type AppSchema = Schema<Query, EmptyMutation, Subscriptions>;

/// A label, as the application's clients know it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Label {
    id: i64,
    name: String,
}

impl From<label::Model> for Label {
    fn from(model: label::Model) -> Self {
        Self {
            id: model.id,
            name: model.name,
        }
    }
}

/// What happened to a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Event {
    /// It was made.
    Added,
    /// It has another name.
    Renamed,
    /// It is gone.
    Removed,
}

/// One change of a label.
#[derive(Clone, Debug, SimpleObject)]
pub struct LabelEvent {
    event: Event,
    /// Who did it.
    by: Option<String>,
    before: Option<Label>,
    after: Option<Label>,
    /// Pass it back as `after` to go on from here.
    cursor: String,
}

impl From<TypedChange<label::Model>> for LabelEvent {
    fn from(change: TypedChange<label::Model>) -> Self {
        Self {
            event: match change.operation() {
                Operation::Insert => Event::Added,
                Operation::Update => Event::Renamed,
                Operation::Delete => Event::Removed,
            },
            by: change.actor().map(str::to_owned),
            before: change.before.clone().map(Label::from),
            after: change.after.clone().map(Label::from),
            cursor: change.cursor.to_string(),
        }
    }
}

/// What can be asked.
pub struct Query;

#[Object]
impl Query {
    /// All labels by name.
    async fn labels(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Label>> {
        let labels = label::Entity::find().order_by_asc(label::Column::Name);
        let labels = labels.all(ctx.data::<TrackedConnection>()?).await?;
        Ok(labels.into_iter().map(Label::from).collect())
    }
}

/// What can be followed.
pub struct Subscriptions;

#[Subscription]
impl Subscriptions {
    /// What happens to labels, from now, from a cursor, or from the oldest kept (`"0"`).
    async fn label_events(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = Result<LabelEvent, FeedError>> + use<>> {
        let start = match after.as_deref() {
            None => Start::Now,
            Some("0") => Start::Oldest,
            Some(cursor) => Start::After(cursor.parse()?),
        };
        let changes = ctx.data::<Feed>()?.changes::<label::Entity>(&start).await?;
        Ok(changes.map(|change| change.map(LabelEvent::from)))
    }
}

/// The schema on a database whose tables exist.
///
/// # Errors
/// [`FeedError::Refused`] if the database has no change log.
pub async fn schema(connections: &Connections) -> Result<AppSchema, FeedError> {
    let feed = connections.follow().await?;
    Ok(Schema::build(Query, EmptyMutation, Subscriptions)
        .data(connections.tracked().clone())
        .data(feed)
        .finish())
}
