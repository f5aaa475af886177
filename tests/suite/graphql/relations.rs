//! Relations: what belongs to a row, filtered, ordered and paged there; and `having`.

pub mod forms;
pub mod pages;

use std::collections::BTreeSet;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASK_LABELS, TASKS};

seachange_testkit::cases![
    there_and_back,
    of_many_parents,
    a_page_for_each_parent,
    filtered_and_ordered,
    malformed_filters,
    having,
    through_a_fragment,
];

/// Two projects; three tasks, two labels on the first two, a comment.
async fn a_fleet(client: &Client) -> Outcome {
    let projects = json!([{ "name": "North" }, { "name": "South" }]);
    let projects = PROJECTS.create_all(client, projects).await?;
    let row = |project: usize, title: &str| json!({ "projectId": projects[project]["id"], "title": title });
    let tasks = json!([row(0, "a"), row(0, "b"), row(1, "c")]);
    let tasks = TASKS.create_all(client, tasks).await?;
    let labels = LABELS
        .create_all(client, json!([{ "name": "red" }, { "name": "blue" }]))
        .await?;
    let link = |task: usize, label: usize| json!({ "taskId": tasks[task]["id"], "labelId": labels[label]["id"] });
    TASK_LABELS
        .create_all(client, json!([link(0, 0), link(0, 1), link(1, 1)]))
        .await?;
    let comment = json!({ "taskId": tasks[0]["id"], "author": "ann", "body": "Aye" });
    COMMENTS.create(client, comment).await?;
    Ok(())
}

async fn there_and_back(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    let query = r#"{
        project(orderBy: { name: ASC }) { nodes { name task(orderBy: { title: ASC }) { nodes {
            title
            project { name }
            comment { nodes { author task { title } } }
            label(orderBy: { name: ASC }) { nodes { name task(orderBy: { title: ASC }) { nodes { title } } } }
        } } } }
        taskLabel { nodes { task { title } label { name } } }
    }"#;
    let data = client.data(query, json!({})).await?;
    let titled = |titles: &[&str]| -> Json {
        titles
            .iter()
            .map(|title| json!({ "title": title }))
            .collect()
    };
    let blue = json!({ "name": "blue", "task": { "nodes": titled(&["a", "b"]) } });
    let red = json!({ "name": "red", "task": { "nodes": titled(&["a"]) } });
    let task = |title: &str, project: &str, comments: Json, labels: Json| {
        json!({
            "title": title, "project": { "name": project },
            "comment": { "nodes": comments }, "label": { "nodes": labels },
        })
    };
    let comment = json!([{ "author": "ann", "task": { "title": "a" } }]);
    let north = [
        task("a", "North", comment, json!([blue, red])),
        task("b", "North", json!([]), json!([blue])),
    ];
    assert_eq!(
        data["project"]["nodes"],
        json!([
            { "name": "North", "task": { "nodes": north } },
            { "name": "South", "task": { "nodes": [task("c", "South", json!([]), json!([]))] } },
        ])
    );
    let links = given::list(data["taskLabel"]["nodes"].clone())?;
    let links: BTreeSet<String> = links
        .iter()
        .map(|link| format!("{}{}", link["task"]["title"], link["label"]["name"]))
        .collect();
    assert_eq!(
        links,
        ["\"a\"\"blue\"", "\"a\"\"red\"", "\"b\"\"blue\""]
            .map(str::to_owned)
            .into()
    );
    Ok(())
}

async fn of_many_parents(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..120)
        .map(|n| json!({ "name": format!("p{n}") }))
        .collect();
    let projects = PROJECTS.create_all(&client, json!(rows)).await?;
    let tasks: Vec<Json> = projects
        .iter()
        .flat_map(|project| {
            (0..3).map(|n| json!({ "projectId": project["id"], "title": format!("{n}") }))
        })
        .collect();
    TASKS.create_all(&client, json!(tasks)).await?;
    let query =
        "{ project { nodes { id task { nodes { projectId } paginationInfo { total } } } } }";
    let data = client.data(query, json!({})).await?;
    let nodes = given::list(data["project"]["nodes"].clone())?;
    assert_eq!(nodes.len(), 120);
    for node in nodes {
        let own = json!({ "projectId": node["id"] });
        assert_eq!(node["task"]["nodes"], json!([own, own, own]));
        assert_eq!(node["task"]["paginationInfo"]["total"], 3);
    }
    Ok(())
}

