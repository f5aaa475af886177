//! Offline clients: a first pull beside the plain query for the same rows, and a push beside the plain
//! statements.

use anyhow::ensure;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder,
    TransactionTrait,
};
use seachange_entity::{project, task};
use seachange_testkit::{Client, Database, OwnDatabase, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::ground::Ground;
use super::table::{Line, Target};
use super::turns::{by_turns, ms, side};

/// Rounds of each side.
const ROUNDS: u32 = 5;
/// Rows of the table.
const ROWS: u32 = 10_000;
/// Edits of one push.
const EDITS: usize = 1_000;
/// Rows inserted at a time.
const CHUNK: u32 = 1_000;

const PULL: &str = "{ pullTask(limit: 10000) { documents { id projectId title body status priority \
    estimate dueOn details owner createdAt updatedAt _deleted } checkpoint { cursor } } }";
const PUSH: &str = "mutation($rows: [TaskInputPushRow!]) { pushTask(taskPushRow: $rows) { id } }";

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        bench(ground, kind).await?;
    }
    Ok(())
}

async fn bench(ground: &Ground, kind: &Database) -> anyhow::Result<()> {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    let ids = fill(&server).await?;
    let (db, client) = (server.db().writer(), &server.client());
    let rounds = ROUNDS * ground.length;
    let sides = [side(move |_| pull(client)), side(move |_| query(db))];
    let [pulled, queried] = by_turns(rounds, sides).await?;
    let case = format!("{}: first pull of {ROWS} rows", kind.name());
    let line = Line::new(case, ms(pulled), " ms").beside("SeaORM's models", ms(queried));
    ground.tell(&line.target(Target::AtMost(2.0)));
    let (pushed, written) = ids.split_at(EDITS);
    let sides = [
        side(move |round| push(client, pushed, round)),
        side(move |round| write(db, &written[..EDITS], round)),
    ];
    let [pushed, written] = by_turns(rounds, sides).await?;
    let case = format!("{}: push of {EDITS} edits", kind.name());
    let line = Line::new(case, ms(pushed), " ms");
    ground.tell(&line.beside("SeaORM's updates, untracked", ms(written)));
    server.stop().await?;
    own.drop().await
}

async fn fill(server: &TestServer) -> anyhow::Result<Vec<Uuid>> {
    let tx = server.db().begin().await?;
    let project = project::ActiveModel {
        id: Set(Uuid::now_v7()),
        name: Set("bench".to_owned()),
        ..Default::default()
    };
    let project = project.insert(&tx).await?.id;
    let mut ids = Vec::new();
    for from in (0..ROWS).step_by(CHUNK as usize) {
        let models = (from..from + CHUNK).map(|n| task::ActiveModel {
            id: Set(Uuid::now_v7()),
            project_id: Set(project),
            title: Set(format!("task {n}")),
            body: Set(Some("something to be done, in a few words".to_owned())),
            ..Default::default()
        });
        let rows = tx.insert_many::<task::Entity>(models).await?;
        ids.extend(rows.into_iter().map(|row| row.id));
    }
    tx.commit().await?;
    Ok(ids)
}

async fn pull(client: &Client) -> anyhow::Result<()> {
    let response = client.raw(&json!({ "query": PULL }), &[]).await?;
    let text = response.text().await?;
    let count = text.matches("_deleted").count();
    ensure!(count == ROWS as usize, "{count} rows: {text:.200}");
    Ok(())
}

async fn query(db: &DatabaseConnection) -> anyhow::Result<()> {
    let all = task::Entity::find().order_by_asc(task::Column::Id).all(db);
    let count = all.await?.len();
    ensure!(count == ROWS as usize, "{count} rows");
    Ok(())
}

fn title(round: i64) -> String {
    format!("title of round {round}")
}

async fn push(client: &Client, ids: &[Uuid], round: i64) -> anyhow::Result<()> {
    let document = |id: &Uuid, title: String| json!({ "id": id.to_string(), "title": title });
    let rows: Json = ids
        .iter()
        .enumerate()
        .map(|(n, id)| {
            let before = match round {
                0 => format!("task {n}"),
                later => title(later - 1),
            };
            json!({
                "assumedMasterState": document(id, before),
                "newDocumentState": document(id, title(round)),
            })
        })
        .collect();
    let answer = client.send(PUSH, json!({ "rows": rows })).await?;
    let told = &answer.body["extensions"]["rejections"];
    ensure!(answer.data().is_ok() && told.is_null(), "{answer:?}");
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is compared with records nothing"
)]
async fn write(db: &DatabaseConnection, ids: &[Uuid], round: i64) -> anyhow::Result<()> {
    let tx = db.begin().await?;
    for id in ids {
        let statement = task::Entity::update_many()
            .col_expr(task::Column::Title, Expr::val(title(round)))
            .filter(task::Column::Id.eq(*id));
        statement.exec(&tx).await?;
    }
    tx.commit().await?;
    Ok(())
}
