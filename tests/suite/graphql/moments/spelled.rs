//! SQL and Rust read the same moment in a text, which is the one that SeaORM reads; and its key is in the
//! order of moments.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::sea_query::{ArrayType, Expr, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, TryGetable};
use seachange::changelog::internal::Times;
use seachange_testkit::{Database, Outcome, Random, TestServer};
use serde_json::Value as Json;

use crate::triggers::other;

seachange_testkit::cases![
    sql_and_rust_agree,
    numbers_are_times,
    an_index_serves_filters_and_orders
];

const YEARS: [&str; 16] = [
    "2026", "1969", "0000", "0001", "9998", "9999", "1583", "0100", "+2026", "-0001", "-0044",
    "+10000", "+262142", "-262143", "99", "2024",
];
const SECONDS: [&str; 6] = [":00", ":59", "", ":60", ":61", ":7"];
const ZONES: [&str; 18] = [
    "", "", "Z", "z", "+00:00", "+00:00", "-00:00", "+02:00", "-05:30", "+14:00", "-14:59",
    "+23:59", "-23:59", "+24:00", " +02:00", "+0200", " Z", " ",
];
const ODD: [&str; 14] = [
    "",
    "now",
    "soon",
    "2026-11-30",
    "12:00",
    "2460000.5",
    "2460000.25 ",
    "2026-11-30 12:00:00.5.5",
    "1764504000",
    "2026-11-30  12:00:00",
    "2026-11-30TT12:00:00",
    "2026-11-3012:00:00",
    "'",
    "2026-11-30 12:00:00\u{e9}",
];

/// One of the first, which are common, and now and then one of all.
fn pick<'a>(random: &mut Random, common: usize, all: &[&'a str]) -> &'a str {
    let most = if random.once_in(4) { all.len() } else { common };
    all[random.below(most)]
}

/// A time of day, now and then not one.
fn clock(random: &mut Random) -> String {
    let hour = pick(random, 4, &["00", "11", "12", "23", "01", "24", "7"]);
    let minute = pick(random, 4, &["00", "01", "30", "59", "60"]);
    let second = pick(random, 3, &SECONDS);
    let fraction: String = match random.below(3) {
        0 => String::new(),
        _ => {
            let digits = random.below(11);
            let digit = |random: &mut Random| ["0", "0", "9", "9", "1", "5", "2"][random.below(7)];
            (0..digits)
                .map(|_| digit(random))
                .fold(".".to_owned(), |text, next| text + next)
        }
    };
    let fraction = if second.is_empty() && random.below(4) > 0 {
        String::new()
    } else {
        fraction
    };
    format!("{hour}:{minute}{second}{fraction}")
}

fn day(random: &mut Random) -> String {
    let year = pick(random, 8, &YEARS);
    let month = pick(random, 3, &["02", "06", "12", "01", "13", "00"]);
    let day = pick(random, 3, &["01", "15", "28", "29", "30", "31", "32", "1"]);
    format!("{year}-{month}-{day}")
}

fn text(random: &mut Random, kind: &ArrayType) -> String {
    if random.below(50) == 0 {
        return ODD[random.below(ODD.len())].to_owned();
    }
    let between = pick(random, 2, &["T", " ", "t", ""]);
    let zone = pick(random, 13, &ZONES);
    match kind {
        ArrayType::ChronoDate => day(random),
        ArrayType::ChronoTime => clock(random) + zone,
        _ => format!("{}{between}{}{zone}", day(random), clock(random)),
    }
}

/// What SeaORM reads, as images have it.
fn read(row: &QueryResult, kind: &ArrayType) -> Option<String> {
    fn of<T: TryGetable + Into<sea_orm::Value>>(row: &QueryResult) -> Option<sea_orm::Value> {
        row.try_get::<T>("", "spelled").ok().map(Into::into)
    }
    let value = match kind {
        ArrayType::ChronoDate => of::<NaiveDate>(row),
        ArrayType::ChronoTime => of::<NaiveTime>(row),
        ArrayType::ChronoDateTime => of::<NaiveDateTime>(row),
        _ => of::<DateTime<Utc>>(row),
    }?;
    let column = match kind {
        ArrayType::ChronoDate => sea_orm::ColumnType::Date,
        ArrayType::ChronoTime => sea_orm::ColumnType::Time,
        ArrayType::ChronoDateTime => sea_orm::ColumnType::DateTime,
        _ => sea_orm::ColumnType::TimestampWithTimeZone,
    };
    match seachange::changelog::internal::image::encode(&column, &value) {
        Ok(Json::String(text)) => Some(text),
        _ => None,
    }
}

async fn table(db: &DatabaseConnection, ty: &str, values: &[sea_orm::Value]) -> Outcome {
    db.execute_unprepared("DROP TABLE IF EXISTS spelling")
        .await?;
    db.execute_unprepared(&format!("CREATE TABLE spelling (spelled {ty})"))
        .await?;
    for values in values.chunks(500) {
        let mut insert = Query::insert();
        insert.into_table("spelling").columns(["spelled"]);
        for value in values {
            insert.values([Expr::val(value.clone())])?;
        }
        db.execute(&insert).await?;
    }
    Ok(())
}

async fn keys(
    db: &DatabaseConnection,
    times: Times,
) -> anyhow::Result<Vec<(QueryResult, Option<String>)>> {
    let key = times.key_in("spelling", "spelled");
    let sql = format!("SELECT spelled, {key} AS moment FROM spelling ORDER BY rowid");
    let rows = db
        .query_all_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            sql,
        ))
        .await?;
    let rows = rows.into_iter().map(|row| {
        let key = row.try_get::<Option<String>>("", "moment")?;
        Ok((row, key))
    });
    rows.collect()
}

