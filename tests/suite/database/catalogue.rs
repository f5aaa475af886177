//! What the catalogue tells.

use sea_orm::sqlx::Executor as _;
use sea_orm::{ConnectionTrait, DbBackend};
use seachange::changelog::internal::Dialect;
use seachange::changelog::internal::{Equality, PagesBy, ParentIndex, equalities, indexes};
use seachange_testkit::{Outcome, TestServer};

use super::{open, run, texts};

seachange_testkit::cases![
    columns_keys_and_what_is_computed,
    foreign_keys,
    indexes_of_a_table,
    names_as_the_catalogue_compares_them,
    texts_that_are_equal,
    a_server_can_work_here,
];

/// A table of which the key is not in the columns' order, and one that refers to another.
const TABLES: [&str; 2] = [
    "CREATE TABLE parent (id integer NOT NULL PRIMARY KEY)",
    "CREATE TABLE child (
        b integer NOT NULL,
        a integer NOT NULL,
        twice integer GENERATED ALWAYS AS (a * 2) STORED,
        parent integer,
        PRIMARY KEY (a, b),
        FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
];

async fn named<C: ConnectionTrait>(
    db: &C,
    dialect: &dyn Dialect,
    sql: &str,
    table: &str,
) -> anyhow::Result<Vec<String>> {
    let rows = db.query_all_raw(dialect.ask_of(sql, table)).await?;
    let names = rows.iter().map(|row| row.try_get("", "name"));
    Ok(names.collect::<Result<_, _>>()?)
}

async fn columns_keys_and_what_is_computed(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let catalogue = dialect.catalogue();
    run(&db, &TABLES).await?;
    let ask = dialect.ask_of(catalogue.columns, "child");
    let mut found = Vec::new();
    for row in db.query_all_raw(ask).await? {
        let ty: String = row.try_get("", "ty")?;
        assert!(ty.to_lowercase().starts_with("int"), "{ty}");
        found.push((
            row.try_get::<String>("", "name")?,
            dialect.read_flag(&row, "is_key")?,
        ));
    }
    let expected = [
        ("b", true),
        ("a", true),
        ("twice", false),
        ("parent", false),
    ];
    let expected = expected.map(|(name, is_key)| (name.to_owned(), is_key));
    assert_eq!(found, expected);
    let key = named(&db, dialect, catalogue.key, "child").await?;
    assert_eq!(key, ["a", "b"]);
    let computed = named(&db, dialect, catalogue.computed, "child").await?;
    assert_eq!(computed, ["twice"]);
    let tables = named(&db, dialect, catalogue.tables, "").await?;
    for (table, is_there) in [("child", true), ("parent", true), ("nephew", false)] {
        let ask = dialect.ask_of(catalogue.is_there, table);
        assert_eq!(db.query_one_raw(ask).await?.is_some(), is_there);
        assert_eq!(tables.iter().any(|name| name == table), is_there);
    }
    let none = named(&db, dialect, catalogue.columns, "nephew").await?;
    assert!(none.is_empty());
    // The schema is asked for where triggers name it.
    dialect.schema_name(&db).await?;
    Ok(())
}

async fn foreign_keys(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    run(&db, &TABLES).await?;
    let ask = dialect.statement(dialect.catalogue().foreign_keys, Vec::new());
    let mut found = Vec::new();
    for row in db.query_all_raw(ask).await? {
        let text = |name: &str| row.try_get::<String>("", name);
        if text("child")? == "child" {
            let deletes = ["CASCADE", "c"].contains(&&*text("del")?);
            let updates = ["CASCADE", "c"].contains(&&*text("upd")?);
            found.push((text("parent")?, text("col")?, deletes, updates));
        }
    }
    let expected = ("parent".to_owned(), "id".to_owned(), true, false);
    assert_eq!(found, [expected]);
    // Where their actions fire no trigger, the table is one that triggers do not see all of.
    let unseen = dialect.unseen(&db, "child").await?;
    assert_eq!(unseen.is_empty(), dialect.facts().cascades_fire_triggers);
    assert!(dialect.unseen(&db, "parent").await?.is_empty());
    Ok(())
}

