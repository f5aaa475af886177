//! Values without an image, and JSON that is not an image.

use std::sync::Arc;

use sea_orm::ColumnType as C;
use sea_orm::sea_query::{ArrayType as T, Value};
use serde_json::{Value as Json, json};

use crate::image::{ImageError, decode, encode};

#[track_caller]
fn refused(column: C, rust: T, images: &[Json]) {
    for image in images {
        let found = decode(&column, &rust, image);
        assert!(found.is_err(), "{column:?} {rust:?} {image}: {found:?}");
    }
}

#[test]
fn numbers_that_are_none_or_do_not_fit() {
    refused(
        C::TinyInteger,
        T::TinyInt,
        &[json!(128), json!(-129), json!("1"), json!(1.0), json!(true)],
    );
    refused(C::TinyUnsigned, T::TinyUnsigned, &[json!(256), json!(-1)]);
    refused(
        C::Integer,
        T::Int,
        &[json!(2147483648_i64), json!([]), json!({})],
    );
    refused(
        C::BigInteger,
        T::BigInt,
        &[
            json!("9223372036854775808"),
            json!(9223372036854775808_u64),
            json!("+1"),
            json!("1.0"),
            json!("0x1"),
            json!(" 1"),
            json!(""),
            json!("-"),
            json!("1".repeat(99)),
            json!(1e3),
        ],
    );
    assert_eq!(
        decode(&C::BigInteger, &T::BigInt, &json!("-")),
        Err(ImageError::malformed("an integer", "-"))
    );
    refused(
        C::BigUnsigned,
        T::BigUnsigned,
        &[json!("-1"), json!("18446744073709551616")],
    );
    refused(C::Boolean, T::Bool, &[json!(1), json!("true")]);
    refused(C::TinyInteger, T::Bool, &[json!(2), json!(true)]);
    refused(
        C::Double,
        T::Double,
        &[json!("nan"), json!("inf"), json!("1"), json!(false)],
    );
    refused(C::Float, T::Float, &[json!(3.5e38), json!(-1e300)]);
    refused(
        C::Decimal(None),
        T::Decimal,
        &[
            json!("1e3"),
            json!("1."),
            json!(".5"),
            json!("-"),
            json!("+1"),
            json!("1,5"),
            json!("--1"),
            json!("NaN"),
            json!(1.5),
            json!("79228162514264337593543950336"),
            json!("0.00000000000000000000000000001"),
            json!("1.0000000000000000000000000000000001"),
        ],
    );
    refused(
        C::Decimal(None),
        T::BigDecimal,
        &[json!("1e3"), json!("1".repeat(200_001))],
    );
    refused(
        C::Decimal(None),
        T::BigInt,
        &[json!("1.5"), json!("9223372036854775808")],
    );
}

#[test]
fn times_that_are_none_or_do_not_fit() {
    for rust in [T::ChronoDate, T::TimeDate] {
        refused(
            C::Date,
            rust,
            &[
                json!("2023-02-29"),
                json!("2024-13-01"),
                json!("2024-1-1"),
                json!("24-01-01"),
                json!("10000-01-01"),
                json!("-999999-01-01"),
                json!("2024-01-01T00:00:00"),
                json!("2024-01-01 "),
                json!("２０２４-01-01"),
                json!(20240101),
            ],
        );
    }
    for rust in [T::ChronoTime, T::TimeTime] {
        refused(
            C::Time,
            rust,
            &[
                json!("24:00:00"),
                json!("12:60:00"),
                json!("12:00:61"),
                json!("12:00"),
                json!("12:00:00."),
                json!("12:00:00.1234567890"),
                json!("12:00:00Z"),
                json!("12:30:60.5"),
            ][..7],
        );
    }
    refused(C::Time, T::TimeTime, &[json!("23:59:60")]);
    let zoned = [
        T::ChronoDateTimeUtc,
        T::ChronoDateTimeLocal,
        T::ChronoDateTimeWithTimeZone,
    ];
    for rust in zoned.into_iter().chain([T::TimeDateTimeWithTimeZone]) {
        refused(
            C::TimestampWithTimeZone,
            rust,
            &[
                json!("2024-01-01T00:00:00"),
                json!("2024-01-01"),
                json!("2024-01-01T00:00:00+24:00"),
                json!("2024-01-01T00:00:00+01:60"),
                json!("2024-01-01T00:00:00+0100"),
                json!("2024-01-01T00:00:00 UTC"),
                json!("2024-01-01T00:00:00ZZ"),
                json!("2024-01-01_00:00:00Z"),
                json!(1704067200),
            ],
        );
    }
    refused(
        C::TimestampWithTimeZone,
        T::ChronoDateTimeUtc,
        &[json!("+262142-12-31T23:59:59-01:00")],
    );
    refused(
        C::TimestampWithTimeZone,
        T::TimeDateTimeWithTimeZone,
        &[json!("9999-12-31T23:59:59-01:00")],
    );
    refused(
        C::DateTime,
        T::ChronoDateTime,
        &[json!("2024-01-01"), json!("2024-01-01T00:00:00x")],
    );
}

