//! The schema: what the adopter registered, assembled once at start.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dynamic::{Enum, Scalar, Schema, SchemaError};
use sea_orm::{ActiveEnum, DatabaseConnection, DbErr};
use seachange_changelog::{Equality, TrackedConnection, equalities};

use super::api::Api;
use super::arguments;
use super::builder::Builder;
use super::connection;
use super::entity::{EntityInfo, EnumValues, Enumerations, enum_values};
use super::guard::Guard;
use super::mutation;
use super::names::{check_entities, check_words};
use super::registered::{ByTable, Registered};
use super::relation::{Relation, relations};
use super::rows::{Rows, RowsOf};
use super::source::{Source, SourceOf};
use super::table::{Table, TableOf};
use super::transaction::Turns;
use super::writable::Writable;
use super::{change, history, inputs, list, objects, record, scalar, subscription, sync};
use crate::feed::Feed;
use crate::limits::Limits;
use crate::sync::Policy;

/// How columns are compared that are not compared character by character, by table and column.
pub(crate) type Equalities = HashMap<&'static str, BTreeMap<String, Equality>>;

/// Adds fields of the adopter's.
type Extend = Box<dyn Fn(Builder) -> Builder + Send + Sync>;

/// What an adopter registers: entities, enumerations, fields beside ours.
#[derive(Default)]
pub struct Entities {
    entities: Vec<Box<dyn Registration>>,
    enumerations: Vec<Box<dyn Enumeration>>,
    extensions: Vec<Extend>,
    /// By table.
    policies: Vec<(&'static str, Policy)>,
}

impl Entities {
    /// Nothing registered.
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

    /// Lets offline clients sync an entity that is registered, before or after.
    pub fn sync<E: Writable>(&mut self, policy: Policy) {
        self.policies.push((E::default().table_name(), policy));
    }

    /// Adds queries, mutations or subscriptions of the adopter's. Their resolvers find a
    /// [`TrackedConnection`] on behalf of the caller in the context's data.
    pub fn extend(&mut self, extend: impl Fn(Builder) -> Builder + Send + Sync + 'static) {
        self.extensions.push(Box::new(extend));
    }

    /// Whether offline clients sync any.
    pub(crate) fn are_synced(&self) -> bool {
        !self.policies.is_empty()
    }

    fn enums(&self) -> Enumerations {
        self.enumerations.iter().map(|of| of.values()).collect()
    }

    /// The entities, without what a database says of them.
    pub(crate) fn registered(&self) -> Vec<Registered> {
        self.registered_on(&Equalities::new())
    }

    /// The entities as their database compares them.
    fn registered_on(&self, equalities: &Equalities) -> Vec<Registered> {
        let enums = self.enums();
        let info = |info: EntityInfo| match equalities.get(info.table) {
            Some(equalities) => info.compared_by(equalities),
            None => info,
        };
        let entities = self.entities.iter();
        entities
            .map(|entity| Registered {
                info: Arc::new(info(entity.info(&enums))),
                table: entity.table(),
                source: entity.source(),
                rows: entity.rows(),
            })
            .collect()
    }

    /// How the database compares the texts of the entities' columns.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn equalities(&self, db: &DatabaseConnection) -> Result<Equalities, DbErr> {
        let mut found = Equalities::new();
        for entity in self.registered() {
            let table = entity.info.table;
            found.insert(table, equalities(db, table).await?);
        }
        Ok(found)
    }

    /// Assembles the schema. Without a `feed` it can be printed but answers nothing about changes.
    ///
    /// # Errors
    /// [`SchemaError`] if it does not fit together, e.g. an enumeration is not registered.
    pub(crate) fn schema(
        &self,
        db: &TrackedConnection,
        feed: Option<Feed>,
        limits: &Limits,
        equalities: &Equalities,
    ) -> Result<Schema, SchemaError> {
        let registered = self.registered_on(equalities);
        let relations = relations(&registered)?;
        check_entities(&registered, &relations)?;
        let mut builder = Builder::default();
        self.add_shared(&mut builder)?;
        for ((entity, of), relations) in self.entities.iter().zip(&registered).zip(relations) {
            builder.begin(format!("table `{}`", of.info.table));
            entity.register(&mut builder, of, relations.into());
        }
        let by_table = registered.into_iter().map(|of| (of.info.table, of));
        let by_table: ByTable = Arc::new(by_table.collect());
        builder.mutations.extend([
            mutation::revert_change(&by_table),
            mutation::revert_transaction(&by_table),
        ]);
        sync::add(&mut builder, &self.policies, &by_table)?;
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
            .data(Turns::new(db))
            .data(limits.clone());
        match feed {
            Some(feed) => schema.data(feed),
            None => schema,
        }
        .finish()
    }

    /// The types that all entities share, and those of enumerations.
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

    /// The API on a database.
    ///
    /// # Errors
    /// As [`Entities::schema`].
    pub(crate) fn api(
        &self,
        db: TrackedConnection,
        feed: Feed,
        limits: Limits,
        equalities: &Equalities,
    ) -> Result<Api, SchemaError> {
        let schema = self.schema(&db, Some(feed.clone()), &limits, equalities)?;
        Ok(Api::new(schema, db, limits).with_live(feed))
    }
}

/// An entity whose type has been forgotten.
trait Registration: Send + Sync {
    fn info(&self, enums: &Enumerations) -> EntityInfo;
    fn table(&self) -> Arc<dyn Table>;
    fn source(&self) -> Arc<dyn Source>;
    fn rows(&self) -> Arc<dyn Rows>;
    fn register(&self, builder: &mut Builder, of: &Registered, relations: Arc<[Arc<Relation>]>);
}

struct EntityOf<E>(PhantomData<fn() -> E>);

impl<E: Writable> Registration for EntityOf<E> {
    fn info(&self, enums: &Enumerations) -> EntityInfo {
        EntityInfo::of::<E>(enums)
    }

    fn table(&self) -> Arc<dyn Table> {
        Arc::new(TableOf::<E>(PhantomData))
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(SourceOf::<E>::new())
    }

    fn rows(&self) -> Arc<dyn Rows> {
        Arc::new(RowsOf::<E>(PhantomData))
    }

    fn register(&self, builder: &mut Builder, of: &Registered, relations: Arc<[Arc<Relation>]>) {
        let Registered { info, table, .. } = of;
        builder.register(objects::object(of, &relations));
        builder.register(objects::basic(of));
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
            list::field(of, &relations),
            history::history(info),
            history::as_of(info, table),
        ]);
        builder.mutations.extend(mutation::fields::<E>(info));
        builder
            .subscriptions
            .push(subscription::records(info, table));
    }
}

trait Enumeration: Send + Sync {
    /// Its name and its values.
    fn values(&self) -> (String, Arc<EnumValues>);
}

struct EnumerationOf<A>(PhantomData<fn() -> A>);

impl<A: ActiveEnum> Enumeration for EnumerationOf<A> {
    fn values(&self) -> (String, Arc<EnumValues>) {
        (A::name().to_string(), Arc::new(enum_values::<A>()))
    }
}
