//! What each kind of column takes: kept as it is, brought into its one form, or `BAD_INPUT`.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::graphql::given::{self, PROJECTS, TASKS};

seachange_testkit::cases![
    numbers,
    decimals,
    beyond_the_column,
    dates,
    keys,
    enumerations,
    json_is_kept,
];

/// Creates a task with this value; the code if it is refused, otherwise the value as it came back.
async fn stored(
    server: &TestServer,
    field: &str,
    value: &Json,
) -> anyhow::Result<Result<Json, String>> {
    let client = server.client();
    let projects = PROJECTS.find(&client, json!({})).await?;
    let mut data = json!({ "projectId": projects[0]["id"], "title": "t" });
    data[field] = value.clone();
    let answer = client
        .send(&TASKS.create_one(), json!({ "data": data }))
        .await?;
    if answer.body.get("errors").is_some() {
        return Ok(Err(answer.code()?.to_owned()));
    }
    Ok(Ok(answer.data()?["row"][field].clone()))
}

/// Each value of a field comes back as given here, or is `BAD_INPUT`.
async fn check(server: &TestServer, field: &str, cases: Vec<(Json, Option<Json>)>) -> Outcome {
    given::project(&server.client(), "p").await?;
    for (value, expected) in cases {
        let expected = expected.ok_or_else(|| "BAD_INPUT".to_owned());
        assert_eq!(
            stored(server, field, &value).await?,
            expected,
            "{field} {value:.100}"
        );
    }
    Ok(())
}

/// Kept as it is.
fn kept(value: Json) -> (Json, Option<Json>) {
    (value.clone(), Some(value))
}

async fn numbers(server: &TestServer) -> Outcome {
    let cases = vec![
        kept(json!(i32::MAX)),
        kept(json!(i32::MIN)),
        (json!(i64::from(i32::MAX) + 1), None),
        (json!(i64::MAX), None),
        (json!(u64::MAX), None),
        (json!(1.5), None),
        (json!(1e300), None),
        (json!("1"), None),
        (json!(true), None),
        (json!([]), None),
        (json!({}), None),
        (json!([[1]]), None),
    ];
    check(server, "priority", cases).await
}

async fn decimals(server: &TestServer) -> Outcome {
    let cases = vec![
        kept(json!("0.00")),
        kept(json!("-99999999.99")),
        (json!("1"), Some(json!("1.00"))),
        (json!("1.005"), Some(json!("1.01"))),
        (json!("-0"), Some(json!("0.00"))),
        (json!("007.50"), Some(json!("7.50"))),
        (json!("100000000"), None),
        (json!("-99999999.995"), None),
        (json!("99999999999999999999"), None),
        (json!("79228162514264337593543950336"), None),
        (json!("1e400000000"), None),
        (json!("NaN"), None),
        (json!("Infinity"), None),
        (json!(""), None),
        (json!("1,5"), None),
        (json!(" 1"), None),
        (json!("0x10"), None),
        (json!("--1"), None),
        (json!("9".repeat(100_000)), None),
        (json!(1), None),
    ];
    check(server, "estimate", cases).await
}

/// What SQLite keeps and the others refuse.
async fn beyond_the_column(server: &TestServer) -> Outcome {
    given::project(&server.client(), "p").await?;
    for (field, value) in [
        ("dueOn", json!("+12026-01-01")),
        ("dueOn", json!("-0001-01-01")),
    ] {
        let stored = stored(server, field, &value).await?;
        assert!(
            stored == Ok(value.clone()) || stored == Err("BAD_INPUT".to_owned()),
            "{value} {stored:?}"
        );
    }
    Ok(())
}

async fn dates(server: &TestServer) -> Outcome {
    let cases = vec![
        kept(json!("2024-02-29")),
        kept(json!("0001-01-01")),
        kept(json!("9999-12-31")),
        (json!("2023-02-29"), None),
        (json!("2026-13-01"), None),
        (json!("2026-00-10"), None),
        (json!("2026-1-1"), None),
        (json!("26-01-01"), None),
        (json!("2026-01-01T00:00:00Z"), None),
        (json!("2026-01-01 "), None),
        (json!("today"), None),
        (json!("infinity"), None),
        (json!(""), None),
        (json!(20_260_101), None),
    ];
    check(server, "dueOn", cases).await
}

async fn keys(server: &TestServer) -> Outcome {
    let id = Uuid::new_v4();
    let cases = vec![
        kept(json!(id)),
        kept(json!("ffffffff-ffff-ffff-ffff-ffffffffffff")),
        kept(json!("00000000-0000-0000-0000-000000000000")),
        (json!(""), None),
        (json!("no uuid"), None),
        (json!(format!("{id}0")), None),
        (json!(&id.to_string()[1..]), None),
        (json!(format!(" {id}")), None),
        (json!(1), None),
    ];
    check(server, "id", cases).await
}

async fn enumerations(server: &TestServer) -> Outcome {
    let cases = vec![
        kept(json!("todo")),
        kept(json!("doing")),
        kept(json!("done")),
        (json!("wontfix"), None),
        (json!(""), None),
        (json!("TODO"), None),
        (json!("todo "), None),
        (json!(0), None),
    ];
    check(server, "status", cases).await?;
    let client = server.client();
    let variables = json!({ "data": { "status": "wontfix" }, "all": true });
    assert_eq!(client.code(&TASKS.update(), variables).await?, "BAD_INPUT");
    let found = client
        .send(
            &TASKS.query(),
            json!({ "filters": { "status": { "eq": "wontfix" } } }),
        )
        .await?;
    assert!(
        found
            .data()
            .is_ok_and(|data| data["page"]["nodes"] == json!([]))
            || found.code()? == "BAD_INPUT"
    );
    Ok(())
}

async fn json_is_kept(server: &TestServer) -> Outcome {
    let cases = vec![
        kept(json!({})),
        kept(json!([])),
        kept(json!("")),
        kept(json!(0)),
        kept(json!(false)),
        kept(json!(9_007_199_254_740_993_i64)),
        kept(json!(u64::MAX)),
        kept(json!(i64::MIN)),
        kept(json!(0.1)),
        kept(json!(1e300)),
        kept(json!(5e-324)),
        kept(json!(1.0)),
        kept(json!({ "$blob": "x", "$text": 1, "": { "": [] } })),
        kept(json!({ "ü 🏴": ["\u{1}", "\"", "\\", "\u{2028}"] })),
        (Json::Null, Some(Json::Null)),
    ];
    check(server, "details", cases).await
}
