//! A page of a relation is the page of a list of that parent's rows alone, in whichever form the statement is
//! that reads it: with and without indexes, with and without a total.

use sea_orm::ConnectionTrait;
use seachange_testkit::{Client, Outcome, Random, Seed, TestServer};
use serde_json::{Map, Value as Json, json};

use super::super::given::{self, LABELS, PROJECTS, TASK_LABELS, TASKS};

seachange_testkit::cases![
    by_the_indexes_as_migrated,
    by_indexes_on_the_parent_alone,
    without_an_index,
];

/// Rounds of a game.
const ROUNDS: usize = 25;

/// What the API calls the columns by which tasks are ordered: some are null in many rows, all are often equal.
const ORDERED: [&str; 5] = ["priority", "owner", "estimate", "title", "dueOn"];

async fn by_the_indexes_as_migrated(server: &TestServer) -> Outcome {
    fill(server).await?;
    play(server, 1).await
}

async fn by_indexes_on_the_parent_alone(server: &TestServer) -> Outcome {
    fill(server).await?;
    let db = server.db().writer();
    db.execute_unprepared("CREATE INDEX plain ON task (project_id)")
        .await?;
    drop_index(server).await?;
    play(&server.beside(|_| ()).await?, 2).await
}

async fn without_an_index(server: &TestServer) -> Outcome {
    fill(server).await?;
    if matches!(server.kind, seachange_testkit::Database::MariaDb(_)) {
        // A foreign key has an index there.
        let db = server.db().writer();
        db.execute_unprepared("ALTER TABLE task DROP FOREIGN KEY fk_task_project_id")
            .await?;
    }
    drop_index(server).await?;
    play(&server.beside(|_| ()).await?, 3).await
}

async fn drop_index(server: &TestServer) -> Outcome {
    let on = match server.kind {
        seachange_testkit::Database::MariaDb(_) => " ON task",
        _ => "",
    };
    let sql = format!("DROP INDEX idx_task_project_id_id{on}");
    server.db().writer().execute_unprepared(&sql).await?;
    Ok(())
}

/// Projects with none to many tasks, in which values repeat and are missing; one task has a status that its
/// entity does not know. Labels are on many tasks.
async fn fill(server: &TestServer) -> Outcome {
    let (client, mut random) = (server.client(), Random::seeded(7));
    let counts = [0, 1, 3, 9, 17];
    let names: Vec<Json> = (0..counts.len())
        .map(|n| json!({ "name": format!("p{n}") }))
        .collect();
    let projects = PROJECTS.create_all(&client, json!(names)).await?;
    let maybe = |random: &mut Random, value: Json| match random.once_in(3) {
        true => Json::Null,
        false => value,
    };
    let mut tasks = Vec::new();
    for (project, count) in projects.iter().zip(counts) {
        for _ in 0..count {
            let owner = *random.pick(&["ann", "bo"]);
            let estimate = *random.pick(&["1.50", "2.00"]);
            let day = *random.pick(&["2026-01-01", "2025-12-31"]);
            tasks.push(json!({
                "id": random.uuid(), "projectId": project["id"], "title": random.pick(&["a", "b", "c"]),
                "priority": random.below(3), "owner": maybe(&mut random, json!(owner)),
                "estimate": maybe(&mut random, json!(estimate)), "dueOn": maybe(&mut random, json!(day)),
            }));
        }
    }
    random.shuffle(&mut tasks);
    let tasks = TASKS.create_all(&client, json!(tasks)).await?;
    let labels = json!([{ "name": "red" }, { "name": "blue" }, { "name": "green" }]);
    let labels = LABELS.create_all(&client, labels).await?;
    let mut links = Vec::new();
    for task in &tasks {
        for label in labels.iter().filter(|_| random.once_in(2)) {
            links.push(json!({ "taskId": task["id"], "labelId": label["id"] }));
        }
    }
    TASK_LABELS.create_all(&client, json!(links)).await?;
    let db = crate::triggers::other(server).await?;
    db.execute_unprepared("UPDATE task SET status = 'odd' WHERE title = 'b' AND priority = 1")
        .await?;
    Ok(())
}

