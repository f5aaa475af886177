//! A long random run of mutations through the API, the same in every run of one seed.

use anyhow::Context;
use seachange_testkit::{Client, Outcome, Random};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// Mutations in one request; each is a transaction of its own.
const REQUEST: usize = 40;
const ODD_TEXTS: [&str; 8] = [
    "",
    " ",
    "ä\u{300}",
    "🦀",
    "\"quoted\"",
    "'; --",
    "a\nb\t",
    "null ",
];
const ESTIMATES: [&str; 4] = ["0.01", "12.50", "-99999999.99", "100.00"];
const STATES: [&str; 3] = ["todo", "doing", "done"];

/// What the run knows of the tables, so that it asks for what exists.
pub struct Voyage {
    client: Client,
    random: Random,
    projects: Vec<Uuid>,
    tasks: Vec<Uuid>,
    /// A comment, and the task it is on.
    comments: Vec<(Uuid, Uuid)>,
    /// Row operations asked for, those that change nothing included.
    pub operations: usize,
    /// Changes that must be in the log.
    pub changes: usize,
}

impl Voyage {
    pub fn new(client: Client, seed: u64) -> Self {
        Self {
            client,
            random: Random::seeded(seed),
            projects: Vec::new(),
            tasks: Vec::new(),
            comments: Vec::new(),
            operations: 0,
            changes: 0,
        }
    }

    /// Makes at least this many row operations.
    pub async fn sail(&mut self, operations: usize) -> Outcome {
        while self.operations < operations {
            let mutations: Vec<String> = (0..REQUEST)
                .map(|index| format!("m{index}: {}", self.mutation()))
                .collect();
            let request = format!("mutation {{ {} }}", mutations.join("\n"));
            self.client
                .data(&request, json!({}))
                .await
                .with_context(|| request.clone())?;
            self.refused().await?;
        }
        Ok(())
    }

    fn mutation(&mut self) -> String {
        if self.projects.is_empty() {
            return self.create_project();
        }
        match self.random.below(10) {
            0 => self.create_project(),
            1 | 2 => self.create_tasks(),
            3 if !self.tasks.is_empty() => self.create_comments(),
            4 | 5 if !self.tasks.is_empty() => self.update_tasks(1),
            6 if !self.tasks.is_empty() => self.update_tasks(5),
            8 if !self.comments.is_empty() => self.delete_comments(),
            9 if !self.tasks.is_empty() => self.delete_task(),
            _ => self.update_nothing(),
        }
    }

    fn create_project(&mut self) -> String {
        let (id, name) = (self.random.uuid(), self.text());
        self.projects.push(id);
        self.count(1);
        format!("projectCreateOne(data: {{ id: \"{id}\", name: {name} }}) {{ id }}")
    }

    fn create_tasks(&mut self) -> String {
        let count = 1 + self.random.below(12);
        let mut rows = String::new();
        for _ in 0..count {
            let (id, title, optional) = (self.random.uuid(), self.text(), self.task_columns());
            let project = *self.random.pick(&self.projects);
            self.tasks.push(id);
            rows +=
                &format!("{{ id: \"{id}\", projectId: \"{project}\", title: {title} {optional} }}");
        }
        self.count(count);
        format!("taskCreateBatch(data: [{rows}]) {{ id }}")
    }

    fn create_comments(&mut self) -> String {
        let count = 1 + self.random.below(5);
        let mut rows = String::new();
        for _ in 0..count {
            let (id, body) = (self.random.uuid(), self.text());
            let task = *self.random.pick(&self.tasks);
            self.comments.push((id, task));
            rows +=
                &format!("{{ id: \"{id}\", taskId: \"{task}\", author: \"me\", body: {body} }}");
        }
        self.count(count);
        format!("commentCreateBatch(data: [{rows}]) {{ id }}")
    }

    fn update_tasks(&mut self, most: usize) -> String {
        let count = 1 + self.random.below(most);
        let mut ids: Vec<Uuid> = (0..count).map(|_| *self.random.pick(&self.tasks)).collect();
        ids.sort_unstable();
        ids.dedup();
        self.count(ids.len());
        // The title is new in any case; the other columns may or may not change.
        let (title, columns) = (self.random.uuid(), self.task_columns());
        let ids = list(&ids);
        format!(
            "taskUpdate(data: {{ title: \"{title}\" {columns} }}, filter: {{ id: {{ is_in: {ids} }} }}) \
             {{ id }}"
        )
    }

    fn update_nothing(&mut self) -> String {
        self.operations += 1;
        let id = *self.random.pick(&self.projects);
        format!(
            "projectUpdate(data: {{ archived: false }}, filter: {{ id: {{ eq: \"{id}\" }} }}) {{ id }}"
        )
    }

    fn delete_comments(&mut self) -> String {
        let count = (1 + self.random.below(3)).min(self.comments.len());
        let mut ids = Vec::new();
        for _ in 0..count {
            let index = self.random.below(self.comments.len());
            ids.push(self.comments.swap_remove(index).0);
        }
        self.count(count);
        format!(
            "commentDelete(filter: {{ id: {{ is_in: {} }} }})",
            list(&ids)
        )
    }

    fn delete_task(&mut self) -> String {
        let index = self.random.below(self.tasks.len());
        let id = self.tasks[index];
        if self.comments.iter().any(|(_, task)| *task == id) {
            return self.update_nothing();
        }
        self.tasks.swap_remove(index);
        self.count(1);
        format!("taskDelete(filter: {{ id: {{ eq: \"{id}\" }} }})")
    }

    /// A batch whose last row cannot be: nothing of it may stay.
    async fn refused(&mut self) -> Outcome {
        let (new, taken) = (self.random.uuid(), *self.random.pick(&self.projects));
        let rows: Json = json!([{ "id": new, "name": "new" }, { "id": taken, "name": "taken" }]);
        let batch =
            "mutation ($rows: [ProjectInsertInput!]!) { projectCreateBatch(data: $rows) { id } }";
        let code = self.client.code(batch, json!({ "rows": rows })).await?;
        anyhow::ensure!(code == "CONFLICT", "{code}");
        self.operations += 2;
        Ok(())
    }

    fn count(&mut self, rows: usize) {
        self.operations += rows;
        self.changes += rows;
    }

    fn text(&mut self) -> String {
        let text = *self.random.pick(&ODD_TEXTS);
        // JSON's escapes are GraphQL's.
        Json::from(text).to_string()
    }

    fn task_columns(&mut self) -> String {
        let random = &mut self.random;
        let body = [
            "null".to_owned(),
            Json::from(*random.pick(&ODD_TEXTS)).to_string(),
        ];
        let details = ["null", "{}", "{ a: [1, 2.5, null], b: \"x\" }", "[true]"];
        let due = [
            "null".to_owned(),
            format!("\"20{:02}-02-28\"", random.below(100)),
        ];
        [
            format!(", priority: {}", random.below(5)),
            format!(", status: \"{}\"", random.pick(&STATES)),
            format!(", body: {}", random.pick(&body)),
            format!(", details: {}", random.pick(&details)),
            format!(", dueOn: {}", random.pick(&due)),
            format!(", estimate: \"{}\"", random.pick(&ESTIMATES)),
        ]
        .concat()
    }
}

fn list(ids: &[Uuid]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
