//! The schema: what the adopter registered, assembled once at start.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dynamic::{Enum, Scalar, Schema, SchemaError};
use sea_orm::{ActiveEnum, DatabaseConnection, DbErr};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal::{equalities, indexes};

use super::api::Api;
use super::arguments;
use super::builder::Builder;
use super::connection;
use super::guard::Guard;
use super::listed::Listed;
use super::mutation;
use super::names::{check_entities, check_words};
use super::relation::{Relation, relations};
use super::source::SourceOf;
use super::table_facts::{FactsByTable, Indexes, TableFacts};
use super::visible::Visible;
use super::{change, history, inputs, list, objects, offline, record, scalar, subscription};
use crate::feed::Feed;
use crate::limits::Limits;
use crate::service::Service;
use crate::service::entity::{EntityInfo, EnumValues, Enumerations, enum_values};
use crate::service::exposure::{Action, Exposure};
use crate::service::registered::{ByTable, Registered};
use crate::service::turns::Turns;
use crate::service::writable::Writable;
use crate::sync::Policy;

/// Adds fields of the adopter.
type Extend = Box<dyn Fn(Builder) -> Builder + Send + Sync>;

/// What an adopter registers: entities, enumerations, and further fields.
#[derive(Default)]
pub struct Entities {
    entities: Vec<Box<dyn Registration>>,
    enumerations: Vec<Box<dyn Enumeration>>,
    extensions: Vec<Extend>,
    /// By table.
    policies: Vec<(&'static str, Policy)>,
    /// What the adopter says of a table; everything else is exposed as a whole.
    exposures: HashMap<&'static str, Exposure>,
}

impl Entities {
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a tracked entity with its relations.
    pub fn entity<E: Writable>(&mut self) {
        self.entities.push(Box::new(EntityOf::<E>(PhantomData)));
    }

    /// Registers a tracked entity with its relations, and says what callers may see of it and do with it.
    pub fn expose<E: Writable>(&mut self, exposure: Exposure) {
        self.exposures.insert(E::default().table_name(), exposure);
        self.entity::<E>();
    }

    /// Checks that the adopter says what callers may see and do.
    ///
    /// # Errors
    /// A table of which nothing is said, and which no offline client syncs either.
    pub(crate) fn check_exposed(&self) -> Result<(), &'static str> {
        let tables = self.entities.iter().map(|entity| entity.table());
        let mut unsaid = tables.filter(|table| {
            let is_synced = self.policies.iter().any(|(synced, _)| synced == table);
            !is_synced && !self.exposures.contains_key(table)
        });
        unsaid.next().map_or(Ok(()), Err)
    }

