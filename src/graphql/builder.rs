//! The parts of the schema: its fields at the root and its types.

use std::collections::HashMap;

use async_graphql::dynamic::{
    Field, FieldFuture, Object, Schema, SchemaBuilder, SchemaError, Subscription,
    SubscriptionField, Type, TypeRef,
};

/// The parts of the schema. It already has ours when an adopter is asked to extend it: push fields for the root
/// to the three lists, and [`register`](Self::register) the types that they need. Fields may return our types:
/// a field of type `Task` returns a `task::Model`.
#[derive(Default)]
pub struct Builder {
    /// The fields of `Query`.
    pub queries: Vec<Field>,
    /// The fields of `Mutation`.
    pub mutations: Vec<Field>,
    /// The fields of `Subscription`.
    pub subscriptions: Vec<SubscriptionField>,
    /// Each type, with a description of what it belongs to.
    types: Vec<(String, Type)>,
    /// What the types that are registered next belong to.
    of: String,
}

const QUERY: &str = "Query";
const MUTATION: &str = "Mutation";
const SUBSCRIPTION: &str = "Subscription";

impl Builder {
    /// Adds a type. Two types with the same name are an error when the schema is made.
    pub fn register(&mut self, ty: impl Into<Type>) {
        self.types.push((self.of.clone(), ty.into()));
    }

    /// Sets what the types registered from now on belong to, for error messages.
    pub(super) fn begin(&mut self, of: impl Into<String>) {
        self.of = of.into();
    }

    /// Makes the schema.
    ///
    /// # Errors
    /// [`SchemaError`] if two types have the same name.
    pub(super) fn schema(self) -> Result<SchemaBuilder, SchemaError> {
        check(&self.types)?;
        let queries = self.queries.into_iter();
        let query = queries.fold(Object::new(QUERY), Object::field);
        let ping = Field::new("_ping", TypeRef::named(TypeRef::STRING), |_| {
            FieldFuture::from_value(Some("pong".into()))
        });
        let mutations = std::iter::once(ping).chain(self.mutations);
        let mutation = mutations.fold(Object::new(MUTATION), Object::field);
        let subscriptions = self.subscriptions.into_iter();
        let subscription = subscriptions.fold(Subscription::new(SUBSCRIPTION), Subscription::field);
        let schema = Schema::build(QUERY, Some(MUTATION), Some(SUBSCRIPTION))
            .register(query)
            .register(mutation)
            .register(subscription);
        let types = self.types.into_iter();
        Ok(types.fold(schema, |schema, (_, ty)| schema.register(ty)))
    }
}

/// Refuses a second type of a name, which would silently replace the first.
fn check(types: &[(String, Type)]) -> Result<(), SchemaError> {
    let roots = [QUERY, MUTATION, SUBSCRIPTION].map(|name| (name, "the schema's root"));
    let scalars = [
        TypeRef::INT,
        TypeRef::FLOAT,
        TypeRef::STRING,
        TypeRef::BOOLEAN,
        TypeRef::ID,
    ];
    let mut known: HashMap<&str, &str> = roots.into_iter().collect();
    known.extend(scalars.map(|name| (name, "GraphQL itself")));
    for (of, ty) in types {
        let name = name(ty);
        if let Some(other) = known.insert(name, of) {
            return Err(SchemaError(format!(
                "two types have the name `{name}`: one of {other} and one of {of}; rename the table, or \
                 do not register it"
            )));
        }
    }
    Ok(())
}

fn name(ty: &Type) -> &str {
    match ty {
        Type::Scalar(ty) => ty.type_name(),
        Type::Object(ty) => ty.type_name(),
        Type::InputObject(ty) => ty.type_name(),
        Type::Enum(ty) => ty.type_name(),
        Type::Interface(ty) => ty.type_name(),
        Type::Union(ty) => ty.type_name(),
        Type::Subscription(ty) => ty.type_name(),
        Type::Upload => TypeRef::UPLOAD,
    }
}