/// Projects with 5, 3, 1 and no tasks.
async fn a_page_for_each_parent(server: &TestServer) -> Outcome {
    let client = server.client();
    let names = json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }, { "name": "d" }]);
    let projects = PROJECTS.create_all(&client, names).await?;
    let tasks: Vec<Json> = [(0, 5), (1, 3), (2, 1)]
        .into_iter()
        .flat_map(|(project, count)| (0..count).map(move |n| (project, n)))
        .map(|(project, n): (usize, i32)| {
            json!({ "projectId": projects[project]["id"], "title": format!("{n}"), "priority": -n })
        })
        .collect();
    TASKS.create_all(&client, json!(tasks)).await?;
    let query = "query($pagination: PaginationInput, $filters: TaskFilterInput) {
        project(orderBy: { name: ASC }) { nodes { task(
            pagination: $pagination, filters: $filters, orderBy: { priority: ASC }) {
        nodes { title } paginationInfo { total offset current pages }
        pageInfo { hasPreviousPage hasNextPage } } } } }";
    let all = json!({});
    for (pagination, filters, expected) in [
        (
            json!({ "page": { "page": 0, "limit": 2 } }),
            &all,
            ["43 of 5", "21 of 3", "0 of 1", " of 0"],
        ),
        (
            json!({ "page": { "page": 1, "limit": 2 } }),
            &all,
            ["21 of 5", "0 of 3", " of 1", " of 0"],
        ),
        (
            json!({ "offset": { "offset": 4, "limit": 9 } }),
            &all,
            ["0 of 5", " of 3", " of 1", " of 0"],
        ),
        (
            json!({ "offset": { "offset": 99, "limit": 9 } }),
            &all,
            [" of 5", " of 3", " of 1", " of 0"],
        ),
        (
            json!({ "offset": { "offset": 1, "limit": 1 } }),
            &json!({ "priority": { "lt": 0 } }),
            ["3 of 4", "1 of 2", " of 0", " of 0"],
        ),
    ] {
        let variables = json!({ "pagination": pagination, "filters": filters });
        let data = client.data(query, variables).await?;
        for (node, expected) in given::list(data["project"]["nodes"].clone())?
            .iter()
            .zip(expected)
        {
            let page = &node["task"];
            let titles = given::list(page["nodes"].clone())?;
            let titles: String = titles
                .iter()
                .filter_map(|row| row["title"].as_str())
                .collect();
            let (offset, total) = (
                &page["paginationInfo"]["offset"],
                &page["paginationInfo"]["total"],
            );
            assert_eq!(format!("{titles} of {total}"), expected, "{pagination}");
            let number = |json: &Json| json.as_u64().unwrap_or_default();
            let limit = ["page", "offset"]
                .iter()
                .find_map(|way| pagination[way]["limit"].as_u64());
            let has_next = number(offset) + limit.unwrap_or_default() < number(total);
            let info = json!({ "hasPreviousPage": number(offset) > 0, "hasNextPage": has_next });
            assert_eq!(page["pageInfo"], info, "{pagination}");
        }
    }
    Ok(())
}

/// One project's tasks `0` to `n`, each with that priority.
async fn numbered_tasks(client: &Client, count: i32) -> Outcome {
    let project = given::project(client, "Ship").await?;
    let rows: Vec<Json> = (0..count)
        // Keys in no order.
        .map(|n| json!({ "id": Uuid::new_v4(), "projectId": project, "title": format!("{n:04}"), "priority": n }))
        .collect();
    TASKS.create_all(client, json!(rows)).await?;
    Ok(())
}

const TASKS_OF_PROJECT: &str = "query($filters: TaskFilterInput, $orderBy: TaskOrderInput, $pagination: PaginationInput) { \
    project { nodes { task(filters: $filters, orderBy: $orderBy, pagination: $pagination) { \
    nodes { title } edges { cursor } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } \
    paginationInfo { pages current offset total } } } } }";

async fn tasks_of_project(client: &Client, arguments: Json) -> anyhow::Result<(Vec<String>, Json)> {
    let mut data = client.data(TASKS_OF_PROJECT, arguments).await?;
    let mut connection = data["project"]["nodes"][0]["task"].take();
    let nodes = given::list(connection["nodes"].take())?;
    let titles = nodes
        .iter()
        .map(|node| given::text(&node["title"]))
        .collect::<Result<_, _>>()?;
    Ok((titles, connection))
}

async fn filtered_and_ordered(server: &TestServer) -> Outcome {
    let client = server.client();
    numbered_tasks(&client, 5).await?;
    for (arguments, expected) in [
        (
            json!({ "filters": { "priority": { "gte": 3 } }, "orderBy": { "title": "ASC" } }),
            "0003 0004",
        ),
        (
            json!({ "filters": { "priority": { "is_in": [1, 3] } }, "orderBy": { "title": "DESC" } }),
            "0003 0001",
        ),
        (json!({ "filters": { "title": { "eq": "none" } } }), ""),
        (
            json!({ "filters": { "or": [{ "priority": { "eq": 0 } }, { "priority": { "eq": 4 } }] }, "orderBy": { "priority": "DESC" } }),
            "0004 0000",
        ),
        (
            json!({ "orderBy": { "priority": "DESC" }, "pagination": { "offset": { "offset": 1, "limit": 2 } } }),
            "0003 0002",
        ),
    ] {
        let (titles, _) = tasks_of_project(&client, arguments.clone()).await?;
        assert_eq!(titles.join(" "), expected, "{arguments}");
    }
    let by_json = client
        .send(TASKS_OF_PROJECT, json!({ "orderBy": { "details": "ASC" } }))
        .await?;
    assert!(by_json.data().is_ok() || by_json.code()? == "BAD_INPUT");
    Ok(())
}

