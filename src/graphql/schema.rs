//! The schema: what the adopter registered, assembled once at start.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dynamic::{Enum, Scalar, Schema, SchemaError};
use sea_orm::{ActiveEnum, DatabaseConnection, DbErr};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal::{Equality, equalities};

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
use super::{change, history, inputs, list, objects, offline, record, scalar, subscription};
use crate::feed::Feed;
use crate::limits::Limits;
use crate::service::Service;
use crate::service::entity::{EntityInfo, EnumValues, Enumerations, enum_values};
use crate::service::registered::{ByTable, Registered};
use crate::service::turns::Turns;
use crate::service::writable::Writable;
use crate::sync::Policy;

/// Columns whose texts are not compared character by character, by table and column.
pub(crate) type Equalities = HashMap<&'static str, BTreeMap<String, Equality>>;

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
}

impl Entities {
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a tracked entity with its relations.
    pub fn entity<E: Writable>(&mut self) {
        self.entities.push(Box::new(EntityOf::<E>(PhantomData)));
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

    /// The entities, without facts from a database's catalogue.
    pub(crate) fn registered(&self) -> Vec<Registered> {
        self.registered_on(&Equalities::new())
    }

    /// The entities, with the way in which their database compares texts.
    fn registered_on(&self, equalities: &Equalities) -> Vec<Registered> {
        let enums = self.enums();
        let entities = self.entities.iter();
        entities
            .map(|entity| entity.registered(&enums, equalities))
            .collect()
    }

    /// How the database compares the texts of the entities' columns.
    ///
    /// # Errors
    /// The database's error.
    pub(crate) async fn equalities(&self, db: &DatabaseConnection) -> Result<Equalities, DbErr> {
        let mut found = Equalities::new();
        for entity in self.registered() {
            let table = entity.info.table;
            found.insert(table, equalities(db, table).await?);
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
        let registered = self.registered().into_iter();
        let service = registered.fold(service, Service::registering);
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
        equalities: &Equalities,
    ) -> Result<Schema, SchemaError> {
        let registered = self.registered_on(equalities);
        let entities = self.entities.iter().zip(&registered);
        let listed: Vec<Listed> = entities.map(|(entity, of)| entity.listed(of)).collect();
        let relations = relations(&listed)?;
        check_entities(&listed, &relations)?;
        let mut builder = Builder::default();
        self.add_shared(&mut builder)?;
        let entities = self.entities.iter().zip(registered.iter().zip(&listed));
        for ((entity, of), relations) in entities.zip(relations) {
            builder.begin(format!("table `{}`", of.0.info.table));
            entity.register(&mut builder, of, relations.into());
        }
        let by_table = registered.into_iter().map(|of| (of.info.table, of));
        let by_table: ByTable = Arc::new(by_table.collect());
        builder.mutations.extend([
            mutation::revert_change(&by_table),
            mutation::revert_transaction(&by_table),
        ]);
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
            .data(limits.clone());
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
        equalities: &Equalities,
    ) -> Result<Api, SchemaError> {
        let serving = Some((feed.clone(), turns));
        let schema = self.schema(&db, serving, &limits, equalities)?;
        Ok(Api::new(schema, db, limits).with_live(feed))
    }
}

/// An entity with its Rust type erased.
trait Registration: Send + Sync {
    fn registered(&self, enums: &Enumerations, equalities: &Equalities) -> Registered;
    fn listed(&self, of: &Registered) -> Listed;
    fn register(
        &self,
        builder: &mut Builder,
        of: (&Registered, &Listed),
        relations: Arc<[Arc<Relation>]>,
    );
}

struct EntityOf<E>(PhantomData<fn() -> E>);

impl<E: Writable> Registration for EntityOf<E> {
    fn registered(&self, enums: &Enumerations, equalities: &Equalities) -> Registered {
        let info = EntityInfo::of::<E>(enums);
        let info = match equalities.get(info.table) {
            Some(equalities) => info.compared_by(equalities),
            None => info,
        };
        Registered::of::<E>(info)
    }

    fn listed(&self, of: &Registered) -> Listed {
        Listed {
            info: Arc::clone(&of.info),
            source: Arc::new(SourceOf::<E>::new()),
        }
    }

    fn register(
        &self,
        builder: &mut Builder,
        (of, listed): (&Registered, &Listed),
        relations: Arc<[Arc<Relation>]>,
    ) {
        let Registered { info, table, .. } = of;
        builder.register(objects::object(listed, &relations));
        builder.register(objects::basic(listed));
        builder.register(connection::edge(info));
        builder.register(connection::object(info));
        builder.register(record::record_object(info));
        builder.register(record::change_object(info));
        for input in arguments::inputs(info, &relations) {
            builder.register(input);
        }
        builder.register(inputs::insert(info));
        builder.register(inputs::update(info));
        builder.queries.extend([
            list::field(listed, &relations),
            history::history(info),
            history::as_of(of),
        ]);
        builder.mutations.extend(mutation::fields::<E>(info));
        builder
            .subscriptions
            .push(subscription::records(info, table));
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
