//! The service as Rust callers use it.

mod closure;
mod inbox;
mod offline;
mod past;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::EntityTrait;
use seachange_changelog::{Context, TrackedConnection, TrackedTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::closure::Closure;
pub use self::offline::{Pulled, PushAnswer};
use super::budget::Budget;
use super::call::Call;
use super::entity::{EntityInfo, Enumerations};
use super::error::ServiceError;
use super::idempotency::{ClaimCount, once};
use super::key::Keyed;
use super::offline::synced::{Synced, SyncedByTable};
use super::registered::{ByTable, Registered};
use super::transaction::transact;
use super::turns::Turns;
use super::writable::Writable;
use crate::database::{Connections, DatabaseSettings};
use crate::feed::{Feed, FeedError};
use crate::limits::Limits;
use crate::sync::Policy;

/// What can be done with tracked rows beyond writing them: transactions that are retried, writes that are made
/// once, history, undoing, and sync with offline clients. GraphQL calls the same functions.
///
/// Each call has the bounds of [`Limits`] to itself. Cheap to clone.
///
/// A write that is made once, however often it is requested:
///
/// ```no_run
/// use sea_orm::ActiveModelTrait;
/// use sea_orm::ActiveValue::Set;
/// use seachange::{Service, ServiceError};
/// use seachange_entity::label;
///
/// # async fn example(service: Service) -> Result<(), ServiceError> {
/// let id: i64 = service
///     .once("order-4711", &"a label for order 4711", |tx| {
///         Box::pin(async move {
///             let label = label::ActiveModel {
///                 name: Set("order 4711".to_owned()),
///                 ..Default::default()
///             };
///             Ok(label.insert(tx).await?.id)
///         })
///     })
///     .await?;
/// # let _ = id;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Service {
    db: TrackedConnection,
    feed: Feed,
    limits: Arc<Limits>,
    turns: Arc<Turns>,
    claims: Arc<ClaimCount>,
    targets: ByTable,
    synced: SyncedByTable,
}

impl Service {
    /// The service on a database and its feed. It knows no entities yet; [`entity`](Self::entity) registers
    /// those that it can revert, show and sync.
    pub fn new(db: TrackedConnection, feed: Feed) -> Self {
        let turns = Arc::new(Turns::new(&db));
        Self::taking_turns(db, feed, turns)
    }

