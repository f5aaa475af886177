//! Text, bytes, JSON, addresses, enums, arrays, nulls.

use std::sync::Arc;

use ipnetwork::IpNetwork;
use mac_address::MacAddress;
use sea_orm::ColumnType as C;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{ArrayType, Enum, OptionEnum, StringLen, Value};
use serde_json::json;

use super::{check, equal, reads};
use crate::image::{decode, encode};

#[test]
fn text_is_kept_as_it_is() {
    for text in [
        "",
        " ",
        "a\0b",
        "\u{feff}é\u{301}",
        "\"\\\n",
        "🦀",
        "null",
        "00",
    ] {
        check(C::Text, text, json!(text));
        check(C::String(StringLen::N(9)), text, json!(text));
        check(C::Char(Some(9)), text, json!(text));
        check(C::custom("citext"), text, json!(text));
        check(C::LTree, text, json!(text));
    }
    for c in ['a', '\0', 'é', '🦀', char::MAX] {
        check(C::Char(None), c, json!(c.to_string()));
    }
    check(
        C::Interval(None, None),
        "1 day 02:00:00",
        json!("1 day 02:00:00"),
    );
    check(C::Inet, "10.0.0.1", json!("10.0.0.1"));
    check(C::Year, "2024", json!("2024"));
    check(C::Json, "{ }", json!("{ }"));
}

#[test]
fn bytes_are_base64() {
    let all: Vec<u8> = (0..=255).collect();
    for column in [
        C::Blob,
        C::Binary(9),
        C::VarBinary(StringLen::Max),
        C::Bit(None),
        C::VarBit(9),
    ] {
        check(column.clone(), Vec::<u8>::new(), json!(""));
        check(column.clone(), vec![0_u8], json!("AA=="));
        check(column.clone(), vec![0xfb_u8, 0xff], json!("+/8="));
        let image = encode(&column, &all.clone().into()).unwrap();
        check(column, all.clone(), image);
    }
    check(C::custom("bytea"), vec![1_u8, 2, 3], json!("AQID"));
}

#[test]
fn uuids_are_hyphenated() {
    let uuid = Uuid::from_bytes([0xAB; 16]);
    let text = "abababab-abab-abab-abab-abababababab";
    check(C::Uuid, uuid, json!(text));
    check(C::Char(Some(36)), uuid, json!(text));
    check(C::Binary(16), uuid, json!("q6urq6urq6urq6urq6urqw=="));
    check(C::Uuid, vec![0xAB_u8; 16], json!(text));
    check(C::Uuid, text, json!(text));
    check(
        C::Uuid,
        Uuid::nil(),
        json!("00000000-0000-0000-0000-000000000000"),
    );
    reads(C::Uuid, json!(text.to_uppercase()), uuid);
}

#[test]
fn json_is_nested() {
    let nested = json!({"b": [1, 1.0, -0.0, null, {"a": "x"}], "a": {}, "": 1e300, "n": u64::MAX});
    for column in [C::Json, C::JsonBinary, C::Text, C::custom("jsonb")] {
        for value in [
            nested.clone(),
            json!([]),
            json!("text"),
            json!(false),
            json!(0),
        ] {
            check(column.clone(), value.clone(), value);
        }
    }
    // An image has only one null, for NULL and JSON null.
    let null = Value::Json(Some(Box::new(json!(null))));
    assert_eq!(encode(&C::Json, &null), Ok(json!(null)));
}

