//! Ordering and the three paginations: limits, and walks that meet every row once.

pub mod refused;

use std::collections::BTreeSet;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, LABELS, Names, PROJECTS, TASK_LABELS, TASKS};

seachange_testkit::cases![
    ordering,
    ordering_is_stable,
    every_column_orders,
    walks_over_many_rows,
    cursors_of_composite_keys,
    cursors_of_integers,
    page_info,
];

async fn page(client: &Client, names: Names, arguments: Json) -> anyhow::Result<Json> {
    Ok(client.data(&names.query(), arguments).await?["page"].take())
}

async fn ordering(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let row = |title: &str, priority: i32, due: Option<&str>| json!({ "projectId": project, "title": title, "priority": priority, "dueOn": due });
    let rows = json!([
        row("a", 2, Some("2026-01-02")),
        row("b", -1, Some("2026-01-01")),
        row("c", 2, Some("2025-12-31")),
        row("d", 10, Some("2026-01-01")),
    ]);
    TASKS.create_all(&client, rows).await?;
    for (order, expected) in [
        (json!({ "title": "ASC" }), "abcd"),
        (json!({ "title": "DESC" }), "dcba"),
        (json!({ "priority": "ASC", "title": "DESC" }), "dcba"),
        (json!({ "priority": "DESC" }), "dacb"),
        (json!({ "dueOn": "ASC" }), "cbda"),
        (json!({ "createdAt": "ASC" }), "abcd"),
        (json!({ "id": "DESC" }), "dcba"),
        (json!({}), "abcd"),
        (Json::Null, "abcd"),
        (json!({ "priority": null, "title": "DESC" }), "dcba"),
    ] {
        let rows = TASKS.find(&client, json!({ "orderBy": order })).await?;
        let titles: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["title"].as_str())
            .collect();
        assert_eq!(titles.concat(), expected, "{order}");
    }
    Ok(())
}

async fn ordering_is_stable(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..60).map(|_| json!({ "name": "same" })).collect();
    PROJECTS.create_all(&client, json!(rows)).await?;
    let all = PROJECTS
        .find(&client, json!({ "orderBy": { "name": "ASC" } }))
        .await?;
    // On PostgreSQL an updated row moves to the end of the heap.
    let filter = json!({ "id": { "is_in": [all[3]["id"], all[40]["id"]] } });
    client
        .data(
            &PROJECTS.update(),
            json!({ "data": { "owner": "x" }, "filter": filter }),
        )
        .await?;
    let mut walked = Vec::new();
    for offset in (0..60).step_by(7) {
        let pagination = json!({ "offset": { "offset": offset, "limit": 7 } });
        let arguments = json!({ "orderBy": { "name": "ASC" }, "pagination": pagination });
        walked.extend(PROJECTS.find(&client, arguments).await?);
    }
    let ids = |rows: &[Json]| -> Vec<Json> { rows.iter().map(|row| row["id"].clone()).collect() };
    assert_eq!(ids(&walked), ids(&all));
    Ok(())
}

async fn every_column_orders(server: &TestServer) -> Outcome {
    let client = server.client();
    given::task(&client, "t").await?;
    for field in given::TASK.split(' ') {
        let order = json!({ "orderBy": { field: "DESC" } });
        let answer = client.send(&TASKS.query(), order).await?;
        if field == "details" {
            // JSON has no order on every database.
            assert_eq!(answer.code()?, "BAD_INPUT");
        } else {
            assert_eq!(
                answer.data()?["page"]["nodes"].as_array().map(Vec::len),
                Some(1),
                "{field}"
            );
        }
    }
    Ok(())
}

/// Follows pages to the end and returns all ids met. `next` makes a page's argument from its number
/// and the cursor that the one before ended with.
async fn walk(
    client: &Client,
    names: Names,
    filters: Json,
    next: impl Fn(u64, &Json) -> Json,
) -> anyhow::Result<Vec<Json>> {
    let (mut met, mut end) = (Vec::new(), Json::Null);
    for number in 0.. {
        let arguments = json!({ "filters": filters, "pagination": next(number, &end) });
        let page = page(client, names, arguments).await?;
        met.extend(given::list(page["nodes"].clone())?);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], number > 0);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        end = page["pageInfo"]["endCursor"].clone();
    }
    Ok(met)
}

