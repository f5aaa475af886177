//! The specimen of MariaDB: every type that SeaORM reads back from it.
//!
//! Not there: arrays, `inet`, `cidr`, `macaddr`, `interval`, which it has not, and `bit`, which
//! SeaORM's driver reads into no type that sea-query declares it for. NaN and infinities it has not.
//!
//! The tables are made by hand, with the types that the migration of the reference application
//! chooses: sea-query's own have no fractions of seconds and 64 KB of text.

use sea_orm::prelude::{
    BigDecimal, ChronoDate, ChronoDateTime, ChronoDateTimeLocal, ChronoDateTimeUtc,
    ChronoDateTimeWithTimeZone, ChronoTime, ChronoUnixTimestamp, ChronoUnixTimestampMillis,
    Decimal, Json, TextUuid, TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime, Uuid,
};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use seachange::App;
use seachange_testkit::Outcome;
use serde_json::{Value, json};

use super::entity::specimen;
use super::refused::{bad, everywhere};
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
        big_unsigned: [u64];
        single: [f32];
        double: [f64];
        #[sea_orm(column_type = "Decimal(None)")]
        decimal: [Decimal];
        #[sea_orm(column_type = "Decimal(Some((28, 6)))")]
        scaled: [Decimal];
        #[sea_orm(column_type = "Money(Some((15, 2)))")]
        money: [Decimal];
        #[sea_orm(column_type = "Decimal(Some((65, 30)))")]
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
        timestamp: [ChronoDateTimeUtc];
        utc: [ChronoDateTimeUtc];
        local: [ChronoDateTimeLocal];
        zoned: [ChronoDateTimeWithTimeZone];
        time_date: [TimeDate];
        time_time: [TimeTime];
        time_date_time: [TimeDateTime];
        time_zoned: [TimeDateTimeWithTimeZone];
        #[sea_orm(column_type = "Year")]
        year: [u16];
        seconds: [ChronoUnixTimestamp];
        millis: [ChronoUnixTimestampMillis];
        uuid: [Uuid];
        native_uuid: [Uuid];
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

/// Column types, in the order of the entities.
const TYPES: [(&str, &str); 44] = [
    ("flag", "bool"),
    ("tiny", "tinyint"),
    ("small", "smallint"),
    ("int", "int"),
    ("big", "bigint"),
    ("tiny_unsigned", "tinyint unsigned"),
    ("small_unsigned", "smallint unsigned"),
    ("unsigned", "int unsigned"),
    ("big_unsigned", "bigint unsigned"),
    ("single", "float"),
    ("double", "double"),
    ("decimal", "decimal(58, 28)"),
    ("scaled", "decimal(28, 6)"),
    ("money", "decimal(15, 2)"),
    ("big_decimal", "decimal(65, 30)"),
    ("string", "longtext"),
    ("short", "varchar(40)"),
    ("fixed", "char(5)"),
    ("text", "longtext"),
    ("blob", "longblob"),
    ("binary", "binary(4)"),
    ("var_binary", "varbinary(300)"),
    ("date", "date"),
    ("time", "time(6)"),
    ("date_time", "datetime(6)"),
    ("timestamp", "timestamp(6)"),
    ("utc", "datetime(6)"),
    ("local", "datetime(6)"),
    ("zoned", "datetime(6)"),
    ("time_date", "date"),
    ("time_time", "time(6)"),
    ("time_date_time", "datetime(6)"),
    ("time_zoned", "datetime(6)"),
    ("year", "year"),
    ("seconds", "bigint"),
    ("millis", "bigint"),
    ("uuid", "binary(16)"),
    ("native_uuid", "uuid"),
    ("json", "json"),
    ("json_binary", "json"),
    ("mood", "longtext"),
    ("level", "int"),
    ("weather", "enum('sunny', 'half-clouded sky', 'RAIN')"),
    ("text_uuid", "char(36)"),
];

fn table(name: &str, nullness: &str) -> String {
    let columns = TYPES.map(|(column, ty)| format!("`{column}` {ty} {nullness}"));
    format!(
        "CREATE TABLE {name} (id bigint NOT NULL PRIMARY KEY, {}) \
         CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        columns.join(", ")
    )
}

/// MariaDB.
pub struct MariaDb;

impl Specimen for MariaDb {
    type Required = required::Entity;
    type Optional = optional::Entity;

    const DECIMAL_DIGITS: (u32, u32) = (14, 14);

    fn register(app: App) -> App {
        app.entity::<required::Entity>()
            .entity::<optional::Entity>()
            .enumeration::<Weather>()
    }

    async fn create(db: &DatabaseConnection) -> Outcome {
        db.execute_unprepared(&table("specimen", "NOT NULL"))
            .await?;
        db.execute_unprepared(&table("specimen_optional", "NULL"))
            .await?;
        Ok(())
    }