    /// Registers an enumeration that columns use.
    pub fn enumeration<A: ActiveEnum + 'static>(&mut self) {
        self.enumerations
            .push(Box::new(EnumerationOf::<A>(PhantomData)));
    }

    /// Lets offline clients sync an entity. It may be registered before or after.
    pub fn sync<E: Writable>(&mut self, policy: Policy) {
        self.policies.push((E::default().table_name(), policy));
    }

    /// Adds queries, mutations or subscriptions of the adopter. Their resolvers find a [`TrackedConnection`] on
    /// behalf of the caller in the context's data.
    pub fn extend(&mut self, extend: impl Fn(Builder) -> Builder + Send + Sync + 'static) {
        self.extensions.push(Box::new(extend));
    }

    /// Whether offline clients sync any entity.
    pub(crate) fn are_synced(&self) -> bool {
        !self.policies.is_empty()
    }

    fn enums(&self) -> Enumerations {
        self.enumerations.iter().map(|of| of.values()).collect()
    }

    /// The entities with all of their columns, whatever callers may see of them.
    pub(crate) fn registered(&self) -> Vec<Registered> {
        let enums = self.enums();
        let entities = self.entities.iter();
        entities.map(|entity| entity.registered(&enums)).collect()
    }

    /// The entities as callers may see them, with the way in which their database compares texts.
    ///
    /// # Errors
    /// [`SchemaError`] for an exposure that does not fit its entity.
    fn exposed(&self, facts: &FactsByTable) -> Result<Vec<Registered>, SchemaError> {
        let exposed = self.registered().into_iter().map(|of| {
            let table = of.info.table;
            let mut info = EntityInfo::clone(&of.info);
            if let Some(facts) = facts.get(table) {
                info = info.compared_by(&facts.equalities);
            }
            let exposure = self.exposures.get(table).cloned().unwrap_or_default();
            let info = info.exposed_as(exposure).map_err(SchemaError)?;
            let info = Arc::new(info);
            Ok(Registered { info, ..of })
        });
        exposed.collect()
    }

    /// What the database's catalogue says of the entities' tables.
    ///
    /// # Errors
    /// The database's error.
    pub(crate) async fn facts(&self, db: &DatabaseConnection) -> Result<FactsByTable, DbErr> {
        let mut found = FactsByTable::new();
        for entity in self.registered() {
            let table = entity.info.table;
            let key: Vec<&str> = entity.info.key().map(|column| column.name).collect();
            // The catalogue is asked about tables of the connection's own schema.
            let indexes = match entity.info.schema {
                None => indexes(db, table, &key).await?,
                Some(_) => Vec::new(),
            };
            let facts = TableFacts {
                equalities: equalities(db, table).await?,
                indexes: Indexes(indexes),
            };
            found.insert(table, facts);
        }
        Ok(found)
    }

    /// The service for Rust callers with these entities. Its writers take turns with others.
    ///
    /// # Errors
    /// [`SchemaError`] for a policy that does not fit its entity.
    pub(crate) fn service(
        &self,
        db: TrackedConnection,
        (feed, turns): (Feed, Arc<Turns>),
        limits: Limits,
    ) -> Result<Service, SchemaError> {
        let service = Service::taking_turns(db, feed, turns).with_limits(limits);
        let exposed = self.exposed(&FactsByTable::new())?.into_iter();
        let service = exposed.fold(service, Service::registering);
        let mut policies = self.policies.iter();
        policies.try_fold(service, |service, (table, policy)| {
            let synced = service.syncing(table, policy.clone());
            synced.map_err(|error| SchemaError(error.to_string()))
        })
    }

    /// Assembles the schema. Without `serving` it can be printed, but can neither write nor answer anything
    /// about changes.
    ///
    /// # Errors
    /// [`SchemaError`] if the parts do not fit, e.g. an enumeration is not registered.
    pub(crate) fn schema(
        &self,
        db: &TrackedConnection,
        serving: Option<(Feed, Arc<Turns>)>,
        limits: &Limits,
        facts: &FactsByTable,
    ) -> Result<Schema, SchemaError> {
        let exposed = self.exposed(facts)?;
        let entities = self.entities.iter().zip(&exposed);
        let listed: Vec<Listed> = entities
            .map(|(entity, of)| entity.listed(of, facts))
            .collect();
        let relations = relations(&listed)?;
        check_entities(&listed, &relations)?;
        let mut builder = Builder::default();
        self.add_shared(&mut builder)?;
        let entities = self.entities.iter().zip(exposed.iter().zip(&listed));
        for ((entity, of), relations) in entities.zip(relations) {
            builder.begin(format!("table `{}`", of.0.info.table));
            entity.register(&mut builder, of, relations.into());
        }
        let revertible = exposed.iter().filter(|of| of.info.allows(Action::Revert));
        let revertible: ByTable = Arc::new(by_table(revertible.cloned()));
        builder.mutations.extend([
            mutation::revert_change(&revertible),
            mutation::revert_transaction(&revertible),
        ]);
        let by_table: ByTable = Arc::new(by_table(exposed));
        offline::add(&mut builder, &self.policies, &by_table)?;
        builder.queries.extend([change::query(), change::head()]);
        builder.subscriptions.push(subscription::changes());
        builder.begin("the application's own fields");
        let builder = self
            .extensions
            .iter()
            .fold(builder, |builder, extend| extend(builder));
        let schema = builder
            .schema()?
            .limit_depth(limits.query_depth)
            .extension(Guard)
            .data(db.reader().clone())
            .data(limits.clone())
            .data(Visible::new(&by_table));
        match serving {
            Some((feed, turns)) => schema.data(feed).data(turns),
            None => schema,
        }
        .finish()
    }

    /// Adds the types that all entities share, and those of enumerations.
    fn add_shared(&self, builder: &mut Builder) -> Result<(), SchemaError> {
        builder.begin("the change log");
        builder.register(change::operation_enum());
        builder.register(record::kind_enum());
        builder.register(change::object());
        builder.register(change::page_object());
        builder.begin("all tables");
        builder.register(Scalar::new("Json"));
        builder.register(scalar::big_int());
        builder.register(connection::page_info());
        builder.register(connection::pagination_info());
        let (inputs, order) = arguments::shared();
        builder.register(order);
        for input in inputs {
            builder.register(input);
        }
        for enumeration in &self.enumerations {
            let (name, values) = enumeration.values();
            check_words(&name, &values)?;
            builder.begin(format!("enumeration `{name}`"));
            builder.register(arguments::enum_filter(&values));
            let items = values.items.iter().map(|(item, _)| item);
            builder.register(items.fold(Enum::new(&values.type_name), Enum::item));
        }
        Ok(())
    }

    /// The API on a database. Its writers take turns with others.
    ///
    /// # Errors
    /// The same as for [`Entities::schema`].
    pub(crate) fn api(
        &self,
        db: TrackedConnection,
        (feed, turns): (Feed, Arc<Turns>),
        limits: Limits,
        facts: &FactsByTable,
    ) -> Result<Api, SchemaError> {
        let serving = Some((feed.clone(), turns));
        let schema = self.schema(&db, serving, &limits, facts)?;
        Ok(Api::new(schema, db, limits).with_live(feed))
    }
}