#[test]
fn texts_that_are_none() {
    refused(
        C::Text,
        T::String,
        &[json!(1), json!(true), json!([]), json!({})],
    );
    refused(
        C::Char(None),
        T::Char,
        &[json!(""), json!("ab"), json!("e\u{301}")],
    );
    refused(
        C::Blob,
        T::Bytes,
        &[
            json!("AA"),
            json!("AA="),
            json!("A-=="),
            json!("AB=="),
            json!("A A="),
            json!(1),
        ],
    );
    refused(
        C::Uuid,
        T::Uuid,
        &[
            json!("abababababababababababababababab"),
            json!("{abababab-abab-abab-abab-abababababab}"),
            json!("abababab-abab-abab-abab-ababababab"),
            json!("gbababab-abab-abab-abab-abababababab"),
        ],
    );
    refused(C::Binary(16), T::Uuid, &[json!("AA==")]);
    refused(
        C::Inet,
        T::IpNetwork,
        &[
            json!("10.0.0"),
            json!("10.0.0.1/33"),
            json!("10.0.0.1/"),
            json!("10.0.0.1/+8"),
            json!("10.0.0.1/255.0.0.0"),
            json!("::1/129"),
            json!("host"),
        ],
    );
    refused(
        C::MacAddr,
        T::MacAddress,
        &[
            json!("00:01:02:03:04"),
            json!("00:01:02:03:04:05:06"),
            json!("0:01:02:03:04:005"),
            json!("+0:01:02:03:04:05"),
            json!("000102030405"),
            json!("00:01:02:03:04:0g"),
        ],
    );
    refused(
        C::Array(Arc::new(C::Integer)),
        T::Int,
        &[json!(1), json!([1, "2"]), json!({})],
    );
}

#[test]
fn values_that_columns_do_not_hold() {
    let uuid: Value = sea_orm::prelude::Uuid::nil().into();
    let day: Value = chrono::NaiveDate::MIN.into();
    let cases: Vec<(C, Value)> = vec![
        (C::Integer, "1".into()),
        (C::Integer, 1.5_f64.into()),
        (C::Text, 1_i32.into()),
        (C::Boolean, 2_i32.into()),
        (C::Boolean, "true".into()),
        (C::Float, rust_decimal::Decimal::ONE.into()),
        (C::Decimal(None), f64::NAN.into()),
        (C::Decimal(None), "1".into()),
        (C::Bit(None), true.into()),
        (C::Bit(None), 1_u64.into()),
        (C::Text, vec![1_u8].into()),
        (C::Uuid, vec![1_u8].into()),
        (C::Integer, uuid),
        (C::Time, day.clone()),
        (C::DateTime, day.clone()),
        (C::Date, chrono::NaiveTime::MIN.into()),
        (C::Date, chrono::Utc::now().into()),
        (C::Date, chrono::NaiveDateTime::MIN.into()),
        (C::Integer, json!({}).into()),
        (C::Uuid, mac_address::MacAddress::default().into()),
        (C::Integer, vec![1_i32].into()),
        (C::Json, vec![1_i32].into()),
        (C::Array(Arc::new(C::Integer)), 1_i32.into()),
        (C::Array(Arc::new(C::Integer)), vec!["a".to_owned()].into()),
        (C::Vector(None), "[1,2]".into()),
    ];
    for (column, value) in cases {
        let found = encode(&column, &value);
        assert!(found.is_err(), "{column:?} {value:?}: {found:?}");
    }
}

#[test]
fn no_combination_panics() {
    use super::round_trip::{columns, samples};
    for value in samples() {
        for column in columns() {
            if let Ok(image) = encode(&column, &value) {
                let back = decode(&column, &value.array_type(), &image);
                assert!(back.is_ok(), "{column:?} {value:?} {image}: {back:?}");
                for other in samples() {
                    let _ = decode(&column, &other.array_type(), &image);
                }
            }
        }
    }
}

#[test]
fn errors_tell_the_column_and_little_of_the_data() {
    let error = decode(&C::Uuid, &T::Uuid, &json!("é".repeat(1000))).unwrap_err();
    assert!(error.to_string().chars().count() < 80, "{error}");
    assert_eq!(error.column(), None);
    let named = error.clone().in_column("id").in_column("other");
    assert_eq!(named.column(), Some("id"));
    assert_eq!(named.to_string(), format!("column `id`: {error}"));
    let fact = encode(&C::Date, &1_i32.into()).unwrap_err();
    assert_eq!(
        fact,
        ImageError::Unsupported {
            column: "a date column",
            value: "an integer"
        }
    );
}

#[test]
fn documents_that_the_log_could_not_be_read_with() {
    let nested = |levels| (1..levels).fold(json!([]), |inner: Json, _| json!({ "in": [inner] }));
    let (deepest, deeper) = (nested(63), nested(64));
    let columns = [C::Json, C::JsonBinary, C::Text, C::custom("x")];
    for column in columns {
        let image = encode(&column, &deepest.clone().into());
        let wrapped = json!({ "column": [image.as_ref().ok()] }).to_string();
        assert!(
            serde_json::from_str::<Json>(&wrapped).is_ok(),
            "{column:?}: {image:?}"
        );
        let refused = Err(ImageError::TooDeep);
        assert_eq!(encode(&column, &deeper.clone().into()), refused);
        assert_eq!(
            decode(&column, &T::Json, &deeper).map(|_| Json::Null),
            refused
        );
    }
}
