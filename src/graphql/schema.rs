//! The schema: what the adopter registered, assembled once at start.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock};

use async_graphql::dataloader::DataLoader;
use async_graphql::dynamic::{Schema, SchemaError, TypeRef};
use async_graphql::{Request, Value as GraphqlValue};
use sea_orm::{
    ActiveEnum, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Iterable,
};
use seachange_changelog::{Equality, TrackedConnection, equalities};
use seaography::{
    Builder, BuilderContext, ColumnOptions, EntityColumnId, EntityObjectBuilder, FilterType,
    OneToManyLoader, OneToOneLoader, RelatedEntityFilter, RelationBuilder, SeaographyError,
};

use super::api::Api;
use super::entity::{ColumnInfo, EntityInfo, Enumerations, enum_values};
use super::guard::Guard;
use super::mutation::{self, Writable};
use super::registered::{ByTable, Registered};
use super::rows::{Rows, RowsOf};
use super::table::{Table, TableOf};
use super::transaction::Turns;
use super::{change, connection, filter, history, inputs, record, scalar, subscription, sync};
use crate::feed::Feed;
use crate::limits::Limits;
use crate::sync::Policy;

/// Seaography's default names, which no setting of ours changes.
static NAMES: LazyLock<BuilderContext> = LazyLock::new(BuilderContext::default);

/// How columns are compared that are not compared character by character, by table and column.
pub(crate) type Equalities = HashMap<&'static str, BTreeMap<String, Equality>>;

/// Adds fields of the adopter's own to the schema.
type Extend = Box<dyn Fn(Builder) -> Builder + Send + Sync>;

/// What an adopter registers: entities, enumerations, fields of their own.
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
    pub fn entity<E, R>(&mut self)
    where
        E: Writable,
        R: RelationBuilder + Iterable + 'static,
    {
        self.entities.push(Box::new(EntityOf::<E, R>(PhantomData)));
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

    /// Adds queries, mutations or subscriptions of the adopter's own. Their resolvers find a
    /// [`TrackedConnection`] on behalf of the caller in the context's data.
    pub fn extend(&mut self, extend: impl Fn(Builder) -> Builder + Send + Sync + 'static) {
        self.extensions.push(Box::new(extend));
    }

    /// Whether offline clients sync any.
    pub(crate) fn are_synced(&self) -> bool {
        !self.policies.is_empty()
    }

    fn enums(&self) -> Enumerations {
        let named = self
            .enumerations
            .iter()
            .map(|enumeration| enumeration.values());
        named.collect()
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
        let context = context(&registered, limits, db.get_database_backend());
        let mut builder = Builder::new(context, db.reader().clone());
        for enumeration in &self.enumerations {
            enumeration.register(&mut builder);
        }
        for (entity, registered) in self.entities.iter().zip(&registered) {
            let Registered { info, table, .. } = registered;
            builder = entity.register(builder, info);
            builder.outputs.push(record::record_object(info));
            builder.outputs.push(record::change_object(info));
            builder
                .inputs
                .extend([inputs::insert(info), inputs::update(info)]);
            builder
                .queries
                .extend([history::history(info), history::as_of(info, table)]);
            builder
                .subscriptions
                .push(subscription::records(context, info, table));
        }
        let by_table = registered.into_iter().map(|of| (of.info.table, of));
        let by_table: ByTable = Arc::new(by_table.collect());
        builder.mutations.extend([
            mutation::revert_change(&by_table),
            mutation::revert_transaction(&by_table),
        ]);
        let (mut builder, synced) = sync::add_fields(builder, &self.policies, &by_table)?;
        builder
            .enumerations
            .extend([change::operation_enum(), record::kind_enum()]);
        builder
            .outputs
            .extend([change::object(), change::page_object()]);
        builder.queries.extend([change::query(), change::head()]);
        builder.subscriptions.push(subscription::changes());
        let builder = self
            .extensions
            .iter()
            .fold(builder, |builder, extend| extend(builder));
        let schema = builder
            .set_depth_limit(Some(limits.query_depth))
            .schema_builder()
            .extension(Guard {
                page_rows: limits.page_rows,
            })
            .data(db.reader().clone())
            .data(Turns::new(db))
            .data(limits.clone());
        let schema = sync::add_types(schema, &synced);
        match feed {
            Some(feed) => schema.data(feed),
            None => schema,
        }
        .finish()
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
        let loaders = self
            .entities
            .iter()
            .map(|entity| entity.loaders())
            .collect();
        Ok(Api::new(schema, db, limits)
            .with_loaders(loaders)
            .with_live(feed))
    }
}

