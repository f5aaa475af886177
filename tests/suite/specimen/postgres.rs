//! The specimen of PostgreSQL: every type that SeaORM reads back from it.
//!
//! Not there: unsigned integers, `bit`, `money`, `ltree` and `vector`, which SeaORM's drivers do not
//! read into any Rust type.

use sea_orm::prelude::{
    BigDecimal, ChronoDate, ChronoDateTime, ChronoDateTimeLocal, ChronoDateTimeUtc,
    ChronoDateTimeWithTimeZone, ChronoTime, ChronoUnixTimestamp, ChronoUnixTimestampMillis,
    Decimal, IpNetwork, Json, TextUuid, TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime,
    Uuid,
};
use sea_orm::sea_query::prelude::MacAddress;
use sea_orm::{ConnectionTrait, DatabaseConnection, Schema};
use seachange::App;
use seachange_testkit::Outcome;
use serde_json::{Value, json};

use super::entity::specimen;
use super::refused::{bad, everywhere};
use super::sample::{Column, Sample, column};
use super::words::{Level, Mood, Weather, levels, moods, weathers};
use super::{FEW, Specimen, arrays, networks, numbers, texts, times};

specimen! {
    columns {
        flag: [bool];
        #[sea_orm(column_type = "custom(\"\\\"char\\\"\")")]
        tiny: [i8];
        small: [i16];
        int: [i32];
        big: [i64];
        single: [f32];
        double: [f64];
        #[sea_orm(column_type = "Decimal(None)")]
        decimal: [Decimal];
        #[sea_orm(column_type = "Decimal(Some((28, 6)))")]
        scaled: [Decimal];
        #[sea_orm(column_type = "Decimal(None)")]
        big_decimal: [BigDecimal];
        #[sea_orm(column_type = "Decimal(Some((60, 20)))")]
        big_scaled: [BigDecimal];
        string: [String];
        #[sea_orm(column_type = "String(StringLen::N(40))")]
        short: [String];
        #[sea_orm(column_type = "Char(Some(5))")]
        fixed: [String];
        #[sea_orm(column_type = "Text")]
        text: [String];
        #[sea_orm(column_type = "custom(\"text\")")]
        custom: [String];
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
        #[sea_orm(column_type = "Interval(None, None)", select_as = "text", save_as = "interval")]
        interval: [String];
        uuid: [Uuid];
        #[sea_orm(column_type = "Json")]
        json: [Json];
        #[sea_orm(column_type = "JsonBinary")]
        json_binary: [Json];
        mood: [Mood];
        level: [Level];
        weather: [Weather];
        #[sea_orm(column_type = "Inet")]
        inet: [IpNetwork];
        #[sea_orm(column_type = "Cidr")]
        cidr: [IpNetwork];
        mac: [MacAddress];
        flags: [Vec<bool>];
        smalls: [Vec<i16>];
        ints: [Vec<i32>];
        bigs: [Vec<i64>];
        singles: [Vec<f32>];
        doubles: [Vec<f64>];
        #[sea_orm(column_type = "Array(RcOrArc::new(ColumnType::Decimal(None)))")]
        decimals: [Vec<Decimal>];
        #[sea_orm(column_type = "Array(RcOrArc::new(ColumnType::Decimal(Some((40, 4)))))")]
        big_decimals: [Vec<BigDecimal>];
        strings: [Vec<String>];
        blobs: [Vec<Vec<u8>>];
        dates: [Vec<ChronoDate>];
        times: [Vec<ChronoTime>];
        date_times: [Vec<ChronoDateTime>];
        utcs: [Vec<ChronoDateTimeUtc>];
        zoneds: [Vec<ChronoDateTimeWithTimeZone>];
        time_zoneds: [Vec<TimeDateTimeWithTimeZone>];
        uuids: [Vec<Uuid>];
        jsons: [Vec<Json>];
        inets: [Vec<IpNetwork>];
        macs: [Vec<MacAddress>];
        weathers: [Vec<Weather>];
    }
    never_null {
        text_uuid: [TextUuid];
    }
}

/// PostgreSQL.
pub struct Postgres;

impl Specimen for Postgres {
    type Required = required::Entity;
    type Optional = optional::Entity;

    const DECIMAL_DIGITS: (u32, u32) = (14, 14);

    fn register(app: App) -> App {
        app.entity::<required::Entity>()
            .entity::<optional::Entity>()
            .enumeration::<Weather>()
    }

    async fn create(db: &DatabaseConnection) -> Outcome {
        let schema = Schema::new(db.get_database_backend());
        if let Some(weather) = schema.create_enum_from_active_enum::<Weather>() {
            db.execute(&weather).await?;
        }
        db.execute(&schema.create_table_from_entity(required::Entity))
            .await?;
        db.execute(&schema.create_table_from_entity(optional::Entity))
            .await?;
        Ok(())
    }

    fn columns() -> Vec<Column> {
        [numbers(), texts(), times(), networks(), arrays()].concat()
    }

    fn has_few(column: &str) -> bool {
        FEW.contains(&column) || ["interval", "weathers"].contains(&column)
    }

