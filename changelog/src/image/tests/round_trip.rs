//! Any value's image is read back as the value.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use ipnetwork::IpNetwork;
use mac_address::MacAddress;
use proptest::prelude::*;
use rust_decimal::Decimal;
use sea_orm::ColumnType as C;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Enum, StringLen, Value};
use serde_json::{Value as Json, json};

use super::{equal, there_and_back};
use crate::image::{canonical, encode};

/// One column of every type.
pub(super) fn columns() -> Vec<C> {
    let mut columns = vec![
        C::Char(None),
        C::String(StringLen::None),
        C::Text,
        C::Blob,
        C::TinyInteger,
        C::SmallInteger,
        C::Integer,
        C::BigInteger,
        C::TinyUnsigned,
        C::SmallUnsigned,
        C::Unsigned,
        C::BigUnsigned,
        C::Float,
        C::Double,
        C::Decimal(None),
        C::Decimal(Some((9, 30))),
        C::DateTime,
        C::Timestamp,
        C::TimestampWithTimeZone,
        C::Time,
        C::Date,
        C::Year,
        C::Interval(None, None),
        C::Binary(1),
        C::VarBinary(StringLen::Max),
        C::Bit(None),
        C::VarBit(1),
        C::Boolean,
        C::Money(None),
        C::Json,
        C::JsonBinary,
        C::Uuid,
        C::custom("custom"),
        C::Vector(None),
        C::Cidr,
        C::Inet,
        C::MacAddr,
        C::LTree,
    ];
    columns.push(C::Enum {
        name: "mood".into(),
        variants: vec!["sad".into()],
    });
    let arrays: Vec<C> = columns.iter().map(|c| C::Array(c.clone().into())).collect();
    columns.extend(arrays);
    columns
}

/// A value of every type, and arrays of them.
pub(super) fn samples() -> Vec<Value> {
    let moment = DateTime::<Utc>::UNIX_EPOCH;
    let time = time::OffsetDateTime::UNIX_EPOCH;
    let plain = time::PrimitiveDateTime::new(time.date(), time.time());
    let mut values: Vec<Value> = vec![
        true.into(),
        1_i8.into(),
        1_i16.into(),
        1_i32.into(),
        i64::MIN.into(),
        1_u8.into(),
        1_u16.into(),
        1_u32.into(),
        u64::MAX.into(),
        1.5_f32.into(),
        1.5_f64.into(),
        "text".into(),
        'c'.into(),
        vec![7_u8; 16].into(),
        json!({"a": [1]}).into(),
        moment.date_naive().into(),
        moment.time().into(),
        moment.naive_utc().into(),
        moment.into(),
        moment.with_timezone(&Local).into(),
        moment.fixed_offset().into(),
        time.date().into(),
        time.time().into(),
        plain.into(),
        time.into(),
        Uuid::from_bytes([7; 16]).into(),
        Decimal::new(15, 1).into(),
        BigDecimal::from(15).into(),
        IpNetwork::V4("10.0.0.1".parse().unwrap()).into(),
        MacAddress::default().into(),
    ];
    values.push(Value::from(Enum {
        type_name: "mood".into(),
        value: "sad".into(),
    }));
    let array = |v: &Value| Value::Array(v.array_type(), Some(Box::new(vec![v.clone()])));
    let arrays: Vec<Value> = values.iter().map(array).collect();
    values.extend(arrays);
    values
}

#[track_caller]
fn survives(column: C, value: impl Into<Value>) {
    let value = value.into();
    let back = there_and_back(&column, &value);
    assert!(equal(&back, &value), "{column:?}: {back:?}, not {value:?}");
    let array = Value::Array(value.array_type(), Some(Box::new(vec![value])));
    let column = C::Array(column.into());
    let back = there_and_back(&column, &array);
    assert!(equal(&back, &array), "{column:?}: {back:?}, not {array:?}");
}

/// Checks that the value survives once it is canonical, and has the same image before.
#[track_caller]
fn survives_canonical(column: C, value: impl Into<Value>) {
    let value = value.into();
    let stored = canonical(&column, value.clone());
    assert_eq!(encode(&column, &value), encode(&column, &stored));
    assert!(equal(&canonical(&column, stored.clone()), &stored));
    survives(column, stored);
}

fn naive() -> impl Strategy<Value = NaiveDateTime> {
    let range = NaiveDateTime::MIN.and_utc().timestamp()..=NaiveDateTime::MAX.and_utc().timestamp();
    let modern = -100_000_000_000..200_000_000_000_i64;
    (prop_oneof![range, modern], 0..2_000_000_000_u32).prop_map(|(seconds, nanos)| {
        let nanos = if seconds.rem_euclid(60) == 59 {
            nanos
        } else {
            nanos % 1_000_000_000
        };
        DateTime::from_timestamp(seconds, nanos)
            .unwrap()
            .naive_utc()
    })
}

fn offset() -> impl Strategy<Value = FixedOffset> {
    (-86_399..86_400).prop_map(|east| FixedOffset::east_opt(east).unwrap())
}

