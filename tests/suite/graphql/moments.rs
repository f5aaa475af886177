//! A moment is a moment, however its text is written: lists, relations, subscriptions, updates, deletes and
//! `doctor` on times that many programs have written. On SQLite, where times are texts, in every spelling.

pub mod doctor;
mod event;
pub mod pushed;
pub mod spelled;

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use seachange_testkit::{Client, Database, Outcome, TestServer};
use serde_json::{Value as Json, json};

use crate::triggers::other;

seachange_testkit::cases![
    the_same_rows_everywhere,
    lists_are_in_order,
    many_tests_in_one_filter,
    what_is_older_is_deleted_and_nothing_else,
    what_is_no_moment_hides_no_row,
];

/// How other programs write the moment with this number.
const SPELLINGS: [&str; 8] = [
    "%Y-%m-%dT%H:%M:%S%.6f+00:00",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.3fZ",
    "%Y-%m-%d %H:%M:%S+02:00",
    "%Y-%m-%dT%H:%M:%S-23:30",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S%.9f",
];

const EVENTS: usize = 24;

/// The moments of the events: pairs of events share one.
fn moment(id: usize) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2025-12-31T22:00:00Z".parse().expect("a moment");
    start + TimeDelta::minutes(30 * (id as i64 / 2))
}

