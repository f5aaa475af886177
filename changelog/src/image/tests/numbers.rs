//! Integers, floats, decimals.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use rust_decimal::Decimal;
use sea_orm::ColumnType as C;
use sea_orm::sea_query::Value;
use serde_json::json;

use super::{check, equal, reads};
use crate::image::{ImageError, canonical, encode};

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn big(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

#[test]
fn integers_of_up_to_32_bits_are_numbers() {
    for n in [0, 1, -1, i8::MIN, i8::MAX] {
        check(C::TinyInteger, n, json!(n));
    }
    for n in [i16::MIN, i16::MAX] {
        check(C::SmallInteger, n, json!(n));
    }
    for n in [i32::MIN, i32::MAX] {
        check(C::Integer, n, json!(n));
    }
    check(C::TinyUnsigned, u8::MAX, json!(255));
    check(C::SmallUnsigned, u16::MAX, json!(65535));
    check(C::Unsigned, u32::MAX, json!(4294967295_u32));
}

#[test]
fn integers_of_64_bits_are_strings() {
    check(C::BigInteger, 0_i64, json!("0"));
    check(C::BigInteger, i64::MIN, json!("-9223372036854775808"));
    check(C::BigInteger, i64::MAX, json!("9223372036854775807"));
    check(C::BigUnsigned, u64::MAX, json!("18446744073709551615"));
    reads(C::BigInteger, json!(i64::MIN), i64::MIN);
    reads(C::BigUnsigned, json!(u64::MAX), u64::MAX);
    reads(C::BigInteger, json!("007"), 7_i64);
}

#[test]
fn the_column_decides_before_the_value() {
    check(C::Integer, 5_000_000_000_i64, json!(5_000_000_000_i64));
    check(C::Unsigned, u64::MAX, json!(u64::MAX));
    check(C::BigInteger, 7_i32, json!("7"));
    check(C::Double, i64::MIN, json!(i64::MIN));
    check(C::Decimal(Some((10, 2))), -7_i64, json!("-7.00"));
    check(C::Decimal(None), u64::MAX, json!("18446744073709551615"));
    check(C::Year, 2024_i32, json!("2024"));
    check(C::Year, 0_u16, json!("0000"));
    reads(C::Year, json!(1999), 1999_i16);
    check(C::custom("serial"), 7_i32, json!(7));
    check(C::custom("bigserial"), 7_i64, json!("7"));
}

#[test]
fn booleans_where_databases_have_none() {
    check(C::Boolean, true, json!(true));
    check(C::Boolean, false, json!(false));
    check(C::TinyInteger, true, json!(1));
    check(C::BigInteger, false, json!("0"));
    check(C::Boolean, 1_i8, json!(true));
    check(C::Boolean, 0_i32, json!(false));
    check(C::custom("flag"), true, json!(true));
}

#[test]
fn doubles_keep_every_bit() {
    check(C::Double, 0.1_f64, json!(0.1));
    check(C::Double, 1.0_f64, json!(1.0));
    check(C::Double, -0.0_f64, json!(-0.0));
    check(C::Double, 1e21_f64, json!(1e21));
    check(C::Double, f64::MAX, json!(1.7976931348623157e308));
    check(C::Double, f64::MIN, json!(-1.7976931348623157e308));
    check(C::Double, f64::MIN_POSITIVE, json!(2.2250738585072014e-308));
    check(C::Double, f64::from_bits(1), json!(5e-324));
    check(
        C::Double,
        f64::from_bits(0x000f_ffff_ffff_ffff),
        json!(2.225073858507201e-308),
    );
    check(C::Double, f64::NAN, json!("NaN"));
    check(C::Double, f64::INFINITY, json!("Infinity"));
    check(C::Double, f64::NEG_INFINITY, json!("-Infinity"));
    check(C::Float, 1.5_f64, json!(1.5));
    reads(C::Double, json!(3), 3.0_f64);
    reads(C::Double, json!(-3), -3.0_f64);
}

#[test]
fn singles_have_their_own_digits() {
    let text = |value: f32| encode(&C::Float, &value.into()).unwrap().to_string();
    assert_eq!(text(0.1), "0.1");
    assert_eq!(text(-0.0), "-0.0");
    assert_eq!(text(16_777_216.0), "16777216.0");
    check(C::Float, 0.1_f32, json!(0.1));
    check(C::Double, 0.3_f32, json!(0.3));
    check(C::Float, f32::MAX, json!(3.4028235e38));
    check(C::Float, f32::MIN_POSITIVE, json!(1.1754944e-38));
    check(C::Float, f32::from_bits(1), json!(1e-45));
    check(C::Float, f32::NAN, json!("NaN"));
    check(C::Float, f32::INFINITY, json!("Infinity"));
    check(C::Float, f32::NEG_INFINITY, json!("-Infinity"));
    reads(C::Float, json!(3), 3.0_f32);
    // As text it is just above the middle of two singles; as an f64 it is exactly on it, and would be rounded
    // down.
    reads(C::Float, json!(1.0000000596046448), 1.0000001_f32);
}

#[test]
fn decimals_have_the_declared_scale_or_no_trailing_zeros() {
    let two = || C::Decimal(Some((12, 2)));
    for (column, value, image) in [
        (C::Decimal(None), "0", "0"),
        (C::Decimal(None), "100", "100"),
        (C::Decimal(None), "-1.500", "-1.5"),
        (C::Decimal(None), "0.10", "0.1"),
        (C::Decimal(None), "-0.00", "0"),
        (two(), "1", "1.00"),
        (two(), "-0.5", "-0.50"),
        (two(), "-0.00", "0.00"),
        (C::Money(Some((12, 4))), "1.5", "1.5000"),
        (C::Money(None), "1.50", "1.5"),
        (C::Decimal(Some((12, 0))), "3.0", "3"),
        (C::custom("numeric"), "7.10", "7.1"),
        (C::Text, "7.10", "7.1"),
        (
            C::Decimal(None),
            "79228162514264337593543950335",
            "79228162514264337593543950335",
        ),
        (
            C::Decimal(None),
            "-79228162514264337593543950335",
            "-79228162514264337593543950335",
        ),
        (
            C::Decimal(None),
            "0.0000000000000000000000000001",
            "0.0000000000000000000000000001",
        ),
        (
            C::Decimal(Some((40, 10))),
            "79228162514264337593543950335",
            "79228162514264337593543950335.0000000000",
        ),
    ] {
        check(column.clone(), decimal(value), json!(image));
        check(column, big(value), json!(image));
    }
}

#[test]
fn decimals_without_end_are_refused_and_long_ones_are_not() {
    check(C::Decimal(None), big("1e3"), json!("1000"));
    check(C::Decimal(None), big("-12e-5"), json!("-0.00012"));
    check(C::Decimal(None), big("0e-999999999"), json!("0"));
    let long = "9".repeat(1000);
    check(C::Decimal(None), big(&long), json!(long));
    for endless in ["1e999999999", "1e-999999999", "-5e200000"] {
        let found = encode(&C::Decimal(None), &big(endless).into());
        assert_eq!(found, Err(ImageError::NumberTooLong), "{endless}");
    }
    let column = C::Decimal(Some((u32::MAX, u32::MAX)));
    assert_eq!(
        encode(&column, &big("1").into()),
        Err(ImageError::NumberTooLong)
    );
}

#[test]
fn decimals_are_rounded_half_away_from_zero() {
    for (value, scale, rounded) in [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.0049999", 2, "0.00"),
        ("-0.001", 2, "0.00"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("9.995", 2, "10.00"),
        ("99.99", 0, "100"),
        ("0.95", 1, "1.0"),
        ("1.8999", 2, "1.90"),
        ("7.1", 3, "7.100"),
    ] {
        let column = C::Decimal(Some((12, scale)));
        for given in [Value::from(decimal(value)), Value::from(big(value))] {
            assert_eq!(encode(&column, &given), Ok(json!(rounded)), "{given:?}");
            let stored = canonical(&column, given.clone());
            let expected = match given {
                Value::Decimal(_) => Value::from(decimal(rounded)),
                _ => Value::from(big(rounded)),
            };
            assert!(equal(&stored, &expected), "{given:?}: {stored:?}");
        }
    }
    let untouched = [
        (C::Decimal(None), Value::from(decimal("1.23456"))),
        (C::Text, decimal("1.23456").into()),
        (C::Decimal(Some((12, 2))), Value::Decimal(None)),
        (C::Decimal(Some((12, 2))), 1.23456_f64.into()),
        (C::Decimal(Some((12, 2))), big("1e-999999999").into()),
    ];
    for (column, value) in untouched {
        assert!(
            equal(&canonical(&column, value.clone()), &value),
            "{value:?}"
        );
    }
    let column = C::Array(C::Decimal(Some((12, 1))).into());
    let rounded = canonical(&column, vec![decimal("0.25"), decimal("1")].into());
    assert_eq!(rounded, vec![decimal("0.3"), decimal("1")].into());
}

#[test]
fn floats_in_decimal_columns_lose_no_digit() {
    check(C::Decimal(Some((16, 2))), 12.5_f64, json!("12.50"));
    check(C::Decimal(Some((16, 2))), 0.125_f64, json!("0.125"));
    check(C::Decimal(None), 0.1_f32, json!("0.1"));
    check(C::Money(None), 1e21_f64, json!("1000000000000000000000"));
}
