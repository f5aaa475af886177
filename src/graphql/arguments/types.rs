//! The input types of the arguments of lists.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputObject, InputValue, TypeRef};
use sea_orm::ColumnType;

use crate::graphql::column::BIG_INT;
use crate::graphql::relation::Relation;
use crate::service::entity::{ColumnInfo, EntityInfo, EnumValues};

/// The type name of the argument `pagination`.
pub(super) const PAGINATION: &str = "PaginationInput";
const CURSOR: &str = "CursorInput";
const PAGE: &str = "PageInput";
const OFFSET: &str = "OffsetInput";
const ORDER_BY: &str = "OrderByEnum";

const TEXT: &str = "TextFilterInput";
const STRING: &str = "StringFilterInput";
const INTEGER: &str = "IntegerFilterInput";
const BIG_INTEGER: &str = "BigIntFilterInput";
const FLOAT: &str = "FloatFilterInput";
const BOOLEAN: &str = "BooleanFilterInput";

/// The tests that exist for values of any type.
const SINGLE: [&str; 6] = ["eq", "ne", "gt", "gte", "lt", "lte"];
const OF_TEXT: [&str; 5] = ["contains", "starts_with", "ends_with", "like", "not_like"];

/// `TaskFilterInput`.
pub(in crate::graphql) fn filter_name(entity: &EntityInfo) -> String {
    format!("{}FilterInput", entity.object)
}

/// `TaskHavingInput`.
pub(super) fn having_name(entity: &EntityInfo) -> String {
    format!("{}HavingInput", entity.object)
}

/// `TaskOrderInput`.
pub(super) fn order_name(entity: &EntityInfo) -> String {
    format!("{}OrderInput", entity.object)
}

/// The types for one entity.
pub(in crate::graphql) fn inputs(
    entity: &EntityInfo,
    relations: &[Arc<Relation>],
) -> [InputObject; 3] {
    [filter(entity), having(entity, relations), order(entity)]
}

fn filter(entity: &EntityInfo) -> InputObject {
    let name = filter_name(entity);
    let tested = entity.columns.iter();
    let tested = tested.filter_map(|column| Some((column, tests_of(column)?)));
    tested
        .fold(InputObject::new(&name), |object, (column, tests)| {
            object.field(InputValue::new(&column.field, TypeRef::named(tests)))
        })
        .field(InputValue::new("and", TypeRef::named_nn_list(&name)))
        .field(InputValue::new("or", TypeRef::named_nn_list(&name)))
        .field(InputValue::new("not", TypeRef::named(&name)))
}

fn having(entity: &EntityInfo, relations: &[Arc<Relation>]) -> InputObject {
    let object = InputObject::new(having_name(entity));
    if relations.is_empty() {
        // An input object must have at least one field.
        return object.field(InputValue::new("_", TypeRef::named(TypeRef::BOOLEAN)));
    }
    relations.iter().fold(object, |object, relation| {
        let filter = TypeRef::named(filter_name(&relation.child.info));
        object.field(InputValue::new(&relation.field, filter))
    })
}

fn order(entity: &EntityInfo) -> InputObject {
    let object = InputObject::new(order_name(entity));
    entity.columns.iter().fold(object, |object, column| {
        object.field(InputValue::new(&column.field, TypeRef::named(ORDER_BY)))
    })
}

/// The type of a column's tests; `None` for a column that filters cannot test: bytes, JSON, arrays, and types
/// that SeaORM does not know.
fn tests_of(column: &ColumnInfo) -> Option<String> {
    use ColumnType as T;
    let tests = match &column.ty {
        T::Enum { .. } => match &column.values {
            Some(values) => return Some(values.filter_name.clone()),
            None => TEXT,
        },
        T::String(_) | T::Text => STRING,
        T::TinyInteger | T::SmallInteger | T::Integer | T::TinyUnsigned | T::SmallUnsigned => {
            INTEGER
        }
        T::Year => INTEGER,
        T::BigInteger | T::BigUnsigned | T::Unsigned => BIG_INTEGER,
        T::Float | T::Double => FLOAT,
        T::Boolean => BOOLEAN,
        T::Char(_) | T::Decimal(_) | T::Money(_) | T::Uuid | T::Interval(..) => TEXT,
        T::Date | T::Time | T::DateTime | T::Timestamp | T::TimestampWithTimeZone => TEXT,
        T::Cidr | T::Inet | T::MacAddr => TEXT,
        _ => return None,
    };
    Some(tests.to_owned())
}

/// The tests of an enumeration.
pub(in crate::graphql) fn enum_filter(values: &EnumValues) -> InputObject {
    single(&values.filter_name, &values.type_name)
}

/// The types that all entities share.
pub(in crate::graphql) fn shared() -> (Vec<InputObject>, Enum) {
    let text = |name: &str| ranges(single(name, TypeRef::STRING), TypeRef::STRING);
    let inputs = vec![
        text(TEXT),
        string_filter(),
        ranges(single(INTEGER, TypeRef::INT), TypeRef::INT),
        ranges(single(BIG_INTEGER, BIG_INT), BIG_INT),
        ranges(single(FLOAT, TypeRef::FLOAT), TypeRef::FLOAT),
        single(BOOLEAN, TypeRef::BOOLEAN),
        text("IdentityFilterInput"),
        InputObject::new(CURSOR)
            .field(InputValue::new("cursor", TypeRef::named(TypeRef::STRING)))
            .field(required_int("limit")),
        InputObject::new(PAGE)
            .field(required_int("limit"))
            .field(required_int("page")),
        InputObject::new(OFFSET)
            .field(required_int("limit"))
            .field(required_int("offset")),
        InputObject::new(PAGINATION)
            .field(InputValue::new("cursor", TypeRef::named(CURSOR)))
            .field(InputValue::new("page", TypeRef::named(PAGE)))
            .field(InputValue::new("offset", TypeRef::named(OFFSET)))
            .oneof(),
    ];
    (inputs, Enum::new(ORDER_BY).item("ASC").item("DESC"))
}

fn required_int(name: &str) -> InputValue {
    InputValue::new(name, TypeRef::named_nn(TypeRef::INT))
}

fn single(name: &str, value: &str) -> InputObject {
    lists(comparisons(name, value), value)
}

fn comparisons(name: &str, value: &str) -> InputObject {
    SINGLE.iter().fold(InputObject::new(name), |object, test| {
        object.field(InputValue::new(*test, TypeRef::named(value)))
    })
}

fn lists(object: InputObject, value: &str) -> InputObject {
    object
        .field(InputValue::new("is_in", TypeRef::named_nn_list(value)))
        .field(InputValue::new("is_not_in", TypeRef::named_nn_list(value)))
        .field(InputValue::new("is_null", TypeRef::named(TypeRef::BOOLEAN)))
}

fn ranges(object: InputObject, value: &str) -> InputObject {
    object
        .field(InputValue::new("between", TypeRef::named_nn_list(value)))
        .field(InputValue::new(
            "not_between",
            TypeRef::named_nn_list(value),
        ))
}

fn string_filter() -> InputObject {
    let text = || TypeRef::named(TypeRef::STRING);
    let object = comparisons(STRING, TypeRef::STRING).field(InputValue::new("ci_eq", text()));
    let object = lists(object, TypeRef::STRING);
    let object = OF_TEXT.iter().fold(object, |object, test| {
        object.field(InputValue::new(*test, text()))
    });
    ranges(object, TypeRef::STRING)
}