    fn columns() -> Vec<Column> {
        [numbers(), texts(), times()].concat()
    }

    /// Its own `uuid` compares those of versions 1 to 5 by their last digits first, so that there the
    /// order of a subscription is not that of a query.
    fn ordered_columns() -> Vec<Column> {
        let mut columns = Self::columns();
        let native = columns
            .iter_mut()
            .filter(|column| column.name == "native_uuid");
        native.for_each(|column| column.samples.truncate(3));
        columns
    }

    /// Of the UUIDs that have no version it changes some.
    fn has_few(column: &str) -> bool {
        FEW.contains(&column) || ["timestamp", "year", "native_uuid"].contains(&column)
    }

    fn refused() -> Vec<(&'static str, Value)> {
        let mut refused = everywhere();
        refused.extend([
            ("tiny_unsigned", json!(256)),
            ("tiny_unsigned", json!(-1)),
            ("small_unsigned", json!(65_536)),
            ("unsigned", json!(4_294_967_296_i64)),
            ("big_unsigned", json!(-1)),
            ("scaled", json!("10000000000000000000000")),
            ("money", json!("99999999999999.99")),
            ("big_decimal", json!("1".repeat(36))),
            ("short", json!("x".repeat(41))),
            ("fixed", json!("sixsix")),
            ("binary", json!("AAAAAAA=")),
            ("year", json!(1900)),
            ("year", json!(2156)),
            ("year", json!(70_000)),
            ("json", texts::nested(33)),
        ]);
        // It would store zeros for these.
        refused.extend(bad(
            &["date", "time_date"],
            &["+10000-01-01", "-0001-01-01"],
        ));
        let years = ["+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"];
        let moments = [
            "date_time",
            "utc",
            "local",
            "zoned",
            "time_date_time",
            "time_zoned",
        ];
        refused.extend(bad(&moments, &years));
        refused.extend(bad(&["time"], &["23:59:60", "12:00:60.5"]));
        let leap = ["2016-12-31T23:59:60Z"];
        refused.extend(bad(&["date_time", "utc", "local", "zoned"], &leap));
        refused.extend(bad(
            &["timestamp"],
            &["1969-12-31T23:59:59Z", "2038-01-19T03:14:08Z"],
        ));
        refused
    }
}

fn numbers() -> Vec<Column> {
    let (mut single, mut double) = (numbers::f32s(), numbers::f64s());
    let [single_zero, double_zero] = numbers::lost_negative_zeros();
    single.push(single_zero);
    double.push(double_zero);
    let decimal = [
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "0.0000000000000000000000000001",
        "0",
        "100",
    ];
    let big = [
        "99999999999999999999999999999999999.999999999999999999999999999999",
        "-99999999999999999999999999999999999.999999999999999999999999999999",
        "0.000000000000000000000000000001",
        "0.000000000000000000000000000000",
    ];
    vec![
        column("flag", numbers::booleans()),
        column("tiny", numbers::i8s()),
        column("small", numbers::i16s()),
        column("int", numbers::i32s()),
        column("big", numbers::i64s()),
        column("tiny_unsigned", numbers::u8s()),
        column("small_unsigned", numbers::u16s()),
        column("unsigned", numbers::u32s()),
        column("big_unsigned", numbers::u64s()),
        column("single", single),
        column("double", double),
        column("decimal", numbers::decimals(&decimal)),
        column(
            "scaled",
            numbers::decimals(&["0.000000", "-9999999999999999999999.999999"]),
        ),
        column(
            "money",
            numbers::decimals(&["0.00", "-9999999999999.99", "0.10", "1.00"]),
        ),
        column("big_decimal", numbers::big_decimals(&big)),
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
        column("native_uuid", texts::uuids()),
        column("text_uuid", texts::text_uuids()),
        column("json", texts::exact_documents(30)),
        column("json_binary", texts::exact_documents(30)),
        column("mood", moods()),
        column("level", levels()),
        column("weather", weathers()),
    ]
}

fn times() -> Vec<Column> {
    let years = [
        (1901_u16, "1901"),
        (2155, "2155"),
        (2024, "2024"),
        (0, "0000"),
    ];
    let year = |(year, text)| Sample::new(year, text).in_graphql(year);
    vec![
        column("date", times::dates()),
        column("time", times::times()),
        column("date_time", times::date_times()),
        column("timestamp", times::recent_utc()),
        column("utc", times::utc()),
        column("local", times::local()),
        column("zoned", times::fixed()),
        column("time_date", times::time_dates()),
        column("time_time", times::time_times()),
        column("time_date_time", times::time_date_times()),
        column("time_zoned", times::time_zoned()),
        column("year", years.map(year).into()),
        column("seconds", times::seconds()),
        column("millis", times::millis()),
    ]
}