fn time_moment() -> impl Strategy<Value = time::OffsetDateTime> {
    let first = time::OffsetDateTime::new_utc(time::Date::MIN, time::Time::MIDNIGHT);
    let last = time::OffsetDateTime::new_utc(time::Date::MAX, time::Time::MIDNIGHT);
    (first.unix_timestamp_nanos()..=last.unix_timestamp_nanos())
        .prop_map(|nanos| time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap())
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<(u32, u32, u32)>(), any::<bool>(), 0..=28_u32).prop_map(
        |((lo, mid, hi), negative, scale)| Decimal::from_parts(lo, mid, hi, negative, scale),
    )
}

fn nested() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_filter_map("finite", |f| f.is_finite().then(|| Json::from(f))),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn integers(a: i8, b: i16, c: i32, d: i64, e: u8, f: u16, g: u32, h: u64, i: bool) {
        survives(C::TinyInteger, a);
        survives(C::SmallInteger, b);
        survives(C::Integer, c);
        survives(C::BigInteger, d);
        survives(C::Integer, d);
        survives(C::BigInteger, c);
        survives(C::Decimal(Some((30, 3))), d);
        survives(C::TinyUnsigned, e);
        survives(C::SmallUnsigned, f);
        survives(C::Unsigned, g);
        survives(C::BigUnsigned, h);
        survives(C::custom("x"), h);
        survives(C::Boolean, i);
        survives(C::SmallInteger, i);
    }

    #[test]
    fn floats(a in any::<u32>().prop_map(f32::from_bits), b in any::<u64>().prop_map(f64::from_bits)) {
        survives(C::Float, a);
        survives(C::Double, a);
        survives(C::Double, b);
        survives(C::custom("x"), b);
        if b.is_finite() && b != 0.0 {
            survives(C::Decimal(Some((9, 2))), b);
        }
    }

    #[test]
    fn decimals(a in decimal(), scale in 0..35_u32, digits: [i64; 3], exponent in -60..60_i64) {
        let digits = digits.map(BigInt::from);
        let b = BigDecimal::new(&digits[0] * &digits[1] * &digits[2], exponent);
        survives(C::Decimal(None), a);
        survives(C::Decimal(None), b.clone());
        survives(C::Money(None), a);
        survives_canonical(C::Decimal(Some((9, scale))), a);
        survives_canonical(C::Money(Some((9, scale))), b.clone());
        let far = b.with_scale_round(scale.into(), bigdecimal::RoundingMode::HalfUp);
        assert!(equal(&canonical(&C::Decimal(Some((9, scale))), b.into()), &far.into()));
        let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        let near = a.round_dp_with_strategy(scale, strategy);
        assert!(equal(&canonical(&C::Decimal(Some((9, scale))), a.into()), &near.into()));
    }

    #[test]
    fn texts(a: String, b: char, c: Vec<u8>, d in nested()) {
        survives(C::Text, a.clone());
        survives(C::custom("x"), a.clone());
        survives(C::Char(None), b);
        survives(C::Blob, c.clone());
        survives(C::Bit(None), c);
        let word = Enum { type_name: "mood".into(), value: a.into() };
        survives(C::Text, word);
        if !d.is_null() {
            survives(C::JsonBinary, d);
        }
    }

    #[test]
    fn identifiers(a: u128, b: u32, c: [u8; 6], prefix in 0..=128_u8) {
        survives(C::Uuid, Uuid::from_u128(a));
        survives(C::Binary(16), Uuid::from_u128(a));
        let four = IpNetwork::new(std::net::Ipv4Addr::from_bits(b).into(), prefix / 4).unwrap();
        let six = IpNetwork::new(std::net::Ipv6Addr::from_bits(a).into(), prefix).unwrap();
        for network in [four, six] {
            survives(C::Inet, network);
            survives(C::Cidr, network);
        }
        survives(C::MacAddr, MacAddress::new(c));
    }

    #[test]
    fn chrono_types(a in naive(), offset in offset()) {
        let date: NaiveDate = a.date();
        let time: NaiveTime = a.time();
        survives(C::Date, date);
        survives_canonical(C::Time, time);
        survives_canonical(C::DateTime, a);
        survives_canonical(C::TimestampWithTimeZone, a);
        survives_canonical(C::TimestampWithTimeZone, a.and_utc());
        survives_canonical(C::Timestamp, a.and_utc().with_timezone(&Local));
        survives_canonical(C::TimestampWithTimeZone, a.and_utc().with_timezone(&offset));
    }

    #[test]
    fn time_types(a in time_moment(), east in -86_399..86_400_i32) {
        let plain = time::PrimitiveDateTime::new(a.date(), a.time());
        survives(C::Date, a.date());
        survives_canonical(C::Time, a.time());
        survives_canonical(C::DateTime, plain);
        survives_canonical(C::TimestampWithTimeZone, plain);
        survives_canonical(C::TimestampWithTimeZone, a);
        let offset = time::UtcOffset::from_whole_seconds(east).unwrap();
        if let Some(abroad) = a.checked_to_offset(offset) {
            survives_canonical(C::Timestamp, abroad);
        }
    }

    /// JSON that is not an image is an error, whatever it looks like.
    #[test]
    fn junk_never_panics(text in "[-+0-9.:TZe/ a-f]{0,30}", json in nested()) {
        for column in columns() {
            for sample in samples() {
                let rust = sample.array_type();
                let _ = crate::image::decode(&column, &rust, &json!(text));
                let _ = crate::image::decode(&column, &rust, &json);
            }
        }
    }
}
