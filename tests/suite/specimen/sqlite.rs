//! The specimen of SQLite: every type that SeaORM reads back from it.
//!
//! Not there: `u64`, arrays, `inet`, `cidr`, `macaddr`, `year` and `bit`, which SeaORM refuses to
//! read or sea-query to declare on SQLite. Decimals are REAL: 15 digits.

use sea_orm::prelude::{
    BigDecimal, ChronoDate, ChronoDateTime, ChronoDateTimeLocal, ChronoDateTimeUtc,
    ChronoDateTimeWithTimeZone, ChronoTime, ChronoUnixTimestamp, ChronoUnixTimestampMillis,
    Decimal, Json, TextUuid, TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime, Uuid,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Schema};
use seachange::App;
use seachange_testkit::Outcome;
use serde_json::{Value, json};

use super::entity::specimen;
use super::refused::everywhere;
use super::sample::{Column, Sample, column};
use super::words::{Level, Mood, Weather, levels, moods, weathers};
use super::{FEW, Specimen, numbers, texts, times};

specimen! {
    columns {
        flag: [bool];
        tiny: [i8];
        small: [i16];
        int: [i32];
        big: [i64];
        tiny_unsigned: [u8];
        small_unsigned: [u16];
        unsigned: [u32];
        single: [f32];
        double: [f64];
        decimal: [Decimal];
        #[sea_orm(column_type = "Decimal(Some((12, 3)))")]
        scaled: [Decimal];
        #[sea_orm(column_type = "Money(Some((15, 2)))")]
        money: [Decimal];
        big_decimal: [BigDecimal];
        string: [String];
        #[sea_orm(column_type = "String(StringLen::N(40))")]
        short: [String];
        #[sea_orm(column_type = "Char(Some(5))")]
        fixed: [String];
        #[sea_orm(column_type = "Text")]
        text: [String];
        #[sea_orm(column_type = "Blob")]
        blob: [Vec<u8>];
        #[sea_orm(column_type = "Binary(4)")]
        binary: [Vec<u8>];
        #[sea_orm(column_type = "VarBinary(StringLen::N(300))")]
        var_binary: [Vec<u8>];
        date: [ChronoDate];
        time: [ChronoTime];
        date_time: [ChronoDateTime];
        #[sea_orm(column_type = "Timestamp")]
        timestamp: [ChronoDateTime];
        utc: [ChronoDateTimeUtc];
        local: [ChronoDateTimeLocal];
        zoned: [ChronoDateTimeWithTimeZone];
        time_date: [TimeDate];
        time_time: [TimeTime];
        time_date_time: [TimeDateTime];
        time_zoned: [TimeDateTimeWithTimeZone];
        seconds: [ChronoUnixTimestamp];
        millis: [ChronoUnixTimestampMillis];
        uuid: [Uuid];
        json: [Json];
        #[sea_orm(column_type = "JsonBinary")]
        json_binary: [Json];
        mood: [Mood];
        level: [Level];
        weather: [Weather];
    }
    never_null {
        text_uuid: [TextUuid];
    }
}

/// SQLite.
pub struct Sqlite;

impl Specimen for Sqlite {
    type Required = required::Entity;
    type Optional = optional::Entity;

    const DECIMAL_DIGITS: (u32, u32) = (9, 6);

    fn register(app: App) -> App {
        app.entity::<required::Entity>()
            .entity::<optional::Entity>()
            .enumeration::<Weather>()
    }

    async fn create(db: &DatabaseConnection) -> Outcome {
        let schema = Schema::new(db.get_database_backend());
        db.execute(&schema.create_table_from_entity(required::Entity))
            .await?;
        db.execute(&schema.create_table_from_entity(optional::Entity))
            .await?;
        Ok(())
    }

