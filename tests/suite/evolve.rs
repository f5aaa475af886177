//! Tables that change while the log goes on: what came, went or is called otherwise since a change was
//! recorded is read, pulled, judged and verified by what the table has.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

mod bulletin;
mod columns;
mod table;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use seachange::changelog::{TableChange, change_tables};
use serde_json::{Value as Json, json};

use crate::graphql::given::{Names, list};
use seachange_testkit::{Case, Client, Outcome};

/// All of them.
pub fn cases() -> Vec<Case> {
    [columns::cases(), table::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether a migration says that it changes the table.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// By `change_tables`.
    Said,
    /// By bare statements.
    Unsaid,
}

async fn alter(
    db: &DatabaseConnection,
    way: Way,
    table: TableChange,
    steps: Vec<&'static str>,
) -> Outcome {
    if way == Way::Unsaid {
        for step in steps {
            db.execute_unprepared(step).await?;
        }
        return Ok(());
    }
    change_tables(db, &[table], |tx| {
        Box::pin(async move {
            for step in steps {
                tx.execute_unprepared(step).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(())
}

/// The changes of a row, oldest first.
async fn history(client: &Client, names: Names, key: Json) -> anyhow::Result<Vec<Json>> {
    let query = format!(
        "query($key: Json!) {{ page: {}History(key: $key) {{ nodes {{ \
         cursor entity operation key before after changedFields }} }} }}",
        names.field
    );
    let data = client.data(&query, json!({ "key": key })).await?;
    list(data["page"]["nodes"].clone())
}

/// The row as it is by now, as its changes tell.
async fn as_of_now(client: &Client, names: Names, key: Json) -> anyhow::Result<Json> {
    let Names { field, all, .. } = names;
    let query = format!(
        "query($key: Json!, $time: String!) {{ row: {field}AsOf(key: $key, time: $time) {{ {all} }} }}"
    );
    let time = chrono::Utc::now() + chrono::TimeDelta::seconds(1);
    let variables = json!({ "key": key, "time": time.to_rfc3339() });
    Ok(client.data(&query, variables).await?["row"].clone())
}

async fn revert(client: &Client, cursor: &Json) -> anyhow::Result<Json> {
    let query = "mutation($c: String!) { revertChange(cursor: $c) { operation after } }";
    let data = client.data(query, json!({ "c": cursor })).await?;
    Ok(data["revertChange"].clone())
}