fn image(id: usize) -> String {
    moment(id).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// As the program with this number writes the moment; a plain time and a time of day say what its clock shows
/// in UTC.
fn spelled(id: usize) -> [String; 3] {
    let spelling = SPELLINGS[(id * 5 + 3) % SPELLINGS.len()];
    let offset = match spelling {
        s if s.ends_with("+02:00") => TimeDelta::hours(2),
        s if s.ends_with("-23:30") => -TimeDelta::minutes(23 * 60 + 30),
        _ => TimeDelta::zero(),
    };
    let (moment, clock) = (
        moment(id),
        if id.is_multiple_of(3) {
            "%H:%M"
        } else {
            "%H:%M:%S%.3f"
        },
    );
    let local = SPELLINGS[(id * 3 + 1) % SPELLINGS.len()];
    [
        (moment + offset).format(spelling).to_string(),
        moment.format(local).to_string(),
        moment.format(clock).to_string(),
    ]
}

/// Events, all children of the first: other programs have written them where times are texts.
async fn fill(server: &TestServer) -> Outcome {
    let is_text = matches!(server.kind, Database::Sqlite);
    let db = other(server).await?;
    for id in 0..EVENTS {
        let [at, local, clock] = match is_text {
            true => spelled(id),
            false => {
                let plain = moment(id).format("%Y-%m-%d %H:%M:%S").to_string();
                [
                    plain.clone(),
                    plain,
                    moment(id).format("%H:%M:%S").to_string(),
                ]
            }
        };
        let zone = if matches!(server.kind, Database::Postgres(_)) {
            "+00"
        } else {
            ""
        };
        let parent = if id == 0 { "NULL" } else { "0" };
        let sql = format!(
            "INSERT INTO event (id, parent_id, at, local, clock)
             VALUES ({id}, {parent}, '{at}{zone}', '{local}', '{clock}')"
        );
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

type Found = BTreeSet<usize>;

fn ids(nodes: &Json) -> anyhow::Result<Vec<usize>> {
    let nodes = nodes.as_array().context("nodes")?;
    let ids = nodes
        .iter()
        .map(|node| node["id"].as_u64().context("an id"));
    ids.map(|id| Ok(usize::try_from(id?)?)).collect()
}

async fn queried(client: &Client, filter: &Json) -> anyhow::Result<Found> {
    let query = "query ($f: EventFilterInput) { event(filters: $f) { nodes { id } } }";
    let data = client.data(query, json!({ "f": filter })).await?;
    Ok(ids(&data["event"]["nodes"])?.into_iter().collect())
}

/// Those of a relation, and those that have such a child.
async fn related(client: &Client, filter: &Json) -> anyhow::Result<(Found, bool)> {
    let query = "query ($f: EventFilterInput) {
        event(filters: { id: { eq: 0 } }) { nodes { parentReverse(filters: $f) { nodes { id } } } }
        having: event(having: { parentReverse: $f }) { nodes { id } } }";
    let data = client.data(query, json!({ "f": filter })).await?;
    let children = ids(&data["event"]["nodes"][0]["parentReverse"]["nodes"])?;
    let having = ids(&data["having"]["nodes"])?;
    ensure!(having.iter().all(|id| *id == 0), "{having:?}");
    Ok((children.into_iter().collect(), !having.is_empty()))
}

/// What a subscription begins with: the rows there are, or the changes that led to them.
async fn subscribed(server: &TestServer, filter: &Json, begin: Json) -> anyhow::Result<Found> {
    const CHANGES: &str = "subscription (
        $f: EventFilterInput, $after: String, $includeInitial: Boolean) {
        eventChanges(filters: $f, after: $after, includeInitial: $includeInitial) {
            kind record { id } } }";
    let mut variables = begin;
    variables["f"] = filter.clone();
    let mut socket = server.socket().await?;
    let id = socket.subscribe(CHANGES, variables).await?;
    let mut found = Found::new();
    loop {
        let message = socket.message().await?;
        ensure!(message["id"] == *id, "{message}");
        let item = &message["payload"]["data"]["eventChanges"];
        match item["kind"].as_str() {
            Some("CAUGHT_UP") => return Ok(found),
            Some(_) => found.extend(item["record"]["id"].as_u64().map(|id| id as usize)),
            None => anyhow::bail!("{message}"),
        }
    }
}

/// Tests of each kind, and the events that they admit.
fn tests(column: &str) -> Vec<(Json, Found)> {
    let value = |id: usize| match column {
        "at" => image(id),
        "local" => image(id).trim_end_matches('Z').to_owned(),
        _ => moment(id).format("%H:%M:%S").to_string(),
    };
    // Times of day begin anew at midnight.
    let place = |id: usize| match column {
        "clock" => moment(id).format("%H:%M").to_string(),
        _ => image(id),
    };
    let admitted = |test: &dyn Fn(&str) -> bool| -> Found {
        (0..EVENTS).filter(|id| test(&place(*id))).collect()
    };
    let (one, other) = (6, 13);
    let (p, q) = (place(one), place(other));
    let (low, high) = if p < q { (one, other) } else { (other, one) };
    let (a, b) = (place(low), place(high));
    let v = value;
    let mut tests = vec![
        (json!({ "eq": v(one) }), admitted(&|x| x == p)),
        (json!({ "ne": v(one) }), admitted(&|x| x != p)),
        (json!({ "gt": v(one) }), admitted(&|x| x > &*p)),
        (json!({ "gte": v(one) }), admitted(&|x| x >= &*p)),
        (json!({ "lt": v(other) }), admitted(&|x| x < &*q)),
        (json!({ "lte": v(other) }), admitted(&|x| x <= &*q)),
        (
            json!({ "is_in": [v(one), v(other)] }),
            admitted(&|x| x == p || x == q),
        ),
        (
            json!({ "is_not_in": [v(one), v(other)] }),
            admitted(&|x| x != p && x != q),
        ),
        (
            json!({ "between": [v(low), v(high)] }),
            admitted(&|x| x >= &*a && x <= &*b),
        ),
        (
            json!({ "not_between": [v(low), v(high)] }),
            admitted(&|x| x < &*a || x > &*b),
        ),
    ];
    tests = tests
        .into_iter()
        .map(|(test, found)| (json!({ column: test }), found))
        .collect();
    let negated = tests.iter().map(|(test, found)| {
        let others = (0..EVENTS).filter(|id| !found.contains(id));
        (json!({ "not": test }), others.collect())
    });
    let negated: Vec<_> = negated.collect();
    [tests, negated].concat()
}

async fn head(client: &Client) -> anyhow::Result<Json> {
    let data = client.data("{ changesHead }", json!({})).await?;
    Ok(data["changesHead"].clone())
}

async fn the_same_rows_everywhere(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let client = server.client();
    let begin = head(&client).await?;
    fill(server).await?;
    for (test, expected) in ["at", "local", "clock"].into_iter().flat_map(tests) {
        assert_eq!(queried(&client, &test).await?, expected, "{test}");
        let children: Found = expected.iter().copied().filter(|id| *id != 0).collect();
        let has_child = !children.is_empty();
        assert_eq!(
            related(&client, &test).await?,
            (children, has_child),
            "{test}"
        );
        let initial = subscribed(server, &test, json!({ "includeInitial": true })).await?;
        assert_eq!(initial, expected, "initial rows: {test}");
        let changed = subscribed(server, &test, json!({ "after": begin })).await?;
        assert_eq!(changed, expected, "changes: {test}");
    }
    // What was read is found by what was read.
    let all = client
        .data("{ event { nodes { id at local clock } } }", json!({}))
        .await?;
    for node in all["event"]["nodes"].as_array().context("nodes")? {
        for column in ["at", "local", "clock"] {
            let found = queried(&client, &json!({ column: { "eq": node[column] } })).await?;
            let id = usize::try_from(node["id"].as_u64().context("an id")?)?;
            assert!(found.contains(&id), "{column} of {node}: {found:?}");
        }
    }
    Ok(())
}

async fn lists_are_in_order(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let client = server.client();
    fill(server).await?;
    let query = "query ($order: EventOrderInput, $offset: Int!) {
        event(orderBy: $order, pagination: { offset: { limit: 7, offset: $offset } }) { nodes { id } }
        parent: event(filters: { id: { eq: 0 } }) { nodes {
            parentReverse(orderBy: $order, pagination: { offset: { limit: 7, offset: $offset } }) {
                nodes { id } } } } }";
    for column in ["at", "local", "clock"] {
        for direction in ["ASC", "DESC"] {
            let mut expected: Vec<usize> = (0..EVENTS).collect();
            let place = |id: usize| match column {
                "clock" => moment(id).format("%H:%M").to_string(),
                _ => image(id),
            };
            expected.sort_by(|one, other| {
                let order = place(*one).cmp(&place(*other));
                let order = if direction == "DESC" {
                    order.reverse()
                } else {
                    order
                };
                order.then(one.cmp(other))
            });
            let (mut all, mut children) = (Vec::new(), Vec::new());
            for offset in (0..EVENTS).step_by(7) {
                let variables = json!({ "order": { column: direction }, "offset": offset });
                let data = client.data(query, variables).await?;
                all.extend(ids(&data["event"]["nodes"])?);
                children.extend(ids(&data["parent"]["nodes"][0]["parentReverse"]["nodes"])?);
            }
            assert_eq!(all, expected, "{column} {direction}");
            expected.retain(|id| *id != 0);
            assert_eq!(children, expected, "children by {column} {direction}");
        }
    }
    Ok(())
}

