//! Rows to begin with, made by mutations.

use seachange_testkit::Client;
use serde_json::{Value as Json, json};

/// Every field of a project.
pub const PROJECT: &str = "id name owner archived createdAt updatedAt";
/// Every field of a task.
pub const TASK: &str =
    "id projectId title body status priority estimate dueOn details owner createdAt updatedAt";
/// Every field of a comment.
pub const COMMENT: &str = "id taskId author body createdAt";
/// Every field of a label.
pub const LABEL: &str = "id name";
/// Every field of a link.
pub const TASK_LABEL: &str = "taskId labelId";

/// GraphQL names of an entity.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Of its queries and mutations.
    pub field: &'static str,
    /// Of its types.
    pub object: &'static str,
    /// All its fields.
    pub all: &'static str,
}

const fn names(field: &'static str, object: &'static str, all: &'static str) -> Names {
    Names { field, object, all }
}

pub const PROJECTS: Names = names("project", "Project", PROJECT);
pub const TASKS: Names = names("task", "Task", TASK);
pub const COMMENTS: Names = names("comment", "Comment", COMMENT);
pub const LABELS: Names = names("label", "Label", LABEL);
pub const TASK_LABELS: Names = names("taskLabel", "TaskLabel", TASK_LABEL);

impl Names {
    /// `…CreateOne`.
    pub fn create_one(self) -> String {
        let Self { field, object, all } = self;
        format!(
            "mutation($data: {object}InsertInput!) {{ row: {field}CreateOne(data: $data) {{ {all} }} }}"
        )
    }

    /// `…CreateBatch`.
    pub fn create_batch(self) -> String {
        let Self { field, object, all } = self;
        format!(
            "mutation($data: [{object}InsertInput!]!) {{ rows: {field}CreateBatch(data: $data) {{ {all} }} }}"
        )
    }

    /// `…Update` of the rows of a filter.
    pub fn update(self) -> String {
        let Self { field, object, all } = self;
        format!(
            "mutation($data: {object}UpdateInput!, $filter: {object}FilterInput, $all: Boolean) {{ \
             rows: {field}Update(data: $data, filter: $filter, all: $all) {{ {all} }} }}"
        )
    }

    /// `…Delete` of the rows of a filter.
    pub fn delete(self) -> String {
        let Self { field, object, .. } = self;
        format!(
            "mutation($filter: {object}FilterInput, $all: Boolean) {{ \
             count: {field}Delete(filter: $filter, all: $all) }}"
        )
    }

    /// The nodes of a query with these arguments; variables `filters`, `orderBy`, `having`,
    /// `pagination`.
    pub fn query(self) -> String {
        let Self { field, object, all } = self;
        format!(
            "query($filters: {object}FilterInput, $having: {object}HavingInput, \
             $orderBy: {object}OrderInput, $pagination: PaginationInput) {{ \
             page: {field}(filters: $filters, having: $having, orderBy: $orderBy, pagination: $pagination) {{ \
             nodes {{ {all} }} edges {{ cursor }} paginationInfo {{ pages current offset total }} \
             pageInfo {{ hasPreviousPage hasNextPage startCursor endCursor }} }} }}"
        )
    }

    /// Creates a row.
    pub async fn create(self, client: &Client, data: Json) -> anyhow::Result<Json> {
        let data = client
            .data(&self.create_one(), json!({ "data": data }))
            .await?;
        Ok(data["row"].clone())
    }

    /// Creates rows.
    pub async fn create_all(self, client: &Client, data: Json) -> anyhow::Result<Vec<Json>> {
        let mut data = client
            .data(&self.create_batch(), json!({ "data": data }))
            .await?;
        list(data["rows"].take())
    }

    /// The rows of a query.
    pub async fn find(self, client: &Client, arguments: Json) -> anyhow::Result<Vec<Json>> {
        let mut data = client.data(&self.query(), arguments).await?;
        list(data["page"]["nodes"].take())
    }
}

/// The items of a JSON list.
pub fn list(json: Json) -> anyhow::Result<Vec<Json>> {
    match json {
        Json::Array(items) => Ok(items),
        other => anyhow::bail!("no list: {other}"),
    }
}

/// A project's id.
pub async fn project(client: &Client, name: &str) -> anyhow::Result<String> {
    let row = PROJECTS.create(client, json!({ "name": name })).await?;
    text(&row["id"])
}

/// A task's id, of a project of its own.
pub async fn task(client: &Client, title: &str) -> anyhow::Result<String> {
    let project = project(client, "Ship").await?;
    let row = TASKS
        .create(client, json!({ "projectId": project, "title": title }))
        .await?;
    text(&row["id"])
}

/// A JSON string's text.
pub fn text(json: &Json) -> anyhow::Result<String> {
    let text = json.as_str();
    text.map(str::to_owned)
        .ok_or_else(|| anyhow::anyhow!("no text: {json}"))
}

/// A row's image: the GraphQL row under the column names.
pub fn image(row: &Json) -> Json {
    let columns = row.as_object().into_iter().flatten();
    let columns = columns.map(|(field, value)| (snake(field), value.clone()));
    columns.collect()
}

/// The image's columns: what an insert or delete changes.
pub fn columns(image: &Json) -> Vec<&str> {
    image
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn snake(field: &str) -> String {
    let mut name = String::new();
    for character in field.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}
