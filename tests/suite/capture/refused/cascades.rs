//! Statements by which a foreign key of the database would write a tracked table.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, TransactionTrait};
use seachange::changelog::{CaptureError, WriteRefusal};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    cascades_of_the_database,
    a_cascade_through_an_untracked_table,
    cascades_of_upserts_and_subqueries,
];

/// A table whose foreign key deletes tracked rows with it.
async fn cascading(server: &TestServer, tables: &[&str]) -> Outcome {
    for sql in tables {
        server.db().writer().execute_unprepared(sql).await?;
    }
    Ok(())
}

async fn refuses_cascade(server: &TestServer, raw: &str, parent: &str) -> Outcome {
    let tx = server.db().begin().await?;
    tx.execute_unprepared(raw).await.expect_err("raw SQL");
    let delete = sea_orm::sea_query::Query::delete()
        .from_table(sea_orm::sea_query::Alias::new(parent))
        .to_owned();
    let error = tx.execute(&delete).await.expect_err("a statement");
    assert!(
        matches!(CaptureError::of(&error), Some(CaptureError::Write(WriteRefusal::Cascade { child, .. })) if child == "gadget"),
        "{error}"
    );
    let cure = "let triggers record `gadget` (track_by_triggers";
    assert!(error.to_string().contains(cure), "{error}");
    Ok(tx.rollback().await?)
}

async fn cascades_of_the_database(server: &TestServer) -> Outcome {
    cascading(
        server,
        &[
            "CREATE TABLE owner (id integer NOT NULL PRIMARY KEY)",
            "CREATE TABLE gadget (id integer NOT NULL PRIMARY KEY, name varchar(20),
             owner integer, FOREIGN KEY (owner) REFERENCES owner (id) ON DELETE SET NULL)",
        ],
    )
    .await?;
    refuses_cascade(server, "DELETE FROM owner", "owner").await
}

async fn a_cascade_through_an_untracked_table(server: &TestServer) -> Outcome {
    cascading(
        server,
        &[
            "CREATE TABLE grandparent (id integer NOT NULL PRIMARY KEY)",
            "CREATE TABLE owner (id integer NOT NULL PRIMARY KEY, grandparent integer,
             FOREIGN KEY (grandparent) REFERENCES grandparent (id) ON DELETE CASCADE)",
            "CREATE TABLE gadget (id integer NOT NULL PRIMARY KEY, name varchar(20),
             owner integer, FOREIGN KEY (owner) REFERENCES owner (id) ON DELETE CASCADE)",
        ],
    )
    .await?;
    refuses_cascade(server, "DELETE FROM grandparent", "grandparent").await
}

/// Statements by which a key changes or a row goes, though the words do not begin so.
async fn cascades_of_upserts_and_subqueries(server: &TestServer) -> Outcome {
    cascading(
        server,
        &[
            "CREATE TABLE owner (id integer NOT NULL PRIMARY KEY, code integer NOT NULL UNIQUE)",
            "CREATE TABLE gadget (id integer NOT NULL PRIMARY KEY, name varchar(20), owner integer,
             FOREIGN KEY (owner) REFERENCES owner (id) ON DELETE CASCADE ON UPDATE CASCADE)",
        ],
    )
    .await?;
    let name = Alias::new::<&str>;
    let mut insert = Query::insert();
    insert.into_table(name("owner"));
    insert.columns([name("id"), name("code")]);
    insert.values_panic([1.into(), 7.into()]);
    server.db().writer().execute(&insert).await?;
    let refused = async |what: &str, result: Result<_, DbErr>| {
        let error = result.expect_err(what);
        let cascade = CaptureError::of(&error);
        let is_cascade = matches!(cascade, Some(CaptureError::Write(WriteRefusal::Cascade { child, .. })) if child == "gadget");
        assert!(is_cascade, "{what}: {error}");
    };
    let tx = server.db().begin().await?;
    let newest = Query::select()
        .expr(Expr::col(name("code")))
        .from(name("owner"))
        .and_where(ExprTrait::eq(Expr::col(name("id")), 1))
        .to_owned();
    let update = Query::update()
        .table(name("owner"))
        .value(name("code"), Expr::SubQuery(None, Box::new(newest.into())))
        .value(name("id"), 2)
        .to_owned();
    refused("a query as a value", tx.execute(&update).await).await;
    let mut upsert = insert.clone();
    upsert.on_conflict(
        OnConflict::column(name("code"))
            .update_column(name("id"))
            .to_owned(),
    );
    refused("an upsert of the key", tx.execute(&upsert).await).await;
    if tx.get_database_backend() != DbBackend::Postgres {
        let replace = insert.clone().replace().to_owned();
        refused("a replacement", tx.execute(&replace).await).await;
    }
    // What sets no key off does no harm.
    let mut harmless = insert;
    harmless.on_conflict(
        OnConflict::column(name("id"))
            .update_column(name("code"))
            .to_owned(),
    );
    tx.execute(&harmless).await?;
    Ok(tx.commit().await?)
}
