//! The log's tables.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, TransactionTrait};
use seachange::changelog::internal::{Begin, ReadAs, Row, Shared};
use seachange_testkit::{Outcome, TestServer};

use super::open;

seachange_testkit::cases![
    rows_are_added_in_their_order,
    a_key_is_found_by_its_text,
    tables_of_the_order,
];

fn shared() -> Shared {
    Shared {
        entity: "thing".to_owned(),
        operation: "insert",
        actor: Some("ada".to_owned()),
        mutation_id: None,
        metadata: Some(r#"{"why":"test"}"#.to_owned()),
        transaction_id: "of the test".to_owned(),
        source: "hook",
        schema_version: 3,
        recorded_at: chrono::Utc::now(),
    }
}

fn row(key: impl Into<String>) -> Row {
    Row {
        row_key: key.into(),
        before: None,
        after: Some(r#"{"b":1.0,"a":"it's"}"#.to_owned()),
    }
}

async fn rows_are_added_in_their_order(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let written = dialect.facts().written();
    let tx = db.begin_with_options(dialect.begin(Begin::Write)).await?;
    for count in [1, 3] {
        let keys: Vec<String> = (0..count).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
        let rows = keys.iter().cloned().map(row).collect();
        tx.execute_raw(dialect.insert_rows(written, shared(), rows))
            .await?;
        let readable = |column| dialect.readable_column(Expr::col(column), ReadAs::Json);
        let select = Query::select()
            .expr_as(readable("row_key"), "k")
            .expr_as(readable("before"), "b")
            .expr_as(readable("after"), "a")
            .columns(["entity", "schema_version"])
            .from(written)
            .order_by("id", sea_orm::Order::Asc)
            .take();
        let mut found = Vec::new();
        for row in tx.query_all(&select).await? {
            assert_eq!(row.try_get::<String>("", "entity")?, "thing");
            assert_eq!(row.try_get::<i32>("", "schema_version")?, 3);
            assert_eq!(dialect.read_text(&row, "b")?, None);
            let after = dialect.read_text(&row, "a")?.unwrap_or_default();
            assert_eq!(after, br#"{"b":1.0,"a":"it's"}"#);
            let key = dialect.read_text(&row, "k")?.unwrap_or_default();
            found.push(String::from_utf8(key)?);
        }
        assert_eq!(found, keys);
        tx.execute_unprepared(&format!("DELETE FROM {written}"))
            .await?;
    }
    // The log knows nothing of the table, and is not to.
    tx.rollback().await?;
    Ok(())
}

async fn a_key_is_found_by_its_text(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let tx = db.begin_with_options(dialect.begin(Begin::Write)).await?;
    // Two that differ behind what an index may hold.
    let long = |end: &str| format!(r#"{{"id":"{}{end}"}}"#, "x".repeat(400));
    let keys = [long("a"), long("b"), r#"{"id":1}"#.to_owned()];
    let rows = keys.iter().cloned().map(row).collect();
    tx.execute_raw(dialect.insert_rows("change_log", shared(), rows))
        .await?;
    for (texts, count) in [
        (vec![long("a")], 1),
        (vec![long("c")], 0),
        (vec![long("b"), r#"{"id":1}"#.to_owned()], 2),
    ] {
        let select = Query::select()
            .expr_as(dialect.json_text(Expr::col("row_key")), "k")
            .from("change_log")
            .cond_where(dialect.has_key(texts.clone()))
            .take();
        let rows = tx.query_all(&select).await?;
        assert_eq!(rows.len(), count);
        for row in rows {
            assert!(texts.contains(&row.try_get("", "k")?));
        }
    }
    tx.rollback().await?;
    Ok(())
}

/// What facts say of tables and columns is so.
async fn tables_of_the_order(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let facts = dialect.facts();
    let order = facts.order_table.into_iter();
    let tables = order.chain(facts.capture_shapes.iter().copied());
    for (table, columns) in tables {
        let sql = format!("SELECT {} FROM {table}", columns.join(", "));
        db.execute_unprepared(&sql).await?;
    }
    for log in facts.logs() {
        db.execute_unprepared(&format!("SELECT id FROM {log}"))
            .await?;
    }
    if let Some(column) = facts.order_column {
        db.execute_unprepared(&format!("SELECT {column} FROM change_log"))
            .await?;
    }
    assert_eq!(facts.capture_shapes.len(), dialect.capture_tables().len());
    Ok(())
}