/// Seaography's settings: lossless conversions on every column. It asks for a reference that lives
/// for ever; a schema does, but for tests.
fn context(
    registered: &[Registered],
    limits: &Limits,
    backend: DbBackend,
) -> &'static BuilderContext {
    let mut context = BuilderContext::default();
    context.pagination_input.default_limit = Some(limits.page_rows);
    context.pagination_input.max_limit = Some(limits.page_rows);
    for Registered { info, table, .. } in registered {
        for column in &info.columns {
            let (input, output) = (column.clone(), column.clone());
            let nullable = column.type_ref();
            let mut options = ColumnOptions::default();
            options.input_conversion = Some(Arc::new(move |value| {
                scalar::from_graphql(&input, value.as_value()).map_err(|error| {
                    SeaographyError::TypeConversionError(error.to_string(), input.field.clone())
                })
            }));
            options.output_conversion = Some(Arc::new(move |value| {
                let value = scalar::to_graphql(&output, value)?;
                Ok((value != async_graphql::Value::Null).then(|| value.into()))
            }));
            options.output_type = Some(if column.nullable {
                nullable
            } else {
                TypeRef::NonNull(Box::new(nullable))
            });
            if let Some(id) = table.column_id(column.name) {
                read_filters(&mut context, &id, column, table, backend);
                context.types.column_options.insert(id, options);
            }
        }
    }
    Box::leak(Box::new(context))
}

/// Makes Seaography read the column's filters in relations and `having` as ours are read: literal
/// text in `contains`, `is_null: false`, no panic on a range of one.
fn read_filters(
    context: &mut BuilderContext,
    id: &EntityColumnId,
    column: &ColumnInfo,
    table: &Arc<dyn Table>,
    backend: DbBackend,
) {
    let Some(name) = table.filter_type(&NAMES, column.name) else {
        return;
    };
    let (column, table) = (column.clone(), Arc::clone(table));
    let types = &mut context.filter_types;
    types
        .overwrites
        .insert(id.clone(), Some(FilterType::Custom(name)));
    types.condition_functions.insert(
        id.clone(),
        Box::new(move |condition, tests| {
            let tests = GraphqlValue::Object(tests.as_index_map().clone());
            let predicate = filter::parse_column(&column, &tests)
                .map_err(|refusal| SeaographyError::CustomFilterError(refusal.message))?;
            let predicate = predicate.map(|predicate| table.condition(&predicate, backend));
            Ok(condition.add_option(predicate))
        }),
    );
}

/// An entity whose type has been forgotten.
trait Registration: Send + Sync {
    fn info(&self, enums: &Enumerations) -> EntityInfo;
    fn table(&self) -> Arc<dyn Table>;
    fn rows(&self) -> Arc<dyn Rows>;
    fn register(&self, builder: Builder, info: &Arc<EntityInfo>) -> Builder;
    fn loaders(&self) -> AddLoaders;
}

/// Gives a request loaders of its own for the relations to one entity.
pub(super) type AddLoaders = fn(Request, &DatabaseConnection) -> Request;

/// A loader answers all who ask at the same moment by one statement. Seaography shares it among all
/// requests, so that one whose filter the database refuses fails the others.
fn add_loaders<E>(request: Request, db: &DatabaseConnection) -> Request
where
    E: EntityTrait,
    E::Model: Sync,
{
    let to_one = OneToOneLoader::<E>::new(db.clone());
    let to_many = OneToManyLoader::<E>::new(db.clone());
    request
        .data(DataLoader::new(to_one, tokio::spawn))
        .data(DataLoader::new(to_many, tokio::spawn))
}

struct EntityOf<E, R>(PhantomData<fn() -> (E, R)>);

impl<E, R> Registration for EntityOf<E, R>
where
    E: Writable,
    R: RelationBuilder + Iterable + 'static,
{
    fn info(&self, enums: &Enumerations) -> EntityInfo {
        EntityInfo::of::<E>(&NAMES, enums)
    }

    fn table(&self) -> Arc<dyn Table> {
        Arc::new(TableOf::<E>(PhantomData))
    }

    fn rows(&self) -> Arc<dyn Rows> {
        Arc::new(RowsOf::<E>(PhantomData))
    }

    fn register(&self, mut builder: Builder, info: &Arc<EntityInfo>) -> Builder {
        let context = builder.context;
        let relations = R::iter()
            .map(|relation| relation.get_relation(context))
            .collect();
        let related = RelatedEntityFilter::<E>::build::<R>(context);
        builder.register_entity::<E>(relations, &related);
        // Seaography's own query of the entity: ours takes its place.
        builder.queries.pop();
        builder
            .queries
            .push(connection::field::<E>(context, Arc::clone(info)));
        let basic = EntityObjectBuilder { context }.to_basic_object::<E>();
        builder.outputs.push(basic);
        builder
            .mutations
            .extend(mutation::fields::<E>(context, info));
        builder.register_related_entity_filter(related)
    }

    fn loaders(&self) -> AddLoaders {
        add_loaders::<E>
    }
}

trait Enumeration: Send + Sync {
    fn values(&self) -> (String, Arc<super::entity::EnumValues>);
    fn register(&self, builder: &mut Builder);
}

struct EnumerationOf<A>(PhantomData<fn() -> A>);

impl<A: ActiveEnum> Enumeration for EnumerationOf<A> {
    fn values(&self) -> (String, Arc<super::entity::EnumValues>) {
        (A::name().to_string(), Arc::new(enum_values::<A>(&NAMES)))
    }

    fn register(&self, builder: &mut Builder) {
        builder.register_enumeration::<A>();
    }
}
