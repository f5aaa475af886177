//! Random writes and reverts on a few rows, held against what the tables were at each cursor.

use std::collections::BTreeMap;

use anyhow::Context;
use seachange_testkit::{Client, Outcome, Random, Seed, TestServer};
use serde_json::{Value as Json, json};

use super::super::given::{self, LABELS, Names, PROJECTS, TASK_LABELS};
use super::super::revert;
use super::super::watch::head;
use super::{as_of, changes, history};

seachange_testkit::cases![every_moment_is_remembered];

/// Seeds that are always tried.
const SEEDS: [u64; 3] = [1, 7, 20261121];
const ROUNDS: usize = 40;
const TABLES: [Names; 3] = [PROJECTS, LABELS, TASK_LABELS];

/// All rows by table and key.
type State = BTreeMap<(&'static str, String), Json>;

fn key_of(names: Names, row: &Json) -> Json {
    match names.field {
        "taskLabel" => json!({ "label_id": row["labelId"], "task_id": row["taskId"] }),
        _ => json!({ "id": row["id"] }),
    }
}

async fn state(client: &Client) -> anyhow::Result<State> {
    let mut state = State::new();
    for names in TABLES {
        for row in names.find(client, json!({})).await? {
            state.insert((names.field, key_of(names, &row).to_string()), row);
        }
    }
    Ok(state)
}

/// What stays when a row is undone: everything but what the server manages.
fn unmanaged(state: &State) -> State {
    let mut state = state.clone();
    for row in state.values_mut().filter_map(Json::as_object_mut) {
        row.remove("createdAt");
        row.remove("updatedAt");
    }
    state
}

/// One write of a row by chance; it may be refused by a unique name or a foreign key.
async fn write(client: &Client, random: &mut Random, task: &str) -> Outcome {
    let project = format!("00000000-0000-7000-8000-00000000000{}", random.below(2));
    let label = random.below(3) + 1;
    let name = ["a", "b", "c"][random.below(3)];
    let by_id = |id: Json| json!({ "id": { "eq": id } });
    let (query, variables) = match random.below(8) {
        0 => (
            PROJECTS.create_one(),
            json!({ "data": { "id": project, "name": name } }),
        ),
        1 => {
            let owner = [None, Some("me")][random.below(2)];
            let data = json!({ "name": name, "owner": owner });
            (
                PROJECTS.update(),
                json!({ "data": data, "filter": by_id(json!(project)) }),
            )
        }
        2 => (
            PROJECTS.delete(),
            json!({ "filter": by_id(json!(project)) }),
        ),
        3 => (
            LABELS.create_one(),
            json!({ "data": { "id": label, "name": name } }),
        ),
        4 => (
            LABELS.update(),
            json!({ "data": { "name": name }, "filter": by_id(json!(label)) }),
        ),
        5 => (LABELS.delete(), json!({ "filter": by_id(json!(label)) })),
        6 => {
            let data = json!({ "taskId": task, "labelId": label });
            (TASK_LABELS.create_one(), json!({ "data": data }))
        }
        _ => {
            let filter = json!({ "labelId": { "eq": label } });
            (TASK_LABELS.delete(), json!({ "filter": filter }))
        }
    };
    let answer = client.send(&query, variables).await?;
    if answer.data().is_err() {
        assert_eq!(answer.code()?, "CONFLICT", "{query}");
    }
    Ok(())
}

/// Reverts some change, and checks that exactly that or nothing happens; tells whether it did.
async fn undo(client: &Client, random: &mut Random, known: &[Json]) -> anyhow::Result<bool> {
    let change = &known[random.below(known.len())];
    let names = TABLES
        .into_iter()
        .find(|names| change["entity"] == table(*names));
    let names = names.ok_or_else(|| anyhow::anyhow!("another table: {change}"))?;
    let place = (names.field, change["key"].to_string());
    let before = state(client).await?;
    let at = head(client).await?;
    let answer = client
        .send(revert::CHANGE, json!({ "cursor": change["cursor"] }))
        .await?;
    let after = state(client).await?;
    if answer.data().is_err() {
        assert_eq!(answer.code()?, "CONFLICT");
        assert_eq!(after, before);
        assert_eq!(head(client).await?, at);
        let of_row =
            |other: &&Json| other["key"] == change["key"] && other["entity"] == change["entity"];
        let last = known.iter().rfind(of_row);
        let later = answer.body["errors"][0]["extensions"]["later"].as_array();
        let nothing_stands = later.is_some_and(Vec::is_empty);
        // Later changes that were undone themselves are not in the way; the row is then as this one left it.
        let is_as_left = || is_as_left_by(change, before.get(&place));
        let expects_nothing = last == Some(change) || (nothing_stands && is_as_left());
        assert_eq!(nothing_stands, expects_nothing, "{change}");
        return Ok(false);
    }
    let mut expected = unmanaged(&before);
    match (&change["before"], &change["after"]) {
        (Json::Null, _) => {
            expected.remove(&place);
        }
        (was, was_then) => {
            let row = expected.entry(place).or_insert_with(|| json!({}));
            for (column, value) in was.as_object().into_iter().flatten() {
                let field = camel(column);
                let is_undone = was_then.is_null() || *value != was_then[column];
                if is_undone && !["createdAt", "updatedAt"].contains(&&*field) {
                    row[field] = value.clone();
                }
            }
        }
    }
    assert_eq!(unmanaged(&after), expected, "{change}");
    Ok(true)
}

/// Whether a row has the values that a change gave it, but for what the server manages.
fn is_as_left_by(change: &Json, row: Option<&Json>) -> bool {
    let (Some(row), Some(image)) = (row, change["after"].as_object()) else {
        return row.is_none() && change["after"].is_null();
    };
    let changed = change["changedFields"].as_array().into_iter().flatten();
    changed.filter_map(Json::as_str).all(|column| {
        let field = camel(column);
        row[&field] == image[column] || ["createdAt", "updatedAt"].contains(&&*field)
    })
}

fn table(names: Names) -> &'static str {
    match names.field {
        "taskLabel" => "task_label",
        field => field,
    }
}