/// Whether a text is written as programs write times: every number with all its digits, of the years 1 to
/// 9998, with an offset as RFC 3339 has it or none.
fn is_plain(text: &str) -> bool {
    let is = |text: &str, form: &str| {
        text.len() == form.len()
            && std::iter::zip(text.bytes(), form.bytes()).all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                _ => found == wanted,
            })
    };
    let is_day =
        |day: &str| is(day, "0000-00-00") && !day.starts_with("0000") && !day.starts_with("9999");
    let is_clock = |clock: &str| match clock.split_once('.') {
        Some((whole, fraction)) => {
            let is_fraction = (1..=9).contains(&fraction.len());
            is(whole, "00:00:00")
                && is_fraction
                && fraction.bytes().all(|digit| digit.is_ascii_digit())
        }
        None => is(clock, "00:00:00"),
    };
    if is_day(text) || is_clock(text) {
        return true;
    }
    let Some((day, rest)) = text.split_once([' ', 'T']) else {
        return false;
    };
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let is_offset = is(zone, "+00:00") || is(zone, "-00:00");
    let is_zone = matches!(zone, "" | "Z") || is_offset && zone[1..] < *"24:00";
    is_day(day) && is_clock(clock) && is_zone
}

async fn sql_and_rust_agree(server: &TestServer) -> Outcome {
    let Database::Sqlite = server.kind else {
        return Ok(());
    };
    let db = other(server).await?;
    let mut random = Random::seeded(17);
    for kind in [
        ArrayType::ChronoDateTimeUtc,
        ArrayType::ChronoDateTime,
        ArrayType::ChronoDate,
        ArrayType::ChronoTime,
    ] {
        let times = Times::of(&kind).expect("a time");
        for ty in ["timestamp_with_timezone_text", "datetime"] {
            let texts: Vec<String> = (0..4_000).map(|_| text(&mut random, &kind)).collect();
            let values: Vec<sea_orm::Value> =
                texts.iter().map(|text| text.clone().into()).collect();
            table(&db, ty, &values).await?;
            let mut known = 0;
            for ((row, key), text) in keys(&db, times).await?.iter().zip(&texts) {
                // A column of numbers has made it one.
                if row.try_get::<String>("", "spelled").ok().as_ref() != Some(text) {
                    continue;
                }
                assert_eq!(key, &times.key_of(text), "{kind:?}: {text:?}");
                known += usize::from(key.is_some());
                let read = read(row, &kind);
                let Some(read) = read else { continue };
                match key {
                    Some(key) => {
                        assert_eq!(
                            Some(key),
                            times.key_of_image(&read).as_ref(),
                            "{kind:?}: {text:?} is {read}"
                        );
                    }
                    None => assert!(
                        !is_plain(text),
                        "{kind:?}: {text:?} is {read}, without a key"
                    ),
                }
            }
            assert!(
                known > 400,
                "{kind:?}: only {known} of the texts were times"
            );
        }
    }
    Ok(())
}

async fn numbers_are_times(server: &TestServer) -> Outcome {
    let Database::Sqlite = server.kind else {
        return Ok(());
    };
    let db = other(server).await?;
    let numbers: Vec<sea_orm::Value> = vec![
        0.into(),
        1_764_504_000_i64.into(),
        (-1_i64).into(),
        253_402_300_799_i64.into(),
        2_461_375.0.into(),
        2_461_375.123_456.into(),
        2_400_000.25.into(),
    ];
    for kind in [ArrayType::ChronoDateTimeUtc, ArrayType::ChronoDateTime] {
        let times = Times::of(&kind).expect("a time");
        table(&db, "datetime", &numbers).await?;
        let found = keys(&db, times).await?;
        assert_eq!(found.len(), numbers.len());
        for (row, key) in found {
            let read = read(&row, &kind).expect("SeaORM reads it");
            assert_eq!(key, times.key_of_image(&read), "{kind:?}: {read}");
        }
    }
    Ok(())
}

/// How SQLite finds what the API asks for.
async fn plan(db: &DatabaseConnection, sql: &str) -> anyhow::Result<String> {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    let rows = db
        .query_all_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            sql,
        ))
        .await?;
    let lines = rows.iter().map(|row| row.try_get::<String>("", "detail"));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

async fn an_index_serves_filters_and_orders(server: &TestServer) -> Outcome {
    let Database::Sqlite = server.kind else {
        return Ok(());
    };
    let server = &super::event::start(server).await?;
    let db = other(server).await?;
    let times = Times::of(&ArrayType::ChronoDateTimeUtc).expect("a time");
    let key = times.key_in("event", "at");
    for sql in [
        format!("SELECT id FROM event ORDER BY {key} DESC, event.id ASC LIMIT 50"),
        format!("SELECT id FROM event WHERE {key} < '2026-11-30T12:00:00+00:00'"),
    ] {
        let plan = plan(&db, &sql).await?;
        assert!(plan.contains("idx_event_at_moment"), "{plan}");
    }
    // An ordinary index serves filters.
    db.execute_unprepared("CREATE INDEX texts ON event (local)")
        .await?;
    let key = Times::of(&ArrayType::ChronoDateTime)
        .expect("a time")
        .key_in("event", "local");
    let (low, _) = Times::of(&ArrayType::ChronoDateTime)
        .and_then(|times| times.around("2026-11-30 12:00:00"))
        .expect("in this era");
    let sql = format!(
        "SELECT id FROM event WHERE (\"event\".\"local\" >= '{low}' OR \"event\".\"local\" < '/')
         AND {key} >= '2026-11-30 12:00:00'"
    );
    let plan = plan(&db, &sql).await?;
    assert!(!plan.contains("SCAN"), "{plan}");
    Ok(())
}
