//! MariaDB's catalogue.

use std::collections::BTreeMap;

use sea_orm::{DbErr, QueryResult};

use super::{Dialect, MariaDb, Session};
use crate::collation::{Equality, Undecided};
use crate::database::Unseen;
use crate::database::facts::Catalogue;

pub(super) static CATALOGUE: Catalogue = Catalogue {
    // JSON columns are `longtext` with a constraint. Schema and table are given as constants, also in the
    // inner query; otherwise MariaDB opens every table of every database for each column.
    columns: "SELECT c.COLUMN_NAME AS name,
    CASE WHEN EXISTS (SELECT 1 FROM information_schema.CHECK_CONSTRAINTS k
        WHERE k.CONSTRAINT_SCHEMA = DATABASE() AND k.TABLE_NAME = ?
          AND k.CHECK_CLAUSE = CONCAT('json_valid(`', c.COLUMN_NAME, '`)'))
      THEN 'json' ELSE CONVERT(c.COLUMN_TYPE USING utf8mb4) END AS ty,
    CAST(c.COLUMN_KEY = 'PRI' AS SIGNED) AS is_key
    FROM information_schema.COLUMNS c
    WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION",
    key: "SELECT COLUMN_NAME AS name FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CONSTRAINT_NAME = 'PRIMARY'
    ORDER BY ORDINAL_POSITION",
    computed: "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND IS_GENERATED = 'ALWAYS'
    ORDER BY ORDINAL_POSITION",
    indexes: "SELECT CAST(SEQ_IN_INDEX AS SIGNED) AS place,
    CASE WHEN COLLATION = 'A' AND SUB_PART IS NULL THEN COLUMN_NAME ELSE '' END AS name
    FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_TYPE = 'BTREE'
    ORDER BY INDEX_NAME, SEQ_IN_INDEX",
    tables: "SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE()",
    is_there: "SELECT 1 FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    foreign_keys: "SELECT u.TABLE_NAME AS `child`, u.REFERENCED_TABLE_NAME AS `parent`,
    u.REFERENCED_COLUMN_NAME AS `col`, r.DELETE_RULE AS `del`, r.UPDATE_RULE AS `upd`
    FROM information_schema.KEY_COLUMN_USAGE u
    JOIN information_schema.REFERENTIAL_CONSTRAINTS r
      ON r.CONSTRAINT_SCHEMA = u.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = u.CONSTRAINT_NAME
      AND r.TABLE_NAME = u.TABLE_NAME
    WHERE u.TABLE_SCHEMA = DATABASE() AND r.CONSTRAINT_SCHEMA = DATABASE()
      AND u.REFERENCED_TABLE_NAME IS NOT NULL",
    triggers: "SELECT TRIGGER_NAME AS name, ACTION_STATEMENT AS text, CAST(1 AS SIGNED) AS is_on
     FROM information_schema.TRIGGERS
     WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?",
};

/// A value of an enumeration is always spelled as the declared word, and the words are all different.
const COLLATIONS: &str = "SELECT COLUMN_NAME AS name, COLLATION_NAME AS collation
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLLATION_NAME IS NOT NULL
      AND DATA_TYPE NOT IN ('enum', 'set')";

/// When texts of the columns are equal.
pub(super) async fn equalities(
    db: &dyn Session,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let rows = db
        .rows(MariaDb.statement(COLLATIONS, vec![table.into()]))
        .await?;
    let columns = rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, equality(row)?)));
    columns.collect()
}

fn equality(row: &QueryResult) -> Result<Equality, DbErr> {
    let collation: String = row.try_get("", "collation")?;
    let is_exact = collation == "binary"
        || ["_nopad_bin", "_0900_bin"]
            .iter()
            .any(|end| collation.ends_with(end));
    Ok(if is_exact {
        Equality::Exact
    } else if collation.ends_with("_bin") {
        Equality::Padded
    } else {
        Equality::Undecided(Undecided {
            collation,
            cure: "give it a binary collation, such as utf8mb4_nopad_bin",
        })
    })
}

/// Foreign keys whose actions change the table, and the table's partitions.
pub(super) async fn unseen(db: &dyn Session, entity: &str) -> Result<Vec<Unseen>, DbErr> {
    let sql = "SELECT REFERENCED_TABLE_NAME AS parent
        FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ?
          AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
            OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))";
    let rows = db.rows(MariaDb.statement(sql, vec![entity.into()])).await?;
    let parents = rows.iter().map(|row| row.try_get("", "parent"));
    let mut unseen: Vec<Unseen> = parents
        .map(|parent| parent.map(Unseen::Cascade))
        .collect::<Result<_, DbErr>>()?;
    let sql = "SELECT PARTITION_NAME FROM information_schema.PARTITIONS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND PARTITION_NAME IS NOT NULL LIMIT 1";
    let partition = db.row(MariaDb.statement(sql, vec![entity.into()])).await?;
    unseen.extend(partition.map(|_| Unseen::Partitions));
    Ok(unseen)
}