    fn columns() -> Vec<Column> {
        let real = ["0", "-999999999999999", "0.000000001", "123456.789", "0.1"];
        let mut columns = numbers();
        columns.extend([
            column("decimal", numbers::decimals(&real)),
            column(
                "scaled",
                numbers::decimals(&["0.000", "-999999999.999", "0.100", "1.000"]),
            ),
            column(
                "money",
                numbers::decimals(&["0.00", "-9999999999999.99", "0.10", "1.00"]),
            ),
            // The nearest doubles, written out: sums of powers of two are exact.
            column(
                "big_decimal",
                numbers::big_decimals(&["0", "-0.5", "1125899906842624.25", "7"]),
            ),
        ]);
        columns.extend(texts());
        columns.extend(times());
        columns
    }

    /// It compares times as the texts that they are: years beyond four digits are out of order.
    fn ordered_columns() -> Vec<Column> {
        let mut columns = Self::columns();
        let far = |sample: &Sample| {
            let text = sample.image.as_str().unwrap_or_default();
            text.starts_with(['+', '-'])
        };
        for column in &mut columns {
            match column.name {
                "date" | "date_time" | "utc" => column.samples.retain(|sample| !far(sample)),
                _ => {}
            }
        }
        columns
    }

    /// Beside the usual ones `BigDecimal`: from REAL it is read back with every digit of the double.
    fn has_few(column: &str) -> bool {
        FEW.contains(&column) || column == "big_decimal"
    }

    fn refused() -> Vec<(&'static str, Value)> {
        let mut refused = everywhere();
        refused.extend([
            ("tiny_unsigned", json!(256)),
            ("tiny_unsigned", json!(-1)),
            ("small_unsigned", json!(65_536)),
            ("unsigned", json!(4_294_967_296_i64)),
            // REAL holds it, `Decimal` does not: the row could not be read.
            ("decimal", json!("79228162514264337593543950335")),
            ("big_decimal", json!("9".repeat(400))),
            // The driver writes no such year with an offset.
            ("time_zoned", json!("-0001-01-01T00:00:00Z")),
        ]);
        refused
    }
}

fn numbers() -> Vec<Column> {
    let (mut single, mut double) = (numbers::f32s(), numbers::f64s());
    single.extend(numbers::infinite_f32s());
    double.extend(numbers::infinite_f64s());
    let [single_zero, double_zero] = numbers::lost_negative_zeros();
    single.push(single_zero);
    double.push(double_zero);
    vec![
        column("flag", numbers::booleans()),
        column("tiny", numbers::i8s()),
        column("small", numbers::i16s()),
        column("int", numbers::i32s()),
        column("big", numbers::i64s()),
        column("tiny_unsigned", numbers::u8s()),
        column("small_unsigned", numbers::u16s()),
        column("unsigned", numbers::u32s()),
        column("single", single),
        column("double", double),
    ]
}

fn texts() -> Vec<Column> {
    let mut text = texts::short_texts();
    text.push(texts::zero_character());
    vec![
        column("string", text.clone()),
        column("short", texts::short_texts()),
        column("fixed", texts::fixed_texts()),
        column("text", text),
        column("blob", texts::binaries()),
        column("binary", texts::fixed_binaries()),
        column("var_binary", texts::binaries()),
        column("uuid", texts::uuids()),
        column("text_uuid", texts::text_uuids()),
        column("json", texts::exact_documents(100)),
        column("json_binary", texts::exact_documents(100)),
        column("mood", moods()),
        column("level", levels()),
        column("weather", weathers()),
    ]
}

fn times() -> Vec<Column> {
    vec![
        column("date", [times::far_dates(), times::dates()].concat()),
        column("time", times::times()),
        column(
            "date_time",
            [times::far_date_times(), times::date_times()].concat(),
        ),
        column("timestamp", times::date_times()),
        column("utc", [times::far_utc(), times::utc()].concat()),
        column("local", times::local()),
        column("zoned", times::fixed()),
        column("time_date", times::time_dates()),
        column("time_time", times::time_times()),
        column("time_date_time", times::time_date_times()),
        column("time_zoned", times::time_zoned()),
        column("seconds", times::seconds()),
        column("millis", times::millis()),
    ]
}
