//! Renders a pull's documents all at once: rendering ten thousand of them field by field took half the time of
//! a pull.

use async_graphql::dynamic::{ResolverContext, TypeRef};
use async_graphql::{Name, SelectionField, Value as GraphqlValue};

use super::document::{self, Shows};
use crate::graphql::prerendered::Prerendered;
use crate::service::offline::bulk::Bulk;
use crate::service::offline::document::Document;
use crate::service::offline::synced::Synced;

/// A field of the response.
struct Wanted {
    key: Name,
    shows: Shows,
    /// Otherwise GraphQL must guarantee that the field has a value.
    may_be_null: bool,
}

/// Renders the documents of the bulk that is being resolved. Leaves it to GraphQL if a field is asked for
/// twice, which GraphQL merges, or if a required value is missing, which GraphQL reports.
pub(super) fn render(ctx: &ResolverContext<'_>, synced: &Synced, bulk: &Bulk) {
    let Some(rendered) = ctx.data_opt::<Prerendered>() else {
        return;
    };
    let fields = ctx.field();
    let mut fields = fields.selection_set();
    let documents = fields.find(|field| field.name() == document::FIELD);
    let (Some(field), true) = (
        documents,
        fields.all(|field| field.name() != document::FIELD),
    ) else {
        return;
    };
    let wanted = field
        .selection_set()
        .map(|field| Wanted::of(&field, synced));
    let value = wanted.collect::<Option<Vec<_>>>().and_then(|wanted| {
        let documents = bulk.documents.iter();
        let values = documents.map(|document| object(&wanted, document));
        values.collect::<Option<Vec<_>>>()
    });
    if let Some(value) = value {
        let key = field.alias().unwrap_or(document::FIELD);
        rendered.leave(ctx, key, GraphqlValue::List(value));
    }
}

impl Wanted {
    /// `None` for a field that belongs to GraphQL itself.
    fn of(field: &SelectionField<'_>, synced: &Synced) -> Option<Self> {
        let shows = Shows::of(synced, field.name())?;
        Some(Self {
            key: Name::new(field.alias().unwrap_or(field.name())),
            may_be_null: !matches!(shows.ty(), TypeRef::NonNull(_)),
            shows,
        })
    }
}

fn object(wanted: &[Wanted], document: &Document) -> Option<GraphqlValue> {
    let fields = wanted.iter().map(|field| {
        let value = field
            .shows
            .value(document)
            .or(field.may_be_null.then_some(GraphqlValue::Null))?;
        Some((field.key.clone(), value))
    });
    fields.collect::<Option<_>>().map(GraphqlValue::Object)
}