    /// Connects to a migrated database and follows its log.
    ///
    /// # Errors
    /// [`FeedError::Refused`] if the database has no log, or cannot be used for another reason;
    /// [`FeedError::Database`] if it cannot be reached.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, FeedError> {
        let connections = Connections::open(settings.clone()).await?;
        let feed = connections.follow().await?;
        Ok(Self::new(connections.tracked().clone(), feed))
    }

    /// The connection. What is written through it is recorded.
    pub fn db(&self) -> &TrackedConnection {
        &self.db
    }

    /// The feed of the changes.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Like [`new`](Self::new), but its writers share these turns with others.
    pub(crate) fn taking_turns(db: TrackedConnection, feed: Feed, turns: Arc<Turns>) -> Self {
        Self {
            db,
            feed,
            turns,
            limits: Arc::default(),
            claims: Arc::default(),
            targets: Arc::default(),
            synced: Arc::default(),
        }
    }

    /// Registers an entity.
    #[must_use]
    pub fn entity<E: Writable>(self) -> Self {
        self.registering(Registered::of::<E>(EntityInfo::of::<E>(
            &Enumerations::default(),
        )))
    }

    pub(crate) fn registering(mut self, of: Registered) -> Self {
        let targets: &mut HashMap<_, _> = Arc::make_mut(&mut self.targets);
        targets.insert(of.info.table, of);
        self
    }

    /// Registers an entity that offline clients sync.
    ///
    /// # Errors
    /// `BAD_INPUT` if the policy names a column that clients cannot write.
    pub fn sync<E: Writable>(self, policy: Policy) -> Result<Self, ServiceError> {
        self.entity::<E>()
            .syncing(E::default().table_name(), policy)
    }

    pub(crate) fn syncing(
        mut self,
        table: &'static str,
        policy: Policy,
    ) -> Result<Self, ServiceError> {
        let registered = self.targets.get(table).ok_or_else(|| unknown(table))?;
        let synced = Synced::new(registered.clone(), policy).map_err(|column| {
            ServiceError::bad_input(format!(
                "the policy of `{table}` names `{column}`, which clients do not write"
            ))
        })?;
        let all: &mut HashMap<_, _> = Arc::make_mut(&mut self.synced);
        all.insert(table, Arc::new(synced));
        Ok(self)
    }

    /// Sets other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        let limits = Arc::new(limits);
        Self { limits, ..self }
    }

    /// Acts on behalf of another: what is written is recorded with this context.
    #[must_use]
    pub fn with_context(&self, context: Context) -> Self {
        Self {
            db: self.db.with_context(context),
            ..self.clone()
        }
    }

    /// Does the work in a transaction and commits it. If the database says that a retry may succeed, as after a
    /// deadlock, the work runs again in a new transaction, a few times and until the time for waiting is over.
    /// So the work must do nothing that cannot be done twice.
    ///
    /// # Errors
    /// The error of the work; `UNAVAILABLE` if its turn to write or its locks do not come in time. Nothing is
    /// written then. If the connection is lost while the database commits, it is unknown whether the write was
    /// made.
    pub async fn transact<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        T: Send,
        F: for<'t> Fn(&'t TrackedTransaction) -> BoxFuture<'t, Result<T, ServiceError>> + Sync,
    {
        let budget = self.budget();
        transact(self.call(&budget), &Closure(work)).await
    }

    /// Like [`transact`](Self::transact), but at most once per key and actor: if the key was used before,
    /// nothing is written, and the answer is that of the first time. `asked` describes what is asked under the
    /// key. Work that failed may be asked for again. Keys are kept as long as [`Limits::idempotency`] says; the
    /// first call and each hundredth after it remove up to 500 rows of expired keys.
    ///
    /// # Errors
    /// The same as for [`transact`](Self::transact), and a conflict with
    /// [`Fact::UsedKey`](crate::Fact::UsedKey) if the key was used for something else.
    pub async fn once<T, F>(
        &self,
        key: &str,
        asked: &(impl Serialize + Sync + ?Sized),
        work: F,
    ) -> Result<T, ServiceError>
    where
        T: Serialize + DeserializeOwned + Send,
        F: for<'t> Fn(&'t TrackedTransaction) -> BoxFuture<'t, Result<T, ServiceError>> + Sync,
    {
        let asked = serde_json::to_value(asked).map_err(ServiceError::internal)?;
        let mut context = self.db.context().clone();
        context.mutation_id = Some(key.to_owned());
        let keyed = Keyed::new(context.actor.clone(), key.to_owned(), &asked);
        let (budget, db) = (self.budget(), self.db.with_context(context));
        // With a lifetime of zero the key is recorded, but no answer is kept.
        let lifetime = self.limits.idempotency;
        let is_kept = !lifetime.is_zero();
        if is_kept {
            self.claims.next(db.writer(), lifetime).await;
        }
        let call = Call {
            db: &db,
            key: is_kept.then_some((&keyed, "")),
            ..self.call(&budget)
        };
        once(call, &Closure(work)).await
    }

    fn budget(&self) -> Budget {
        Budget::new(&self.limits)
    }

    fn call<'a>(&'a self, budget: &'a Budget) -> Call<'a> {
        Call {
            db: &self.db,
            feed: Some(&self.feed),
            limits: &self.limits,
            budget,
            turns: &self.turns,
            key: None,
        }
    }

    fn target<E: EntityTrait>(&self) -> Result<&Registered, ServiceError> {
        let table = E::default().table_name();
        self.targets.get(table).ok_or_else(|| unknown(table))
    }

    fn synced<E: EntityTrait>(&self) -> Result<&Arc<Synced>, ServiceError> {
        let table = E::default().table_name();
        self.synced.get(table).ok_or_else(|| unknown(table))
    }
}

fn unknown(table: &str) -> ServiceError {
    ServiceError::bad_input(format!("`{table}` is not registered for this"))
}
