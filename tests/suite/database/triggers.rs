//! Capture by triggers, and keys as literals.

use sea_orm::{ConnectionTrait, TransactionTrait};
use seachange::changelog::internal::shape::{Column, Found, Shown, Table, Version};
use seachange::changelog::internal::{
    Begin, ContextTexts, Dialect, Made, Plan, Writer, Written, piece_name,
};
use seachange_testkit::{Outcome, TestServer};

use super::{open, run, texts};
use crate::triggers::note;

seachange_testkit::cases![
    triggers_are_made_and_dropped,
    who_writes,
    a_context_is_sent_and_taken_back,
    keys_as_literals,
    types_are_read,
];

fn column(number: u32, name: &str, ty: &str, is_key: bool) -> Column {
    Column {
        number,
        name: name.to_owned(),
        ty: ty.to_owned(),
        is_key,
        shown: Shown::Whole,
    }
}

/// The table `gloss`, and its shape in the catalogue's words.
async fn a_table<C: ConnectionTrait>(
    db: &C,
    dialect: &dyn Dialect,
) -> anyhow::Result<(Version, Table)> {
    let create = format!(
        "CREATE TABLE gloss (id integer NOT NULL, spelled varchar(50) NOT NULL, n integer,
         PRIMARY KEY (id, spelled)){}",
        dialect.facts().table_tail
    );
    run(db, &[&create]).await?;
    let ask = dialect.ask_of(dialect.catalogue().columns, "gloss");
    let mut table = Table::default();
    for row in db.query_all_raw(ask).await? {
        table.columns.push(Found {
            is_key: dialect.read_flag(&row, "is_key")?,
            name: row.try_get("", "name")?,
            ty: row.try_get::<String>("", "ty")?.to_lowercase(),
        });
    }
    dialect.complete(db, "gloss", &mut table).await?;
    let columns = table.columns.iter().zip(1..);
    let columns = columns.map(|(found, n)| column(n, &found.name, &found.ty, found.is_key));
    let version = Version {
        version: 1,
        columns: columns.collect(),
    };
    Ok((version, table))
}

/// What is there of the table's triggers.
async fn made<C: ConnectionTrait>(
    db: &C,
    dialect: &dyn Dialect,
) -> anyhow::Result<Vec<(String, Made)>> {
    let ask = dialect.ask_of(dialect.catalogue().triggers, "gloss");
    let mut made = Vec::new();
    for row in db.query_all_raw(ask).await? {
        let is_enabled = dialect.read_flag(&row, "is_on")?;
        let text = row.try_get("", "text")?;
        made.push((row.try_get("", "name")?, Made { text, is_enabled }));
    }
    Ok(made)
}

async fn triggers_are_made_and_dropped(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let (version, table) = a_table(&db, dialect).await?;
    let schema = dialect.schema_name(&db).await?;
    let plan = Plan {
        entity: "gloss",
        schema: &schema,
        version: &version,
        table: &table,
    };
    let pieces = dialect.pieces(&plan);
    assert!(!dialect.are_triggers_in_force(&db, "gloss").await?);
    for piece in &pieces {
        dialect.alter(&db, &piece.sql, true).await?;
    }
    dialect.tidy(&db, "gloss", Some(&plan)).await?;
    assert!(dialect.are_triggers_in_force(&db, "gloss").await?);
    let there = made(&db, dialect).await?;
    for piece in &pieces {
        let called = [piece.name.clone(), format!("function {}", piece.name)];
        let mut named = there.iter().filter(|(name, _)| called.contains(name));
        let is_same = named.any(|(_, made)| dialect.is_as_made(&plan, piece, made));
        assert!(is_same, "{}", piece.name);
    }
    // They write nothing: nobody has said that they shall.
    run(&db, &["INSERT INTO gloss VALUES (1, 'one', 1)"]).await?;
    for log in dialect.facts().logs() {
        let sql = format!("SELECT entity FROM {log} WHERE entity = 'gloss'");
        assert!(texts(&db, &sql).await?.is_empty());
    }
    for piece in &pieces {
        if there.iter().any(|(name, _)| *name == piece.name) {
            let drop = dialect.drop_trigger(&piece.name, "gloss");
            dialect.alter(&db, &drop, false).await?;
            // One that is not there is no error.
            dialect.alter(&db, &drop, false).await?;
        }
    }
    dialect.tidy(&db, "gloss", None).await?;
    let left = made(&db, dialect).await?;
    assert!(!left.iter().any(|(name, _)| name.contains("gloss")));
    assert!(!dialect.are_triggers_in_force(&db, "gloss").await?);
    Ok(())
}

