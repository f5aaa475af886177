//! Relations two levels deep, a page of each, beside the plain statements that read the same rows.

use anyhow::ensure;
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use seachange::changelog::BulkEntity;
use seachange_entity::{comment, project, task};
use seachange_testkit::{Client, Database, OwnDatabase, TestServer};
use serde_json::json;
use uuid::Uuid;

use super::ground::Ground;
use super::table::Line;
use super::turns::{by_turns, ms, side};

/// Rounds of each side.
const ROUNDS: u32 = 10;
const PROJECTS: usize = 50;
/// Tasks of each project.
const TASKS: usize = 200;
/// Comments of each task.
const COMMENTS: usize = 20;
/// Rows of one parent's page.
const PAGE: usize = 5;
/// Rows inserted at a time.
const CHUNK: usize = 1_000;

/// The rows of the answer: each project, and a page below each parent.
const ROWS: usize = PROJECTS + PROJECTS * PAGE + PROJECTS * PAGE * PAGE;

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        bench(ground, kind).await?;
    }
    Ok(())
}

async fn bench(ground: &Ground, kind: &Database) -> anyhow::Result<()> {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    fill(&server).await?;
    let (db, client) = (server.db().reader(), &server.client());
    let sides = [side(move |_| nested(client)), side(move |_| plain(db))];
    let [nested, plain] = by_turns(ROUNDS * ground.length, sides).await?;
    let case = format!(
        "{}: {PROJECTS} x {TASKS} x {COMMENTS} rows, {PAGE} a parent",
        kind.name()
    );
    let line = Line::new(case, ms(nested), " ms");
    ground.tell(&line.beside("three plain statements", ms(plain)));
    server.stop().await?;
    own.drop().await
}

async fn fill(server: &TestServer) -> anyhow::Result<()> {
    let projects = (0..PROJECTS).map(|n| project::ActiveModel {
        id: Set(Uuid::now_v7()),
        name: Set(format!("project {n}")),
        ..Default::default()
    });
    let projects = insert::<project::Entity>(server, projects.collect()).await?;
    let tasks = projects.iter().flat_map(|project| {
        (0..TASKS).map(|n| task::ActiveModel {
            id: Set(Uuid::now_v7()),
            project_id: Set(project.id),
            title: Set(format!("task {n}")),
            ..Default::default()
        })
    });
    let tasks = insert::<task::Entity>(server, tasks.collect()).await?;
    let comments = tasks.iter().flat_map(|task| {
        (0..COMMENTS).map(|n| comment::ActiveModel {
            id: Set(Uuid::now_v7()),
            task_id: Set(task.id),
            author: Set("ann".to_owned()),
            body: Set(format!("comment {n}")),
            ..Default::default()
        })
    });
    insert::<comment::Entity>(server, comments.collect()).await?;
    Ok(())
}

/// Inserts the rows, some at a time, and returns them.
async fn insert<E: BulkEntity>(
    server: &TestServer,
    models: Vec<E::ActiveModel>,
) -> anyhow::Result<Vec<E::Model>> {
    let tx = server.db().begin().await?;
    let mut rows = Vec::new();
    let mut models = models.into_iter().peekable();
    while models.peek().is_some() {
        let chunk: Vec<E::ActiveModel> = models.by_ref().take(CHUNK).collect();
        rows.extend(tx.insert_many::<E>(chunk).await?);
    }
    tx.commit().await?;
    Ok(rows)
}

/// What a client asks for.
async fn nested(client: &Client) -> anyhow::Result<()> {
    let below = format!("pagination: {{ page: {{ page: 0, limit: {PAGE} }} }}");
    let query = format!(
        "{{ project(pagination: {{ page: {{ page: 0, limit: {PROJECTS} }} }}) {{ nodes {{ id name \
         task({below}) {{ nodes {{ id title \
         comment({below}) {{ nodes {{ id author body }} }} }} }} }} }} }}"
    );
    let response = client.raw(&json!({ "query": query }), &[]).await?;
    let text = response.text().await?;
    let count = text.matches("\"id\"").count();
    ensure!(count == ROWS, "{count} rows: {text:.200}");
    Ok(())
}

/// The statements by which the same rows can be read: one a level, with the parents of the level above.
async fn plain(db: &DatabaseConnection) -> anyhow::Result<()> {
    let page = |columns: &str, table: &str, parent: &str, of: &str| {
        format!(
            "SELECT {columns} FROM (SELECT {columns}, {parent}, ROW_NUMBER() OVER (PARTITION BY {parent} \
             ORDER BY id) AS place FROM {table} WHERE {parent} IN ({of})) paged WHERE place <= {PAGE}"
        )
    };
    let projects = format!("SELECT id, name FROM project ORDER BY id LIMIT {PROJECTS}");
    let tasks = page("id, title", "task", "project_id", "SELECT id FROM project");
    let parents = page("id", "task", "project_id", "SELECT id FROM project");
    let comments = page("id, author, body", "comment", "task_id", &parents);
    let mut count = 0;
    for statement in [projects, tasks, comments] {
        count += db
            .query_all_raw(Statement::from_string(db.get_database_backend(), statement))
            .await?
            .len();
    }
    ensure!(count == ROWS, "{count} rows");
    Ok(())
}