async fn indexes_of_a_table(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let descending = match dialect.backend() {
        // MariaDB reads the word and takes no notice before version 10.8.
        DbBackend::MySql => "CREATE INDEX d_down ON child (parent, a)",
        _ => "CREATE INDEX d_down ON child (parent, a DESC)",
    };
    run(&db, &TABLES).await?;
    run(
        &db,
        &["CREATE INDEX c_two ON child (parent, a, b)", descending],
    )
    .await?;
    let mut found = indexes(&db, "child", &["a", "b"]).await?;
    found.retain(|index| index.first().is_some_and(|first| first == "parent"));
    found.sort();
    let down: &[&str] = match dialect.backend() {
        DbBackend::MySql => &["parent", "a"],
        _ => &["parent"],
    };
    assert!(found.contains(&vec!["parent".into(), "a".into(), "b".into()]));
    assert!(found.iter().any(|index| index == down), "{found:?}");
    // Rows cannot be found by what is not the table's key.
    assert!(indexes(&db, "child", &["a"]).await?.is_empty());
    assert!(indexes(&db, "nephew", &["a"]).await?.is_empty());
    if dialect.backend() == DbBackend::Sqlite {
        let nullable = "CREATE TABLE nullable (id text PRIMARY KEY, parent integer)";
        run(&db, &[nullable, "CREATE INDEX n ON nullable (parent)"]).await?;
        assert!(indexes(&db, "nullable", &["id"]).await?.is_empty());
        run(
            &db,
            &["CREATE TABLE counted (id integer PRIMARY KEY, parent integer)"],
        )
        .await?;
        run(
            &db,
            &["CREATE INDEX part ON counted (parent) WHERE parent > 1"],
        )
        .await?;
        assert!(indexes(&db, "counted", &["id"]).await?.is_empty());
        run(&db, &["CREATE INDEX whole ON counted (parent)"]).await?;
        assert_eq!(indexes(&db, "counted", &["id"]).await?, [["parent"]]);
    }
    let missing = dialect.pages(ParentIndex::Missing, true);
    assert!(matches!(missing, PagesBy::Rows | PagesBy::Keys));
    Ok(())
}

async fn names_as_the_catalogue_compares_them(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let (lower, upper) = (dialect.quote("seen"), dialect.quote("SEEN"));
    let columns = format!("CREATE TABLE folded ({lower} integer, {upper} integer)");
    let are_two = db.execute_unprepared(&columns).await.is_ok();
    assert_eq!(are_two, dialect.fold("seen") != dialect.fold("SEEN"));
    Ok(())
}

async fn texts_that_are_equal(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let ty = match dialect.facts().table_tail {
        "" => "varchar(20)",
        _ => "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    };
    let table = format!("CREATE TABLE compared (id integer NOT NULL PRIMARY KEY, word {ty})");
    run(&db, &[&table, "INSERT INTO compared VALUES (1, 'word')"]).await?;
    // Column by column, and in the catalogue's words only where they are not exact.
    let all = dialect.equalities(&db, "compared").await?;
    let word = all.get("word").cloned().unwrap_or_default();
    assert_eq!(word, Equality::Exact);
    assert!(equalities(&db, "compared").await?.is_empty());
    for other in ["word ", "Word"] {
        let sql = format!("SELECT word FROM compared WHERE word = '{other}'");
        let found = texts(&db, &sql).await?;
        let is_same = word.stored("word") == word.operand(other);
        assert_eq!(!found.is_empty(), is_same, "{other:?}");
    }
    assert!(equalities(&db, "nephew").await?.is_empty());
    Ok(())
}

async fn a_server_can_work_here(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    dialect.check_rights(&db).await?;
    if let Some(ask) = dialect.facts().is_read_only {
        let row = db
            .query_one_raw(dialect.statement(ask, Vec::new()))
            .await?
            .ok_or_else(|| anyhow::anyhow!("no answer"))?;
        assert!(!row.try_get_by_index::<bool>(0)?);
    }
    if let Some(ask) = dialect.facts().largest_statement {
        let row = db
            .query_one_raw(dialect.statement(ask, Vec::new()))
            .await?
            .ok_or_else(|| anyhow::anyhow!("no answer"))?;
        assert!(row.try_get_by_index::<i64>(0)? > 0);
    }
    if let Some(ask) = dialect.facts().unclean {
        // As the pool asks it: PostgreSQL counts the parts of a prepared statement as statements.
        let is_clean = match dialect.backend() {
            DbBackend::Postgres => {
                let pool = db.get_postgres_connection_pool();
                pool.fetch_optional(ask).await?.is_none()
            }
            DbBackend::MySql => {
                let pool = db.get_mysql_connection_pool();
                pool.fetch_optional(ask).await?.is_none()
            }
            other => anyhow::bail!("{other:?} asks, and nobody knows how"),
        };
        assert!(is_clean);
    }
    Ok(())
}
