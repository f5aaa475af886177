//! `Task`, `TaskBasic`: the rows of an entity, with and without its relations.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, Object, TypeRef};

use super::listed::Listed;
use super::node::row;
use super::related;
use super::relation::Relation;
use super::scalar::shown;
use crate::service::entity::EntityInfo;

/// The name of the type of rows without relations, which mutations return.
pub(super) fn basic_name(entity: &EntityInfo) -> String {
    format!("{}Basic", entity.object)
}

/// `TaskBasic`.
pub(super) fn basic(of: &Listed) -> Object {
    columns(Object::new(basic_name(&of.info)), of)
}

/// `Task`.
pub(super) fn object(of: &Listed, relations: &[Arc<Relation>]) -> Object {
    let object = columns(Object::new(&of.info.object), of);
    relations.iter().fold(object, |object, relation| {
        object.field(related::field(relation))
    })
}

fn columns(object: Object, of: &Listed) -> Object {
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
