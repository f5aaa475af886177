//! A batch is judged by its end: if the tables are right after all of its rows, all are stored, in
//! whatever order they come.

use std::collections::BTreeMap;

use seachange_testkit::{Client, Outcome, Random, TestServer};
use serde_json::{Value as Json, json};

use super::node::{self, NODES, node};
use super::tag::{self, TAGS, tag};
use super::{
    changes_of, conflicts, deleted, new_task, pull_all, push, push_query, variables, with,
};
use crate::graphql::given::{LABELS, PROJECTS, TASKS};

seachange_testkit::cases![
    a_value_that_another_row_gives_up,
    values_that_move_on_by_one,
    values_that_change_hands,
    numbers_that_change_hands,
    names_that_change_hands_in_other_letters,
    keys_that_are_named_in_other_letters,
    children_before_their_parents,
    parents_before_their_children_go,
    everything_at_once,
    what_is_wrong_in_the_end,
    a_row_that_is_held_up_by_one_that_fails,
    attempts_end_with_success,
    keys_that_the_database_counts,
];

fn label(id: i32, name: &str) -> Json {
    json!({ "id": id.to_string(), "name": name, "_deleted": false })
}

async fn labels(client: &Client) -> anyhow::Result<BTreeMap<String, String>> {
    let (all, _) = pull_all(client, LABELS).await?;
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let all = all.iter().filter(|row| row["_deleted"] == false);
    Ok(all
        .map(|row| (text(&row["id"]), text(&row["name"])))
        .collect())
}

/// Makes labels of these names, numbered from 1.
async fn made(client: &Client, names: &[&str]) -> Outcome {
    let numbered = (1..).zip(names);
    let rows: Vec<(Json, Json)> = numbered
        .map(|(id, name)| (Json::Null, label(id, name)))
        .collect();
    assert!(push(client, LABELS, &rows).await?.is_taken());
    Ok(())
}

/// Pushes rows in this order and in the other, each time from the same beginning.
async fn both_ways(server: &TestServer, names: &[&str], rows: &[(Json, Json)]) -> Outcome {
    let client = &server.client();
    let mut rows = rows.to_vec();
    for _ in 0..2 {
        rows.reverse();
        client
            .data("mutation { labelDelete(all: true) }", json!({}))
            .await?;
        server.prune_all().await?;
        made(client, names).await?;
        let pushed = push(client, LABELS, &rows).await?;
        anyhow::ensure!(pushed.is_taken(), "{rows:?}: {pushed:?}");
        let mut now = labels(client).await?;
        for (_, row) in &rows {
            let id = row["id"].as_str().unwrap_or_default();
            let name = now.remove(id);
            match row["_deleted"] == true {
                true => assert_eq!(name, None),
                false => assert_eq!(name.as_deref(), row["name"].as_str()),
            }
        }
    }
    assert!(conflicts(client).await?.is_empty());
    Ok(())
}

async fn a_value_that_another_row_gives_up(server: &TestServer) -> Outcome {
    // To a new row, by another name; to a new row, by its end; to a row that is there.
    for rows in [
        vec![(Json::Null, label(9, "a")), (label(1, "a"), label(1, "z"))],
        vec![
            (Json::Null, label(10, "a")),
            (label(1, "a"), deleted(&label(1, "a"))),
        ],
        vec![
            (label(2, "b"), label(2, "a")),
            (label(1, "a"), label(1, "z")),
        ],
    ] {
        both_ways(server, &["a", "b"], &rows).await?;
    }
    Ok(())
}

async fn values_that_move_on_by_one(server: &TestServer) -> Outcome {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let next = |place: usize| names.get(place + 1).copied().unwrap_or("i");
    let mut rows: Vec<(Json, Json)> = (1..)
        .zip(names)
        .enumerate()
        .map(|(place, (id, name))| (label(id, name), label(id, next(place))))
        .collect();
    both_ways(server, &names, &rows).await?;
    // In any order.
    Random::seeded(7).shuffle(&mut rows);
    both_ways(server, &names, &rows).await
}

/// A ring has no order in which it could be written: one row steps aside, and that is in the log.
async fn values_that_change_hands(server: &TestServer) -> Outcome {
    let swap = [
        (label(1, "a"), label(1, "b")),
        (label(2, "b"), label(2, "a")),
    ];
    both_ways(server, &["a", "b"], &swap).await?;
    let ring = [
        (label(1, "a"), label(1, "b")),
        (label(2, "b"), label(2, "c")),
        (label(3, "c"), label(3, "a")),
        (label(4, "d"), label(4, "e")),
        (label(5, "e"), label(5, "d")),
    ];
    both_ways(server, &["a", "b", "c", "d", "e"], &ring).await
}

