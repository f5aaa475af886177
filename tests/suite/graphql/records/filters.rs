//! Filters of `taskChanges`: judged in memory as in SQL, or refused.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{Records, ship};
use crate::graphql::given::{self, TASKS};

seachange_testkit::cases![filters_that_stream, filters_that_do_not,];

async fn filters_that_stream(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = ship(&client).await?;
    let row = json!({ "projectId": project, "title": "t", "priority": 2, "estimate": "2.5", "dueOn": "2026-02-01" });
    let row = TASKS.create(&client, row).await?;
    for (filter, matches) in [
        (json!({ "title": { "eq": "t" } }), true),
        (json!({ "title": { "ne": "t" } }), false),
        (json!({ "title": { "is_in": ["s", "t"] } }), true),
        (json!({ "title": { "is_not_in": ["s", "t"] } }), false),
        (json!({ "title": { "is_in": [] } }), false),
        (json!({ "title": { "is_not_in": [] } }), true),
        (json!({ "body": { "is_in": [] } }), false),
        (json!({ "body": { "is_not_in": [] } }), true),
        (json!({ "not": { "body": { "is_in": [] } } }), true),
        (json!({ "not": { "body": { "is_not_in": ["x"] } } }), false),
        (json!({ "body": { "is_null": true } }), true),
        (json!({ "body": { "is_null": false } }), false),
        (json!({ "body": { "ne": "x" } }), false),
        (json!({ "not": { "body": { "eq": "x" } } }), false),
        (json!({ "priority": { "gt": 1, "lte": 2 } }), true),
        (json!({ "priority": { "between": [2, 3] } }), true),
        (json!({ "priority": { "not_between": [2, 3] } }), false),
        (json!({ "estimate": { "eq": "2.50" } }), true),
        (json!({ "estimate": { "gt": "10" } }), false),
        (json!({ "estimate": { "between": ["-1", "2.50"] } }), true),
        (
            json!({ "dueOn": { "gte": "2026-02-01", "lt": "2026-02-02" } }),
            true,
        ),
        (
            json!({ "createdAt": { "gt": "2000-01-01T00:00:00Z" } }),
            true,
        ),
        (json!({ "createdAt": { "eq": row["createdAt"] } }), true),
        (
            json!({ "id": { "eq": given::text(&row["id"])?.to_uppercase() } }),
            true,
        ),
        (json!({ "id": { "gt": row["id"] } }), false),
        (
            json!({ "or": [{ "priority": { "eq": 9 } }, { "status": { "eq": "todo" } }] }),
            true,
        ),
        (json!({}), true),
        (Json::Null, true),
    ] {
        let arguments = json!({ "after": "0", "filters": filter });
        let replayed = Records::of_tasks(server, arguments)
            .await?
            .until_caught_up()
            .await?;
        let arguments = json!({ "includeInitial": true, "filters": filter });
        let initial = Records::of_tasks(server, arguments)
            .await?
            .until_caught_up()
            .await?;
        // In memory and in SQL, the same.
        assert_eq!(
            (replayed.len(), initial.len()),
            (1 + usize::from(matches), 1 + usize::from(matches)),
            "{filter}"
        );
    }
    Ok(())
}

async fn filters_that_do_not(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    let query = "subscription($filters: TaskFilterInput) { taskChanges(filters: $filters, after: \"0\") { kind } }";
    for filter in [
        json!({ "title": { "gt": "a" } }),
        json!({ "title": { "gte": "a" } }),
        json!({ "title": { "lt": "a" } }),
        json!({ "title": { "lte": "a" } }),
        json!({ "title": { "between": ["a", "b"] } }),
        json!({ "title": { "not_between": ["a", "b"] } }),
        json!({ "title": { "contains": "a" } }),
        json!({ "title": { "starts_with": "a" } }),
        json!({ "title": { "ends_with": "a" } }),
        json!({ "title": { "like": "a" } }),
        json!({ "title": { "not_like": "a" } }),
        json!({ "title": { "ci_eq": "a" } }),
        json!({ "status": { "gt": "doing" } }),
        json!({ "not": { "or": [{ "owner": { "contains": "a" } }] } }),
        json!({ "priority": { "between": [1] } }),
        json!({ "priority": { "eq": "1" } }),
        json!({ "id": { "eq": "no uuid" } }),
        json!({ "nothing": { "eq": 1 } }),
        json!({ "title": { "nothing": 1 } }),
    ] {
        let code = socket.refused(query, json!({ "filters": filter })).await?;
        assert_eq!(code, "BAD_INPUT", "{filter}");
    }
    Ok(())
}
