//! Texts and values.

use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, Query, Table};
use sea_orm::{ConnectionTrait, Value};
use seachange::changelog::internal::{Dialect, ReadAs};
use seachange_testkit::{Outcome, TestServer};

use super::open;

seachange_testkit::cases![
    names_and_literals_mean_themselves,
    statements_have_their_values_in_order,
    columns_keep_what_they_are_for,
    texts_with_nul,
    texts_without_a_type,
    what_cannot_be_held,
];

/// What is hard to write down.
const HARD: [&str; 8] = [
    "plain",
    "it's",
    "a \"quoted\" `name`",
    "back\\slash",
    "\\' OR 1 = 1 --",
    "two\nlines",
    "Ärger 🚀",
    "100 % $1 :a",
];

async fn names_and_literals_mean_themselves(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    for text in HARD {
        // MariaDB takes no name with a character beyond the first plane.
        let (literal, name) = (
            dialect.literal(text),
            dialect.quote(text.trim_end_matches(" 🚀")),
        );
        let sql = format!("SELECT x.{name} AS found FROM (SELECT {literal} AS {name}) x");
        let row = db
            .query_one_raw(dialect.own_statement(&sql, Vec::new()))
            .await?;
        let found: Option<String> = row.map(|row| row.try_get("", "found")).transpose()?;
        assert_eq!(found.as_deref(), Some(text));
    }
    Ok(())
}

async fn statements_have_their_values_in_order(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let sql = "SELECT 1 AS one FROM (SELECT 'a' AS x, 'b' AS y) t WHERE x = ? AND y = ?";
    for (values, is_found) in [(["a", "b"], true), (["b", "a"], false)] {
        let values = values.map(Value::from).into();
        let row = db.query_one_raw(dialect.statement(sql, values)).await?;
        assert_eq!(row.is_some(), is_found);
    }
    Ok(())
}

/// A table with a column of each type that the log needs.
async fn make_table<C: ConnectionTrait>(db: &C, dialect: &dyn Dialect) -> Outcome {
    let mut table = Table::create();
    table
        .table("kept")
        .col(ColumnDef::new("id").integer().not_null().primary_key())
        .col(ColumnDef::new_with_type("short", dialect.short_text_type()))
        .col(ColumnDef::new_with_type("long", dialect.long_text_type()))
        .col(ColumnDef::new_with_type("json", dialect.json_type()))
        .col(ColumnDef::new_with_type("at", dialect.time_type()));
    dialect.compare_bytes(&mut table);
    db.execute(&table).await?;
    Ok(())
}

async fn columns_keep_what_they_are_for(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    make_table(&db, dialect).await?;
    let long = "ä".repeat(70_000);
    // More digits than a number has, an order of fields, and a sign of zero.
    let json = r#"{"z":1.00000000000000000001,"a":-0.0,"n":"\u0000"}"#;
    let at: chrono::DateTime<chrono::Utc> = "2050-01-01T00:00:00.000001Z".parse()?;
    let insert = Query::insert()
        .into_table("kept")
        .columns(["id", "short", "long", "json", "at"])
        .values([
            Expr::val(1),
            Expr::val("word "),
            Expr::val(&*long),
            dialect.json(Expr::val(json)),
            Expr::val(dialect.bindable(at.into())),
        ])?
        .take();
    db.execute(&insert).await?;
    let select = |matches: Expr| {
        Query::select()
            .expr_as(
                dialect.readable_column(Expr::col("json"), ReadAs::Json),
                "j",
            )
            .expr_as(
                dialect.readable_column(Expr::col("long"), ReadAs::Free),
                "l",
            )
            .expr_as(
                dialect.readable_column(Expr::col("at"), ReadAs::Plain),
                "at",
            )
            .from("kept")
            .and_where(matches)
            .take()
    };
    let found = db
        .query_one(&select(Expr::col("short").eq("word ")))
        .await?
        .ok_or_else(|| anyhow::anyhow!("not found"))?;
    assert_eq!(dialect.read_text(&found, "j")?, Some(json.into()));
    assert_eq!(dialect.read_text(&found, "l")?, Some(long.into_bytes()));
    assert_eq!(
        found.try_get::<chrono::DateTime<chrono::Utc>>("", "at")?,
        at
    );
    for other in ["word", "Word ", "word  "] {
        let found = db.query_one(&select(Expr::col("short").eq(other))).await?;
        assert!(found.is_none(), "{other:?}");
    }
    // A text of SQL is read in the same way, and so is NULL.
    let sql = format!(
        "SELECT {} AS t, {} AS n",
        dialect.readable("'x'"),
        dialect.readable("NULL")
    );
    let found = db
        .query_one_raw(dialect.own_statement(&sql, Vec::new()))
        .await?
        .ok_or_else(|| anyhow::anyhow!("no answer"))?;
    assert_eq!(dialect.read_text(&found, "t")?, Some(b"x".to_vec()));
    assert_eq!(dialect.read_text(&found, "n")?, None);
    Ok(())
}

async fn texts_with_nul(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    make_table(&db, dialect).await?;
    let insert = Query::insert()
        .into_table("kept")
        .columns(["id", "short"])
        .values([Expr::val(1), Expr::val("a\0b")])?
        .take();
    let is_taken = db.execute(&insert).await.is_ok();
    assert_eq!(is_taken, dialect.facts().takes_nul);
    let select = Query::select()
        .column("short")
        .from("kept")
        .and_where(Expr::col("id").eq(1))
        .take();
    let found = db.query_one(&select).await?;
    let found: Option<String> = found.map(|row| row.try_get("", "short")).transpose()?;
    assert_eq!(found.as_deref(), is_taken.then_some("a\0b"));
    Ok(())
}

async fn texts_without_a_type(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    make_table(&db, dialect).await?;
    let sql = format!(
        "INSERT INTO kept (id, short) VALUES (7, {})",
        dialect.literal("7")
    );
    db.execute_unprepared(&sql).await?;
    for column in ["id", "short"] {
        let select = Query::select()
            .column("id")
            .from("kept")
            .and_where(Expr::col(column).eq(dialect.untyped("7")))
            .take();
        assert!(db.query_one(&select).await?.is_some(), "{column}");
    }
    Ok(())
}

async fn what_cannot_be_held(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    // What the databases have in common is held by each.
    for value in [Value::from(1), Value::from("text"), Value::from(1.5)] {
        assert!(dialect.holds(&value), "{value:?}");
        assert_eq!(dialect.bindable(value.clone()), value);
    }
    // A value of whose loss the dialect does not warn comes back.
    make_table(&db, dialect).await?;
    for (id, text) in (1..).zip(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]) {
        let at: chrono::DateTime<chrono::Utc> = text.parse()?;
        assert!(dialect.holds(&at.into()));
        let insert = Query::insert()
            .into_table("kept")
            .columns(["id", "at"])
            .values([Expr::val(id), Expr::val(dialect.bindable(at.into()))])?
            .take();
        db.execute(&insert).await?;
        let select = Query::select()
            .column("at")
            .from("kept")
            .and_where(Expr::col("id").eq(id))
            .take();
        let found = db.query_one(&select).await?;
        let found = found.map(|row| row.try_get("", "at")).transpose()?;
        assert_eq!(found, Some(at));
    }
    Ok(())
}