async fn who_writes(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let (db, dialect) = open(server).await?;
    for (table, by_triggers) in [("task", false), ("note", true)] {
        let tx = db.begin_with_options(dialect.begin(Begin::Write)).await?;
        let context = ContextTexts {
            actor: Some("ada".to_owned()),
            mutation_id: None,
            metadata: None,
            transaction_id: "of the test".to_owned(),
        };
        dialect.send_context(&tx, context).await?;
        if by_triggers {
            run(
                &tx,
                &["INSERT INTO note (id, name, body) VALUES (1, 'a', 'b')"],
            )
            .await?;
        }
        let written = Written {
            table,
            operation: "insert",
            transaction_id: "of the test",
        };
        let writer = dialect.writer(&tx, &written).await?;
        let expected = match by_triggers {
            true => Writer::Triggers { in_force: true },
            false => Writer::Hooks(1),
        };
        assert_eq!(writer, expected, "{table}");
        let recorded = dialect.have_triggers_recorded(&tx, table).await?;
        assert!(recorded || !by_triggers, "{table}");
        dialect.keep_writer(&tx, table).await?;
        tx.rollback().await?;
    }
    let piece = piece_name("insert", "note");
    dialect
        .alter(&db, &dialect.drop_trigger(&piece, "note"), false)
        .await?;
    assert!(!dialect.are_triggers_in_force(&db, "note").await?);
    // A change of who writes, while nobody is writing.
    let sql = "UPDATE change_capture SET writer = 'hook', wanted = 'hook' WHERE entity = 'note'";
    dialect.change_capture(&db, "note", sql).await?;
    let sql = "SELECT writer FROM change_capture WHERE entity = 'note'";
    assert_eq!(texts(&db, sql).await?, ["hook"]);
    Ok(())
}

async fn a_context_is_sent_and_taken_back(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let (db, dialect) = open(server).await?;
    for (n, actor) in [(1, Some("it's \\ me")), (2, None)] {
        let tx = db.begin_with_options(dialect.begin(Begin::Write)).await?;
        let context = ContextTexts {
            actor: actor.map(str::to_owned),
            mutation_id: Some("m".to_owned()),
            metadata: Some(r#"{"a":1}"#.to_owned()),
            transaction_id: format!("transaction {n}"),
        };
        dialect.send_context(&tx, context).await?;
        let insert = format!("INSERT INTO note (id, name, body) VALUES ({n}, '{n}', 'b')");
        run(&tx, &[&insert]).await?;
        if let Some(clear) = dialect.facts().clear_context {
            run(&tx, &[clear]).await?;
        }
        let written = dialect.facts().written();
        let sql = format!(
            "SELECT COALESCE(actor, 'nobody') FROM {written}
             WHERE transaction_id = 'transaction {n}' AND mutation_id = 'm'"
        );
        assert_eq!(texts(&tx, &sql).await?, [actor.unwrap_or("nobody")]);
        let insert = format!("INSERT INTO note (id, name, body) VALUES (1{n}, '1{n}', 'b')");
        if dialect.facts().clear_context.is_some() {
            run(&tx, &[&insert]).await?;
            assert_eq!(texts(&tx, &sql).await?.len(), 1);
        }
        tx.rollback().await?;
    }
    Ok(())
}

async fn keys_as_literals(server: &TestServer) -> Outcome {
    let (db, dialect) = open(server).await?;
    let (version, _) = a_table(&db, dialect).await?;
    for (id, spelled) in [
        (1, "plain"),
        (-2, "it's"),
        (3, "back\\slash"),
        (4, "Ärger 🚀"),
    ] {
        let spelled = dialect.literal(spelled);
        let insert = format!("INSERT INTO gloss VALUES ({id}, {spelled}, 0)");
        run(&db, &[&insert]).await?;
    }
    let keys: Vec<&Column> = version.keys().collect();
    let row = dialect.quote("w");
    for key in &keys {
        let (text, compared) = (dialect.key_text(key, &row), dialect.compared(key, &row));
        let all = texts(&db, &format!("SELECT {text} FROM gloss {row}")).await?;
        assert_eq!(all.len(), 4);
        for text in all {
            let literal = dialect.key_literal(&text, key);
            let sql = format!(
                "SELECT 'one' AS found FROM gloss {row} WHERE {compared} = {literal} AND {compared} IN ({literal})"
            );
            assert_eq!(texts(&db, &sql).await?, ["one"], "{literal}");
        }
    }
    // The image of a row can be read, and names its columns.
    for image in [
        dialect.image_of(&version, &row),
        dialect.whole_image(&version, &row),
    ] {
        let readable = dialect.readable(&image);
        let sql = format!("SELECT {readable} AS image FROM gloss {row} WHERE {row}.id = 1");
        let found = db
            .query_one_raw(dialect.own_statement(&sql, Vec::new()))
            .await?
            .ok_or_else(|| anyhow::anyhow!("no row"))?;
        let text = dialect.read_text(&found, "image")?.unwrap_or_default();
        let image: serde_json::Value = serde_json::from_slice(&text)?;
        assert!(image.get("spelled").is_some() && image.get("n").is_some());
    }
    Ok(())
}

async fn types_are_read(server: &TestServer) -> Outcome {
    use sea_orm::sea_query::ArrayType;
    let (_, dialect) = open(server).await?;
    for (ty, rust) in [
        ("bigint", ArrayType::BigInt),
        ("boolean", ArrayType::Bool),
        ("date", ArrayType::ChronoDate),
    ] {
        let read = dialect.reading(ty).rust;
        // MariaDB has no such type: what it calls so is a number of one digit.
        let is_known = dialect.is_hexadecimal(ty);
        assert!(is_known || read == rust, "{ty}: {read:?}");
    }
    for ty in ["integer", "uuid", "text", "varchar(50)"] {
        assert!(dialect.takes_key(ty), "{ty}");
    }
    Ok(())
}