/// More tests than have their keys written out each: the statement would become too long.
async fn many_tests_in_one_filter(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let client = server.client();
    let begin = head(&client).await?;
    fill(server).await?;
    for count in [16, 17, 60] {
        let parts = (0..count).map(|n| match n % 2 {
            0 => json!({ "at": { "eq": image(n % EVENTS) } }),
            _ => json!({ "local": { "eq": image(n % EVENTS).trim_end_matches('Z') } }),
        });
        let any = json!({ "or": parts.collect::<Vec<_>>() });
        let named = |id: usize| (0..count).any(|n| moment(n % EVENTS) == moment(id));
        let expected: Found = (0..EVENTS).filter(|id| named(*id)).collect();
        let others: Found = (0..EVENTS).filter(|id| !named(*id)).collect();
        assert_eq!(queried(&client, &any).await?, expected, "{count}");
        let negated = json!({ "not": any });
        assert_eq!(queried(&client, &negated).await?, others, "not {count}");
        let (children, _) = related(&client, &any).await?;
        let expected_children = expected.iter().copied().filter(|id| *id != 0).collect();
        assert_eq!(children, expected_children, "{count}");
        let initial = subscribed(server, &any, json!({ "includeInitial": true })).await?;
        assert_eq!(initial, expected, "initial rows: {count}");
        let changed = subscribed(server, &any, json!({ "after": begin })).await?;
        assert_eq!(changed, expected, "changes: {count}");
    }
    Ok(())
}

async fn what_is_older_is_deleted_and_nothing_else(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let client = server.client();
    fill(server).await?;
    let orphan = "mutation { eventUpdate(all: true, data: { parentId: null }) { id } }";
    client.data(orphan, json!({})).await?;
    let update = "mutation ($f: EventFilterInput) {
        eventUpdate(filter: $f, data: { parentId: 20 }) { id } }";
    let data = client
        .data(update, json!({ "f": { "at": { "eq": image(9) } } }))
        .await?;
    assert_eq!(ids(&data["eventUpdate"])?, [8, 9]);
    let delete = "mutation ($f: EventFilterInput) { eventDelete(filter: $f) }";
    let bound = json!({ "f": { "at": { "lt": image(10) } } });
    client.data(delete, bound).await?;
    let left: Found = (10..EVENTS).collect();
    assert_eq!(queried(&client, &json!({})).await?, left);
    let bound = json!({ "f": { "not": { "local": { "gte": image(12).trim_end_matches('Z') } } } });
    client.data(delete, bound).await?;
    let left: Found = (12..EVENTS).collect();
    assert_eq!(queried(&client, &json!({})).await?, left);
    Ok(())
}

async fn what_is_no_moment_hides_no_row(server: &TestServer) -> Outcome {
    let server = &event::start(server).await?;
    let client = server.client();
    fill(server).await?;
    let db = other(server).await?;
    let unknown = match server.kind {
        Database::Sqlite => "'soon'",
        _ => "NULL",
    };
    db.execute_unprepared(&format!(
        "INSERT INTO event (id, at) VALUES (99, {unknown})"
    ))
    .await?;
    for (test, expected) in tests("at") {
        assert_eq!(queried(&client, &test).await?, expected, "{test}");
    }
    db.execute_unprepared("DELETE FROM event WHERE id = 99")
        .await?;
    Ok(())
}