    fn refused() -> Vec<(&'static str, Value)> {
        let mut refused = everywhere();
        refused.extend([
            ("scaled", json!("10000000000000000000000")),
            ("big_scaled", json!("1".repeat(41))),
            ("big_decimal", json!("1".repeat(140_000))),
            ("big_decimal", json!(format!("0.{}1", "0".repeat(16_383)))),
            ("short", json!("x".repeat(41))),
            ("fixed", json!("sixsix")),
            ("text", json!("a\0b")),
            ("json", json!({ "nul": "\0" })),
            ("json_binary", json!(["\0"])),
            ("date", json!("-4800-01-01")),
            ("date_time", json!("-4800-01-01T00:00:00")),
            ("utc", json!("-4800-01-01T00:00:00Z")),
            ("time", json!("23:59:60")),
            ("ints", json!([1, "2"])),
            ("ints", json!([null])),
            ("ints", json!([2_147_483_648_i64])),
            ("bigs", json!([1.5])),
            ("strings", json!([1])),
            ("strings", json!(["a\0b"])),
            ("uuids", json!(["nope"])),
            ("jsons", json!([{ "nul": "\0" }])),
            ("weathers", json!(["stormy"])),
        ]);
        refused.extend(bad(&["interval"], &["", "soon", "1 day 1 day"]));
        refused.extend(bad(
            &["inet", "cidr"],
            &["", "1.2.3", "1.2.3.4/33", "::1/129", "host"],
        ));
        refused.extend(bad(
            &["mac"],
            &["", "00:00", "00:00:00:00:00:0g", "08002b010203"],
        ));
        refused
    }
}

fn numbers() -> Vec<Column> {
    let (mut single, mut double) = (numbers::f32s(), numbers::f64s());
    single.extend(numbers::infinite_f32s());
    double.extend(numbers::infinite_f64s());
    single.push(Sample::new(f32::NAN, "NaN").output_only());
    double.push(Sample::new(f64::NAN, "NaN").output_only());
    let [single_zero, double_zero] = numbers::negative_zeros();
    single.push(single_zero);
    double.push(double_zero);
    let decimal = [
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "0.0000000000000000000000000001",
        "-7.9228162514264337593543950335",
        "0",
        "100",
    ];
    let (large, small) = ("9".repeat(1_000), format!("-0.{}1", "0".repeat(999)));
    let big_scaled = [
        "9999999999999999999999999999999999999999.99999999999999999999",
        "-9999999999999999999999999999999999999999.99999999999999999999",
        "0.00000000000000000001",
        "0.00000000000000000000",
    ];
    vec![
        column("flag", numbers::booleans()),
        column("tiny", numbers::i8s()),
        column("small", numbers::i16s()),
        column("int", numbers::i32s()),
        column("big", numbers::i64s()),
        column("single", single),
        column("double", double),
        column("decimal", numbers::decimals(&decimal)),
        column(
            "scaled",
            numbers::decimals(&["0.000000", "-9999999999999999999999.999999"]),
        ),
        column(
            "big_decimal",
            numbers::big_decimals(&[&large, &small, "0", "100", "-0.1"]),
        ),
        column("big_scaled", numbers::big_decimals(&big_scaled)),
    ]
}

fn texts() -> Vec<Column> {
    vec![
        column("string", texts::short_texts()),
        column("short", texts::short_texts()),
        column("fixed", texts::fixed_texts()),
        column("text", texts::short_texts()),
        column("custom", texts::short_texts()),
        column("blob", texts::binaries()),
        column("binary", texts::fixed_binaries()),
        column("var_binary", texts::binaries()),
        column("uuid", texts::uuids()),
        column("text_uuid", texts::text_uuids()),
        column("json", texts::binary_documents(100)),
        column("json_binary", texts::binary_documents(100)),
        column("mood", moods()),
        column("level", levels()),
        column("weather", weathers()),
    ]
}

fn times() -> Vec<Column> {
    let intervals = [
        "00:00:00",
        "-178000000 years",
        "1 year 2 mons -3 days +04:05:06.000007",
    ];
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
        column(
            "interval",
            intervals.map(|text| Sample::new(text, text)).into(),
        ),
    ]
}

fn networks() -> Vec<Column> {
    vec![
        column("inet", networks::inets()),
        column("cidr", networks::cidrs()),
        column("mac", networks::macs()),
    ]
}

fn arrays() -> Vec<Column> {
    vec![
        column("flags", arrays::of(numbers::booleans())),
        column("smalls", arrays::of(numbers::i16s())),
        column("ints", arrays::of(numbers::i32s())),
        column("bigs", arrays::of(numbers::i64s())),
        column(
            "singles",
            arrays::of([numbers::f32s(), numbers::infinite_f32s()].concat()),
        ),
        column(
            "doubles",
            arrays::of([numbers::f64s(), numbers::infinite_f64s()].concat()),
        ),
        column(
            "decimals",
            arrays::of(numbers::decimals(&["0", "-0.0000001", "12345678.9"])),
        ),
        column(
            "big_decimals",
            arrays::of(numbers::big_decimals(&["0.0000", "-1.5000"])),
        ),
        column("strings", arrays::of(texts::short_texts())),
        column("blobs", arrays::of(texts::binaries())),
        column("dates", arrays::of(times::dates())),
        column("times", arrays::of(times::times())),
        column("date_times", arrays::of(times::date_times())),
        column("utcs", arrays::of(times::utc())),
        column("zoneds", arrays::of(times::fixed())),
        column("time_zoneds", arrays::of(times::time_zoned())),
        column("uuids", arrays::of(texts::uuids())),
        column("jsons", arrays::of(texts::binary_documents(100))),
        column("inets", arrays::of(networks::inets())),
        column("macs", arrays::of(networks::macs())),
        column("weathers", arrays::of(weathers())),
    ]
}
