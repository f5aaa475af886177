//! Object types whose values are of one Rust type, field by field.

use std::any::Any;
use std::marker::PhantomData;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, TypeRef};
use async_graphql::{Name, Value as GraphqlValue};
use serde_json::Value as Json;

use super::scalar::json_value;

/// An object type in the making. A field whose reader finds nothing is null; the plain methods make fields that
/// are never null, for readers that always find something.
pub(super) struct ObjectOf<T> {
    object: Object,
    of: PhantomData<fn() -> T>,
}

impl<T: Any + Send + Sync> ObjectOf<T> {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            object: Object::new(name),
            of: PhantomData,
        }
    }

    pub(super) fn description(self, text: &str) -> Self {
        self.with(|object| object.description(text))
    }

    /// Adds a field that finds the value in another way.
    pub(super) fn field(self, field: Field) -> Self {
        self.with(|object| object.field(field))
    }

    pub(super) fn finish(self) -> Object {
        self.object
    }

    /// Adds a field of any type.
    pub(super) fn value<R: Into<Option<GraphqlValue>>>(
        self,
        name: &str,
        ty: TypeRef,
        read: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Self {
        self.field(Field::new(name, ty, move |ctx| {
            let of = ctx.parent_value.try_downcast_ref::<T>().ok();
            FieldFuture::from_value(of.and_then(|of| read(of).into()))
        }))
    }

    pub(super) fn text<R: Into<Option<String>>>(
        self,
        name: &str,
        read: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Self {
        let ty = TypeRef::named_nn(TypeRef::STRING);
        self.value(name, ty, move |of| {
            let text: Option<String> = read(of).into();
            text.map(GraphqlValue::from)
        })
    }

    pub(super) fn text_or_null(
        self,
        name: &str,
        read: impl Fn(&T) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let ty = TypeRef::named(TypeRef::STRING);
        self.value(name, ty, move |of| read(of).map(GraphqlValue::from))
    }

    pub(super) fn texts(
        self,
        name: &str,
        read: impl Fn(&T) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        let ty = TypeRef::named_nn_list_nn(TypeRef::STRING);
        self.value(name, ty, move |of| {
            let texts = read(of).into_iter().map(GraphqlValue::from);
            GraphqlValue::List(texts.collect())
        })
    }

    pub(super) fn json<R: Into<Option<Json>>>(
        self,
        name: &str,
        read: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Self {
        let ty = TypeRef::named_nn("Json");
        self.value(name, ty, move |of| {
            let json: Option<Json> = read(of).into();
            json.map(json_value)
        })
    }

    pub(super) fn json_or_null(
        self,
        name: &str,
        read: impl Fn(&T) -> Option<Json> + Send + Sync + 'static,
    ) -> Self {
        let ty = TypeRef::named("Json");
        self.value(name, ty, move |of| read(of).map(json_value))
    }

    /// Adds a field with an item of an enumeration.
    pub(super) fn item<N: AsRef<str>>(
        self,
        name: &str,
        enumeration: &str,
        read: impl Fn(&T) -> Option<N> + Send + Sync + 'static,
    ) -> Self {
        self.value(name, TypeRef::named_nn(enumeration), move |of| {
            Some(GraphqlValue::Enum(Name::new(read(of)?)))
        })
    }

    pub(super) fn flag(self, name: &str, read: fn(&T) -> bool) -> Self {
        let ty = TypeRef::named_nn(TypeRef::BOOLEAN);
        self.value(name, ty, move |of| GraphqlValue::from(read(of)))
    }

    pub(super) fn number(self, name: &str, read: fn(&T) -> u64) -> Self {
        let ty = TypeRef::named_nn(TypeRef::INT);
        self.value(name, ty, move |of| GraphqlValue::from(read(of)))
    }

    /// Adds a field with another object, which is a part of this one; null if it is not there.
    pub(super) fn part<P: Any + Send + Sync>(
        self,
        name: &str,
        ty: TypeRef,
        read: fn(&T) -> Option<&P>,
    ) -> Self {
        self.field(Field::new(name, ty, move |ctx| {
            FieldFuture::new(async move {
                let of = ctx.parent_value.try_downcast_ref::<T>()?;
                Ok(read(of).map(|part| FieldValue::borrowed_any(part)))
            })
        }))
    }

    /// Adds a field with a list of objects.
    pub(super) fn list(
        self,
        name: &str,
        of_items: impl Into<String>,
        read: for<'a> fn(&'a T) -> Vec<FieldValue<'a>>,
    ) -> Self {
        let ty = TypeRef::named_nn_list_nn(of_items);
        self.field(Field::new(name, ty, move |ctx| {
            FieldFuture::new(async move {
                let of = ctx.parent_value.try_downcast_ref::<T>()?;
                Ok(Some(FieldValue::list(read(of))))
            })
        }))
    }

    /// Adds the fields of a page that ends with a cursor.
    pub(super) fn page(
        self,
        of_nodes: &str,
        nodes: for<'a> fn(&'a T) -> Vec<FieldValue<'a>>,
        end_cursor: fn(&T) -> Option<String>,
        has_more: fn(&T) -> bool,
    ) -> Self {
        self.list("nodes", of_nodes, nodes)
            .text_or_null("endCursor", end_cursor)
            .flag("hasNextPage", has_more)
    }

    fn with(self, change: impl FnOnce(Object) -> Object) -> Self {
        Self {
            object: change(self.object),
            of: PhantomData,
        }
    }
}
