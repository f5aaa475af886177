//! Variables that only say where a subscription begins, so that subscribers who resume from different cursors
//! form one group.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql_value::Value;

/// The arguments that say where a subscription begins.
const STARTS: [&str; 2] = ["after", "includeInitial"];

/// The variables that the operation uses once, as an argument of its root that says where it begins.
///
/// The recursion is bounded by the brackets of a request.
pub(in crate::graphql) fn start_variables(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> BTreeSet<Name> {
    let mut uses = Uses::default();
    uses.directives(&operation.directives);
    uses.set(&operation.selection_set.node);
    for fragment in document.fragments.values() {
        uses.directives(&fragment.node.directives);
        uses.set(&fragment.node.selection_set.node);
    }
    let root = operation.selection_set.node.items.iter();
    let fields = root.filter_map(|item| match &item.node {
        Selection::Field(field) => Some(&field.node),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    });
    fields
        .flat_map(starts_of)
        .filter(|name| uses.0.get(name) == Some(&1))
        .cloned()
        .collect()
}

fn starts_of(field: &Field) -> impl Iterator<Item = &Name> {
    let starts = STARTS
        .iter()
        .filter_map(move |name| field.get_argument(name));
    starts.filter_map(|value| match &value.node {
        Value::Variable(name) => Some(name),
        _ => None,
    })
}

/// How often a document uses each variable.
#[derive(Default)]
struct Uses<'d>(BTreeMap<&'d Name, usize>);

impl<'d> Uses<'d> {
    fn set(&mut self, set: &'d SelectionSet) {
        for item in &set.items {
            self.directives(item.node.directives());
            match &item.node {
                Selection::Field(field) => {
                    let arguments = field.node.arguments.iter();
                    arguments.for_each(|(_, value)| self.value(&value.node));
                    self.set(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &'d [Positioned<Directive>]) {
        let directives = directives.iter();
        let arguments = directives.flat_map(|directive| &directive.node.arguments);
        arguments.for_each(|(_, value)| self.value(&value.node));
    }

    fn value(&mut self, value: &'d Value) {
        match value {
            Value::Variable(name) => *self.0.entry(name).or_default() += 1,
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.value(field)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn table() {
        for (operation, expected) in [
            ("($c: String) { changes(after: $c) { cursor } }", "c"),
            ("($c: String) { changes(after : $c) { cursor } }", "c"),
            (
                "($c: String, $i: Boolean) { a(after: $c, includeInitial: $i) { b } }",
                "c,i",
            ),
            ("($c: String) { changes(entities: [$c]) { cursor } }", ""),
            ("($c: String) { changes(after: [$c]) { cursor } }", ""),
            ("($c: String) { a(filters: {after: $c}) { b } }", ""),
            ("($c: String) { a(after: $c) { b(after: $c) } }", ""),
            ("($c: String) { a { b(after: $c) } }", ""),
            ("($c: Boolean) { a(after: $c) { b @skip(if: $c) } }", ""),
            (
                "($c: Boolean) { a(after: $c) { ...f } } fragment f on A { b @skip(if: $c) }",
                "",
            ),
            ("($c: String) { a(after: $c, b: \"$c\") { b } }", "c"),
            ("($c: String) { a(after: \"$c\") { b } }", ""),
        ] {
            let text = format!("subscription {operation}");
            let document = parse_query(&text).expect(&text);
            let (_, operation) = document.operations.iter().next().expect("operation");
            let found = start_variables(&document, &operation.node);
            let found: Vec<&str> = found.iter().map(Name::as_str).collect();
            assert_eq!(found.join(","), expected, "{text}");
        }
    }
}