async fn numbers_that_change_hands(server: &TestServer) -> Outcome {
    let synced = node::start(server).await?;
    let client = synced.client();
    let rows = [
        (Json::Null, node(1, None, 1)),
        (Json::Null, node(2, None, 2)),
    ];
    assert!(push(&client, NODES, &rows).await?.is_taken());
    let swap = [
        (node(1, None, 1), node(1, None, 2)),
        (node(2, None, 2), node(2, None, 1)),
    ];
    let pushed = push(&client, NODES, &swap).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    let (now, _) = pull_all(&client, NODES).await?;
    assert_eq!(now, [node(1, None, 2), node(2, None, 1)]);
    // Who follows transactions sees the end only.
    let changes = changes_of(&client, "node").await?;
    let ids: std::collections::BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| change["transactionId"].as_str())
        .collect();
    assert_eq!(ids.len(), 2);
    synced.finish().await
}

/// The database holds `A` and `a` equal: each name is taken until the other row gives it up.
async fn names_that_change_hands_in_other_letters(server: &TestServer) -> Outcome {
    let synced = tag::start(server).await?;
    let client = synced.client();
    for (place, [one, other, first, second]) in [
        ["A", "B", "b", "a"],
        ["x", "y", "Y ", "X"],
        ["Ok", "No", "NO", "oK"],
    ]
    .into_iter()
    .enumerate()
    {
        let ids = [format!("{place}-1"), format!("{place}-2")];
        let row = |of: usize, name: &str| tag(&ids[of], None, name);
        let made = [(Json::Null, row(0, one)), (Json::Null, row(1, other))];
        assert!(push(&client, TAGS, &made).await?.is_taken());
        let swap = [
            (row(0, one), row(0, first)),
            (row(1, other), row(1, second)),
        ];
        let pushed = push(&client, TAGS, &swap).await?;
        assert!(pushed.is_taken(), "{swap:?}: {pushed:?}");
    }
    let (now, _) = pull_all(&client, TAGS).await?;
    let names: Vec<&Json> = now.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["b", "a", "Y ", "X", "NO", "oK"]);
    synced.finish().await
}

/// Two new rows that refer to each other, and not in the letters in which their keys are stored.
async fn keys_that_are_named_in_other_letters(server: &TestServer) -> Outcome {
    let synced = tag::start(server).await?;
    let client = synced.client();
    let rows = [
        (Json::Null, tag("one", Some("TWO"), "first")),
        (Json::Null, tag("two", Some("One"), "second")),
    ];
    let pushed = push(&client, TAGS, &rows).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    let (now, _) = pull_all(&client, TAGS).await?;
    assert_eq!(now, [rows[0].1.clone(), rows[1].1.clone()]);
    let away = rows.map(|(_, row)| (row.clone(), deleted(&row)));
    let pushed = push(&client, TAGS, &away).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    synced.finish().await
}

/// A tree as rows: each node's parent is the one before it, or the one before that.
fn tree(count: i32) -> Vec<Json> {
    let parent = |id: i32| match id {
        0 => None,
        id if id % 3 == 0 => Some(id / 3),
        id => Some(id - 1),
    };
    (0..count)
        .map(|id| node(id + 1, parent(id).map(|id| id + 1), id))
        .collect()
}

async fn children_before_their_parents(server: &TestServer) -> Outcome {
    let synced = node::start(server).await?;
    let client = synced.client();
    for order in 0..3 {
        let mut rows: Vec<(Json, Json)> =
            tree(60).into_iter().map(|row| (Json::Null, row)).collect();
        match order {
            0 => rows.reverse(),
            seed => Random::seeded(seed).shuffle(&mut rows),
        }
        let pushed = push(&client, NODES, &rows).await?;
        assert!(pushed.is_taken(), "{pushed:?}");
        for (_, row) in rows.iter().rev() {
            assert_eq!(row["_deleted"], false);
        }
        let (all, _) = pull_all(&client, NODES).await?;
        assert_eq!(all.len(), 60);
        let mut away: Vec<(Json, Json)> = tree(60)
            .into_iter()
            .map(|row| (row.clone(), deleted(&row)))
            .collect();
        Random::seeded(order + 10).shuffle(&mut away);
        assert!(push(&client, NODES, &away).await?.is_taken());
        server.prune_all().await?;
    }
    synced.finish().await
}

async fn parents_before_their_children_go(server: &TestServer) -> Outcome {
    let synced = node::start(server).await?;
    let client = synced.client();
    let rows: Vec<(Json, Json)> = tree(60).into_iter().map(|row| (Json::Null, row)).collect();
    assert!(push(&client, NODES, &rows).await?.is_taken());
    let away: Vec<(Json, Json)> = tree(60)
        .into_iter()
        .map(|row| (row.clone(), deleted(&row)))
        .collect();
    let pushed = push(&client, NODES, &away).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    assert!(NODES.find(&client, json!({})).await?.is_empty());
    synced.finish().await
}

