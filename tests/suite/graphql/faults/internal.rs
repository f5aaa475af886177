//! What fails within the server or in an adopter's resolver, and how little of it a client is told.

use sea_orm::DbErr;
use seachange::ErrorCode;
use seachange::async_graphql::Error;
use seachange::async_graphql::dynamic::{Field, FieldFuture, InputValue, TypeRef};
use seachange_testkit::{Outcome, TestServer, reference_app};
use serde_json::json;
use uuid::Uuid;

use super::super::given::{self, LABELS};

seachange_testkit::cases![
    an_internal_fault_says_nothing,
    what_a_resolver_of_an_adopter_says,
];

async fn an_internal_fault_says_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    sea_orm::ConnectionTrait::execute_unprepared(
        server.db().writer(),
        "ALTER TABLE label RENAME TO elsewhere",
    )
    .await?;
    let query = client.send("{ label { nodes { id } } }", json!({})).await?;
    let mutation = client
        .send(&LABELS.create_one(), json!({ "data": { "name": "x" } }))
        .await?;
    for answer in [query, mutation] {
        assert_eq!(answer.code()?, "INTERNAL");
        let message = given::text(&answer.body["errors"][0]["message"])?;
        let id = message.strip_prefix("internal error ").unwrap_or_default();
        assert!(id.parse::<Uuid>().is_ok(), "{message}");
    }
    sea_orm::ConnectionTrait::execute_unprepared(
        server.db().writer(),
        "ALTER TABLE elsewhere RENAME TO label",
    )
    .await?;
    LABELS.create(&client, json!({ "name": "x" })).await?;
    Ok(())
}

/// A field that fails in the way that its argument names.
fn fails() -> Field {
    Field::new("fails", TypeRef::named(TypeRef::INT), |ctx| {
        FieldFuture::new(async move {
            let secret = "password=hunter2";
            let error: Error = match ctx.args.try_get("how")?.string()? {
                "with a code" => ErrorCode::Forbidden.error("not on a Sunday"),
                "by an error of another crate" => std::io::Error::other(secret).into(),
                "by text" => secret.into(),
                "by the library's error" => Error::new(secret),
                "by what is missing" => return ctx.data::<Secret>().map(|_| None),
                "by the database" => DbErr::RecordNotFound(secret.to_owned()).into(),
                _ => return Ok(None::<seachange::async_graphql::Value>),
            };
            Err(error)
        })
    })
    .argument(InputValue::new("how", TypeRef::named_nn(TypeRef::STRING)))
}

struct Secret;

async fn what_a_resolver_of_an_adopter_says(server: &TestServer) -> Outcome {
    let app = reference_app().extend(|mut builder| {
        builder.queries.push(fails());
        builder.mutations.push(fails());
        builder
    });
    let server = TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await?;
    let client = server.client();
    for kind in ["query", "mutation"] {
        for (how, code) in [
            ("with a code", "FORBIDDEN"),
            ("by an error of another crate", "INTERNAL"),
            ("by text", "INTERNAL"),
            ("by the library's error", "INTERNAL"),
            ("by what is missing", "INTERNAL"),
            ("by the database", "NOT_FOUND"),
        ] {
            let query = format!("{kind}($how: String!) {{ fails(how: $how) }}");
            let answer = client.send(&query, json!({ "how": how })).await?;
            assert_eq!(answer.code()?, code, "{how}");
            let text = answer.body.to_string();
            assert!(
                !text.contains("hunter2") && !text.contains("Secret"),
                "{text}"
            );
            if code == "FORBIDDEN" {
                assert_eq!(answer.body["errors"][0]["message"], "not on a Sunday");
            }
        }
        let fine = format!("{kind} {{ fails(how: \"not\") }}");
        client.data(&fine, json!({})).await?;
    }
    Ok(())
}