/// The arguments of a page.
fn arguments(random: &mut Random) -> Json {
    let limit = 1 + random.below(6);
    let pagination = match random.below(3) {
        0 => json!({ "page": { "page": random.below(4), "limit": limit } }),
        1 => json!({ "offset": { "offset": random.below(12), "limit": limit } }),
        _ => Json::Null,
    };
    let mut order = Map::new();
    for _ in 0..random.below(3) {
        let direction = *random.pick(&["ASC", "DESC"]);
        order.insert((*random.pick(&ORDERED)).to_owned(), json!(direction));
    }
    let filters = match random.below(5) {
        0 => json!({ "priority": { "gte": 1 } }),
        1 => json!({ "owner": { "is_null": true } }),
        2 => json!({ "or": [{ "title": { "eq": "a" } }, { "dueOn": { "lt": "2026-01-01" } }] }),
        _ => Json::Null,
    };
    json!({ "pagination": pagination, "orderBy": order, "filters": filters })
}

async fn play(server: &TestServer, seed: u64) -> Outcome {
    let _seed = Seed(seed);
    let (client, mut random) = (server.client(), Random::seeded(seed));
    for _ in 0..ROUNDS {
        let arguments = arguments(&mut random);
        let total = match random.once_in(2) {
            true => "paginationInfo { total }",
            false => "",
        };
        for (parents, order) in [("project", "name"), ("label", "name")] {
            let query = format!(
                "query($filters: TaskFilterInput, $orderBy: TaskOrderInput, \
                 $pagination: PaginationInput) {{ {parents}(orderBy: {{ {order}: ASC }}) {{ nodes {{ id \
                 task(filters: $filters, orderBy: $orderBy, pagination: $pagination) {{ \
                 nodes {{ id title }} {total} }} }} }} }}"
            );
            let data = client.data(&query, arguments.clone()).await?;
            for parent in given::list(data[parents]["nodes"].clone())? {
                let (nodes, count) = alone(&client, (parents, &parent["id"]), &arguments).await?;
                assert_eq!(parent["task"]["nodes"], nodes, "{arguments} of {parent}");
                if !total.is_empty() {
                    assert_eq!(
                        parent["task"]["paginationInfo"]["total"], count,
                        "{arguments}"
                    );
                }
            }
        }
    }
    // The log knows nothing of what made tasks odd, and is compared with the tables at the end.
    let db = crate::triggers::other(server).await?;
    db.execute_unprepared("UPDATE task SET status = 'todo' WHERE status = 'odd'")
        .await?;
    Ok(())
}

/// The same page, and how many rows there are, read by a list at the root.
async fn alone(
    client: &Client,
    (parents, id): (&str, &Json),
    arguments: &Json,
) -> anyhow::Result<(Json, Json)> {
    let mut variables = arguments.clone();
    let given = arguments["filters"].clone();
    let having = match parents {
        "project" => {
            let of_parent = json!({ "projectId": { "eq": id } });
            variables["filters"] = match given {
                Json::Null => of_parent,
                given => json!({ "and": [of_parent, given] }),
            };
            Json::Null
        }
        _ => json!({ "label": { "id": { "eq": id } } }),
    };
    variables["having"] = having;
    let query = "query($filters: TaskFilterInput, $having: TaskHavingInput, $orderBy: TaskOrderInput, \
                 $pagination: PaginationInput) { task(filters: $filters, having: $having, \
                 orderBy: $orderBy, pagination: $pagination) { nodes { id title } paginationInfo { total } } }";
    let mut data = client.data(query, variables).await?;
    let total = data["task"]["paginationInfo"]["total"].take();
    Ok((data["task"]["nodes"].take(), total))
}