/// A child moves from a parent that goes to one that comes, and takes the place of one that goes.
async fn everything_at_once(server: &TestServer) -> Outcome {
    let synced = node::start(server).await?;
    let client = synced.client();
    let rows = [
        (Json::Null, node(1, None, 1)),
        (Json::Null, node(2, Some(1), 2)),
        (Json::Null, node(3, Some(2), 3)),
    ];
    assert!(push(&client, NODES, &rows).await?.is_taken());
    let rows = [
        (node(1, None, 1), deleted(&node(1, None, 1))),
        (node(3, Some(2), 3), node(3, Some(4), 1)),
        (node(2, Some(1), 2), deleted(&node(2, Some(1), 2))),
        (Json::Null, node(4, Some(5), 2)),
        (Json::Null, node(5, None, 3)),
    ];
    let pushed = push(&client, NODES, &rows).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    let left = NODES.find(&client, json!({})).await?;
    assert_eq!(left.len(), 3);
    synced.finish().await
}

/// What no order makes right is refused by itself, and the others are stored.
async fn what_is_wrong_in_the_end(server: &TestServer) -> Outcome {
    let client = server.client();
    made(&client, &["a", "b", "c"]).await?;
    let rows = [
        (Json::Null, label(8, "c")),
        (label(1, "a"), label(1, "z")),
        (label(2, "b"), label(2, "z")),
        (Json::Null, label(9, "a")),
    ];
    let pushed = push(&client, LABELS, &rows).await?;
    assert_eq!(pushed.codes(), ["CONFLICT", "CONFLICT"]);
    let keys: Vec<&Json> = pushed
        .rejections
        .iter()
        .map(|told| &told["key"]["id"])
        .collect();
    assert_eq!(keys, ["8", "2"]);
    let now = labels(&client).await?;
    let wanted = [("1", "z"), ("2", "b"), ("3", "c"), ("9", "a")];
    assert_eq!(
        now,
        wanted
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into()
    );
    Ok(())
}

async fn a_row_that_is_held_up_by_one_that_fails(server: &TestServer) -> Outcome {
    let client = server.client();
    made(&client, &["a", "b", "c"]).await?;
    // The ring does not close: its third row cannot be stored.
    let rows = [
        (label(1, "a"), label(1, "b")),
        (label(2, "b"), label(2, "c")),
        (
            label(3, "c"),
            with(&label(3, "a"), json!({ "colour": "red" })),
        ),
    ];
    let pushed = push(&client, LABELS, &rows).await?;
    let mut codes = pushed.codes();
    codes.sort_unstable();
    assert_eq!(codes, ["BAD_INPUT", "CONFLICT", "CONFLICT"]);
    let now = labels(&client).await?;
    let wanted = [("1", "a"), ("2", "b"), ("3", "c")];
    assert_eq!(
        now,
        wanted
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into()
    );
    Ok(())
}

/// A row that has waited and was stored has all of its attempts again.
async fn attempts_end_with_success(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = new_task(&client, "t").await?;
    let project = json!({ "id": uuid::Uuid::now_v7().to_string(), "name": "p", "archived": false,
        "_deleted": false });
    let orphan = with(&task, json!({ "projectId": project["id"] }));
    let rows = [(Json::Null, orphan.clone())];
    for _ in 0..2 {
        let answer = client.send(&push_query(TASKS), variables(&rows)).await?;
        assert_eq!(answer.code()?, "UNAVAILABLE");
    }
    push(&client, PROJECTS, &[(Json::Null, project.clone())]).await?;
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    // It goes, and so does its parent: another story.
    assert!(
        push(&client, TASKS, &[(orphan.clone(), deleted(&orphan))])
            .await?
            .is_taken()
    );
    assert!(
        push(&client, PROJECTS, &[(project.clone(), deleted(&project))])
            .await?
            .is_taken()
    );
    let again = [(deleted(&orphan), with(&orphan, json!({ "title": "again" })))];
    for attempt in 1..=3 {
        let answer = client.send(&push_query(TASKS), variables(&again)).await?;
        assert_eq!(answer.code()?, "UNAVAILABLE", "attempt {attempt}");
    }
    Ok(())
}

/// MariaDB takes a key of zero for a wish for the next one: such a row alone comes back.
async fn keys_that_the_database_counts(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = [(0, "zero"), (-5, "below"), (7, "seven")];
    let rows = rows.map(|(id, name)| (Json::Null, label(id, name)));
    let pushed = push(&client, LABELS, &rows).await?;
    let stored = labels(&client).await?;
    if server.kind.name() == "mariadb" {
        assert_eq!(pushed.codes(), ["BAD_INPUT", "BAD_INPUT"]);
        let ids: Vec<&Json> = pushed.documents.iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, ["0", "-5"]);
        assert_eq!(stored.len(), 1);
    } else {
        assert!(pushed.is_taken(), "{:?}", pushed.rejections);
        assert_eq!(stored.len(), 3);
    }
    assert_eq!(stored["7"], "seven");
    Ok(())
}
