//! Arrays, which PostgreSQL has, of the samples of their elements.

use sea_orm::Value;
use serde_json::Value as Json;

use super::sample::Sample;

/// Empty, of one, of all.
pub fn of(elements: Vec<Sample>) -> Vec<Sample> {
    [&elements[..0], &elements[..1], &elements[..]]
        .map(|part| {
            let values = |value: fn(&Sample) -> Value| {
                let rust = elements[0].value.array_type();
                Value::Array(rust, Some(Box::new(part.iter().map(value).collect())))
            };
            let texts = |text: fn(&Sample) -> Json| part.iter().map(text).collect::<Json>();
            Sample {
                value: values(|element| element.value.clone()),
                stored: values(|element| element.stored.clone()),
                image: texts(|element| element.image.clone()),
                graphql: texts(|element| element.graphql.clone()),
                is_input: part.iter().all(|element| element.is_input),
            }
        })
        .into()
}