fn by_table(entities: impl IntoIterator<Item = Registered>) -> HashMap<&'static str, Registered> {
    let entities = entities.into_iter();
    entities.map(|of| (of.info.table, of)).collect()
}

/// An entity with its Rust type erased.
trait Registration: Send + Sync {
    fn table(&self) -> &'static str;
    fn registered(&self, enums: &Enumerations) -> Registered;
    fn listed(&self, of: &Registered, facts: &FactsByTable) -> Listed;
    fn register(
        &self,
        builder: &mut Builder,
        of: (&Registered, &Listed),
        relations: Arc<[Arc<Relation>]>,
    );
}

struct EntityOf<E>(PhantomData<fn() -> E>);

impl<E: Writable> Registration for EntityOf<E> {
    fn table(&self) -> &'static str {
        E::default().table_name()
    }

    fn registered(&self, enums: &Enumerations) -> Registered {
        Registered::of::<E>(EntityInfo::of::<E>(enums))
    }

    fn listed(&self, of: &Registered, facts: &FactsByTable) -> Listed {
        let facts = facts.get(of.info.table);
        Listed {
            info: Arc::clone(&of.info),
            source: Arc::new(SourceOf::<E>::new()),
            indexes: facts.map(|facts| facts.indexes.clone()).unwrap_or_default(),
        }
    }

    fn register(
        &self,
        builder: &mut Builder,
        (of, listed): (&Registered, &Listed),
        relations: Arc<[Arc<Relation>]>,
    ) {
        let Registered { info, table, .. } = of;
        let reads = info.allows(Action::Query);
        if reads {
            builder.register(objects::object(listed, &relations));
            builder.register(connection::edge(info));
            builder.register(connection::object(info));
            builder.queries.push(list::field(listed, &relations));
        }
        let filters = [Action::Query, Action::Live, Action::Update, Action::Delete];
        if info.allows_any(&filters) {
            let [filter, having, order] = arguments::inputs(info, &relations);
            builder.register(filter);
            if reads {
                builder.register(having);
                builder.register(order);
            }
        }
        if info.allows_any(&[Action::Create, Action::Update]) {
            builder.register(objects::basic(listed));
        }
        if info.allows(Action::Create) {
            builder.register(inputs::insert(info));
        }
        if info.allows(Action::Update) {
            builder.register(inputs::update(info));
        }
        builder.mutations.extend(mutation::fields::<E>(info));
        if info.allows_any(&[Action::History, Action::Live]) {
            builder.register(record::record_object(info));
        }
        if info.allows(Action::History) {
            builder.queries.push(history::history(info));
            builder.queries.push(history::as_of(of));
        }
        if info.allows(Action::Live) {
            builder.register(record::change_object(info));
            builder
                .subscriptions
                .push(subscription::records(info, table));
        }
    }
}

trait Enumeration: Send + Sync {
    fn values(&self) -> (String, Arc<EnumValues>);
}

struct EnumerationOf<A>(PhantomData<fn() -> A>);

impl<A: ActiveEnum> Enumeration for EnumerationOf<A> {
    fn values(&self) -> (String, Arc<EnumValues>) {
        (A::name().to_string(), Arc::new(enum_values::<A>()))
    }
}
