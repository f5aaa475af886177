//! `Task`, `TaskBasic`: the rows of an entity, with and without its relations.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, TypeRef};

use super::entity::EntityInfo;
use super::registered::Registered;
use super::related;
use super::relation::Relation;
use super::row::{Node, Row};
use super::scalar::shown;
use super::source::Source;

/// The name of the type of rows without relations, which mutations return.
pub(super) fn basic_name(entity: &EntityInfo) -> String {
    format!("{}Basic", entity.object)
}

/// `TaskBasic`.
pub(super) fn basic(of: &Registered) -> Object {
    columns(Object::new(basic_name(&of.info)), of)
}

/// `Task`.
pub(super) fn object(of: &Registered, relations: &[Arc<Relation>]) -> Object {
    let object = columns(Object::new(&of.info.object), of);
    relations.iter().fold(object, |object, relation| {
        object.field(related::field(relation))
    })
}

fn columns(object: Object, of: &Registered) -> Object {
    of.info.columns.iter().fold(object, |object, column| {
        let ty = match column.type_ref() {
            ty if column.nullable => ty,
            ty => TypeRef::NonNull(Box::new(ty)),
        };
        let (info, source) = (column.clone(), Arc::clone(&of.source));
        object.field(Field::new(&column.field, ty, move |ctx| {
            let row = row(ctx.parent_value, source.as_ref());
            let json = row.map(|row| row.value(&info).clone());
            FieldFuture::from_value(json.and_then(|json| shown(&ctx, &info, json)))
        }))
    })
}

/// The row that a resolver has handed on: one of ours, or a model that an adopter's field returns.
fn row<'a>(value: &'a FieldValue<'_>, source: &dyn Source) -> Option<Cow<'a, Row>> {
    match value.downcast_ref::<Node>() {
        Some(node) => Some(Cow::Borrowed(node)),
        None => source.row_of(value).map(Cow::Owned),
    }
}

/// The same with what was read together with it; a model was read by itself.
pub(super) fn node(value: &FieldValue<'_>, source: &dyn Source) -> Option<Node> {
    match value.downcast_ref::<Node>() {
        Some(node) => Some(node.clone()),
        None => source.row_of(value).map(Node::alone),
    }
}