async fn walks_over_many_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    // 2,500 rows, every fifth owned.
    for batch in 0..5 {
        let rows: Vec<Json> = (0..500)
            .map(|n| json!({ "name": format!("{}", batch * 500 + n), "owner": (n % 5 == 0).then_some("x") }))
            .collect();
        PROJECTS.create_all(&client, json!(rows)).await?;
    }
    let owned = json!({ "owner": { "eq": "x" } });
    for (filters, expected) in [(json!({}), 2_500), (owned, 500)] {
        let by_page = walk(
            &client,
            PROJECTS,
            filters.clone(),
            |number, _| json!({ "page": { "page": number, "limit": 700 } }),
        );
        let by_offset = walk(
            &client,
            PROJECTS,
            filters.clone(),
            |number, _| json!({ "offset": { "offset": number * 999, "limit": 999 } }),
        );
        let by_cursor = walk(
            &client,
            PROJECTS,
            filters.clone(),
            |_, end| json!({ "cursor": { "cursor": end, "limit": 333 } }),
        );
        let (by_page, by_offset, by_cursor) = (by_page.await?, by_offset.await?, by_cursor.await?);
        let names: BTreeSet<&str> = by_page
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        assert_eq!((by_page.len(), names.len()), (expected, expected));
        assert_eq!(by_offset, by_page);
        assert_eq!(by_cursor, by_page);
    }
    let without = page(&client, PROJECTS, json!({})).await?;
    assert_eq!(without["nodes"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(without["pageInfo"]["hasNextPage"], true);
    assert_eq!(
        without["paginationInfo"],
        json!({ "pages": 3, "current": 0, "offset": 0, "total": 2_500 })
    );
    Ok(())
}

async fn cursors_of_composite_keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let labels: Vec<Json> = (0..7).map(|n| json!({ "name": format!("l{n}") })).collect();
    let labels = LABELS.create_all(&client, json!(labels)).await?;
    let mut links = Vec::new();
    for title in ["a", "b", "c"] {
        let task = given::task(&client, title).await?;
        links.extend(
            labels
                .iter()
                .map(|label| json!({ "taskId": task, "labelId": label["id"] })),
        );
    }
    let made = TASK_LABELS.create_all(&client, json!(links)).await?;
    for limit in [1, 4, 7, 20, 21, 22] {
        let met = walk(
            &client,
            TASK_LABELS,
            json!({}),
            |_, end| json!({ "cursor": { "cursor": end, "limit": limit } }),
        );
        assert_eq!(met.await?, made, "limit {limit}");
    }
    Ok(())
}

async fn cursors_of_integers(server: &TestServer) -> Outcome {
    let client = server.client();
    let ids = [1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, i64::MAX - 1];
    let rows: Vec<Json> = ids
        .iter()
        .map(|id| json!({ "id": id, "name": id.to_string() }))
        .collect();
    LABELS.create_all(&client, json!(rows)).await?;
    let met = walk(
        &client,
        LABELS,
        json!({}),
        |_, end| json!({ "cursor": { "cursor": end, "limit": 2 } }),
    );
    let met = met.await?;
    let met: Vec<&Json> = met.iter().map(|row| &row["id"]).collect();
    assert_eq!(
        met,
        ids.map(|id| json!(id.to_string()))
            .iter()
            .collect::<Vec<_>>()
    );
    Ok(())
}

async fn page_info(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..5).map(|n| json!({ "name": n.to_string() })).collect();
    PROJECTS.create_all(&client, json!(rows)).await?;
    for (pagination, previous, next, info) in [
        (
            json!({ "page": { "page": 0, "limit": 2 } }),
            false,
            true,
            json!([3, 0, 0, 5]),
        ),
        (
            json!({ "page": { "page": 1, "limit": 2 } }),
            true,
            true,
            json!([3, 1, 2, 5]),
        ),
        (
            json!({ "page": { "page": 2, "limit": 2 } }),
            true,
            false,
            json!([3, 2, 4, 5]),
        ),
        (
            json!({ "page": { "page": 0, "limit": 5 } }),
            false,
            false,
            json!([1, 0, 0, 5]),
        ),
        (
            json!({ "offset": { "offset": 0, "limit": 2 } }),
            false,
            true,
            json!([3, 0, 0, 5]),
        ),
        (
            json!({ "offset": { "offset": 3, "limit": 2 } }),
            true,
            false,
            json!([3, 1, 3, 5]),
        ),
        (
            json!({ "offset": { "offset": 1, "limit": 1_000 } }),
            true,
            false,
            json!([1, 0, 1, 5]),
        ),
        (json!({ "cursor": { "limit": 2 } }), false, true, Json::Null),
    ] {
        let page = page(&client, PROJECTS, json!({ "pagination": pagination })).await?;
        let edges = given::list(page["edges"].clone())?;
        let info = match info {
            Json::Array(parts) => {
                json!({ "pages": parts[0], "current": parts[1], "offset": parts[2], "total": parts[3] })
            }
            other => other,
        };
        assert_eq!(page["paginationInfo"], info, "{pagination}");
        assert_eq!(
            page["pageInfo"],
            json!({
                "hasPreviousPage": previous, "hasNextPage": next,
                "startCursor": edges[0]["cursor"], "endCursor": edges[edges.len() - 1]["cursor"],
            }),
            "{pagination}"
        );
    }
    Ok(())
}
