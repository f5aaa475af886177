//! Values with the texts that the contract gives them, and how values are compared.

use sea_orm::Value;
use serde_json::Value as Json;

/// A value, and what must become of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// As written.
    pub value: Value,
    /// As read back.
    pub stored: Value,
    /// In row images.
    pub image: Json,
    /// In GraphQL.
    pub graphql: Json,
    /// Whether GraphQL takes it as input. It does not take what is no number for `Float`.
    pub is_input: bool,
}

impl Sample {
    /// A value that has the same text everywhere.
    pub fn new(value: impl Into<Value>, image: impl Into<Json>) -> Self {
        let (value, image) = (value.into(), image.into());
        Self {
            stored: value.clone(),
            value,
            graphql: image.clone(),
            image,
            is_input: true,
        }
    }

    /// The same, but GraphQL does not take it as input.
    pub fn output_only(self) -> Self {
        Self {
            is_input: false,
            ..self
        }
    }

    /// The same, but GraphQL has a form of its own.
    pub fn in_graphql(self, graphql: impl Into<Json>) -> Self {
        Self {
            graphql: graphql.into(),
            ..self
        }
    }

    /// The same, but the database keeps another value.
    pub fn stored(self, stored: impl Into<Value>) -> Self {
        Self {
            stored: stored.into(),
            ..self
        }
    }
}

/// The samples of one column.
#[derive(Clone, Debug)]
pub struct Column {
    /// In the database.
    pub name: &'static str,
    /// At least one.
    pub samples: Vec<Sample>,
}

impl Column {
    /// The sample of a row: columns with fewer samples begin anew.
    pub fn sample(&self, row: usize) -> &Sample {
        &self.samples[row % self.samples.len()]
    }

    /// The same column with those samples only that GraphQL takes as input.
    pub fn inputs(mut self) -> Self {
        self.samples.retain(|sample| sample.is_input);
        self
    }
}

/// A column and its samples.
pub fn column(name: &'static str, samples: Vec<Sample>) -> Column {
    Column { name, samples }
}

/// Equal, and of the same type. Tells the two zeros apart, and takes NaN for itself.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(Some(l)), Value::Float(Some(r))) => {
            l.to_bits() == r.to_bits() || l.is_nan() && r.is_nan()
        }
        (Value::Double(Some(l)), Value::Double(Some(r))) => {
            l.to_bits() == r.to_bits() || l.is_nan() && r.is_nan()
        }
        (Value::Array(lt, Some(l)), Value::Array(rt, Some(r))) => {
            lt == rt && l.len() == r.len() && l.iter().zip(r.iter()).all(|(l, r)| equal(l, r))
        }
        _ => left == right,
    }
}

/// As [`equal`], of JSON: `==` takes 0.0 for -0.0.
pub fn same(left: &Json, right: &Json) -> bool {
    left == right && (left.is_string() || format!("{left}") == format!("{right}"))
}
