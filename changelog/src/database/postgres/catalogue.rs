//! PostgreSQL's catalogue.

use std::collections::BTreeMap;

use sea_orm::{DbErr, QueryResult};

use super::{Dialect, Postgres, Session};
use crate::collation::{Equality, Undecided};
use crate::database::facts::Catalogue;
use crate::error::SetupRefusal;

pub(super) static CATALOGUE: Catalogue = Catalogue {
    columns: "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS ty,
    EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary
            AND a.attnum = ANY (i.indkey))::int AS is_key
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    key: "SELECT a.attname::text AS name FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace AND i.indisprimary
    ORDER BY k.place",
    computed: "SELECT a.attname::text AS name
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped AND (a.attgenerated <> '' OR a.attidentity = 'a')
    ORDER BY a.attnum",
    // In the options of an indexed column, bit 1 means "descending".
    indexes: "SELECT k.place, CASE WHEN o.option & 1 = 0 THEN a.attname::text ELSE '' END AS name
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place)
    JOIN unnest(i.indoption) WITH ORDINALITY o (option, place) ON o.place = k.place
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0
    WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
      AND i.indisvalid AND i.indisready AND i.indpred IS NULL AND k.place <= i.indnkeyatts
    ORDER BY x.relname, k.place",
    tables: "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p')
     AND relnamespace = current_schema()::regnamespace",
    is_there: "SELECT 1 FROM pg_class WHERE relname = ? AND relkind = 'r'
     AND relnamespace = current_schema()::regnamespace",
    foreign_keys: r#"SELECT c.relname AS "child", p.relname AS "parent", a.attname AS "col",
    k.confdeltype::text AS "del", k.confupdtype::text AS "upd"
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)
    WHERE k.contype = 'f'"#,
    // Functions are listed with their texts, triggers with their names and whether they are on.
    triggers: "SELECT t.tgname::text AS name, '' AS text, (t.tgenabled IN ('O', 'A'))::int AS is_on
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
     UNION ALL
     SELECT 'function ' || p.proname, p.prosrc, p.prosecdef::int FROM pg_proc p
     WHERE p.pronamespace = current_schema()::regnamespace
       AND p.proname LIKE 'change\\_capture\\_%'",
};

/// See [`Table::is_entangled`](crate::shape::Table::is_entangled).
pub(super) async fn is_entangled(db: &dyn Session, table: &str) -> Result<bool, DbErr> {
    // In a trigger's type, bit 1 means "each row" and bit 2 "before".
    let sql = "SELECT (c.relkind <> 'r' OR c.relispartition
          OR EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
          OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
            AND t.tgtype & 1 = 1 AND t.tgtype & 2 = 0
            AND t.tgname NOT LIKE 'change\\_capture\\_%'))::int AS is_entangled
        FROM pg_class c
        WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace";
    let row = db.row(Postgres.statement(sql, vec![table.into()])).await?;
    row.map_or(Ok(false), |row| Postgres.read_flag(&row, "is_entangled"))
}

/// The schema in which tables are created.
pub(super) async fn schema_name(db: &dyn Session) -> Result<String, DbErr> {
    let sql = "SELECT current_schema()::text AS name";
    let row = db.row(Postgres.statement(sql, Vec::new())).await?;
    row.ok_or(SetupRefusal::NoSchema)?.try_get("", "name")
}

/// A domain has its base type's collation, however many domains lie between.
const COLLATIONS: &str = "WITH RECURSIVE base (attnum, type) AS (
      SELECT a.attnum, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
        AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type
      WHERE t.typtype = 'd')
    SELECT a.attname::text AS name, t.typname::text AS ty,
      CASE WHEN NOT l.collisdeterministic THEN l.collname::text END AS collation
    FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
    JOIN pg_class c ON c.relname = ? AND c.relnamespace = current_schema()::regnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = b.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation";

/// When texts of the columns are equal.
pub(super) async fn equalities(
    db: &dyn Session,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let ask = Postgres.statement(COLLATIONS, vec![table.into(), table.into()]);
    let rows = db.rows(ask).await?;
    let columns = rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, equality(row)?)));
    columns.collect()
}

fn equality(row: &QueryResult) -> Result<Equality, DbErr> {
    let ty: String = row.try_get("", "ty")?;
    let collation: Option<String> = row.try_get("", "collation")?;
    let undecided = |collation| {
        Equality::Undecided(Undecided {
            collation,
            cure: "give it the type text and a deterministic collation",
        })
    };
    Ok(match (collation, ty.as_str()) {
        (Some(collation), _) => undecided(collation),
        (None, "citext" | "_citext") => undecided("citext".to_owned()),
        (None, "bpchar") => Equality::PaddedWhenStored,
        (None, _) => Equality::Exact,
    })
}