#[test]
fn addresses_look_like_postgresqls() {
    let net = |text: &str| text.parse::<IpNetwork>().unwrap();
    check(C::Inet, net("10.0.0.1/32"), json!("10.0.0.1"));
    check(C::Inet, net("10.0.0.1/24"), json!("10.0.0.1/24"));
    check(C::Inet, net("0.0.0.0/0"), json!("0.0.0.0/0"));
    check(C::Inet, net("2001:DB8::1/128"), json!("2001:db8::1"));
    check(C::Inet, net("2001:db8::/32"), json!("2001:db8::/32"));
    check(C::Inet, net("::ffff:1.2.3.4"), json!("::ffff:1.2.3.4"));
    check(C::Cidr, net("10.0.0.0/32"), json!("10.0.0.0/32"));
    check(C::Cidr, net("::1/128"), json!("::1/128"));
    check(C::custom("inet"), net("10.0.0.1"), json!("10.0.0.1"));
    reads(C::Cidr, json!("10.0.0.1"), net("10.0.0.1/32"));

    let mac = MacAddress::new([0, 1, 0x0a, 0xbc, 0xde, 0xff]);
    check(C::MacAddr, mac, json!("00:01:0a:bc:de:ff"));
    check(C::Text, mac, json!("00:01:0a:bc:de:ff"));
    reads(C::MacAddr, json!("00:01:0A:BC:DE:FF"), mac);
}

fn mood() -> C {
    C::Enum {
        name: "mood".into(),
        variants: vec!["sad".into(), "glad".into()],
    }
}

fn mood_value(word: &'static str) -> Value {
    Value::from(Enum {
        type_name: "mood".into(),
        value: word.into(),
    })
}

#[test]
fn enums_are_their_stored_value() {
    check(mood(), mood_value("sad"), json!("sad"));
    check(C::Text, mood_value("sad"), json!("sad"));
    check(mood(), "glad", json!("glad"));
    let null = Value::Enum(OptionEnum::None("mood".into()));
    check(mood(), null, json!(null));
}

#[test]
fn arrays_hold_what_their_columns_do() {
    let of = |column: C| C::Array(Arc::new(column));
    check(of(C::Integer), vec![1_i32, -1], json!([1, -1]));
    check(of(C::Integer), Vec::<i32>::new(), json!([]));
    check(
        of(C::BigInteger),
        vec![i64::MIN],
        json!(["-9223372036854775808"]),
    );
    check(of(C::Float), vec![0.1_f32, f32::NAN], json!([0.1, "NaN"]));
    check(
        of(C::Text),
        vec!["".to_owned(), "a".to_owned()],
        json!(["", "a"]),
    );
    check(of(C::Blob), vec![vec![1_u8], vec![]], json!(["AQ==", ""]));
    check(
        of(C::Json),
        vec![json!({"a": 1}), json!(null)],
        json!([{"a": 1}, null]),
    );
    let moods = Value::Array(
        mood_value("sad").array_type(),
        Some(Box::new(vec![mood_value("sad")])),
    );
    check(of(mood()), moods, json!(["sad"]));
    let gaps = vec![Value::Int(Some(1)), Value::Int(None)];
    check(
        of(C::Integer),
        Value::Array(ArrayType::Int, Some(Box::new(gaps))),
        json!([1, null]),
    );
    let row = |n| Value::from(vec![n]);
    let matrix = Value::Array(ArrayType::Int, Some(Box::new(vec![row(1), row(2)])));
    check(of(of(C::Integer)), matrix, json!([[1], [2]]));
    check(C::custom("int[]"), vec![1_i32], json!([1]));
    check(C::custom("jsonb"), json!([1]), json!([1]));
}

#[test]
fn every_null_is_null() {
    let columns = [
        C::Integer,
        C::Json,
        C::Vector(None),
        C::custom("x"),
        C::Date,
        mood(),
    ];
    let values = [
        Value::Bool(None),
        Value::BigUnsigned(None),
        Value::Double(None),
        Value::String(None),
        Value::Bytes(None),
        Value::Json(None),
        Value::ChronoDateTimeUtc(None),
        Value::TimeDateTimeWithTimeZone(None),
        Value::BigDecimal(None),
        Value::MacAddress(None),
    ];
    for column in columns {
        for value in &values {
            check(column.clone(), value.clone(), json!(null));
        }
    }
    let column = C::Array(Arc::new(C::Integer));
    let null = Value::Array(ArrayType::Int, None);
    assert_eq!(encode(&column, &null), Ok(json!(null)));
    let back = decode(&column, &ArrayType::Int, &json!(null)).unwrap();
    assert!(equal(&back, &null));
}
