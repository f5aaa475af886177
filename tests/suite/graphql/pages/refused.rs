//! Pages that nobody gets: too large, out of range, by a cursor of something else.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::page;
use crate::graphql::given::{self, LABELS, PROJECTS, TASK_LABELS};

seachange_testkit::cases![beyond_the_end, limits, refused, foreign_cursors,];

async fn beyond_the_end(server: &TestServer) -> Outcome {
    let client = server.client();
    let last = PROJECTS.create(&client, json!({ "name": "only" })).await?;
    let first = page(
        &client,
        PROJECTS,
        json!({ "pagination": { "cursor": { "limit": 1 } } }),
    )
    .await?;
    assert_eq!(first["nodes"], json!([last]));
    for pagination in [
        json!({ "page": { "page": 7, "limit": 10 } }),
        json!({ "offset": { "offset": 1, "limit": 10 } }),
        json!({ "offset": { "offset": i64::MAX, "limit": 1000 } }),
        json!({ "cursor": { "cursor": first["pageInfo"]["endCursor"], "limit": 10 } }),
    ] {
        let answer = client
            .send(&PROJECTS.query(), json!({ "pagination": pagination }))
            .await?;
        // Beyond what the databases count, a page may be refused.
        if answer.body.get("errors").is_some() {
            assert_eq!(
                (answer.code()?, &pagination["offset"]["offset"]),
                ("BAD_INPUT", &json!(i64::MAX))
            );
            continue;
        }
        let page = &answer.data()?["page"];
        assert_eq!(page["nodes"], json!([]), "{pagination}");
        assert_eq!(page["pageInfo"]["hasNextPage"], false, "{pagination}");
        assert_eq!(page["pageInfo"]["endCursor"], Json::Null, "{pagination}");
    }
    Ok(())
}

async fn limits(server: &TestServer) -> Outcome {
    let client = server.client();
    for (limit, code) in [
        (json!(1_000), None),
        (json!(1_001), Some("LIMIT_EXCEEDED")),
        (json!(i64::MAX), Some("LIMIT_EXCEEDED")),
        // No `Int`.
        (json!(u64::MAX), Some("BAD_INPUT")),
        (json!(0), Some("BAD_INPUT")),
        (json!(-1), Some("BAD_INPUT")),
        (json!(i64::MIN), Some("BAD_INPUT")),
        (json!(1.5), Some("BAD_INPUT")),
        (json!("10"), Some("BAD_INPUT")),
        (Json::Null, Some("BAD_INPUT")),
    ] {
        for pagination in [
            json!({ "page": { "page": 0, "limit": limit } }),
            json!({ "offset": { "offset": 0, "limit": limit } }),
            json!({ "cursor": { "limit": limit } }),
        ] {
            let answer = client
                .send(&PROJECTS.query(), json!({ "pagination": pagination }))
                .await?;
            match code {
                None => drop(answer.data()?),
                Some(code) => assert_eq!(answer.code()?, code, "{pagination}"),
            }
        }
    }
    Ok(())
}

async fn refused(server: &TestServer) -> Outcome {
    let client = server.client();
    for arguments in [
        json!({ "pagination": { "page": { "page": -1, "limit": 1 } } }),
        json!({ "pagination": { "page": { "page": i64::MAX, "limit": 1_000 } } }),
        json!({ "pagination": { "page": { "page": u64::MAX, "limit": 1_000 } } }),
        json!({ "pagination": { "offset": { "offset": -1, "limit": 1 } } }),
        json!({ "pagination": { "offset": { "offset": u64::MAX, "limit": 1 } } }),
        json!({ "pagination": { "page": { "limit": 1 } } }),
        json!({ "pagination": { "page": { "page": 0 } } }),
        json!({ "pagination": {} }),
        json!({ "pagination": { "page": { "page": 0, "limit": 1 }, "cursor": { "limit": 1 } } }),
        json!({ "pagination": { "page": { "page": 0, "limit": 1 }, "cursor": null } }),
        json!({ "pagination": [] }),
        json!({ "pagination": { "cursor": { "limit": 1 } }, "orderBy": { "name": "ASC" } }),
        json!({ "orderBy": { "name": "UP" } }),
        json!({ "orderBy": { "nothing": "ASC" } }),
        json!({ "orderBy": "name" }),
    ] {
        assert_eq!(
            client.code(&PROJECTS.query(), arguments.clone()).await?,
            "BAD_INPUT",
            "{arguments}"
        );
    }
    Ok(())
}

async fn foreign_cursors(server: &TestServer) -> Outcome {
    let client = server.client();
    LABELS.create(&client, json!({ "name": "l" })).await?;
    let labels = page(&client, LABELS, json!({})).await?;
    let label = given::text(&labels["edges"][0]["cursor"])?;
    let uuid = "WyIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ";
    for (names, cursor) in [
        (PROJECTS, label.as_str()),
        (LABELS, uuid),
        (TASK_LABELS, uuid),
        (PROJECTS, ""),
        (PROJECTS, "0"),
        (PROJECTS, "Uuid[36]:00000000-0000-0000-0000-000000000000"),
        (PROJECTS, "W10"),
        (PROJECTS, "W251bGxd"),
        (PROJECTS, "\u{0}"),
        (PROJECTS, "🦀"),
    ] {
        let arguments = json!({ "pagination": { "cursor": { "cursor": cursor, "limit": 1 } } });
        let code = client.code(&names.query(), arguments).await?;
        assert_eq!(code, "CURSOR_INVALID", "{names:?} {cursor}");
    }
    Ok(())
}
