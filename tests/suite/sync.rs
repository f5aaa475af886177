//! Sync with offline clients: what they pull and push, what they are streamed, conflicts.

mod again;
mod bad;
mod batch;
mod converge;
mod counter;
mod inbox;
mod large;
mod memo;
mod node;
mod nul;
mod policies;
mod pull;
mod push;
mod repeats;
mod replica;
mod stream;
mod tag;
mod unsigned;

use seachange_testkit::{Case, Client};
use serde_json::{Value as Json, json};

use crate::graphql::given::{self, LABELS, Names, PROJECTS, TASK_LABELS, TASKS, project};

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        pull::cases(),
        push::cases(),
        push::at_once::cases(),
        repeats::cases(),
        batch::cases(),
        policies::cases(),
        bad::cases(),
        bad::unreadable::cases(),
        nul::cases(),
        large::cases(),
        inbox::cases(),
        unsigned::cases(),
        stream::cases(),
        converge::cases(),
        again::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a push is answered.
#[derive(Debug)]
pub struct Pushed {
    /// The rows that are not as they were sent.
    pub documents: Vec<Json>,
    /// What was not stored.
    pub rejections: Vec<Json>,
}

impl Pushed {
    /// Whether every row was taken as it was sent.
    pub fn is_taken(&self) -> bool {
        self.documents.is_empty() && self.rejections.is_empty()
    }

    /// The codes of the rejections.
    pub fn codes(&self) -> Vec<&str> {
        let codes = self.rejections.iter().map(|rejection| &rejection["code"]);
        codes.filter_map(Json::as_str).collect()
    }
}

/// The fields of an entity's documents.
fn fields(names: Names) -> String {
    let joined = if names.object == TASK_LABELS.object {
        "id"
    } else {
        ""
    };
    format!("{} {joined} _deleted", names.all)
}

fn push_query(names: Names) -> String {
    let Names { field, object, .. } = names;
    let fields = fields(names);
    format!(
        "mutation($rows: [{object}InputPushRow!]) {{ rows: push{object}({field}PushRow: $rows) {{ {fields} }} }}"
    )
}

fn pull_query(names: Names) -> String {
    let Names { object, .. } = names;
    let fields = fields(names);
    format!(
        "query($checkpoint: {object}InputCheckpoint, $limit: Int!) {{ \
         bulk: pull{object}(checkpoint: $checkpoint, limit: $limit) {{ \
         documents {{ {fields} }} checkpoint {{ cursor }} }} }}"
    )
}

/// Pushes rows: (assumed, new).
pub async fn push(client: &Client, names: Names, rows: &[(Json, Json)]) -> anyhow::Result<Pushed> {
    let answer = client.send(&push_query(names), variables(rows)).await?;
    let documents = given::list(answer.data()?["rows"].clone())?;
    let rejections = answer.body["extensions"]["rejections"].clone();
    let rejections = rejections.as_array().cloned().unwrap_or_default();
    Ok(Pushed {
        documents,
        rejections,
    })
}

fn variables(rows: &[(Json, Json)]) -> Json {
    let rows: Json = rows
        .iter()
        .map(|(assumed, new)| json!({ "assumedMasterState": assumed, "newDocumentState": new }))
        .collect();
    json!({ "rows": rows })
}

/// One page: its documents and its checkpoint.
pub async fn pull(
    client: &Client,
    names: Names,
    checkpoint: Json,
    limit: usize,
) -> anyhow::Result<(Vec<Json>, Json)> {
    let variables = json!({ "checkpoint": checkpoint, "limit": limit });
    let mut data = client.data(&pull_query(names), variables).await?;
    let bulk = data["bulk"].take();
    Ok((
        given::list(bulk["documents"].clone())?,
        bulk["checkpoint"].clone(),
    ))
}

/// Every row, as a new client has it, and the checkpoint after them.
pub async fn pull_all(client: &Client, names: Names) -> anyhow::Result<(Vec<Json>, Json)> {
    let (mut all, mut checkpoint) = (Vec::new(), Json::Null);
    loop {
        let (documents, next) = pull(client, names, checkpoint, 100).await?;
        let is_last = documents.len() < 100;
        all.extend(documents);
        checkpoint = next;
        if is_last {
            return Ok((all, checkpoint));
        }
    }
}

/// A document as the server has it, found by its key.
pub async fn stored(client: &Client, names: Names, id: &str) -> anyhow::Result<Json> {
    let (all, _) = pull_all(client, names).await?;
    let mut found = all.into_iter().filter(|document| document["id"] == id);
    found.next().ok_or_else(|| anyhow::anyhow!("no {id}"))
}

/// The document with other values.
pub fn with(document: &Json, changes: Json) -> Json {
    let mut document = document.clone();
    for (field, value) in changes.as_object().into_iter().flatten() {
        document[field] = value.clone();
    }
    document
}

pub fn deleted(document: &Json) -> Json {
    with(document, json!({ "_deleted": true }))
}

/// A task as the server has it.
async fn a_task(client: &Client, title: &str) -> anyhow::Result<Json> {
    let id = given::task(client, title).await?;
    stored(client, TASKS, &id).await
}

/// A new task that no server has seen.
async fn new_task(client: &Client, title: &str) -> anyhow::Result<Json> {
    let project = project(client, "Ship").await?;
    Ok(json!({
        "id": uuid::Uuid::now_v7().to_string(), "projectId": project, "title": title,
        "status": "todo", "priority": 0, "_deleted": false,
    }))
}

async fn delete_task(client: &Client, id: &Json) -> anyhow::Result<()> {
    let filter = json!({ "filter": { "id": { "eq": id } } });
    client.data(&TASKS.delete(), filter).await?;
    Ok(())
}

async fn update_task(client: &Client, id: &Json, data: Json) -> anyhow::Result<()> {
    let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
    client.data(&TASKS.update(), variables).await?;
    Ok(())
}

/// The conflicts in the inbox.
pub async fn conflicts(client: &Client) -> anyhow::Result<Vec<Json>> {
    let query = "{ syncConflicts(first: 1000) { nodes { id entity key status reason assumed server \
                 client actor recordedAt resolvedAt } } }";
    let data = client.data(query, json!({})).await?;
    given::list(data["syncConflicts"]["nodes"].clone())
}

/// How many changes the log has of a table.
async fn changes_of(client: &Client, entity: &str) -> anyhow::Result<Vec<Json>> {
    let query = "query($e: [String!]) { changes(entities: $e, first: 1000) { nodes { \
                 operation key before after actor mutationId metadata transactionId } } }";
    let data = client.data(query, json!({ "e": [entity] })).await?;
    given::list(data["changes"]["nodes"].clone())
}

/// All synced entities.
const SYNCED: [Names; 4] = [PROJECTS, TASKS, LABELS, TASK_LABELS];