async fn malformed_filters(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    for filter in [
        json!({ "priority": { "between": [1] } }),
        json!({ "priority": { "between": [1, 2, 3] } }),
        json!({ "priority": { "between": [] } }),
        json!({ "priority": { "between": 1 } }),
        json!({ "priority": { "not_between": [1] } }),
        json!({ "not": { "and": [{ "priority": { "between": [1] } }] } }),
        json!({ "priority": { "eq": 3_000_000_000_i64 } }),
        json!({ "priority": { "eq": "1" } }),
        json!({ "priority": { "eq": 1.5 } }),
        json!({ "id": { "eq": "no uuid" } }),
        json!({ "id": { "is_in": ["no uuid"] } }),
        json!({ "dueOn": { "eq": "2026-02-30" } }),
        json!({ "dueOn": { "between": ["2026-01-01"] } }),
        json!({ "createdAt": { "eq": "yesterday" } }),
        json!({ "estimate": { "eq": "NaN" } }),
        json!({ "estimate": { "gt": "1e400000" } }),
        json!({ "title": { "eq": 1 } }),
        json!({ "title": { "is_in": [null] } }),
        json!({ "nothing": { "eq": 1 } }),
        json!({ "title": { "nothing": 1 } }),
        json!({ "title": "a" }),
        json!("a"),
    ] {
        assert_eq!(
            client
                .code(TASKS_OF_PROJECT, json!({ "filters": filter }))
                .await?,
            "BAD_INPUT",
            "{filter}"
        );
        assert_eq!(
            client
                .code(&TASKS.query(), json!({ "filters": filter }))
                .await?,
            "BAD_INPUT",
            "{filter}"
        );
        let having = json!({ "having": { "task": filter } });
        assert_eq!(
            client.code(&PROJECTS.query(), having).await?,
            "BAD_INPUT",
            "{filter}"
        );
        let variables = json!({ "filter": filter });
        assert_eq!(
            client.code(&TASKS.delete(), variables).await?,
            "BAD_INPUT",
            "{filter}"
        );
    }
    Ok(())
}

async fn having(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    for (having, expected) in [
        (json!({ "task": { "title": { "eq": "a" } } }), "North"),
        (
            json!({ "task": { "title": { "is_in": ["b", "c"] } } }),
            "North South",
        ),
        (json!({ "task": { "title": { "eq": "z" } } }), ""),
        (json!({ "task": {} }), "North South"),
        (json!({}), "North South"),
        (Json::Null, "North South"),
    ] {
        let arguments = json!({ "having": having, "orderBy": { "name": "ASC" } });
        let rows = PROJECTS.find(&client, arguments).await?;
        let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names.join(" "), expected, "{having}");
    }
    for (having, expected) in [
        (json!({ "label": { "name": { "eq": "blue" } } }), "a b"),
        (json!({ "label": { "name": { "eq": "red" } } }), "a"),
        (json!({ "project": { "name": { "eq": "South" } } }), "c"),
        (json!({ "comment": { "author": { "eq": "ann" } } }), "a"),
        (
            json!({ "label": { "name": { "eq": "blue" } }, "comment": { "author": { "eq": "ann" } } }),
            "a",
        ),
        (
            json!({ "label": { "name": { "eq": "red" } }, "project": { "name": { "eq": "South" } } }),
            "",
        ),
    ] {
        let arguments = json!({ "having": having, "orderBy": { "title": "ASC" }, "pagination": { "page": { "page": 0, "limit": 10 } } });
        let rows = TASKS.find(&client, arguments).await?;
        let titles: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["title"].as_str())
            .collect();
        assert_eq!(titles.join(" "), expected, "{having}");
    }
    let both = json!({ "having": { "task": { "title": { "eq": "a" } } }, "filters": { "name": { "eq": "South" } } });
    assert_eq!(PROJECTS.find(&client, both).await?.len(), 0);
    Ok(())
}

async fn through_a_fragment(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    let query = "query($title: String!) { project(filters: { name: { eq: \"North\" } }) { nodes { ...work } } } \
                 fragment work on Project { task(filters: { title: { eq: $title } }) { nodes { title __typename } } }";
    let data = client.data(query, json!({ "title": "b" })).await?;
    let expected = json!([{ "title": "b", "__typename": "Task" }]);
    assert_eq!(data["project"]["nodes"][0]["task"]["nodes"], expected);
    Ok(())
}
