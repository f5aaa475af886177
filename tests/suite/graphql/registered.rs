//! Entities register as they are, in whichever of SeaORM's forms they are written, and are related as
//! their foreign keys say.

pub mod names;
mod shelf;

use serde_json::{Value as Json, json};

use super::given;
use seachange_testkit::{Client, Outcome, TestServer, reference_app};
use shelf::{author, badge, portrait, tag, tome, tome_tag};

seachange_testkit::cases![
    every_form_of_entity,
    what_is_not_registered_is_left_out,
    related_by_what_the_database_holds_equal,
    models_of_ones_own_fields,
];

/// A server beside the given one that knows the shelf: authors, one of whom is another's mentor, their
/// tomes and those tomes' tags.
async fn shelf(server: &TestServer) -> anyhow::Result<TestServer> {
    shelf::create(server).await?;
    let app = reference_app()
        .entity::<author::Entity>()
        .entity::<portrait::Entity>()
        .entity::<tome::Entity>()
        .entity::<tag::Entity>()
        .entity::<tome_tag::Entity>()
        .entity::<badge::Entity>()
        .entity::<badge::award::Entity>()
        .extend(|mut builder| {
            builder.queries.push(shelf::newest_tome());
            builder
        });
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

async fn fill(client: &Client) -> Outcome {
    let rows = "mutation {
        authorCreateBatch(data: [{ id: 1, name: \"Ann\" }, { id: 2, name: \"Bo\", mentorId: 1 },
            { id: 3, name: \"Cy\", mentorId: 1 }]) { id }
        portraitCreateOne(data: { id: 7, authorId: 2, title: \"Bo, in oil\" }) { id }
        tomeCreateBatch(data: [{ id: 10, authorId: 1, title: \"Sails\" },
            { id: 11, authorId: 1, title: \"Ropes\" }, { id: 12, authorId: 2, title: \"Tides\" }]) { id }
        tagCreateBatch(data: [{ id: 1, word: \"sea\" }, { id: 2, word: \"craft\" }]) { id }
        tomeTagCreateBatch(data: [{ tomeId: 10, tagId: 1 }, { tomeId: 10, tagId: 2 },
            { tomeId: 12, tagId: 1 }]) { tomeId }
    }";
    client.data(rows, json!({})).await?;
    Ok(())
}

async fn every_form_of_entity(server: &TestServer) -> Outcome {
    let server = shelf(server).await?;
    let client = server.client();
    fill(&client).await?;
    let query = "{ author(orderBy: { id: ASC }) { nodes {
        name
        mentor { name }
        mentorReverse(orderBy: { name: ASC }) { nodes { name } }
        portrait { title author { name } }
        tome(orderBy: { id: ASC }) { nodes { title author { name }
            tag(orderBy: { id: ASC }) { nodes { word tome(orderBy: { id: ASC }) { nodes { title } } } }
            tomeTag(orderBy: { tagId: ASC }) { nodes { tag { word } } } } }
    } } }";
    let data = client.data(query, json!({})).await?;
    let named = |names: &[&str]| -> Json {
        let names = names.iter();
        json!({ "nodes": names.map(|name| json!({ "name": name })).collect::<Vec<_>>() })
    };
    let titled = |titles: &[&str]| -> Json {
        let titles = titles.iter();
        json!({ "nodes": titles.map(|title| json!({ "title": title })).collect::<Vec<_>>() })
    };
    let sea = json!({ "word": "sea", "tome": titled(&["Sails", "Tides"]) });
    let craft = json!({ "word": "craft", "tome": titled(&["Sails"]) });
    let tome = |title: &str, author: &str, tags: &[&Json]| {
        let links = tags
            .iter()
            .map(|tag| json!({ "tag": { "word": tag["word"] } }));
        json!({
            "title": title, "author": { "name": author },
            "tag": { "nodes": tags }, "tomeTag": { "nodes": links.collect::<Vec<_>>() },
        })
    };
    let expected = json!([
        {
            "name": "Ann", "mentor": null, "mentorReverse": named(&["Bo", "Cy"]), "portrait": null,
            "tome": { "nodes": [tome("Sails", "Ann", &[&sea, &craft]), tome("Ropes", "Ann", &[])] },
        },
        {
            "name": "Bo", "mentor": { "name": "Ann" }, "mentorReverse": named(&[]),
            "portrait": { "title": "Bo, in oil", "author": { "name": "Bo" } },
            "tome": { "nodes": [tome("Tides", "Bo", &[&sea])] },
        },
        {
            "name": "Cy", "mentor": { "name": "Ann" }, "mentorReverse": named(&[]), "portrait": null,
            "tome": { "nodes": [] },
        },
    ]);
    assert_eq!(data["author"]["nodes"], expected);
    for (having, expected) in [
        (json!({ "mentor": { "name": { "eq": "Ann" } } }), "Bo Cy"),
        (
            json!({ "mentorReverse": { "name": { "eq": "Cy" } } }),
            "Ann",
        ),
        (json!({ "tome": { "title": { "eq": "Tides" } } }), "Bo"),
        (
            json!({ "portrait": { "title": { "contains": "oil" } } }),
            "Bo",
        ),
    ] {
        let query = "query($having: AuthorHavingInput) {
            author(having: $having, orderBy: { id: ASC }) { nodes { name } } }";
        let data = client.data(query, json!({ "having": having })).await?;
        let found = given::list(data["author"]["nodes"].clone())?;
        let found: Vec<&str> = found
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        assert_eq!(found.join(" "), expected, "{having}");
    }
    server.finish().await
}

async fn what_is_not_registered_is_left_out(server: &TestServer) -> Outcome {
    shelf::create(server).await?;
    let app = reference_app()
        .entity::<tome::Entity>()
        .entity::<author::Entity>();
    let settings = server.settings.clone();
    let server = TestServer::start_with(server.kind.clone(), app, settings).await?;
    let fields = "query($name: String!) { __type(name: $name) { fields { name } } }";
    for (name, expected) in [
        ("Tome", "id authorId title author"),
        ("Author", "id name mentorId mentor mentorReverse tome"),
    ] {
        let data = server
            .client()
            .data(fields, json!({ "name": name }))
            .await?;
        let found = given::list(data["__type"]["fields"].clone())?;
        let mut found: Vec<&str> = found
            .iter()
            .filter_map(|field| field["name"].as_str())
            .collect();
        let mut expected: Vec<&str> = expected.split(' ').collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
    server.finish().await
}

/// A badge is awarded by its word, which has another case than the badge's own.
async fn related_by_what_the_database_holds_equal(server: &TestServer) -> Outcome {
    let server = shelf(server).await?;
    let client = server.client();
    let rows = "mutation {
        badgeCreateBatch(data: [{ word: \"Brave\" }, { word: \"Kind\" }]) { word }
        awardCreateBatch(data: [{ id: 1, badge: \"brave\" }, { id: 2, badge: \"BRAVE\" },
            { id: 3, badge: \"Kind\" }]) { id } }";
    client.data(rows, json!({})).await?;
    let query = "{
        badge(orderBy: { word: ASC }) { nodes { word awards(pagination: { page: { page: 0, limit: 5 } }) {
            nodes { id } paginationInfo { total } } } }
        award(orderBy: { id: ASC }) { nodes { of { word } } } }";
    let data = client.data(query, json!({})).await?;
    // PostgreSQL's own collations tell cases apart.
    let is_exact = matches!(server.kind, seachange_testkit::Database::Postgres(_));
    let of = |is_found: bool, word: &str| match is_found {
        true => json!({ "of": { "word": word } }),
        false => json!({ "of": null }),
    };
    let awards = given::list(data["award"]["nodes"].clone())?;
    assert_eq!(
        awards,
        [
            of(!is_exact, "Brave"),
            of(!is_exact, "Brave"),
            of(true, "Kind")
        ]
    );
    let brave = match is_exact {
        true => json!({ "nodes": [], "paginationInfo": { "total": 0 } }),
        false => json!({ "nodes": [{ "id": 1 }, { "id": 2 }], "paginationInfo": { "total": 2 } }),
    };
    assert_eq!(data["badge"]["nodes"][0]["awards"], brave);
    server.stop().await
}

async fn models_of_ones_own_fields(server: &TestServer) -> Outcome {
    let server = shelf(server).await?;
    let client = server.client();
    fill(&client).await?;
    let query = "{ newestTome { title author { name } tag { nodes { word } } } }";
    let data = client.data(query, json!({})).await?;
    let expected = json!({ "title": "Tides", "author": { "name": "Bo" }, "tag": { "nodes": [{ "word": "sea" }] } });
    assert_eq!(data["newestTome"], expected);
    server.finish().await
}
