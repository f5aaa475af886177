//! Numbers at their extremes.

use sea_orm::Value;
use sea_orm::prelude::{BigDecimal, Decimal};
use serde_json::json;

use super::sample::Sample;

/// Both.
pub fn booleans() -> Vec<Sample> {
    vec![Sample::new(false, false), Sample::new(true, true)]
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident: $rust:ty),+ $(,)?) => {
        $($(#[$doc])*
        pub fn $name() -> Vec<Sample> {
            [<$rust>::MIN, <$rust>::MAX, 0, 1].map(|value| Sample::new(value, value)).into()
        })+
    };
}

integers! {
    /// Eight bits.
    i8s: i8,
    /// Sixteen bits.
    i16s: i16,
    /// Thirty-two bits.
    i32s: i32,
    /// Eight bits without a sign.
    u8s: u8,
    /// Sixteen bits without a sign.
    u16s: u16,
}

/// Thirty-two bits without a sign: numbers in images, digits in GraphQL, whose `Int` has a sign.
pub fn u32s() -> Vec<Sample> {
    [u32::MIN, u32::MAX, 2_147_483_648, 1]
        .map(|value| Sample::new(value, value).in_graphql(value.to_string()))
        .into()
}

/// Sixty-four bits: digits in images and in GraphQL.
pub fn i64s() -> Vec<Sample> {
    [
        (i64::MIN, "-9223372036854775808"),
        (i64::MAX, "9223372036854775807"),
        (9_007_199_254_740_993, "9007199254740993"),
        (0, "0"),
        (-1, "-1"),
    ]
    .map(|(value, digits)| Sample::new(value, digits))
    .into()
}

/// Sixty-four bits without a sign.
pub fn u64s() -> Vec<Sample> {
    let sample = |value: u64| Sample::new(value, value.to_string());
    vec![
        sample(0),
        sample(9_223_372_036_854_775_807),
        sample(9_223_372_036_854_775_808),
        sample(18_446_744_073_709_551_615),
    ]
}

/// Single precision: the fewest digits that an `f32` needs.
pub fn f32s() -> Vec<Sample> {
    vec![
        Sample::new(f32::MIN, json!(-3.4028235e38)),
        Sample::new(f32::MAX, json!(3.4028235e38)),
        Sample::new(f32::MIN_POSITIVE, json!(1.1754944e-38)),
        Sample::new(0.1_f32, json!(0.1)),
        Sample::new(16_777_216.0_f32, json!(16_777_216.0)),
    ]
}

/// Double precision.
pub fn f64s() -> Vec<Sample> {
    vec![
        Sample::new(f64::MIN, json!(-1.797_693_134_862_315_7e308)),
        Sample::new(f64::MAX, json!(1.797_693_134_862_315_7e308)),
        Sample::new(f64::MIN_POSITIVE, json!(2.225_073_858_507_201_4e-308)),
        Sample::new(5e-324, json!(5e-324)),
        Sample::new(0.1 + 0.2, json!(0.300_000_000_000_000_04)),
        Sample::new(1.0 / 3.0, json!(0.333_333_333_333_333_3)),
        Sample::new(9_007_199_254_740_992.0, json!(9_007_199_254_740_992.0)),
    ]
}

/// Its sign survives.
pub fn negative_zeros() -> [Sample; 2] {
    [
        Sample::new(-0.0_f32, json!(-0.0)),
        Sample::new(-0.0_f64, json!(-0.0)),
    ]
}

/// The database stores 0.0.
pub fn lost_negative_zeros() -> [Sample; 2] {
    [
        Sample::new(-0.0_f32, json!(0.0)).stored(0.0_f32),
        Sample::new(-0.0_f64, json!(0.0)).stored(0.0_f64),
    ]
}

/// What is no number, single precision.
pub fn infinite_f32s() -> Vec<Sample> {
    vec![
        Sample::new(f32::INFINITY, "Infinity").output_only(),
        Sample::new(f32::NEG_INFINITY, "-Infinity").output_only(),
    ]
}

/// What is no number, double precision.
pub fn infinite_f64s() -> Vec<Sample> {
    vec![
        Sample::new(f64::INFINITY, "Infinity").output_only(),
        Sample::new(f64::NEG_INFINITY, "-Infinity").output_only(),
    ]
}

/// Decimals as written: [`Decimal`].
pub fn decimals(texts: &[&str]) -> Vec<Sample> {
    let decimal = |text: &&str| Sample::new(decimal(text), *text);
    texts.iter().map(decimal).collect()
}

/// Decimals as written: [`BigDecimal`].
pub fn big_decimals(texts: &[&str]) -> Vec<Sample> {
    let decimal = |text: &&str| Sample::new(big_decimal(text), *text);
    texts.iter().map(decimal).collect()
}

/// Every digit of it.
pub fn decimal(text: &str) -> Value {
    Decimal::from_str_exact(text).expect("a decimal").into()
}

/// Every digit of it.
pub fn big_decimal(text: &str) -> Value {
    text.parse::<BigDecimal>().expect("a decimal").into()
}
