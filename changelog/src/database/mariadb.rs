//! MariaDB.

mod alter;
mod capture;
mod catalogue;
mod facts;
mod rights;
mod triggers;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::prelude::{TimeDateTime, TimeDateTimeWithTimeZone};
use sea_orm::sea_query::{Alias, Expr, IntoIden, LockType, StringLen, TableCreateStatement};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{ColumnType, DbBackend, DbErr, IsolationLevel, Statement, TransactionOptions, Value};
use time::UtcOffset;

use super::drivers::number;
use super::facts::{Catalogue, Facts};
use super::log_rows::{COLUMNS, Row, SHARED, Shared};
use super::plan::{Made, Piece, Plan};
use super::syntax::Syntax;
use super::{
    After, Begin, Cause, ContextTexts, Dialect, PagesBy, ParentIndex, ReadAs, Refused, RowLock,
    Session, Unseen, Writer, Written,
};
use crate::collation::Equality;
use crate::image;
use crate::shape::{Column, Reading, Version, base};

/// MariaDB.
#[derive(Debug)]
pub struct MariaDb;

#[async_trait::async_trait]
impl Dialect for MariaDb {
    fn backend(&self) -> DbBackend {
        DbBackend::MySql
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn catalogue(&self) -> &'static Catalogue {
        &catalogue::CATALOGUE
    }

