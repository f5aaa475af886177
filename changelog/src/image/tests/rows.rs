//! Whole rows of a real entity.

use sea_orm::Iterable;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capture::model_from;
use crate::image::row::fields;
use crate::image::{Image, ImageError, differing, image_of, key_of};

#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Size {
    #[sea_orm(string_value = "small")]
    Small,
    #[sea_orm(string_value = "large")]
    Large,
}

#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i32", db_type = "Integer")]
pub enum Level {
    #[sea_orm(num_value = -1)]
    Low,
    #[sea_orm(num_value = 7)]
    High,
}

#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "Enum", db_type = "Enum", enum_name = "mood")]
pub enum Mood {
    #[sea_orm(string_value = "sad")]
    Sad,
    #[sea_orm(string_value = "glad")]
    Glad,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Extra {
    colour: String,
    weight: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_name = "zone_id")]
    pub region: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Option<String>,
    pub size: Size,
    pub sizes: Vec<Size>,
    pub level: Option<Level>,
    pub mood: Mood,
    pub moods: Vec<Mood>,
    pub maybe_mood: Option<Mood>,
    #[sea_orm(column_type = "Decimal(Some((12, 2)))")]
    pub price: Decimal,
    pub ratio: Option<BigDecimal>,
    pub data: Json,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub extra: Option<Extra>,
    #[sea_orm(column_type = "custom(\"int4[]\")", nullable)]
    pub counts: Option<Vec<i32>>,
    pub tags: Option<Vec<String>>,
    pub serial: Option<u64>,
    pub blob: Vec<u8>,
    #[sea_orm(column_type = "Bit(Some(8))")]
    pub bits: Vec<u8>,
    pub seen: Option<ChronoDateTimeUtc>,
    pub due: TimeDateTime,
    pub unix: sea_orm::value::ChronoUnixTimestamp,
    #[sea_orm(ignore)]
    pub scratch: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::track!();

fn full() -> Model {
    let seen = chrono::DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
    Model {
        region: i64::MAX,
        id: Uuid::nil(),
        name: Some("".to_owned()),
        size: Size::Large,
        sizes: vec![Size::Small, Size::Large],
        level: Some(Level::Low),
        mood: Mood::Glad,
        moods: vec![Mood::Sad],
        maybe_mood: Some(Mood::Sad),
        price: Decimal::new(5, 1),
        ratio: Some("0.10".parse().unwrap()),
        data: json!({"b": 1, "a": [null]}),
        extra: Some(Extra {
            colour: "red".to_owned(),
            weight: None,
        }),
        counts: Some(vec![1, 2]),
        tags: Some(vec![]),
        serial: Some(u64::MAX),
        blob: vec![],
        bits: vec![0xff],
        seen: Some(seen),
        due: time::macros::datetime!(2024-02-29 12:00),
        unix: seen.into(),
        scratch: 0,
    }
}

fn empty() -> Model {
    Model {
        name: None,
        sizes: vec![],
        level: None,
        moods: vec![],
        maybe_mood: None,
        ratio: None,
        data: json!(null),
        extra: None,
        counts: None,
        tags: None,
        serial: None,
        seen: None,
        ..full()
    }
}

fn expected() -> serde_json::Value {
    json!({
        "bits": "/w==",
        "blob": "",
        "counts": [1, 2],
        "data": {"a": [null], "b": 1},
        "due": "2024-02-29T12:00:00.000000",
        "extra": {"colour": "red", "weight": null},
        "id": "00000000-0000-0000-0000-000000000000",
        "level": -1,
        "maybe_mood": "sad",
        "mood": "glad",
        "moods": ["sad"],
        "name": "",
        "price": "0.50",
        "ratio": "0.1",
        "seen": "2023-11-14T22:13:20.123456Z",
        "serial": "18446744073709551615",
        "size": "large",
        "sizes": ["small", "large"],
        "tags": [],
        "unix": "1700000000",
        "zone_id": "9223372036854775807",
    })
}

#[test]
fn a_row_has_every_column_sorted() {
    let image = image_of(&full()).unwrap();
    assert_eq!(serde_json::Value::Object(image.clone()), expected());
    // The order must not depend on the map's.
    let fields = fields(&full(), Column::iter()).unwrap();
    let names: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(!Column::iter().is_sorted_by_key(|column| column.as_str()));
}

#[test]
fn the_key_has_the_primary_key_alone() {
    let key = serde_json::to_string(&key_of(&full()).unwrap()).unwrap();
    let expected =
        r#"{"id":"00000000-0000-0000-0000-000000000000","zone_id":"9223372036854775807"}"#;
    assert_eq!(key, expected);
}

#[test]
fn models_come_back() {
    for mut model in [full(), empty()] {
        // The column's own type cuts the time to whole seconds.
        model.unix = chrono::DateTime::from_timestamp(1_700_000_000, 0)
            .unwrap()
            .into();
        let mut image = image_of(&model).unwrap();
        image.insert("unknown".to_owned(), json!(1));
        assert_eq!(model_from::<Model>(&image), Ok(model));
    }
    let nulls = image_of(&empty()).unwrap();
    let count = nulls.values().filter(|value| value.is_null()).count();
    assert_eq!(count, 10, "{nulls:?}");
}

fn broken(column: &str, value: Option<serde_json::Value>) -> ImageError {
    let mut image: Image = expected().as_object().unwrap().clone();
    match value {
        Some(value) => image.insert(column.to_owned(), value),
        None => image.remove(column),
    };
    let error = model_from::<Model>(&image).unwrap_err();
    assert_eq!(error.column(), Some(column), "{error}");
    error
}

#[test]
fn what_a_model_does_not_take_is_an_error() {
    let missing = ImageError::MissingColumn {
        column: "name".to_owned(),
    };
    assert_eq!(broken("name", None), missing);
    let refused = |text: &str, column: &str| {
        ImageError::Refused {
            text: text.to_owned(),
        }
        .in_column(column)
    };
    for (column, value) in [
        ("price", json!(null)),
        ("size", json!(null)),
        ("size", json!("medium")),
        ("mood", json!("angry")),
        ("level", json!(3)),
        ("tags", json!([null])),
        // These two panic inside sea-query.
        ("sizes", json!(["medium"])),
        ("moods", json!(["angry"])),
    ] {
        assert_eq!(
            broken(column, Some(value.clone())),
            refused(&value.to_string(), column)
        );
    }
    broken("extra", Some(json!({"colour": 1})));
    broken("zone_id", Some(json!("x")));
    broken("serial", Some(json!("-1")));
}

#[test]
fn columns_that_differ() {
    let image = |json: serde_json::Value| json.as_object().unwrap().clone();
    let before = image(json!({
        "z": 0.0, "y": 1, "x": {"a": [1, {"b": 0.0}]}, "w": "1", "v": {"a": 1}, "gone": null,
    }));
    let after = image(json!({
        "z": -0.0, "y": 1, "x": {"a": [1, {"b": -0.0}]}, "w": 1, "v": {"a": 1, "b": 1}, "new": 0,
    }));
    assert_eq!(
        differing(&before, &after),
        ["gone", "new", "v", "w", "x", "z"]
    );
    assert!(differing(&before, &before.clone()).is_empty());
}