fn camel(column: &str) -> String {
    let mut words = column.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (start, rest) = word.split_at(1);
        name + &start.to_uppercase() + rest
    })
}

async fn every_moment_is_remembered(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    for seed in SEEDS {
        let _seed = Seed(seed);
        let lived = one_life(&client, &mut Random::seeded(seed), &task).await;
        lived.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

/// Writes and reverts, then looks at every row at every moment.
async fn one_life(client: &Client, random: &mut Random, task: &str) -> Outcome {
    let begin = changes(client).await?.len();
    let mut moments = vec![(json!(head(client).await?), state(client).await?)];
    let (mut undone, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let all = changes(client).await?;
        // The rows of the first two changes are not of the game.
        let known = &all[begin.max(2)..];
        if known.len() > 3 && random.below(3) == 0 {
            match undo(client, random, known).await? {
                true => undone += 1,
                false => refused += 1,
            }
        } else {
            write(client, random, task).await?;
        }
        moments.push((json!(head(client).await?), state(client).await?));
    }
    assert!(
        undone > 1 && refused > 1,
        "{undone} undone, {refused} refused"
    );
    let all = changes(client).await?;
    let mut rows: Vec<(Names, Json)> = moments
        .iter()
        .flat_map(|(_, state)| state)
        .filter_map(|((field, _), row)| {
            let names = TABLES.into_iter().find(|names| names.field == *field)?;
            Some((names, key_of(names, row)))
        })
        .collect();
    rows.sort_by_key(|(names, key)| (names.field, key.to_string()));
    rows.dedup_by_key(|(names, key)| (names.field, key.to_string()));
    for (names, key) in rows {
        for (cursor, state) in &moments {
            let expected = state.get(&(names.field, key.to_string()));
            let expected = expected.unwrap_or(&Json::Null);
            let at = json!({ "key": key, "cursor": cursor });
            assert_eq!(
                as_of(client, names, at).await?,
                *expected,
                "{key} at {cursor}"
            );
            let change = all.iter().find(|change| change["cursor"] == *cursor);
            if let Some(change) = change {
                let by = json!({ "key": key, "time": change["recordedAt"] });
                assert_eq!(as_of(client, names, by.clone()).await?, *expected, "{by}");
            }
        }
        let page = history(client, names, json!({ "key": key, "first": 1000 })).await?;
        let of_row = all
            .iter()
            .filter(|change| change["key"] == key && change["entity"] == table(names));
        assert_eq!(page["nodes"], of_row.cloned().collect::<Json>());
    }
    Ok(())
}