    fn syntax(&self) -> &'static Syntax {
        &facts::SYNTAX
    }

    fn quote(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    /// The literal is safe with `NO_BACKSLASH_ESCAPES` on or off.
    fn literal(&self, text: &str) -> String {
        if text.contains('\\') {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            return format!("CONVERT(x'{hex}' USING utf8mb4)");
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A `timestamp` parameter outside of 1970 to 2038 arrives as NULL, whatever the column, so times in UTC
    /// are bound as `datetime`.
    fn bindable(&self, value: Value) -> Value {
        match value {
            Value::ChronoDateTimeUtc(Some(moment)) => moment.naive_utc().into(),
            Value::ChronoDateTimeLocal(Some(moment)) => moment.naive_utc().into(),
            Value::TimeDateTimeWithTimeZone(Some(moment)) => {
                in_utc(moment).map_or(Value::TimeDateTimeWithTimeZone(Some(moment)), Value::from)
            }
            value => value,
        }
    }

    /// Years of more than four digits and leap seconds become zeros, and negative years are left out.
    fn holds(&self, value: &Value) -> bool {
        // The image of a time shows both: a year beyond four digits has a sign.
        let text = is_time(value).then(|| image::encode(&ColumnType::Text, value));
        match text {
            Some(Ok(text)) => text
                .as_str()
                .is_some_and(|text| !text.starts_with(['+', '-']) && !text.contains(":60.")),
            Some(Err(_)) => false,
            None => true,
        }
    }

    /// A text may hold halves of surrogate pairs, which are not UTF-8. The driver reads a text as bytes, too.
    fn readable_column(&self, column: Expr, _stored: ReadAs) -> Expr {
        column
    }

    fn readable(&self, text: &str) -> String {
        text.to_owned()
    }

    /// MariaDB has no lateral joins and no limit in `IN`. A window over rows that have long texts is kept on
    /// disk, and one over their keys is not.
    fn pages(&self, _index: ParentIndex, _in_key_order: bool) -> PagesBy {
        PagesBy::Keys
    }

    /// REPEATABLE READ would also lock the gaps between keys, and so keep others from inserting.
    fn begin(&self, purpose: Begin) -> TransactionOptions {
        TransactionOptions {
            isolation_level: match purpose {
                Begin::Write => None,
                Begin::WriteSeeingCommits => Some(IsolationLevel::ReadCommitted),
            },
            ..TransactionOptions::default()
        }
    }

    fn row_lock(&self, _lock: RowLock) -> Option<LockType> {
        Some(LockType::Update)
    }

    fn limit_statements(&self, most: Duration) -> Option<String> {
        let most = most.as_secs_f64();
        Some(format!("SET SESSION max_statement_time = {most}"))
    }

    /// MariaDB counts whole seconds, at least one.
    fn limit_lock_waits(&self, most: Duration) -> Option<String> {
        let most = most.as_secs_f64().ceil().max(1.0);
        Some(format!(
            "SET @seachange_lock_wait = @@SESSION.innodb_lock_wait_timeout, \
             SESSION innodb_lock_wait_timeout = {most}"
        ))
    }

    async fn after_error(&self, tx: &dyn Session, _error: &DbErr) -> After {
        let ask = "SELECT CAST(@@in_transaction AS SIGNED) AS open";
        let answer = tx.row(self.statement(ask, Vec::new())).await.ok().flatten();
        if answer.is_some_and(|row| row.try_get::<i64>("", "open") == Ok(1)) {
            return After::Alive;
        }
        // If this fails the connection is lost, and the pool will notice.
        let _ = tx.run_text("BEGIN").await;
        After::Ended
    }

    /// 1205 lock wait, 1213 deadlock, 1020 row changed since the snapshot, 1467 no number for a new row, as
    /// after a deadlock on the counter.
    fn is_transient(&self, error: &dyn DatabaseError) -> bool {
        matches!(number(error), Some(1205 | 1213 | 1020 | 1467))
    }

    /// 1040 and 1203 too many connections, 1053 shutdown, 1290 and 1836 read-only, 1317 interrupted,
    /// 1927 connection killed, 3 and 1021 no room on the disk.
    fn is_unavailable(&self, error: &dyn DatabaseError) -> bool {
        let number = number(error);
        matches!(
            number,
            Some(3 | 1021 | 1040 | 1053 | 1203 | 1290 | 1317 | 1836 | 1927)
        )
    }

    /// 1153 a packet and 1301 the text of a value larger than max_allowed_packet; 1969 max_statement_time;
    /// 1048 null, 1264 out of range, 1292 bad time, 1364 no default, 1366 bad encoding, 1406 too long, 4025 a
    /// check, and whatever else has the SQL standard's class of data exceptions (22).
    fn cause(&self, error: &dyn DatabaseError) -> Option<Cause> {
        let number = number(error)?;
        match (number, error.code().as_deref()) {
            (1153 | 1301, _) => Some(Cause::TooLarge),
            (1969, _) => Some(Cause::Overtime),
            (1048 | 1264 | 1292 | 1364 | 1366 | 1406 | 4025, _) => Some(Cause::Value),
            (_, Some(code)) if code.starts_with("22") => Some(Cause::Value),
            (_, Some("42S02")) => Some(Cause::NoTable),
            _ => None,
        }
    }

    /// The shared values are repeated for each row. The names are quoted because `before` is otherwise not a
    /// name.
    fn insert_rows(&self, table: &str, shared: Shared, rows: Vec<Row>) -> Statement {
        let mut sql = format!("INSERT INTO {table} {COLUMNS}`before`, `after`) VALUES ");
        let marks = ["?"; SHARED + 3].join(", ");
        sql.push_str(&vec![format!("({marks})"); rows.len()].join(", "));
        let shared = shared.values();
        let values = rows.into_iter().flat_map(|row| {
            shared
                .iter()
                .cloned()
                .chain(row.values())
                .collect::<Vec<_>>()
        });
        Statement::from_sql_and_values(DbBackend::MySql, sql, values)
    }

    fn json_type(&self) -> ColumnType {
        ColumnType::Custom(Alias::new("longtext").into_iden())
    }

    /// `text` holds only 64 KB.
    fn long_text_type(&self) -> ColumnType {
        ColumnType::Custom(Alias::new("longtext").into_iden())
    }

    fn short_text_type(&self) -> ColumnType {
        ColumnType::String(StringLen::N(255))
    }

    /// Without a precision, `timestamp` and `datetime` have no fraction of a second.
    fn time_type(&self) -> ColumnType {
        ColumnType::Custom(Alias::new("datetime(6)").into_iden())
    }

    fn compare_bytes(&self, table: &mut TableCreateStatement) {
        table.character_set("utf8mb4").collate("utf8mb4_nopad_bin");
    }

    async fn check_rights(&self, db: &dyn Session) -> Result<(), Refused> {
        rights::check(db).await
    }

    async fn equalities(
        &self,
        db: &dyn Session,
        table: &str,
    ) -> Result<BTreeMap<String, Equality>, DbErr> {
        catalogue::equalities(db, table).await
    }

    fn pieces(&self, plan: &Plan<'_>) -> Vec<Piece> {
        triggers::pieces(plan)
    }

    fn is_as_made(&self, _plan: &Plan<'_>, piece: &Piece, made: &Made) -> bool {
        piece.sql.ends_with(&format!("FOR EACH ROW {}", made.text))
    }

    fn image_of(&self, version: &Version, row: &str) -> String {
        triggers::image_of(version, row)
    }

    /// The only binary keys that are accepted have 16 bytes, which are a UUID.
    fn takes_key(&self, ty: &str) -> bool {
        !ty.starts_with("binary") || ty == "binary(16)"
    }

    fn reading(&self, ty: &str) -> Reading {
        types::reading(ty)
    }

    fn is_hexadecimal(&self, ty: &str) -> bool {
        types::is_hexadecimal(ty)
    }

    async fn alter(&self, db: &dyn Session, sql: &str, makes: bool) -> Result<(), DbErr> {
        let with = makes.then_some(alter::IN_THE_FUTURE);
        alter::patiently(db, with, sql).await
    }

    async fn change_capture(&self, db: &dyn Session, entity: &str, sql: &str) -> Result<(), DbErr> {
        alter::alone(db, entity, sql).await
    }

    fn capture_tables(&self) -> Vec<String> {
        vec![
            "change_context (connection_id bigint unsigned NOT NULL PRIMARY KEY, actor longtext, \
             mutation_id longtext, metadata longtext, transaction_id longtext)"
                .to_owned(),
        ]
    }

    async fn writer(&self, db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
        capture::writer(db, written).await
    }

    /// 1048: a column that cannot be null; no other value of the statement can be null there.
    fn is_left_to_triggers(&self, error: &dyn DatabaseError) -> bool {
        number(error) == Some(1048)
    }

    async fn are_triggers_in_force(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
        capture::are_in_force(db, entity).await
    }

    async fn send_context(&self, db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr> {
        capture::send_context(db, context).await.map(|()| false)
    }

    async fn unseen(&self, db: &dyn Session, entity: &str) -> Result<Vec<Unseen>, DbErr> {
        catalogue::unseen(db, entity).await
    }

    fn compared(&self, key: &Column, row: &str) -> String {
        let value = format!("{row}.{}", self.quote(&key.name));
        match types::kind(&key.ty) {
            types::Comparison::Member => format!("({value} + 0)"),
            _ => value,
        }
    }

    fn key_text(&self, key: &Column, row: &str) -> String {
        use types::Comparison;
        let value = format!("{row}.{}", self.quote(&key.name));
        match types::kind(&key.ty) {
            Comparison::Binary => format!("HEX({value})"),
            Comparison::Number if base(&key.ty) == "float" => {
                format!("CAST(CAST({value} AS DOUBLE) AS CHAR)")
            }
            Comparison::Number | Comparison::Member => format!("CAST({value} + 0 AS CHAR)"),
            Comparison::Text => format!("HEX(CONVERT({value} USING utf8mb4))"),
        }
    }

    fn key_literal(&self, text: &str, key: &Column) -> String {
        use types::Comparison;
        match types::kind(&key.ty) {
            Comparison::Binary => format!("x'{text}'"),
            // The literal's collation yields to the column's.
            Comparison::Text => format!("_utf8mb4 x'{text}'"),
            Comparison::Number | Comparison::Member => text.to_owned(),
        }
    }
}

fn in_utc(moment: TimeDateTimeWithTimeZone) -> Option<TimeDateTime> {
    let utc = moment.checked_to_offset(UtcOffset::UTC)?;
    Some(TimeDateTime::new(utc.date(), utc.time()))
}

fn is_time(value: &Value) -> bool {
    matches!(
        value,
        Value::ChronoDate(_)
            | Value::ChronoTime(_)
            | Value::ChronoDateTime(_)
            | Value::ChronoDateTimeUtc(_)
            | Value::ChronoDateTimeLocal(_)
            | Value::ChronoDateTimeWithTimeZone(_)
            | Value::TimeDate(_)
            | Value::TimeTime(_)
            | Value::TimeDateTime(_)
            | Value::TimeDateTimeWithTimeZone(_)
    )
}
