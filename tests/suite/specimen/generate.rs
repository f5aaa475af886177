//! Random values of every type, from a seed.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use sea_orm::prelude::{BigDecimal, Decimal, Uuid};
use sea_orm::sea_query::{ArrayType, StringLen};
use sea_orm::{ColumnTrait, ColumnType, ModelTrait, Value};
use serde_json::{Value as Json, json};

use super::Specimen;
use super::ground::column_of;
use super::sample::Column;

/// SplitMix64: well spread from any seed, and nothing to depend on.
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Bits of any length: as often short as long.
    fn number(&mut self) -> u64 {
        let bits = self.below(64);
        self.next() >> bits
    }

    fn signed(&mut self) -> i64 {
        let number = self.number().cast_signed();
        if self.next() & 1 == 0 {
            number
        } else {
            !number
        }
    }

    fn finite(&mut self) -> f64 {
        std::iter::repeat_with(|| f64::from_bits(self.next()))
            .find(|number| number.is_finite() && *number != 0.0)
            .unwrap_or(1.5)
    }

    /// None that PostgreSQL's `jsonb` would write as an integer.
    fn fraction(&mut self) -> f64 {
        let number = self.finite();
        if (1e15..2e19).contains(&number.abs()) { 0.1 } else { number }
    }

    /// Any characters but zero.
    fn text(&mut self, length: u64) -> String {
        let mut text = String::new();
        for _ in 0..length {
            let limit = [0x7f, 0x7ff, 0xffff, 0x10_ffff][self.below(4) as usize];
            let code = u32::try_from(1 + self.below(limit)).unwrap_or(1);
            text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
        }
        text
    }

    fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Digits with a point: at most so many before and after it.
    fn digits(&mut self, whole: u32, fraction: u32) -> String {
        let mut part = |length: u32| -> String {
            let length = self.below(u64::from(length) + 1);
            (0..length)
                .map(|_| char::from(b'0' + (self.below(10)) as u8))
                .collect()
        };
        let (whole, fraction) = (part(whole), part(fraction));
        let sign = if self.next() & 1 == 0 { "-" } else { "" };
        format!("{sign}0{whole}.{fraction}0")
    }

    fn moment(&mut self) -> NaiveDateTime {
        // The years 1 to 9999.
        let start = DateTime::<Utc>::from_timestamp(-62_135_596_800, 0).unwrap_or_default();
        let micros = self.below(315_537_897_600 * 1_000_000).cast_signed();
        start.naive_utc() + TimeDelta::microseconds(micros)
    }

    fn document(&mut self, levels: u64) -> Json {
        match self.below(if levels == 0 { 5 } else { 7 }) {
            0 => json!(self.next() & 1 == 0),
            1 => json!(self.signed()),
            2 => json!(self.number()),
            3 => json!(self.fraction()),
            4 => json!(self.text(8)),
            5 => (0..self.below(4))
                .map(|_| self.document(levels - 1))
                .collect(),
            _ => {
                let fields = (0..self.below(4)).map(|_| (self.text(4), self.document(levels - 1)));
                Json::Object(fields.collect())
            }
        }
    }
}

/// A value of the column: any, or one of its samples where only some are.
pub fn value<S: Specimen>(column: &Column, random: &mut Random) -> Value {
    let sample = &column.samples[random.below(column.samples.len() as u64) as usize];
    let entity_column = column_of::<S::Required>(column.name);
    let ty = entity_column.def().get_column_type().clone();
    let rust =
        <<S::Required as sea_orm::EntityTrait>::Model as ModelTrait>::get_value_type(entity_column);
    if S::has_few(column.name) {
        return sample.stored.clone();
    }
    let generated = match &ty {
        ColumnType::Array(inner) => {
            let count = random.below(4);
            let items = (0..count).map(|_| of_type::<S>(inner, &rust, random));
            let items: Option<Vec<Value>> = items.collect();
            items.map(|items| Value::Array(rust.clone(), Some(Box::new(items))))
        }
        _ => of_type::<S>(&ty, &rust, random),
    };
    generated.unwrap_or_else(|| sample.stored.clone())
}

/// `None` where any value would not do.
fn of_type<S: Specimen>(ty: &ColumnType, rust: &ArrayType, random: &mut Random) -> Option<Value> {
    use ArrayType as T;
    let (moment, length) = (random.moment(), length(ty, random));
    Some(match rust {
        T::Bool => (random.next() & 1 == 0).into(),
        T::TinyInt => (random.signed() as i8).into(),
        T::SmallInt => (random.signed() as i16).into(),
        T::Int => (random.signed() as i32).into(),
        T::BigInt => random.signed().into(),
        T::TinyUnsigned => (random.number() as u8).into(),
        T::SmallUnsigned => (random.number() as u16).into(),
        T::Unsigned => (random.number() as u32).into(),
        T::BigUnsigned => (random.number() >> 1).into(),
        T::Float => single(random).into(),
        T::Double => random.finite().into(),
        T::String => random.text(length).into(),
        T::Bytes => random.bytes(length).into(),
        T::Json => random.document(4).into(),
        T::ChronoDate => moment.date().into(),
        T::ChronoTime => moment.time().into(),
        T::ChronoDateTime => moment.into(),
        T::ChronoDateTimeUtc => moment.and_utc().into(),
        T::ChronoDateTimeLocal => moment.and_utc().with_timezone(&chrono::Local).into(),
        T::ChronoDateTimeWithTimeZone => moment.and_utc().fixed_offset().into(),
        T::Uuid => Uuid::from_u64_pair(random.next(), random.next()).into(),
        T::Decimal => {
            let (whole, fraction) = decimal_digits::<S>(ty);
            Decimal::from_str_exact(&random.digits(whole, fraction))
                .ok()?
                .into()
        }
        T::BigDecimal => {
            let (whole, fraction) = decimal_digits::<S>(ty);
            random
                .digits(whole, fraction)
                .parse::<BigDecimal>()
                .ok()?
                .into()
        }
        _ => return None,
    })
}

fn single(random: &mut Random) -> f32 {
    std::iter::repeat_with(|| f32::from_bits(random.next() as u32))
        .find(|number| number.is_finite() && *number != 0.0)
        .unwrap_or(1.5)
}

/// Characters or bytes that the column takes.
fn length(ty: &ColumnType, random: &mut Random) -> u64 {
    match ty {
        ColumnType::Char(Some(length)) | ColumnType::Binary(length) => u64::from(*length),
        ColumnType::String(StringLen::N(most)) | ColumnType::VarBinary(StringLen::N(most)) => {
            random.below(u64::from(*most) + 1)
        }
        _ => random.below(200),
    }
}

/// Digits before and after the point that the column takes.
fn decimal_digits<S: Specimen>(ty: &ColumnType) -> (u32, u32) {
    match ty {
        ColumnType::Decimal(Some((precision, scale)))
        | ColumnType::Money(Some((precision, scale))) => (precision - scale, *scale),
        _ => S::DECIMAL_DIGITS,
    }
}
